//! Runs compiled filters in a little machine of its own, `networking/filter.rst` of the kernel.

use super::*;

/// `struct seccomp_data` as words.
fn data(architecture: u32, number: libc::c_long, arguments: [u32; 3]) -> [u32; 16] {
    let mut words = [0; 16];
    words[0] = u32::try_from(number).unwrap();
    words[1] = architecture;
    for (place, argument) in arguments.into_iter().enumerate() {
        words[4 + 2 * place] = argument;
        // The upper half must not matter.
        words[5 + 2 * place] = 0xdead_beef;
    }
    words
}

fn run(program: &Program, data: [u32; 16]) -> u32 {
    let mut at = 0;
    let mut accumulator = 0;
    loop {
        let word = program.0[at];
        let (code, operand) = ((word >> 48) as u16, word as u32);
        let (when_true, when_false) = ((word >> 40) as u8, (word >> 32) as u8);
        let branch = |holds: bool| usize::from(if holds { when_true } else { when_false });
        at += 1;
        match code {
            LOAD_WORD => accumulator = data[operand as usize / 4],
            0x54 => accumulator &= operand,
            JUMP => at += operand as usize,
            JUMP_EQUAL => at += branch(accumulator == operand),
            JUMP_GREATER_OR_EQUAL => at += branch(accumulator >= operand),
            RETURN => return operand,
            other => panic!("instruction {other:#x}"),
        }
    }
}

fn strict() -> Program {
    compile(&Theme::all()).unwrap()
}

fn answer(program: &Program, number: libc::c_long, arguments: [u32; 3]) -> u32 {
    run(program, data(ARCHITECTURE, number, arguments))
}

#[test]
fn every_listed_call_gets_its_answer() {
    let program = strict();
    for (_, call) in table::allowed() {
        if matches!(call.when, When::Always) {
            assert_eq!(answer(&program, call.number().into(), [0; 3]), ALLOW, "call {}", call.number());
        }
    }
    for number in table::refused() {
        assert_eq!(answer(&program, number.into(), [0; 3]), REFUSE, "call {number}");
    }
}

#[test]
fn what_is_not_listed_does_not_exist() {
    let program = strict();
    let unlisted = [libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_seccomp, 350, 463, 500, 0x3fff_ffff];
    for number in unlisted {
        assert_eq!(answer(&program, number, [0; 3]), UNKNOWN, "call {number}");
    }
}

#[test]
fn the_doors_of_other_architectures_kill() {
    let program = strict();
    let i386 = 3 | 0x4000_0000;
    assert_eq!(run(&program, data(i386, 1, [0; 3])), KILL);
    for number in [0x4000_0000, 0x4000_0001, 0xffff_ffff] {
        assert_eq!(answer(&program, number, [0; 3]), KILL);
    }
}

#[test]
fn arguments_decide_where_they_must() {
    let program = strict();
    let cases: &[(libc::c_long, [u32; 3], u32)] = &[
        (libc::SYS_clone, [0x11, 0, 0], ALLOW),
        (libc::SYS_clone, [0x3d_0f00, 0, 0], ALLOW),
        (libc::SYS_clone, [0x1000_0011, 0, 0], REFUSE),
        (libc::SYS_clone, [0x3d_0f00 | 0x0002_0000, 0, 0], REFUSE),
        (libc::SYS_ioctl, [0, 0x5401, 0], ALLOW),
        (libc::SYS_ioctl, [0, 0x5412, 0], REFUSE),
        (libc::SYS_ioctl, [0, 0x541c, 0], REFUSE),
        (libc::SYS_ioctl, [0, 0x5423, 0], REFUSE),
        (libc::SYS_ioctl, [0, 0x8914, 0], REFUSE),
        (libc::SYS_prctl, [15, 0, 0], ALLOW),
        (libc::SYS_prctl, [1, 0, 0], REFUSE),
        (libc::SYS_prctl, [22, 2, 0], REFUSE),
        (libc::SYS_prctl, [28, 0, 0], REFUSE),
        (libc::SYS_prctl, [35, 0, 0], REFUSE),
        (libc::SYS_socket, [1, 5, 0], ALLOW),
        (libc::SYS_socket, [2, 1 | 0o2_004_000, 6], ALLOW),
        (libc::SYS_socket, [10, 2, 0], ALLOW),
        (libc::SYS_socket, [16, 3, 0], ALLOW),
        (libc::SYS_socket, [16, 3, 9], REFUSE),
        (libc::SYS_socket, [2, 3, 1], REFUSE),
        (libc::SYS_socket, [2, 1, 132], REFUSE),
        (libc::SYS_socket, [2, 1, 262], REFUSE),
        (libc::SYS_socket, [17, 3, 0], REFUSE),
        (libc::SYS_socket, [38, 5, 0], REFUSE),
        (libc::SYS_socket, [40, 1, 0], REFUSE),
        (libc::SYS_setsockopt, [3, 1, 2], ALLOW),
        (libc::SYS_setsockopt, [3, 1, 26], REFUSE),
        (libc::SYS_setsockopt, [3, 6, 31], REFUSE),
        (libc::SYS_setsockopt, [3, 263, 1], REFUSE),
        (libc::SYS_mknodat, [0, 0, 0o010_644], ALLOW),
        (libc::SYS_mknodat, [0, 0, 0o020_644], REFUSE),
        (libc::SYS_mknodat, [0, 0, 0o060_644], REFUSE),
        (libc::SYS_personality, [0xffff_ffff, 0, 0], ALLOW),
        (libc::SYS_personality, [0x0004_0000, 0, 0], REFUSE),
    ];
    for (number, arguments, expected) in cases {
        let answer = answer(&program, *number, *arguments);
        assert_eq!(answer, *expected, "call {number} with {arguments:x?} answers {answer:x}");
    }
}

#[test]
fn a_theme_that_is_left_out_is_refused() {
    let quiet = compile(&[Theme::Program, Theme::Threads].into()).unwrap();
    assert_eq!(answer(&quiet, libc::SYS_execve, [0; 3]), ALLOW);
    assert_eq!(answer(&quiet, libc::SYS_socket, [1, 1, 0]), REFUSE);
    assert_eq!(answer(&quiet, libc::SYS_connect, [0; 3]), REFUSE);
    assert_eq!(answer(&quiet, libc::SYS_clone, [0x3d_0f00, 0, 0]), ALLOW);
    assert_eq!(answer(&quiet, libc::SYS_clone, [0x11, 0, 0]), REFUSE);
}

#[test]
fn the_filter_is_short_enough_to_install_fast() {
    let length = strict().0.len();
    assert!(length < 1000, "{length} instructions");
}

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

/// The kernel takes the strictest answer of all filters, `seccomp(2)`; of these, the smallest number.
#[test]
fn what_a_zygote_forks_may_do_what_other_instances_may_and_no_more() {
    let (strict, leave) = (strict(), compile_leave().unwrap());
    let joining = compile(&Theme::ALL.into_iter().chain([Theme::Join]).collect()).unwrap();
    let severity = |answer: u32| match answer {
        KILL => 0,
        ALLOW => 2,
        _ => 1,
    };
    for number in (0..600).chain([FOREIGN_DOOR.into(), u32::MAX.into()]) {
        for first in [0, 1, 15, 22, 24, 28, 35, 38, 0x11, 0x1000_0011] {
            let call = data(ARCHITECTURE, number, [first, 1, 0]);
            let (inherited, own, wanted) = (run(&joining, call), run(&leave, call), run(&strict, call));
            let both = if severity(own) <= severity(inherited) { own } else { inherited };
            assert_eq!(both, wanted, "call {number} with {first:#x}");
        }
    }
    assert!(leave.0.len() * 5 < strict.0.len(), "{} instructions", leave.0.len());
}

#[test]
fn the_first_process_of_a_forked_instance_can_do_nothing_but_wait() {
    let program = compile(&[Theme::Wait].into()).unwrap();
    let refused =
        [libc::SYS_openat, libc::SYS_execve, libc::SYS_read, libc::SYS_socket, libc::SYS_kill, libc::SYS_clone];
    for number in refused.into_iter().chain([libc::SYS_setns, libc::SYS_mmap, libc::SYS_unshare]) {
        assert_eq!(answer(&program, number, [0; 3]), REFUSE, "call {number}");
    }
    assert_eq!(answer(&program, libc::SYS_ppoll, [0; 3]), ALLOW);
    assert_eq!(answer(&program, libc::SYS_exit_group, [0; 3]), ALLOW);
}

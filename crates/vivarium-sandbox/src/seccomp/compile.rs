//! From the table to a program for the kernel's filter machine, `seccomp(2)`.
//!
//! The kernel runs a new filter once for every known call when it is installed, to learn which are
//! always allowed. A chain of comparisons makes that cost 0.7 ms for each instance, a binary search
//! over ranges of numbers a seventh of it; so the search is ours, and only the comparisons of
//! arguments come from the library.

use std::collections::{BTreeMap, BTreeSet};

use seccompiler::{BackendError, SeccompRule, sock_filter};

use super::condition::When;
use super::{Program, Theme, table};

/// What a filter answers, `SECCOMP_RET_DATA` included.
const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
pub(super) const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
pub(super) const UNKNOWN: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();

/// `__X32_SYSCALL_BIT`: x86_64's third door, and beyond all numbers of other architectures.
const FOREIGN_DOOR: u32 = 0x4000_0000;

/// `AUDIT_ARCH_*` of `linux/audit.h`: the ELF machine, 64 bits, little endian.
#[cfg(target_arch = "aarch64")]
pub(super) const ARCHITECTURE: u32 = 183 | 0xc000_0000;
#[cfg(not(target_arch = "aarch64"))]
pub(super) const ARCHITECTURE: u32 = 62 | 0xc000_0000;

/// Offsets in `struct seccomp_data`.
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;

/// Classic BPF, `linux/bpf_common.h`.
const LOAD_WORD: u16 = 0x20;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER_OR_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;

/// What to do with one call.
#[derive(Clone, Debug, PartialEq)]
enum Verdict {
    Answer(u32),
    /// Allowed when one of the rules matches, else refused.
    Ask(Vec<SeccompRule>),
}

/// The filter of a plan: what no theme allows is refused.
pub(crate) fn compile(themes: &BTreeSet<Theme>) -> Result<Program, BackendError> {
    Ok(assemble(&verdicts(themes)?, UNKNOWN))
}

/// For what a zygote forks. It has inherited the zygote's filter, and a call is only as free as the strictest filter
/// says; so this one is about what zygotes have beyond [`Theme::all`], and answers that as [`compile`] does for those.
/// Much shorter, and the kernel translates it for each instance anew.
pub(crate) fn compile_leave() -> Result<Program, BackendError> {
    let mut known = verdicts(&Theme::all())?;
    let taken = table::of_zygotes().map(|(_, call)| call.number());
    let taken = taken.map(|number| (number, known.remove(&number).unwrap_or(Verdict::Answer(UNKNOWN)))).collect();
    Ok(assemble(&taken, ALLOW))
}

/// `otherwise` is the answer to numbers without a verdict.
fn assemble(verdicts: &BTreeMap<u32, Verdict>, otherwise: u32) -> Program {
    let mut program = vec![
        statement(LOAD_WORD, ARCHITECTURE_AT),
        jump(JUMP_EQUAL, ARCHITECTURE, 1, 0),
        statement(RETURN, KILL),
        statement(LOAD_WORD, NUMBER_AT),
    ];
    program.extend(search(&ranges(verdicts, &Verdict::Answer(otherwise))));
    Program(program.iter().map(pack).collect())
}

fn verdicts(themes: &BTreeSet<Theme>) -> Result<BTreeMap<u32, Verdict>, BackendError> {
    let mut verdicts: BTreeMap<_, _> = table::refused().map(|number| (number, Verdict::Answer(REFUSE))).collect();
    let special = table::of_zygotes().chain(table::of_inits()).filter(|(theme, _)| themes.contains(theme));
    for (theme, call) in table::allowed().chain(special) {
        let verdict = verdicts.entry(call.number()).or_insert(Verdict::Answer(REFUSE));
        if themes.contains(&theme) {
            widen(verdict, call.when)?;
        }
    }
    Ok(verdicts)
}

/// Two themes may want the same call with different arguments.
fn widen(verdict: &mut Verdict, when: When) -> Result<(), BackendError> {
    let rules = when.rules()?;
    match verdict {
        _ if rules.is_empty() => *verdict = Verdict::Answer(ALLOW),
        Verdict::Answer(ALLOW) => {}
        Verdict::Ask(known) => known.extend(rules),
        Verdict::Answer(_) => *verdict = Verdict::Ask(rules),
    }
    Ok(())
}

/// The first number of each range with one verdict, in order, from 0 to the end of all numbers.
fn ranges(verdicts: &BTreeMap<u32, Verdict>, otherwise: &Verdict) -> Vec<(u32, Verdict)> {
    let mut ranges = vec![(0, otherwise.clone())];
    let mut begin = |number: u32, verdict: &Verdict| match ranges.last_mut() {
        Some((_, last)) if last == verdict => {}
        Some((first, last)) if *first == number => *last = verdict.clone(),
        _ => ranges.push((number, verdict.clone())),
    };
    let mut next = 0;
    for (number, verdict) in verdicts {
        if *number > next {
            begin(next, otherwise);
        }
        begin(*number, verdict);
        next = number + 1;
    }
    begin(next, otherwise);
    begin(FOREIGN_DOOR, &Verdict::Answer(KILL));
    ranges
}

/// A binary search that ends in the code of the right range.
fn search(ranges: &[(u32, Verdict)]) -> Vec<sock_filter> {
    let [(_, verdict)] = ranges else {
        let (lower, upper) = ranges.split_at(ranges.len() / 2);
        let Some((boundary, _)) = upper.first() else {
            return Vec::new();
        };
        let (below, above) = (search(lower), search(upper));
        let mut code = skip_unless_below(*boundary, below.len());
        code.extend(below);
        code.extend(above);
        return code;
    };
    decide(verdict)
}

/// Conditional jumps reach 255 instructions far, others as far as needed.
fn skip_unless_below(boundary: u32, length: usize) -> Vec<sock_filter> {
    match u8::try_from(length) {
        Ok(near) => vec![jump(JUMP_GREATER_OR_EQUAL, boundary, near, 0)],
        Err(_) => {
            let far = u32::try_from(length).unwrap_or(u32::MAX);
            vec![jump(JUMP_GREATER_OR_EQUAL, boundary, 0, 1), statement(JUMP, far)]
        }
    }
}

fn decide(verdict: &Verdict) -> Vec<sock_filter> {
    let rules = match verdict {
        Verdict::Answer(answer) => return vec![statement(RETURN, *answer)],
        Verdict::Ask(rules) => rules,
    };
    let mut code = Vec::new();
    for rule in rules {
        // A rule that does not match jumps over one instruction behind it.
        code.extend(Vec::from(rule.clone()));
        code.push(statement(RETURN, ALLOW));
    }
    code.push(statement(RETURN, REFUSE));
    code
}

fn statement(code: u16, operand: u32) -> sock_filter {
    jump(code, operand, 0, 0)
}

fn jump(code: u16, operand: u32, when_true: u8, when_false: u8) -> sock_filter {
    sock_filter { code, jt: when_true, jf: when_false, k: operand }
}

fn pack(instruction: &sock_filter) -> u64 {
    u64::from(instruction.code) << 48
        | u64::from(instruction.jt) << 40
        | u64::from(instruction.jf) << 32
        | u64::from(instruction.k)
}

#[cfg(test)]
#[path = "compile_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;

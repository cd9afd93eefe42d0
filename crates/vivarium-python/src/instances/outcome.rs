//! How an evaluation ended: a pure function of what was seen.

use vivarium_domain::ports::Ending;
use vivarium_sandbox::ExitStatus;

use super::frame::Answer;

/// What made the server end an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The time limit passed.
    Time,
    /// Somebody asked for it.
    Cancelled,
}

/// All that was seen of an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) status: ExitStatus,
    pub(super) oom_killed: bool,
    /// Set before the instance was killed for it; the process may have been faster.
    pub(super) stop: Option<Stop>,
    pub(super) answer: Answer,
}

const SIGKILL: i32 = 9;

/// What that means. A process that came to its own end before it was killed keeps that end.
pub(super) fn ending(seen: Seen) -> Ending {
    match (seen.status, seen.stop) {
        (ExitStatus::Signal(SIGKILL), Some(Stop::Cancelled)) => Ending::Cancelled,
        (ExitStatus::Signal(SIGKILL), Some(Stop::Time)) => Ending::TimeLimit,
        (ExitStatus::Signal(_), _) if seen.oom_killed => Ending::MemoryLimit,
        (ExitStatus::Signal(signal), _) => Ending::Failed { message: format!("ended by signal {}", named(signal)) },
        (ExitStatus::Code(code), _) => own_end(code, seen.answer, seen.oom_killed),
    }
}

fn own_end(code: i32, answer: Answer, oom_killed: bool) -> Ending {
    let message = match (code, answer) {
        (0, Answer::Completed(output)) => return Ending::Completed { output },
        // `os._exit(0)` leaves no answer.
        (0, Answer::None) => return Ending::Completed { output: None },
        (_, Answer::Failed(message)) => message,
        (_, Answer::Malformed) => "the script wrote something else than a result to the control socket".to_owned(),
        (_, Answer::Completed(_) | Answer::None) => format!("exited with code {code}"),
    };
    let hint = if oom_killed { "; the memory limit ended one of its processes" } else { "" };
    Ending::Failed { message: format!("{message}{hint}") }
}

/// With the name of `signal(7)` where it is one that happens to programs.
fn named(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return signal.to_string(),
    };
    format!("{signal} ({name})")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILLED: ExitStatus = ExitStatus::Signal(SIGKILL);

    fn end(status: ExitStatus, oom_killed: bool, stop: Option<Stop>, answer: Answer) -> Ending {
        ending(Seen { status, oom_killed, stop, answer })
    }

    fn failed(message: &str) -> Ending {
        Ending::Failed { message: message.to_owned() }
    }

    fn completed(output: Option<&str>) -> Ending {
        Ending::Completed { output: output.map(str::to_owned) }
    }

    #[test]
    fn an_end_of_its_own_is_what_the_script_says() {
        let output = || Answer::Completed(Some("42".to_owned()));
        assert_eq!(end(ExitStatus::Code(0), false, None, output()), completed(Some("42")));
        assert_eq!(end(ExitStatus::Code(0), false, None, Answer::None), completed(None));
        let wrong = Answer::Failed("ValueError: bad (line 3)".to_owned());
        assert_eq!(end(ExitStatus::Code(1), false, None, wrong), failed("ValueError: bad (line 3)"));
        assert_eq!(end(ExitStatus::Code(7), false, None, Answer::None), failed("exited with code 7"));
        assert_eq!(end(ExitStatus::Code(3), false, None, output()), failed("exited with code 3"));
        let Ending::Failed { message } = end(ExitStatus::Code(0), false, None, Answer::Malformed) else { panic!() };
        assert!(message.contains("something else than a result"));
    }

    #[test]
    fn limits_and_requests_are_told_apart() {
        let none = || Answer::None;
        assert_eq!(end(KILLED, false, Some(Stop::Time), none()), Ending::TimeLimit);
        assert_eq!(end(KILLED, false, Some(Stop::Cancelled), none()), Ending::Cancelled);
        assert_eq!(end(KILLED, true, None, none()), Ending::MemoryLimit);
        assert_eq!(end(KILLED, true, Some(Stop::Time), none()), Ending::TimeLimit);
        assert_eq!(end(KILLED, false, None, none()), failed("ended by signal 9 (SIGKILL)"));
        assert_eq!(end(ExitStatus::Signal(11), false, None, none()), failed("ended by signal 11 (SIGSEGV)"));
        assert_eq!(end(ExitStatus::Signal(40), false, None, none()), failed("ended by signal 40"));
    }

    #[test]
    fn who_was_faster_than_the_kill_keeps_the_result() {
        for stop in [Stop::Time, Stop::Cancelled] {
            let output = Answer::Completed(Some("1".to_owned()));
            assert_eq!(end(ExitStatus::Code(0), false, Some(stop), output), completed(Some("1")));
        }
    }

    #[test]
    fn a_child_that_ran_out_of_memory_is_mentioned() {
        let wrong = Answer::Failed("BrokenProcessPool (line 2)".to_owned());
        let Ending::Failed { message } = end(ExitStatus::Code(1), true, None, wrong) else { panic!() };
        assert!(message.contains("memory limit") && message.contains("(line 2)"));
    }

    /// Killed for its time or on request while the result was on the way: the result is not claimed.
    #[test]
    fn an_answer_does_not_outweigh_a_kill() {
        let output = Answer::Completed(Some("1".to_owned()));
        assert_eq!(end(KILLED, false, Some(Stop::Time), output), Ending::TimeLimit);
    }
}

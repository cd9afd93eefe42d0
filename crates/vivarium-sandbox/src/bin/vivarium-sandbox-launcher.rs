//! The launcher as a program of its own, for those who do not want to re-execute their binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    vivarium_sandbox::launcher::main(std::env::args().skip(1))
}

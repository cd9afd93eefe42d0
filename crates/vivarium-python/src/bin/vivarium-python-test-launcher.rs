//! The launcher of instances for the tests of this crate; the server has it built in.

use std::process::ExitCode;

fn main() -> ExitCode {
    vivarium_sandbox::launcher::main(std::env::args().skip(1))
}

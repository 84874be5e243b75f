//! The program `oc-lettings`.

use std::process::ExitCode;

fn main() -> ExitCode {
    web::cli::main()
}

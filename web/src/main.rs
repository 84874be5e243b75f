//! The program `oc-lettings`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

// The system's allocator keeps most of the memory of a burst of password hashes.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    web::cli::main()
}

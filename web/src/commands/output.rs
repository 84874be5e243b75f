//! Standard output of the commands.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

/// Prints a line. Without a reader (`… | head -1`), the command goes on; its result doesn't depend on who reads.
pub(super) fn print(line: Arguments<'_>) -> io::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            let reason = format!("could not write to standard output: {error}");
            Err(io::Error::new(error.kind(), reason))
        }
        Ok(()) => Ok(()),
    }
}

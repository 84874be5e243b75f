//! Whether systemd's journal reads what the program says.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// Whether standard error goes to the journal, and nowhere else: systemd names the stream that it has opened for that
/// (`JOURNAL_STREAM`, `systemd.exec(5)`).
#[expect(
    clippy::disallowed_methods,
    reason = "this module reads the environment, and nothing else does"
)]
pub(crate) fn is_read_by_journal() -> bool {
    let told = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let stream = fs::metadata("/proc/self/fd/2");
    stream.is_ok_and(|stream| told == format!("{}:{}", stream.dev(), stream.ino()))
}

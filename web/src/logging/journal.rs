//! The journal of systemd takes a line's priority from its beginning (`sd-daemon(3)`), so that `journalctl -p warning`
//! finds what an alarm is about.

use log::Level;

/// What a line of that level begins with in the journal.
pub(crate) fn priority(level: Level) -> &'static str {
    match level {
        Level::Error => "<3>",
        Level::Warn => "<4>",
        Level::Info => "<6>",
        Level::Debug | Level::Trace => "<7>",
    }
}

//! Whether a second factor is asked for.

use super::entry::Entry;
use crate::config::read::{InvalidSetting, Source};

pub(super) const ENTRIES: &[Entry] = &[Entry {
    name: "REQUIRE_TOTP",
    default: "false",
    meaning: "true: superusers must have a second factor",
}];

pub(super) fn require_totp(source: &Source<'_>) -> Result<bool, InvalidSetting> {
    source.switch("REQUIRE_TOTP", false)
}

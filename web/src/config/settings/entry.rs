//! What the help says of a setting.

/// A setting's name, its default and its meaning. The function that reads it stands in the same file.
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// What holds where it is not set, in words for the help.
    pub(super) default: &'static str,
    pub(super) meaning: &'static str,
}

//! What a deploy needs of a host.

use anyhow::Result;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Characters that need no escape in a URL (RFC 3986, section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The image of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    /// The full hash of the commit.
    pub(crate) revision: String,
    /// The full name, pinned by digest.
    pub(crate) reference: String,
}

/// State of a release, according to its host.
pub(crate) enum ReleaseStatus {
    /// The host doesn't say.
    Unknown,
    Pending,
    Succeeded,
    /// The reason.
    Failed(String),
}

/// A release that failed, but left the old image running.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReleaseError {
    /// Nothing was changed.
    #[error("{0}")]
    NotStarted(String),
    /// The host runs what it ran before.
    #[error("{0}")]
    Reverted(String),
}

/// A place that runs images.
pub(crate) trait Host {
    fn name(&self) -> &'static str;
    /// Checks access; changes nothing.
    fn prepare(&mut self) -> Result<()>;
    /// Requests the release of an image. Nothing was changed if the error is [`ReleaseError::NotStarted`] or a
    /// [`crate::http::RequestError`] that says so.
    fn release(&mut self, image: &Image) -> Result<()>;
    /// State of the latest release.
    fn status(&mut self) -> Result<ReleaseStatus>;
}

/// A text as part of a URL.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

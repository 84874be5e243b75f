//! What a deploy needs of a host.

use anyhow::{Error, Result};

use crate::http::RequestError;

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

/// Why a release failed.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub(crate) enum ReleaseError {
    /// Nothing was changed.
    NotStarted(Error),
    /// The host runs what it ran before.
    Reverted(Error),
    /// The new image may run.
    Unknown(Error),
}

impl From<Error> for ReleaseError {
    fn from(error: Error) -> Self {
        match error.downcast_ref() {
            Some(request) if RequestError::changed_nothing(request) => Self::NotStarted(error),
            _ => Self::Unknown(error),
        }
    }
}

/// A place that runs images.
pub(crate) trait Host {
    fn name(&self) -> &'static str;
    /// Checks access; changes nothing.
    fn prepare(&mut self) -> Result<()>;
    /// Requests the release of an image.
    fn release(&mut self, image: &Image) -> Result<(), ReleaseError>;
    /// State of the latest release.
    fn status(&mut self) -> Result<ReleaseStatus> {
        Ok(ReleaseStatus::Unknown)
    }
}

/// A text as part of a URL.
pub(crate) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

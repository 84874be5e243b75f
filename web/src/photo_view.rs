//! A photo as pages show it.

use lettings::{Photo, WIDTHS};
use serde::Serialize;

/// A photo as pages show it.
#[derive(Debug, Serialize)]
pub(crate) struct PhotoView {
    alt: String,
    /// Path for browsers that don't know `srcset`.
    src: String,
    /// Path of the widest file.
    pub(crate) full: String,
    srcset: String,
    width: i32,
    height: i32,
}

impl PhotoView {
    /// A photo that may not be public, for staff.
    pub(crate) fn for_staff(photo: Photo) -> Self {
        let src = format!("/admin/lettings/photo/image/{}/?full", photo.sha256);
        Self {
            srcset: format!("{src} {}w", photo.width),
            full: src.clone(),
            src,
            ..photo.into()
        }
    }
}

impl From<Photo> for PhotoView {
    fn from(photo: Photo) -> Self {
        let sources = photo.sources();
        let descriptors = sources
            .iter()
            .map(|(path, width)| format!("{path} {width}w"));
        Self {
            src: photo.path(WIDTHS[1]),
            full: photo.path(WIDTHS[2]),
            srcset: descriptors.collect::<Vec<_>>().join(", "),
            width: photo.width,
            height: photo.height,
            alt: photo.alt,
        }
    }
}

//! Uploaded pictures: decoding within limits, and conversion to WebP without metadata.
//!
//! A crate of its own because decoders are generic: it is optimised in development, too.

mod convert;
mod decode;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use convert::{Webp, convert};
pub use decode::{MAX_BYTES, PictureError};

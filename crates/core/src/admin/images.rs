//! Images that staff upload.

use diesel::QueryResult;

use crate::connection::DbConnection;

/// How a resource with a field of kind [`FieldKind::Image`](crate::admin::FieldKind::Image) converts and reads images.
#[derive(Debug, Clone, Copy)]
pub struct Images {
    /// The field.
    pub field: &'static str,
    /// Media types of the files, for the file field.
    pub accept: &'static str,
    /// Converts an uploaded file, which takes up to a few seconds. The error is a sentence that follows the file's name.
    pub convert: ConvertImage,
    /// A thumbnail (WebP) of the image that this value of the field identifies.
    pub thumbnail: fn(&mut DbConnection, &str) -> QueryResult<Vec<u8>>,
    /// The image itself (WebP).
    pub full: fn(&mut DbConnection, &str) -> QueryResult<Vec<u8>>,
}

/// Converts an uploaded file.
pub type ConvertImage = fn(&[u8]) -> Result<Box<dyn NewImage>, String>;

/// An image that can be stored.
pub trait NewImage: Send {
    /// Stores the image and returns the value of its field. Requires a transaction.
    fn store(&self, conn: &mut DbConnection) -> QueryResult<String>;

    /// A sentence on what could be better, which follows the file's name.
    fn advice(&self) -> Option<&'static str>;
}

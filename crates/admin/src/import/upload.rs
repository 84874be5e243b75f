//! Forms with a file.

use std::future::Future;
use std::pin::Pin;

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::TryStreamExt;
use oc_http::PageError;

use crate::ui::submission::{MAX_FIELDS, Submission, has_parts};

/// The maximum size of a file (bytes): about ten thousand rows of the widest resource.
pub(crate) const MAX_FILE_BYTES: usize = 4 << 20;

/// How much of a too large file is read, so that the browser gets the response (bytes).
const MAX_READ_BYTES: usize = 64 << 20;

/// The maximum size of other fields (bytes).
const MAX_FIELD_BYTES: usize = 64 << 10;

/// A submission and its file.
pub(crate) struct Upload {
    pub(crate) fields: Submission,
    pub(crate) file: UploadedFile,
}

/// The file in a submission.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UploadedFile {
    /// No file was chosen.
    None,
    TooLarge,
    Bytes(Vec<u8>),
}

impl FromRequest for Upload {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if !has_parts(request) {
            let fields = Submission::from_request(request, payload);
            return Box::pin(async move {
                let (fields, file) = (fields.await?, UploadedFile::None);
                Ok(Self { fields, file })
            });
        }
        let parts = Multipart::new(request.headers(), payload.take());
        Box::pin(async move { read(parts).await.map_err(|_| PageError::BadRequest) })
    }
}

async fn read(mut parts: Multipart) -> Result<Upload, actix_multipart::MultipartError> {
    let mut fields = Vec::new();
    let mut file = UploadedFile::None;
    let mut count = 0;
    while let Some(mut part) = parts.try_next().await? {
        count += 1;
        if count > MAX_FIELDS {
            return Err(actix_multipart::MultipartError::Incomplete);
        }
        let name = part.name().unwrap_or_default().to_owned();
        let is_file = name == "file";
        let limit = if is_file {
            MAX_FILE_BYTES
        } else {
            MAX_FIELD_BYTES
        };
        let (mut bytes, mut length) = (Vec::new(), 0);
        while let Some(chunk) = part.try_next().await? {
            length += chunk.len();
            if length > MAX_READ_BYTES {
                return Err(actix_multipart::MultipartError::Incomplete);
            }
            // The rest is read, but dropped.
            if length <= limit {
                bytes.extend_from_slice(&chunk);
            }
        }
        if is_file {
            file = match length {
                0 => UploadedFile::None,
                length if length > limit => UploadedFile::TooLarge,
                _ => UploadedFile::Bytes(bytes),
            };
        } else {
            fields.push((name, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(Upload {
        fields: fields.into(),
        file,
    })
}

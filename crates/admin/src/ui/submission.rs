//! Submitted forms.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::{TryStreamExt, stream};
use oc_core::admin::Resource;
use oc_http::{PageError, run_blocking};

use crate::registry::Registry;
use crate::ui::links::list_path;

/// The most fields of a form, as in Django.
const MAX_FIELDS: usize = 1000;
const TOO_MANY_FIELDS: &str = "it has more than 1000 fields";

/// The longest part of a file's name that is shown (characters).
const MAX_FILE_NAME: usize = 100;

/// A body larger than this is parsed away from the async threads (bytes).
const LARGE_BODY: usize = 64 << 10;

/// A submitted form: its fields in the order in which they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Submission {
    fields: Vec<(String, String)>,
    files: Vec<SubmittedFile>,
    /// The password that was entered for this submission, if re-authentication asked for one.
    pub(crate) credentials: Option<Credentials>,
    /// Whether the user returned from re-authentication without a password.
    pub(crate) is_cancelled: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubmittedFile {
    field: String,
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) password: String,
    pub(crate) code: String,
}

impl Submission {
    /// Parses `application/x-www-form-urlencoded`. It never fails: invalid bytes become replacement characters.
    pub(crate) fn parse(body: &[u8]) -> Self {
        form_urlencoded::parse(body)
            .into_owned()
            .collect::<Vec<_>>()
            .into()
    }

    /// The urlencoded text, the inverse of [`Submission::parse`].
    pub(crate) fn to_text(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.fields)
            .finish()
    }

    /// Parses `multipart/form-data`. Browsers send a file without a name if none is chosen: it is left out.
    async fn from_parts(mut parts: Multipart) -> Result<Self, PageError> {
        let (mut fields, mut files) = (Vec::new(), Vec::new());
        let mut count = 0;
        while let Some(mut part) = parts.try_next().await.map_err(unreadable)? {
            count += 1;
            if count > MAX_FIELDS {
                return Err(unreadable(TOO_MANY_FIELDS));
            }
            let name = part.name().unwrap_or_default().to_owned();
            let file_name = part.content_disposition().and_then(|it| it.get_filename());
            let file_name: Option<String> =
                file_name.map(|name| name.chars().take(MAX_FILE_NAME).collect());
            let mut bytes = BytesMut::new();
            while let Some(chunk) = part.try_next().await.map_err(unreadable)? {
                bytes.extend_from_slice(&chunk);
            }
            match file_name {
                None => fields.push((name, String::from_utf8_lossy(&bytes).into_owned())),
                Some(name) if name.is_empty() && bytes.is_empty() => {}
                Some(file_name) => files.push(SubmittedFile {
                    field: name,
                    name: file_name,
                    bytes: bytes.freeze(),
                }),
            }
        }
        Ok(Self {
            files,
            ..fields.into()
        })
    }

    /// Replaces the values of a field by one.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(key, _)| key != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    pub(crate) fn files(&self) -> &[SubmittedFile] {
        &self.files
    }

    pub(crate) fn file(&self, field: &str) -> Option<&SubmittedFile> {
        self.files.iter().rev().find(|file| file.field == field)
    }

    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.fields
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
            .collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(key, _)| key == name)
    }

    /// The last value of a field, empty if it was not submitted.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }
}

impl From<Vec<(String, String)>> for Submission {
    fn from(fields: Vec<(String, String)>) -> Self {
        Self {
            fields,
            ..Self::default()
        }
    }
}

/// Logs why a form can't be read.
fn unreadable(reason: impl Display) -> PageError {
    log::warn!("rejected a form: {reason}");
    PageError::BadRequest
}

/// Whether a request has a `multipart/form-data` body (RFC 7578).
pub(crate) fn has_parts(request: &HttpRequest) -> bool {
    let kind = request.content_type();
    kind.eq_ignore_ascii_case("multipart/form-data")
}

/// The largest body of a request with images (bytes).
const MAX_UPLOAD: usize = 100 << 20;

/// The size of the largest body for a path (bytes), if that is a page that takes images.
pub fn max_body(registry: Registry, path: &str) -> Option<usize> {
    let takes_images = |resource: &'static Resource| {
        let Some(page) = path.strip_prefix(&list_path(resource)) else {
            return false;
        };
        let page = page.strip_suffix('/').unwrap_or_default();
        let last = page.rsplit('/').next().unwrap_or_default();
        let gallery = resource.gallery.map(|gallery| gallery.resource.plural);
        gallery == Some(last) || resource.images.is_some() && ["add", "change"].contains(&last)
    };
    registry.all().any(takes_images).then_some(MAX_UPLOAD)
}

impl FromRequest for Submission {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = has_parts(request).then(|| request.headers().clone());
        let body = Bytes::from_request(request, payload);
        Box::pin(async move {
            let body = body.await.map_err(unreadable)?;
            let Some(headers) = headers else {
                if body.split(|byte| *byte == b'&').nth(MAX_FIELDS).is_some() {
                    return Err(unreadable(TOO_MANY_FIELDS));
                }
                if body.len() <= LARGE_BODY {
                    return Ok(Self::parse(&body));
                }
                return Ok(run_blocking(move || Self::parse(&body)).await?);
            };
            let parts = Multipart::new(&headers, stream::iter([Ok(body)]));
            Self::from_parts(parts).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_counts_and_a_missing_one_is_empty() {
        let fields = Submission::parse(b"a=1&b=x+y&a=2&c=%ff");

        assert_eq!(
            (fields.text("a"), fields.text("b"), fields.text("d")),
            ("2", "x y", "")
        );
        assert_eq!(fields.text("c"), "\u{fffd}");
        assert_eq!(Submission::parse(fields.to_text().as_bytes()), fields);
    }
}

//! Static assets under names that contain a hash of their content.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::header::HeaderMap;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::blocking::run_blocking;
use crate::compression::{Effort, Encoding, negotiate};
use crate::error::PageError;

/// The embedded folder of static assets. A debug build reads the folder in the checkout at every request.
#[derive(Clone)]
pub struct Assets {
    get: fn(&str) -> Option<EmbeddedFile>,
    /// Compressed texts by hash, filled at the first request for each.
    compressed: Arc<Mutex<HashMap<(String, Encoding), Bytes>>>,
}

struct Asset {
    content_type: &'static str,
    is_text: bool,
    hash: String,
    bytes: Bytes,
}

impl Assets {
    /// The assets in an embedded folder.
    pub fn new<E: RustEmbed>() -> Self {
        Self {
            get: E::get,
            compressed: Arc::default(),
        }
    }

    /// The path of an asset, `/static/NAME.HASH.EXT`; `None` if there is no such asset.
    pub fn url(&self, name: &str) -> Option<String> {
        let hash = self.find(name)?.hash;
        let (stem, extension) = name.rsplit_once('.')?;
        Some(format!("/static/{stem}.{hash}.{extension}"))
    }

    /// The asset `NAME.HASH.EXT`, if that is the hash of its current content.
    fn find_hashed(&self, file: &str) -> Option<Asset> {
        let (rest, extension) = file.rsplit_once('.')?;
        let (stem, hash) = rest.rsplit_once('.')?;
        self.find(&format!("{stem}.{extension}"))
            .filter(|asset| asset.hash == hash)
    }

    fn find(&self, name: &str) -> Option<Asset> {
        let (content_type, is_text) = match name.rsplit_once('.')?.1 {
            "css" => ("text/css; charset=utf-8", true),
            "js" => ("text/javascript; charset=utf-8", true),
            "svg" => ("image/svg+xml", true),
            "png" => ("image/png", false),
            "ico" => ("image/x-icon", false),
            _ => ("application/octet-stream", false),
        };
        // In a debug build the name is part of a path.
        let file = (self.get)(name).filter(|_| !name.contains(['/', '\\']))?;
        Some(Asset {
            content_type,
            is_text,
            hash: hex::encode(&file.metadata.sha256_hash()[..8]),
            bytes: match file.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            },
        })
    }

    async fn send(
        &self,
        asset: Asset,
        headers: &HeaderMap,
        caching: &str,
    ) -> Result<HttpResponse, PageError> {
        let mut response = HttpResponse::Ok();
        response
            .insert_header((CONTENT_TYPE, asset.content_type))
            .insert_header((CACHE_CONTROL, caching))
            .insert_header((VARY, "Accept-Encoding"))
            .insert_header((ETAG, format!("W/\"{}\"", asset.hash)));
        let encoding = negotiate(headers);
        match encoding.name().filter(|_| asset.is_text) {
            Some(name) => {
                response.insert_header((CONTENT_ENCODING, name));
                Ok(response.body(self.compressed(asset, encoding).await?))
            }
            None => Ok(response.body(asset.bytes)),
        }
    }

    async fn compressed(&self, asset: Asset, encoding: Encoding) -> Result<Bytes, PageError> {
        let key = (asset.hash, encoding);
        let cached = self.lock().get(&key).cloned();
        if let Some(bytes) = cached {
            return Ok(bytes);
        }
        let bytes = run_blocking(move || encoding.encode(&asset.bytes, Effort::Best))
            .await
            .map_err(|error| PageError::Internal(error.into()))?
            .map_err(|error| PageError::Internal(error.into()))?;
        let bytes = Bytes::from(bytes);
        self.lock().insert(key, bytes.clone());
        Ok(bytes)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, Encoding), Bytes>> {
        self.compressed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// `/static/NAME.HASH.EXT`: the content never changes, so that clients never revalidate it.
pub async fn static_file(
    assets: Data<Assets>,
    file: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let asset = assets.find_hashed(&file).ok_or(PageError::NotFound)?;
    let caching = "public, max-age=31536000, immutable";
    assets.send(asset, request.headers(), caching).await
}

/// `/favicon.ico`, which browsers request without a link.
pub async fn favicon(
    assets: Data<Assets>,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let asset = assets.find("favicon.ico").ok_or(PageError::NotFound)?;
    assets
        .send(asset, request.headers(), "public, max-age=86400")
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(RustEmbed)]
    #[folder = "../../static"]
    struct Static;

    #[test]
    fn only_the_current_hash_finds_an_asset() {
        let assets = Assets::new::<Static>();
        let url = assets.url("site.css").unwrap();
        let file = url.strip_prefix("/static/").unwrap();

        assert!(
            assets
                .find_hashed(file)
                .is_some_and(|asset| asset.content_type.starts_with("text/css"))
        );
        assert!(assets.find_hashed("site.0123456789abcdef.css").is_none());
        assert!(assets.find("../Cargo.toml").is_none());
        assert!(assets.url("nothing.css").is_none());
    }

    #[actix_web::test]
    async fn text_is_compressed_once() -> Result<(), PageError> {
        let assets = Assets::new::<Static>();

        for encoding in [Encoding::Brotli, Encoding::Gzip] {
            let sheet = || assets.find("site.css").unwrap();
            let first = assets.compressed(sheet(), encoding).await?;
            let second = assets.compressed(sheet(), encoding).await?;

            assert!(first.len() < sheet().bytes.len() / 2);
            assert_eq!(first.as_ptr(), second.as_ptr());
        }
        Ok(())
    }
}

//! Static assets under names that contain a hash of their content.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY,
};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::blocking::run_blocking;
use crate::compression::{Effort, Encoding, negotiate};
use crate::error::PageError;

/// The embedded folder of static assets, as a table. A debug build reads files that have changed in the checkout.
#[derive(Clone)]
pub struct Assets {
    get: fn(&str) -> Option<EmbeddedFile>,
    by_name: Arc<HashMap<String, Arc<Asset>>>,
    by_hashed_name: Arc<HashMap<String, Arc<Asset>>>,
}

struct Asset {
    hash: String,
    content_type: HeaderValue,
    tag: HeaderValue,
    identity: Bytes,
    /// Compressed at the first request for each; a text only.
    compressed: Option<[OnceLock<Bytes>; 2]>,
}

impl Asset {
    fn new(name: &str, file: EmbeddedFile) -> Self {
        let (content_type, is_text) = match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("css") => ("text/css; charset=utf-8", true),
            Some("js") => ("text/javascript; charset=utf-8", true),
            Some("svg") => ("image/svg+xml", true),
            Some("png") => ("image/png", false),
            Some("ico") => ("image/x-icon", false),
            _ => ("application/octet-stream", false),
        };
        let hash = hash(&file);
        let tag = HeaderValue::from_str(&format!("W/\"{hash}\""));
        Self {
            content_type: HeaderValue::from_static(content_type),
            tag: tag.expect("a hexadecimal tag is a valid header value"),
            hash,
            identity: match file.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            },
            compressed: is_text.then(Default::default),
        }
    }

    /// `NAME.HASH.EXT`
    fn hashed_name(&self, name: &str) -> Option<String> {
        let (stem, extension) = name.rsplit_once('.')?;
        Some(format!("{stem}.{}.{extension}", self.hash))
    }

    /// The body, and its coding if it has one.
    async fn body(
        self: &Arc<Self>,
        encoding: Encoding,
    ) -> Result<(Option<&'static str>, Bytes), PageError> {
        let cell = match (encoding, &self.compressed) {
            (Encoding::Brotli, Some([brotli, _])) => brotli,
            (Encoding::Gzip, Some([_, gzip])) => gzip,
            _ => return Ok((None, self.identity.clone())),
        };
        if let Some(bytes) = cell.get() {
            return Ok((encoding.name(), bytes.clone()));
        }
        let asset = Arc::clone(self);
        let bytes = run_blocking(move || encoding.encode(&asset.identity, Effort::Best))
            .await
            .map_err(|error| PageError::Internal(error.into()))?
            .map_err(|error| PageError::Internal(error.into()))?;
        Ok((encoding.name(), cell.get_or_init(|| bytes.into()).clone()))
    }

    async fn response(
        self: &Arc<Self>,
        headers: &HeaderMap,
        caching: &'static str,
    ) -> Result<HttpResponse, PageError> {
        let (coding, body) = self.body(negotiate(headers)).await?;
        let mut response = HttpResponse::Ok().body(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.insert(ETAG, self.tag.clone());
        if let Some(coding) = coding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        Ok(response)
    }
}

fn hash(file: &EmbeddedFile) -> String {
    hex::encode(&file.metadata.sha256_hash()[..8])
}

impl Assets {
    /// The assets in an embedded folder.
    pub fn new<E: RustEmbed>() -> Self {
        let by_name: HashMap<String, Arc<Asset>> = E::iter()
            .filter_map(|name| {
                let asset = Asset::new(&name, E::get(&name)?);
                Some((name.into_owned(), Arc::new(asset)))
            })
            .collect();
        let by_hashed_name = by_name
            .iter()
            .filter_map(|(name, asset)| Some((asset.hashed_name(name)?, Arc::clone(asset))))
            .collect();
        Self {
            get: E::get,
            by_name: Arc::new(by_name),
            by_hashed_name: Arc::new(by_hashed_name),
        }
    }

    /// The path of an asset, `/static/NAME.HASH.EXT`; `None` if there is no such asset.
    pub fn url(&self, name: &str) -> Option<String> {
        let hashed_name = self.find(name)?.hashed_name(name)?;
        Some(format!("/static/{hashed_name}"))
    }

    /// The asset `NAME.HASH.EXT`, if that is the hash of its current content.
    fn find_hashed(&self, file: &str) -> Option<Arc<Asset>> {
        if !cfg!(debug_assertions) {
            return self.by_hashed_name.get(file).cloned();
        }
        let (rest, extension) = file.rsplit_once('.')?;
        let (stem, hash) = rest.rsplit_once('.')?;
        self.find(&format!("{stem}.{extension}"))
            .filter(|asset| asset.hash == hash)
    }

    fn find(&self, name: &str) -> Option<Arc<Asset>> {
        let asset = self.by_name.get(name).cloned();
        if !cfg!(debug_assertions) {
            return asset;
        }
        // In a debug build the name is part of a path.
        let file = (self.get)(name).filter(|_| !name.contains(['/', '\\']))?;
        asset
            .filter(|asset| asset.hash == hash(&file))
            .or_else(|| Some(Arc::new(Asset::new(name, file))))
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
    asset.response(request.headers(), caching).await
}

/// `/favicon.ico`, which browsers request without a link.
pub async fn favicon(
    assets: Data<Assets>,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let asset = assets.find("favicon.ico").ok_or(PageError::NotFound)?;
    asset
        .response(request.headers(), "public, max-age=86400")
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
                .is_some_and(|asset| asset.content_type == "text/css; charset=utf-8")
        );
        assert!(assets.find_hashed("site.0123456789abcdef.css").is_none());
        assert!(assets.find("../Cargo.toml").is_none());
        assert!(assets.url("nothing.css").is_none());
    }

    #[actix_web::test]
    async fn text_is_compressed_once() -> Result<(), PageError> {
        let assets = Assets::new::<Static>();

        for encoding in [Encoding::Brotli, Encoding::Gzip] {
            let sheet = assets.find("site.css").unwrap();
            let (_, first) = sheet.body(encoding).await?;
            let again = assets.find("site.css").unwrap();
            let (coding, second) = again.body(encoding).await?;

            assert_eq!(coding, encoding.name());
            assert!(first.len() < sheet.identity.len() / 2);
            assert_eq!(first.as_ptr(), second.as_ptr());
        }
        Ok(())
    }
}

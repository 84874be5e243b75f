//! Static assets under names that contain a hash of their content.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::web::{Bytes, Data, Path};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::compression::{Effort, weak_tag};
use crate::error::{PageError, PageResult};
use crate::stored_response::StoredResponse;

/// The embedded folder of static assets, as a table. A debug build reads files that have changed in the checkout.
#[derive(Clone)]
pub struct Assets {
    get: fn(&str) -> Option<EmbeddedFile>,
    by_name: Arc<HashMap<String, Arc<Asset>>>,
}

pub(crate) struct Asset {
    /// The name in its URL, `NAME.HASH.EXT`.
    file: String,
    pub(crate) response: Arc<StoredResponse>,
}

impl Asset {
    fn new(name: &str, file: EmbeddedFile) -> Self {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let content_type = match extension {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "ico" => "image/x-icon",
            _ => "application/octet-stream",
        };
        let hash = hash(&file);
        let bytes = match file.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        let caching = HeaderValue::from_static("public, max-age=31536000, immutable");
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (CACHE_CONTROL, caching),
        ];
        let (headers, tag) = (headers.into_iter().collect(), Some(weak_tag(&hash)));
        Self {
            file: format!("{stem}.{hash}.{extension}"),
            response: Arc::new(StoredResponse::new(headers, tag, bytes, Effort::Best)),
        }
    }
}

fn hash(file: &EmbeddedFile) -> String {
    hex::encode(&file.metadata.sha256_hash()[..8])
}

impl Assets {
    /// The assets in an embedded folder.
    pub fn new<E: RustEmbed>() -> Self {
        let by_name = E::iter().filter_map(|name| {
            let asset = Asset::new(&name, E::get(&name)?);
            Some((name.into_owned(), Arc::new(asset)))
        });
        Self {
            get: E::get,
            by_name: Arc::new(by_name.collect()),
        }
    }

    /// The path of an asset, `/static/NAME.HASH.EXT`; `None` if there is no such asset.
    pub fn url(&self, name: &str) -> Option<String> {
        Some(format!("/static/{}", self.find(name)?.file))
    }

    /// The asset `NAME.HASH.EXT`, if that is the hash of its current content.
    pub(crate) fn find_hashed(&self, file: &str) -> Option<Arc<Asset>> {
        if !cfg!(debug_assertions) {
            // They are few: comparing all is faster than hashing the name.
            let mut assets = self.by_name.values();
            return assets.find(|asset| asset.file == file).cloned();
        }
        let (rest, extension) = file.rsplit_once('.')?;
        let (stem, _) = rest.rsplit_once('.')?;
        self.find(&format!("{stem}.{extension}"))
            .filter(|asset| asset.file == file)
    }

    fn find(&self, name: &str) -> Option<Arc<Asset>> {
        let asset = self.by_name.get(name).cloned();
        if !cfg!(debug_assertions) {
            return asset;
        }
        // In a debug build the name is part of a path.
        let file = (self.get)(name).filter(|_| !name.contains(['/', '\\']))?;
        asset
            .filter(|asset| asset.file.contains(&hash(&file)))
            .or_else(|| Some(Arc::new(Asset::new(name, file))))
    }
}

/// `/static/NAME.HASH.EXT`: the content never changes, so that clients never revalidate it.
pub async fn static_file(
    assets: Data<Assets>,
    file: Path<String>,
    request: HttpRequest,
) -> PageResult {
    let asset = assets.find_hashed(&file).ok_or(PageError::NotFound)?;
    Ok(asset.response.respond(request.headers()).await)
}

/// `/favicon.ico`, which browsers request without a link.
pub async fn favicon(assets: Data<Assets>, request: HttpRequest) -> PageResult {
    let asset = assets.find("favicon.ico").ok_or(PageError::NotFound)?;
    let mut response = asset.response.respond(request.headers()).await;
    let caching = HeaderValue::from_static("public, max-age=86400");
    response.headers_mut().insert(CACHE_CONTROL, caching);
    Ok(response)
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

        assert!(assets.find_hashed(file).is_some());
        assert!(assets.find_hashed("site.0123456789abcdef.css").is_none());
        assert!(assets.find("../Cargo.toml").is_none());
        assert!(assets.url("nothing.css").is_none());
    }
}

//! The static assets.

use actix_web::http::header::{
    AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY,
};
use actix_web::web::{Data, Header, Path};
use actix_web::{Either, HttpResponse};

use crate::assets::{Asset, Assets};
use crate::encoding::{Encoding, negotiate};
use crate::error::PageError;

/// An asset by its name with the hash: it never changes, so nobody need ask twice.
pub(crate) async fn show(
    assets: Data<Assets>,
    file: Path<String>,
    accepted: Option<Header<AcceptEncoding>>,
) -> Result<HttpResponse, PageError> {
    let asset = assets.find_hashed(&file).ok_or(PageError::NotFound)?;
    Ok(send(
        asset,
        accepted.as_deref(),
        "public, max-age=31536000, immutable",
    ))
}

/// The icon at the address that browsers try by themselves.
pub(crate) async fn favicon(
    assets: Data<Assets>,
    accepted: Option<Header<AcceptEncoding>>,
) -> Result<HttpResponse, PageError> {
    let asset = assets.find("favicon.ico").ok_or(PageError::NotFound)?;
    Ok(send(asset, accepted.as_deref(), "public, max-age=86400"))
}

fn send(asset: Asset, accepted: Option<&AcceptEncoding>, caching: &str) -> HttpResponse {
    let encoding = negotiate(accepted);
    let (encoding, body) = match (encoding, asset.brotli, asset.gzip) {
        (Encoding::Brotli, Some(bytes), _) => (Some("br"), Either::Left(bytes)),
        (Encoding::Gzip, _, Some(bytes)) => (Some("gzip"), Either::Left(bytes)),
        _ => (None, Either::Right(asset.plain)),
    };
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, asset.content_type))
        .insert_header((CACHE_CONTROL, caching))
        .insert_header((VARY, "Accept-Encoding"))
        .insert_header((ETAG, format!("W/\"{}\"", asset.hash)));
    if let Some(encoding) = encoding {
        response.insert_header((CONTENT_ENCODING, encoding));
    }
    match body {
        Either::Left(bytes) => response.body(bytes),
        Either::Right(bytes) => response.body(bytes.into_owned()),
    }
}

//! Files of public photos.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Path};
use lettings::PhotoFile;
use oc_http::{Db, PageError};

/// A photo at one of the widths, if it is public. Its address contains a hash of its content.
pub(crate) async fn show(
    db: Data<Db>,
    path: Path<(String, i32)>,
) -> Result<HttpResponse, PageError> {
    let (hash, width) = path.into_inner();
    let bytes = db
        .read(move |conn| Ok(PhotoFile::read_public(conn, &hash, width)?))
        .await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "image/webp"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(bytes))
}

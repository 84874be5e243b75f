//! Read-only mode: the admin rejects everything that writes.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Data;
use oc_http::{Db, PageError};

/// A login would start a session, which is a write.
const LOGIN: &str = "/admin/login/";

/// Rejects requests that would write, with a page that explains it.
pub(crate) async fn reject_writes(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_read_only = request
        .app_data::<Data<Db>>()
        .is_some_and(|db| db.is_read_only());
    let only_reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if is_read_only && (!only_reads || request.path().starts_with(LOGIN)) {
        return Ok(request.error_response(PageError::ReadOnly));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

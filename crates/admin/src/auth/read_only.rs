//! The administration where nothing may be written: who is logged in can read on.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Data;
use oc_http::{Db, PageError};

/// Pages of forms that are of no use.
const LOGIN: &str = "/admin/login/";

/// Answers what would write with a page that says why it cannot.
pub(crate) async fn keep_writes_out(
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

//! What somebody has no right to is refused, and that stands in the record.

use actix_session::SessionExt;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};
use audit::{Event, NewEvent};
use oc_core::validation::{FieldError, Violation};

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::ui::request::address;
use crate::db::Db;
use crate::error::PageError;

/// Left with an answer by which something was refused that is told as a mistake in a form: its fields.
pub(crate) struct DeniedGrant(String);

impl DeniedGrant {
    /// Leaves word of these fields with an answer, if there are any; an empty one stands for a whole row.
    pub(crate) fn attach<'a>(
        response: &mut HttpResponse,
        fields: impl IntoIterator<Item = &'a str>,
    ) {
        let fields: Vec<&str> = fields.into_iter().collect();
        if !fields.is_empty() {
            let fields = Self(fields.join(", "));
            response.extensions_mut().insert(fields);
        }
    }
}

/// The fields of a row by which somebody tried to give, or take, what is beyond them.
pub(crate) fn denied_fields(errors: &[FieldError]) -> impl Iterator<Item = &'static str> + use<'_> {
    let is_refused = |error: &&FieldError| {
        matches!(
            error.violation,
            Violation::Beyond { .. } | Violation::Ungranted { .. }
        )
    };
    let refused = errors.iter().filter(is_refused);
    refused.map(|error| error.field)
}

/// Records every refusal of somebody who is logged in: pages (403), and rights that they cannot give.
pub(crate) async fn record_refusals(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let response = next.call(request).await?;
    let grant = response
        .response()
        .extensions()
        .get::<DeniedGrant>()
        .map(|grant| grant.0.clone());
    if (response.status() == StatusCode::FORBIDDEN || grant.is_some())
        && let Err(error) = record(response.request(), grant).await
    {
        // The refusal stands, whether it can be written down or not.
        log::warn!("a refusal could not be recorded: {error}");
    }
    Ok(response)
}

async fn record(request: &HttpRequest, grant: Option<String>) -> Result<(), PageError> {
    let db = request.app_data::<Data<Db>>().cloned();
    let Some(db) = db else { return Ok(()) };
    let session = request.get_session();
    let Some(user) = CurrentUser::find(&db, &session).await? else {
        return Ok(());
    };
    let grant = grant.map_or_else(String::new, |fields| format!(": {fields}"));
    let about = format!("{} {}{grant}", request.method(), request.path());
    let address = address(request);
    db.run(move |conn| {
        let event = NewEvent {
            event: Event::Refused,
            actor: Some(user.user.actor()),
            about: &about,
            address: &address,
        };
        Ok(event.insert(conn)?)
    })
    .await
}

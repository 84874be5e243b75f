//! Logout.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use audit::{Event, NewEvent};
use oc_http::{Db, Page, PageError};
use serde::Serialize;

use crate::auth::current_user::CurrentUser;
use crate::auth::request::{AdminRequest, client_address};
use crate::ui::submission::Submission;

#[derive(Serialize)]
struct AskPage {}

impl Page for AskPage {
    const TEMPLATE: &'static str = "admin/logout.html";
}

#[derive(Serialize)]
struct DonePage {}

impl Page for DonePage {
    const TEMPLATE: &'static str = "admin/logged_out.html";
}

/// Asks for confirmation: a link alone never logs a user out.
pub(crate) async fn ask(
    request: AdminRequest,
    user: CurrentUser,
) -> Result<HttpResponse, PageError> {
    request.page(
        StatusCode::OK,
        Some(&user),
        "Log out?",
        Vec::new(),
        AskPage {},
    )
}

/// Ends the session.
pub(crate) async fn delete(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(Some(&user), &fields)?;
    let address = client_address(&request.http);
    db.run(move |conn| {
        let event = NewEvent {
            event: Event::LoggedOut,
            actor: Some(user.user.actor()),
            about: &user.user.username,
            address: &address,
        };
        Ok(event.insert(conn)?)
    })
    .await?;
    let page = request.page(StatusCode::OK, None, "Logged out", Vec::new(), DonePage {})?;
    request.session.end();
    Ok(page)
}

//! The way out.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use crate::admin::form::Fields;
use crate::admin::frame::Visit;
use crate::admin::signed_in::SignedIn;
use crate::error::PageError;
use crate::pages::Page;

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

/// Asks; a link alone never logs anybody out.
pub(in crate::admin) async fn ask(visit: Visit, user: SignedIn) -> Result<HttpResponse, PageError> {
    visit.page(
        StatusCode::OK,
        Some(&user),
        "Log out?",
        Vec::new(),
        AskPage {},
    )
}

/// Ends the session.
pub(in crate::admin) async fn delete(
    visit: Visit,
    user: SignedIn,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &fields)?;
    let page = visit.page(StatusCode::OK, None, "Logged out", Vec::new(), DonePage {})?;
    visit.session.purge();
    Ok(page)
}

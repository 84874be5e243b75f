//! The page about the user's own account.

use accounts::{RecoveryCode, SecondFactor, Session};
use actix_web::http::StatusCode;
use chrono::Utc;
use oc_http::{Page, PageResult};
use serde::Serialize;

use crate::auth::staff_request::StaffRequest;

#[derive(Serialize)]
struct AccountPage {
    username: String,
    email: String,
    /// Since when two-factor authentication is on.
    factor_since: Option<String>,
    codes_left: i64,
    sessions: usize,
}

impl Page for AccountPage {
    const TEMPLATE: &'static str = "admin/account.html";
}

pub(crate) async fn show(staff: StaffRequest) -> PageResult {
    let (user, zone) = (staff.actor(), staff.registry().time_zone);
    let page = staff.read(move |conn| {
        let factor = SecondFactor::find(conn, user.id)?;
        Ok(AccountPage {
            factor_since: factor.map(|factor| zone.date_time(factor.created_at)),
            codes_left: RecoveryCode::count(conn, user.id)?,
            sessions: Session::for_user(conn, user.id, Utc::now().naive_utc())?.len(),
            username: user.username,
            email: user.email,
        })
    });
    staff.page_below_index(StatusCode::OK, "Account", page.await?)
}

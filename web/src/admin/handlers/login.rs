//! The login.

use std::net::IpAddr;

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Query};
use ipnet::Ipv6Net;
use oc_core::accounts::normalized;
use serde::{Deserialize, Serialize};

use crate::admin::browser;
use crate::admin::form::Fields;
use crate::admin::frame::{Hashing, Visit, see_other};
use crate::admin::login::{Outcome, attempt};
use crate::admin::signed_in::{PASSWORD_CHANGE, SignedIn};
use crate::admin::store::USER;
use crate::db::Db;
use crate::error::PageError;
use crate::pages::Page;
use crate::proxies::Proxies;

const REFUSED: &str = "That username and password do not open a staff account.";

#[derive(Serialize)]
struct LoginPage {
    next: String,
    username: String,
    error: Option<String>,
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "admin/login.html";
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub(in crate::admin) struct Next {
    #[serde(default)]
    next: String,
}

/// The form; who is logged in already goes on.
pub(in crate::admin) async fn new(
    visit: Visit,
    db: Data<Db>,
    query: Option<Query<Next>>,
) -> Result<HttpResponse, PageError> {
    let next = query
        .map(|query| query.into_inner().next)
        .unwrap_or_default();
    if SignedIn::find(&db, &visit.session).await?.is_some() {
        return Ok(see_other(inside(&next)));
    }
    show(&visit, StatusCode::OK, next, String::new(), None)
}

/// An attempt.
pub(in crate::admin) async fn create(
    visit: Visit,
    db: Data<Db>,
    hashing: Data<Hashing>,
    proxies: Data<Proxies>,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(None, &fields)?;
    let (username, next) = (
        normalized(fields.text("username")),
        fields.text("next").to_owned(),
    );
    let known = browser::known(&visit.request, visit.cookies(), visit.key(), &username);
    let from = proxies.visitor(&visit.request);
    let from = (
        from.map(|address| address.to_string()).unwrap_or_default(),
        from.map(network).unwrap_or_default(),
    );
    let password = fields.text("password").to_owned();
    match attempt(&db, &hashing, from, known, username.clone(), password).await? {
        Outcome::Welcome(user) => {
            visit.session.renew();
            visit
                .session
                .insert(USER, user.id)
                .map_err(|error| PageError::Internal(anyhow::anyhow!("{error}")))?;
            let first = user.must_change_password.then_some(PASSWORD_CHANGE);
            let mut response = see_other(first.unwrap_or_else(|| inside(&next)));
            let cookie = browser::remember(visit.cookies(), visit.key(), &user.username);
            response
                .add_cookie(&cookie)
                .map_err(|error| PageError::Internal(error.into()))?;
            Ok(response)
        }
        Outcome::Refused => show(
            &visit,
            StatusCode::OK,
            next,
            username,
            Some(REFUSED.to_owned()),
        ),
        Outcome::Throttled { minutes } => {
            let unit = if minutes == 1 { "minute" } else { "minutes" };
            let text = format!("Too many attempts. Try again in {minutes} {unit}.");
            let mut response = show(
                &visit,
                StatusCode::TOO_MANY_REQUESTS,
                next,
                username,
                Some(text),
            )?;
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, (minutes * 60).into());
            Ok(response)
        }
    }
}

fn show(
    visit: &Visit,
    status: StatusCode,
    next: String,
    username: String,
    error: Option<String>,
) -> Result<HttpResponse, PageError> {
    visit.page(
        status,
        None,
        "Staff login",
        Vec::new(),
        LoginPage {
            next,
            username,
            error,
        },
    )
}

/// What counts as one address: of IPv6 the network that one household or firm gets (RFC 6177).
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, 64).trunc().to_string(),
    }
}

/// The address to go on to, if it lies within the administration: never another site.
fn inside(next: &str) -> &str {
    let plain = next.chars().all(|c| !c.is_control() && c != '\\');
    if next.starts_with("/admin/") && plain {
        next
    } else {
        "/admin/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(
            inside("/admin/lettings/letting/?q=a"),
            "/admin/lettings/letting/?q=a"
        );
        for next in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil",
            "/admin/\\\r\nx",
            "/profiles/",
        ] {
            assert_eq!(inside(next), "/admin/", "{next}");
        }
    }
}

//! The privacy page and security.txt.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Data;
use chrono::{Duration, Utc};
use oc_http::reports::{reports_faults, sends_pii};
use oc_http::{Head, Page, PageError, Pages, Site};
use serde::Serialize;

/// How long security.txt is valid (RFC 9116 recommends less than a year).
const SECURITY_TXT_VALIDITY: Duration = Duration::days(180);

#[derive(Serialize)]
struct PrivacyPage {
    head: Head,
    /// Whether errors are reported to Sentry.
    reports: bool,
    /// Whether reports contain addresses and browsers of visitors.
    reports_visitors: bool,
}

impl Page for PrivacyPage {
    const TEMPLATE: &'static str = "privacy.html";
}

/// The privacy page: what the site stores about visitors.
pub(crate) async fn privacy(
    pages: Data<Pages>,
    site: Data<Site>,
) -> Result<HttpResponse, PageError> {
    pages.render(&PrivacyPage {
        head: Head::new(
            &site,
            "/privacy/",
            "Privacy",
            "What this site stores about its visitors, and what it does not.",
        ),
        reports: reports_faults(),
        reports_visitors: sends_pii(),
    })
}

/// `/.well-known/security.txt` (RFC 9116): where to report security problems; 404 if that is not set.
pub(crate) async fn security_txt(site: Data<Site>) -> Result<HttpResponse, PageError> {
    let contact = site.company.security_contact.as_deref();
    let contact = contact.ok_or(PageError::NotFound)?;
    let canonical = site.url("/.well-known/security.txt");
    let expires = Utc::now().date_naive() + SECURITY_TXT_VALIDITY;
    let text = format!(
        "Contact: {contact}\nExpires: {expires}T00:00:00Z\nPreferred-Languages: en\nCanonical: {canonical}\n"
    );
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "public, no-cache"))
        .body(text))
}

//! The pages for requests that never reach the site, made once at the start.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::StatusCode;
use chrono::Utc;
use prometheus::IntCounter;

use crate::metrics::Metrics;
use crate::middleware::{TRANSPORT_SECURITY, Words, error_page, guard_lines};
use crate::pages::Pages;
use crate::request_context::{self, RequestContext};
use crate::site::Site;
use crate::{request_id, route};

/// Seconds after which a client that found no room may come again.
const RETRY_AFTER: u32 = 2;

/// Why a request does not reach the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// It is none.
    Bad,
    /// The client takes too long over it.
    TooSlow,
    /// Its body is larger than any form of ours.
    BodyTooLarge,
    /// Its address is longer than any of ours.
    AddressTooLong,
    /// Its head is larger than any browser's.
    HeadTooLarge,
    /// There is no room for it now.
    Busy,
}

impl Refusal {
    const ALL: [Self; 6] = [
        Self::Bad,
        Self::TooSlow,
        Self::BodyTooLarge,
        Self::AddressTooLong,
        Self::HeadTooLarge,
        Self::Busy,
    ];

    /// The refusal that stands for the status with which the parser refused.
    pub(super) fn of_status(status: u16) -> Self {
        Self::ALL
            .into_iter()
            .find(|refusal| refusal.status().as_u16() == status)
            .unwrap_or(Self::Bad)
    }

    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Bad => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::AddressTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// An answer for every refusal: the site's page with the headers of every answer.
#[derive(Clone)]
pub(crate) struct Refusals {
    made: Arc<HashMap<Refusal, Made>>,
    /// Whether visitors come over https, as far as nothing that was read says otherwise.
    https: bool,
}

struct Made {
    head: String,
    body: String,
    count: IntCounter,
}

impl Refusals {
    pub(crate) fn new(pages: &Pages, site: &Site, metrics: &Metrics) -> Self {
        let made = Refusal::ALL.map(|refusal| (refusal, make(refusal, pages, site, metrics)));
        Self {
            made: Arc::new(made.into()),
            https: site.is_https(),
        }
    }

    /// The bytes of the answer, after which the connection ends. `https` is `None` where nobody knows how the request
    /// came, since it broke off before.
    ///
    /// It is logged and counted as every answer is; nothing of what came is, since nobody has read it.
    pub(super) fn answer(&self, refusal: Refusal, https: Option<bool>, to_head: bool) -> Vec<u8> {
        let Some(Made { head, body, count }) = self.made.get(&refusal) else {
            return Vec::new();
        };
        count.inc();
        let request_id = request_id::new();
        let context = RequestContext {
            id: request_id.clone(),
            route: route::NONE.to_owned(),
        };
        let status = refusal.status().as_u16();
        request_context::carry(Some(Arc::new(context)), || {
            log::info!(target: "access", status; "a request was refused {status}");
        });
        let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
        let transport = if https.unwrap_or(self.https) {
            format!("strict-transport-security: {TRANSPORT_SECURITY}\r\n")
        } else {
            String::new()
        };
        let body = if to_head { "" } else { body };
        format!("{head}{transport}x-request-id: {request_id}\r\ndate: {date}\r\n\r\n{body}")
            .into_bytes()
    }
}

fn make(refusal: Refusal, pages: &Pages, site: &Site, metrics: &Metrics) -> Made {
    let status = refusal.status();
    let words = match refusal {
        Refusal::Busy => Words::BUSY,
        _ => Words::of(status),
    };
    let (content_type, body) = error_page(status, words, Some(pages), Some(site));
    let reason = status.canonical_reason().unwrap_or_default();
    let retry = if refusal == Refusal::Busy {
        format!("retry-after: {RETRY_AFTER}\r\n")
    } else {
        String::new()
    };
    let head = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-length: {}\r\ncontent-type: {content_type}\r\n\
         cache-control: no-store\r\nvary: Accept-Encoding\r\nconnection: close\r\n{retry}{}",
        status.as_u16(),
        body.len(),
        guard_lines(),
    );
    let count = metrics.refused(status);
    Made { head, body, count }
}

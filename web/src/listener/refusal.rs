//! The pages for requests that never reach the site, made once at the start.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::rt::time::Instant;
use chrono::Utc;
use prometheus::IntCounter;

use super::glimpse::Glimpse;
use oc_http::TrustedProxies;
use oc_http::middleware::{STRICT_TRANSPORT_SECURITY, error_page, header_lines};
use oc_http::request_context::{self, RequestContext};
use oc_http::{ErrorMessage, Metrics, Pages, Site, route};

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

    /// Whether the head was given up before its end because it is too long.
    pub(super) fn is_too_long(self) -> bool {
        matches!(self, Self::AddressTooLong | Self::HeadTooLarge)
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
    /// `None` where nothing is logged and counted.
    count: Option<IntCounter>,
}

/// What shapes a refusal and its line in the log, known from the beginning of a request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) glimpse: Glimpse,
    /// `None` where the request broke off before it said so.
    pub(super) over_https: Option<bool>,
    /// When its first byte came, if one has.
    pub(super) began: Option<Instant>,
}

impl Asked {
    /// What those first bytes of a request from that address tell.
    pub(super) fn at(
        peer: IpAddr,
        proxies: &TrustedProxies,
        bytes: &[u8],
        began: Option<Instant>,
    ) -> Self {
        let glimpse = Glimpse::of(bytes);
        Self {
            over_https: glimpse.over_https(peer, proxies),
            glimpse,
            began,
        }
    }

    fn log(&self, status: u16) {
        let Some(began) = self.began else {
            log::info!(target: "access", status; "a request was refused {status}");
            return;
        };
        let microseconds = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
        let milliseconds = f64::from(microseconds) / 1000.0;
        match (self.glimpse.method(), self.glimpse.path()) {
            (Some(method), Some(path)) => log::info!(
                target: "access", method, path, status, milliseconds;
                "{method} {path} {status} {milliseconds} ms"
            ),
            (Some(method), None) => log::info!(
                target: "access", method, status, milliseconds;
                "{method} without a whole path was refused {status} {milliseconds} ms"
            ),
            _ => log::info!(
                target: "access", status, milliseconds;
                "a request was refused {status} {milliseconds} ms"
            ),
        }
    }
}

impl Refusals {
    /// Those of the site.
    pub(crate) fn new(pages: &Pages, site: &Site, metrics: &Metrics) -> Self {
        let made = Refusal::ALL.map(|refusal| {
            let count = metrics.rejected(refusal.status());
            (refusal, make(refusal, Some((pages, site)), Some(count)))
        });
        Self {
            made: Arc::new(made.into()),
            https: site.is_https(),
        }
    }

    /// Those of a listener beside the site: in plain text, and neither logged nor counted among the site's.
    pub(crate) fn plain() -> Self {
        let made = Refusal::ALL.map(|refusal| (refusal, make(refusal, None, None)));
        Self {
            made: Arc::new(made.into()),
            https: false,
        }
    }

    /// The bytes of the answer, after which the connection ends. It is logged and counted as every answer is.
    pub(super) fn answer(&self, refusal: Refusal, asked: &Asked) -> Vec<u8> {
        let Some(Made { head, body, count }) = self.made.get(&refusal) else {
            return Vec::new();
        };
        let request_id = asked.glimpse.request_id();
        if let Some(count) = count {
            count.inc();
            let context = RequestContext {
                id: request_id.clone(),
                route: route::NONE.to_owned(),
            };
            let status = refusal.status().as_u16();
            request_context::run_with(Some(Arc::new(context)), || asked.log(status));
        }
        let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
        let transport = if asked.over_https.unwrap_or(self.https) {
            format!("strict-transport-security: {STRICT_TRANSPORT_SECURITY}\r\n")
        } else {
            String::new()
        };
        let body = if asked.glimpse.is_for_head() {
            ""
        } else {
            body
        };
        format!("{head}{transport}x-request-id: {request_id}\r\ndate: {date}\r\n\r\n{body}")
            .into_bytes()
    }
}

fn make(refusal: Refusal, site: Option<(&Pages, &Site)>, count: Option<IntCounter>) -> Made {
    let status = refusal.status();
    let words = match refusal {
        Refusal::Busy => ErrorMessage::OVERLOADED,
        _ => ErrorMessage::for_status(status),
    };
    let (pages, site) = site.unzip();
    let (content_type, body) = error_page(status, words, pages, site);
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
        header_lines(),
    );
    Made { head, body, count }
}

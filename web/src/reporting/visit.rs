//! What a report says of the request, and of whom it came from.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, REFERER, USER_AGENT};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest};
use sentry::protocol::{IpAddress, Map, Request, User};
use sentry::{Hub, TransactionOrSpan};

use super::Reporting;
use super::scrub;
use crate::logging::redacted;
use crate::proxies::Proxies;
use crate::request_context;
use crate::site::Site;

/// The headers that go along; any other may hold a secret that we do not know of.
const HEADERS: [&str; 16] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "if-none-match",
    "origin",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "user-agent",
    "x-forwarded-proto",
    "x-request-id",
];

/// Tells the hub of a request what it is about. Stands right inside the layer that makes the hub.
pub(crate) async fn describe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let personal = request
        .app_data::<Data<Reporting>>()
        .is_some_and(|reporting| reporting.personal);
    let told = told(request.request(), personal);
    let visitor = personal.then(|| visitor(request.request()));
    let context = request_context::current();
    Hub::current().configure_scope(|scope| {
        if let Some(context) = context {
            let name = format!("{} {}", request.method(), context.route);
            scope.set_transaction(Some(&name));
            scope.set_tag("request_id", &context.id);
            if let Some(span @ TransactionOrSpan::Transaction(_)) = scope.get_span() {
                span.set_name(&name);
                span.set_tag("request_id", &context.id);
                span.set_request(told.clone());
            }
        }
        scope.set_user(visitor);
        scope.add_event_processor(move |mut event| {
            event.request = Some(told.clone());
            Some(event)
        });
    });
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Adds to a report whose session it was.
pub(crate) fn name_staff(request: &HttpRequest, id: i64, username: &str) {
    let personal = request
        .app_data::<Data<Reporting>>()
        .is_some_and(|reporting| reporting.personal);
    if !personal {
        return;
    }
    Hub::current().configure_scope(|scope| {
        let user = User {
            id: Some(id.to_string()),
            username: Some(username.to_owned()),
            ..scope.user().cloned().unwrap_or_default()
        };
        scope.set_user(Some(user));
    });
}

/// The address and the browser.
fn visitor(request: &HttpRequest) -> User {
    let proxies = request.app_data::<Data<Proxies>>();
    let address = proxies.and_then(|proxies| proxies.visitor(request));
    let browser = text(request.headers(), &USER_AGENT);
    User {
        ip_address: address.map(IpAddress::Exact),
        other: browser
            .map(|browser| ("browser".to_owned(), browser.into()))
            .into_iter()
            .collect(),
        ..User::default()
    }
}

/// Address, method and harmless headers.
fn told(request: &HttpRequest, personal: bool) -> Request {
    let query = scrub::query(request.query_string());
    let path = redacted(request.path());
    let site = request.app_data::<Data<Site>>();
    let url = site.and_then(|site| site.url(&path).parse().ok());
    let url = url.map(|mut url: url::Url| {
        url.set_query(
            Some(&query)
                .filter(|query| !query.is_empty())
                .map(String::as_str),
        );
        url
    });
    let headers: Map<String, String> = HEADERS
        .into_iter()
        .map(HeaderName::from_static)
        .filter(|name| personal || *name != USER_AGENT)
        .filter_map(|name| {
            let value = text(request.headers(), &name)?;
            let value = if name == REFERER {
                // Where somebody came from is told by the page; its query may hold anything.
                value
                    .split(['?', '#'])
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            } else {
                value
            };
            Some((capitalized(&name), value))
        })
        .collect();
    Request {
        url,
        method: Some(request.method().to_string()),
        query_string: Some(query).filter(|query| !query.is_empty()),
        headers,
        ..Request::default()
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(redacted(value).into_owned())
}

/// A header's name as people write it, by which Sentry knows it.
fn capitalized(name: &HeaderName) -> String {
    let words: Vec<String> = name
        .as_str()
        .split('-')
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        })
        .collect();
    words.join("-")
}

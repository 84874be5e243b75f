//! Sentry scope of a request: route, id, URL, visitor.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::USER_AGENT;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest};
use oc_http::reports::sends_pii;
use oc_http::{Site, TrustedProxies, request_context};
use sentry::TransactionOrSpan;
use sentry::protocol::{IpAddress, Request, User};

use super::redact::redact_emails;

/// Describes the request to the Sentry hub that the layer outside of this one created for it.
pub(crate) async fn sentry_scope(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let description = describe(request.request());
    let visitor = sends_pii().then(|| visitor(request.request()));
    let context = request_context::current();
    sentry::configure_scope(|scope| {
        if let Some(context) = context {
            let name = format!("{} {}", request.method(), context.route.name);
            scope.set_transaction(Some(&name));
            scope.set_tag("request_id", &context.id);
            if let Some(span @ TransactionOrSpan::Transaction(_)) = scope.get_span() {
                span.set_name(&name);
                span.set_tag("request_id", &context.id);
                span.set_request(description.clone());
            }
        }
        scope.set_user(visitor);
        scope.add_event_processor(move |mut event| {
            event.request = Some(description.clone());
            Some(event)
        });
    });
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Method and URL; no query, and no header but the browser's name where personal data may be sent.
fn describe(request: &HttpRequest) -> Request {
    let site = request.app_data::<Data<Site>>();
    let url = site.and_then(|site| site.url(&redact_emails(request.path())).parse().ok());
    let user_agent = request.headers().get(USER_AGENT).filter(|_| sends_pii());
    let user_agent = user_agent.and_then(|value| value.to_str().ok());
    Request {
        url,
        method: Some(request.method().to_string()),
        headers: user_agent
            .map(|value| ("User-Agent".to_owned(), redact_emails(value).into_owned()))
            .into_iter()
            .collect(),
        ..Request::default()
    }
}

/// The visitor's address.
fn visitor(request: &HttpRequest) -> User {
    let proxies = request.app_data::<Data<TrustedProxies>>();
    let address = proxies.and_then(|proxies| proxies.client_address(request));
    User {
        ip_address: address.map(IpAddress::Exact),
        ..User::default()
    }
}

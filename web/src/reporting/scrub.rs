//! What must not leave with a report is taken out here, last of all.

use sentry::Breadcrumb;
use sentry::protocol::{Event, Log, LogAttribute, Value};

use crate::logging::redacted;
use crate::request_context;

/// What stands in the place of a secret.
const FILTERED: &str = "[filtered]";

/// Words in the name of a parameter whose value is nobody's business.
const SECRET: [&str; 10] = [
    "token", "secret", "password", "passwd", "pwd", "key", "session", "auth", "code", "sign",
];

/// Takes e-mail addresses and passwords out of every text of an event.
pub(super) fn event(mut event: Event<'static>) -> Event<'static> {
    clean_option(&mut event.message);
    for exception in &mut event.exception.values {
        clean_option(&mut exception.value);
    }
    if let Some(request) = &mut event.request {
        request.data = None;
        request.cookies = None;
        for value in request.headers.values_mut() {
            clean(value);
        }
    }
    for value in event.extra.values_mut() {
        clean_value(value);
    }
    event
}

/// The same for what went before it.
pub(super) fn breadcrumb(mut breadcrumb: Breadcrumb) -> Breadcrumb {
    clean_option(&mut breadcrumb.message);
    for value in breadcrumb.data.values_mut() {
        clean_value(value);
    }
    breadcrumb
}

/// The same for a line of the log, which also names its request.
pub(super) fn log(mut log: Log) -> Log {
    clean(&mut log.body);
    if let Some(request) = request_context::current() {
        let told = [("request_id", &request.id), ("route", &request.route)];
        for (name, value) in told {
            log.attributes.insert(name.to_owned(), value.clone().into());
        }
    }
    for LogAttribute(value) in log.attributes.values_mut() {
        clean_value(value);
    }
    log
}

/// A query without the values of what may be a secret.
pub(super) fn query(query: &str) -> String {
    let mut clean = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let lower = name.to_ascii_lowercase();
        let name = redacted(&name);
        if SECRET.iter().any(|word| lower.contains(word)) {
            clean.append_pair(&name, FILTERED);
        } else {
            clean.append_pair(&name, &redacted(&value));
        }
    }
    clean.finish()
}

fn clean(text: &mut String) {
    if let std::borrow::Cow::Owned(plain) = redacted(text) {
        *text = plain;
    }
}

fn clean_option(text: &mut Option<String>) {
    if let Some(text) = text {
        clean(text);
    }
}

fn clean_value(value: &mut Value) {
    if let Value::String(text) = value {
        clean(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_addresses_leave_a_query() {
        assert_eq!(
            query("q=ada%40example.org&page=2&csrfmiddlewareToken=abc&api_key=x&bob@b.example"),
            "q=%5Bemail%5D&page=2&csrfmiddlewareToken=%5Bfiltered%5D&api_key=%5Bfiltered%5D&%5Bemail%5D="
        );
    }
}

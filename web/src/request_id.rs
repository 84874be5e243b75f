//! The name of a request: `X-Request-Id`.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header in which it comes and goes.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest name that is taken over (bytes).
const LONGEST: usize = 128;

/// The name that a client or a proxy gave, where it is harmless; else a new one.
pub(crate) fn of(headers: &HeaderMap) -> String {
    of_values(headers.get_all(HEADER).map(HeaderValue::as_bytes))
}

/// The same, of the values of that header.
pub(crate) fn of_values<'a>(mut given: impl Iterator<Item = &'a [u8]>) -> String {
    match (given.next().map(str::from_utf8), given.next()) {
        (Some(Ok(name)), None) if is_harmless(name) => name.to_owned(),
        _ => new(),
    }
}

/// Nothing that could mean something in a log, a page or a shell.
fn is_harmless(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A name for a request that brings none.
fn new() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_for(values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_str(value).unwrap());
        }
        of(&headers)
    }

    #[test]
    fn a_harmless_name_is_kept() {
        assert_eq!(name_for(&["req-1.A_b"]), "req-1.A_b");
    }

    #[test]
    fn any_other_name_is_replaced() {
        let long = "a".repeat(LONGEST + 1);
        for values in [
            &[][..],
            &[""],
            &["a b"],
            &["a\tb"],
            &["<b>"],
            &[&long],
            &["a", "b"],
        ] {
            let name = name_for(values);

            assert!(name.len() == 32 && is_harmless(&name), "{values:?}: {name}");
        }
        assert_ne!(name_for(&[]), name_for(&[]));
    }
}

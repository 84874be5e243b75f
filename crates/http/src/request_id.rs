//! Request ids: the header `X-Request-Id`.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header of requests and responses.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Maximum length of an id from a client (bytes).
const MAX_LENGTH: usize = 128;

/// The id that the client or a proxy sent, if it is safe to log; otherwise a new one.
pub(crate) fn from_headers(headers: &HeaderMap) -> String {
    let mut values = headers.get_all(HEADER).map(HeaderValue::to_str);
    match (values.next(), values.next()) {
        (Some(Ok(id)), None) if is_safe(id) => id.to_owned(),
        _ => random(),
    }
}

/// Whether an id has no special meaning in a log, a page or a shell.
fn is_safe(id: &str) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn random() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_str(value).unwrap());
        }
        from_headers(&headers)
    }

    #[test]
    fn a_safe_id_is_kept() {
        assert_eq!(id_for(&["req-1.A_b"]), "req-1.A_b");
    }

    #[test]
    fn any_other_id_is_replaced() {
        let long = "a".repeat(MAX_LENGTH + 1);
        for values in [
            &[][..],
            &[""],
            &["a b"],
            &["a\tb"],
            &["<b>"],
            &[&long],
            &["a", "b"],
        ] {
            let id = id_for(values);

            assert!(id.len() == 32 && is_safe(&id), "{values:?}: {id}");
        }
        assert_ne!(id_for(&[]), id_for(&[]));
    }
}

//! Typed access to the session.

use accounts::{Session as StoredSession, SessionLogin, User};
use actix_session::{Session, SessionExt};
use actix_web::HttpRequest;
use actix_web::http::Method;
use chrono::{NaiveDateTime, Utc};
use oc_http::PageError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ui::layout::Message;

/// Names of the values of a session. Those with an underscore are columns of the sessions table, and part of the state
/// only while a request runs.
pub(super) mod key {
    pub(crate) const USER: &str = "user";
    pub(crate) const MESSAGES: &str = "messages";
    pub(crate) const KEPT_FORM: &str = "kept_form";
    pub(crate) const ROW: &str = "_row";
    pub(crate) const LOGIN: &str = "_login";
    pub(crate) const MUST_RENEW: &str = "_renew";
}

/// Whether somebody sees the response: not to HEAD, nor if the browser only prefetches it.
fn is_seen(request: &HttpRequest) -> bool {
    request.method() != Method::HEAD && !request.headers().contains_key("sec-purpose")
}

#[derive(Clone)]
pub(crate) struct AdminSession(Session);

impl AdminSession {
    pub(crate) fn from_request(request: &HttpRequest) -> Self {
        Self(request.get_session())
    }

    pub(crate) fn user_id(&self) -> Option<i64> {
        self.get(key::USER)
    }

    pub(crate) fn row_id(&self) -> Option<i64> {
        self.get(key::ROW)
    }

    /// When the user last entered the password.
    pub(crate) fn authenticated_at(&self) -> Option<NaiveDateTime> {
        self.get::<SessionLogin>(key::LOGIN)?.proved_at
    }

    /// Starts a session for a user under a new key. Nothing of the session before is kept.
    pub(crate) fn start(&self, user: &User, address: &str, browser: &str) -> Result<(), PageError> {
        self.0.clear();
        self.0.renew();
        let now = Utc::now().naive_utc();
        let login = SessionLogin::new(&user.password, address, browser, now);
        self.insert(key::USER, user.id)?;
        self.insert(key::LOGIN, login)
    }

    pub(crate) fn set_authenticated(&self) -> Result<(), PageError> {
        self.change_login(|login| login.proved_at = Some(Utc::now().naive_utc()))
    }

    /// Continues under a new key after the user's own password changed.
    pub(crate) fn continue_with_password(&self, hash: &str) -> Result<(), PageError> {
        self.change_login(|login| login.password_mark = StoredSession::password_mark(hash))?;
        self.0.renew();
        Ok(())
    }

    fn change_login(&self, change: impl FnOnce(&mut SessionLogin)) -> Result<(), PageError> {
        let no_login = || PageError::Internal(anyhow::anyhow!("the session has no login"));
        let mut login = self.get(key::LOGIN).ok_or_else(no_login)?;
        change(&mut login);
        self.insert(key::LOGIN, login)
    }

    /// Continues under a new key where the store asks for it.
    pub(crate) fn renew_if_required(&self) {
        if self.take::<bool>(key::MUST_RENEW).is_some() {
            self.0.renew();
        }
    }

    pub(crate) fn end(&self) {
        self.0.purge();
    }

    pub(crate) fn add_message(&self, level: &str, text: impl Into<String>) {
        self.add(Message::new(level, text));
    }

    pub(crate) fn add(&self, message: Message) {
        let mut messages: Vec<Message> = self.get(key::MESSAGES).unwrap_or_default();
        // A form that was sent twice has one result.
        if messages.last() != Some(&message) {
            messages.push(message);
        }
        if let Err(error) = self.insert(key::MESSAGES, messages) {
            log::error!("could not store a message: {error}");
        }
    }

    /// The messages for this page, which are shown once. A page that nobody sees yet doesn't consume them.
    pub(crate) fn take_messages(&self, request: &HttpRequest) -> Vec<Message> {
        let messages = if is_seen(request) {
            self.take(key::MESSAGES)
        } else {
            self.get(key::MESSAGES)
        };
        messages.unwrap_or_default()
    }

    pub(super) fn keep_form(&self, target: &str, sealed: &str) -> Result<(), PageError> {
        self.insert(key::KEPT_FORM, (target, sealed))
    }

    pub(super) fn take_kept_form(&self, request: &HttpRequest, target: &str) -> Option<String> {
        let (kept_for, sealed): (String, String) = self.get(key::KEPT_FORM)?;
        if kept_for != target {
            return None;
        }
        if is_seen(request) {
            self.0.remove(key::KEPT_FORM);
        }
        Some(sealed)
    }

    fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.0.get(key).ok().flatten()
    }

    fn take<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        // Removing an absent value counts as a change, and would write the session.
        let has_value = self.0.contains_key(key);
        has_value.then(|| self.0.remove_as(key)?.ok()).flatten()
    }

    fn insert(&self, key: &str, value: impl Serialize) -> Result<(), PageError> {
        self.0
            .insert(key, value)
            .map_err(|error| PageError::Internal(anyhow::anyhow!("{error}")))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// Messages must not be consumed by responses that nobody sees.
    #[test]
    fn a_response_to_head_or_a_prefetch_is_not_seen() {
        for (method, name, value, is_expected) in [
            (Method::GET, "accept", "text/html", true),
            // sofadesign/limonade#20.
            (Method::HEAD, "accept", "text/html", false),
            // whatwg/fetch#1576.
            (Method::GET, "sec-purpose", "prefetch;prerender", false),
        ] {
            let request = TestRequest::default()
                .method(method)
                .insert_header((name, value))
                .to_http_request();
            assert_eq!(is_seen(&request), is_expected, "{name}: {value}");
        }
    }
}

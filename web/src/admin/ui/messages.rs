//! What the last request did, told on the next page.

use actix_session::Session;
use serde::{Deserialize, Serialize};

const KEY: &str = "messages";

/// A line in the live region.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    level: String,
    text: String,
}

/// Leaves a message for the next page.
pub(crate) fn add(session: &Session, level: &str, text: String) {
    let mut messages: Vec<Message> = session.get(KEY).ok().flatten().unwrap_or_default();
    messages.push(Message {
        level: level.to_owned(),
        text,
    });
    if let Err(error) = session.insert(KEY, messages) {
        log::error!("cannot keep a message: {error}");
    }
}

/// The messages that wait, which are told but once.
pub(crate) fn take(session: &Session) -> Vec<Message> {
    if !session.contains_key(KEY) {
        // Removing what is not there would count as a change, and write the session.
        return Vec::new();
    }
    session
        .remove_as(KEY)
        .and_then(Result::ok)
        .unwrap_or_default()
}

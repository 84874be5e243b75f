//! Session store in the database, shared by all nodes.

use std::collections::HashMap;

use accounts::{Session, SessionLogin};
use actix_session::storage::{
    LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key,
};
use actix_web::cookie::time::Duration;
use anyhow::anyhow;
use chrono::Utc;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_http::{Db, PageError};
use serde::de::DeserializeOwned;

use crate::auth::session::key;

/// The state of a session: names and values as JSON.
type SessionState = HashMap<String, String>;

/// Stores sessions in the database; the key in the cookie is stored as a hash.
pub(crate) struct DbSessionStore(pub(crate) Db);

impl DbSessionStore {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> QueryResult<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let work = self.0.run(move |conn| work(conn).map_err(PageError::from));
        log_failure(work.await)
    }
}

fn log_failure<T>(outcome: Result<T, PageError>) -> anyhow::Result<T> {
    outcome.map_err(|error| {
        log::warn!("could not reach the session store: {error}");
        error.into()
    })
}

fn value<T: DeserializeOwned>(state: &SessionState, key: &str) -> Option<T> {
    serde_json::from_str(state.get(key)?).ok()
}

/// The state as it is stored: without the values that have columns of their own.
fn without_columns(mut state: SessionState) -> serde_json::Result<String> {
    state.retain(|name, _| !name.starts_with('_'));
    serde_json::to_string(&state)
}

/// The state including the values of columns.
fn with_columns(session: &Session) -> serde_json::Result<SessionState> {
    let mut state: SessionState = serde_json::from_str(&session.state)?;
    state.insert(key::ROW.to_owned(), session.id.to_string());
    state.insert(
        key::LOGIN.to_owned(),
        serde_json::to_string(&session.login)?,
    );
    if session.must_renew {
        state.insert(key::MUST_RENEW.to_owned(), "true".to_owned());
    }
    Ok(state)
}

impl SessionStore for DbSessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<SessionState>, LoadError> {
        let token = key.as_ref().to_owned();
        let now = Utc::now().naive_utc();
        let notes_uses = !self.0.is_read_only();
        // Noting the use doesn't wait for locks, so this counts as a read.
        let session = self.0.read(move |conn| {
            let find = if notes_uses {
                Session::find_and_touch
            } else {
                Session::find
            };
            Ok(find(conn, &token, now)?)
        });
        log_failure(session.await)
            .map_err(LoadError::Other)?
            .map(|session| with_columns(&session))
            .transpose()
            .map_err(|error| LoadError::Deserialization(error.into()))
    }

    async fn save(&self, state: SessionState, _: &Duration) -> Result<SessionKey, SaveError> {
        let key = generate_session_key();
        let token = key.as_ref().to_owned();
        let no_login = || SaveError::Other(anyhow!("the session has no user"));
        let user_id = value(&state, key::USER).ok_or_else(no_login)?;
        let login = value(&state, key::LOGIN).ok_or_else(no_login)?;
        let state =
            without_columns(state).map_err(|error| SaveError::Serialization(error.into()))?;
        let now = Utc::now().naive_utc();
        self.run(move |conn| {
            conn.write(|conn| Session::insert(conn, &token, user_id, &state, &login, now))
        })
        .await
        .map_err(SaveError::Other)?;
        Ok(key)
    }

    async fn update(
        &self,
        key: SessionKey,
        state: SessionState,
        _: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        if self.0.is_read_only() {
            // Changes of the state, such as a message that was shown, are lost.
            return Ok(key);
        }
        let token = key.as_ref().to_owned();
        let login: Option<SessionLogin> = value(&state, key::LOGIN);
        let proved_at = login.and_then(|login| login.proved_at);
        let text =
            without_columns(state).map_err(|error| UpdateError::Serialization(error.into()))?;
        // A session that ended during this request stays ended.
        let updated = self
            .0
            .run(move |conn| Ok(Session::update(conn, &token, &text, proved_at)?));
        if let Err(error) = updated.await {
            log::warn!("could not save a session: {error}");
            // The response exists already and may report a save: that is worth more than a repeated message or another
            // re-authentication.
            if !error.is_transient() {
                return Err(UpdateError::Other(error.into()));
            }
        }
        Ok(key)
    }

    /// Loading a session notes its use.
    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> anyhow::Result<()> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> anyhow::Result<()> {
        let token = key.as_ref().to_owned();
        self.run(move |conn| Session::end(conn, &token)).await
    }
}

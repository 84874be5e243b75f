//! Where sessions are kept: in the database, so that every node knows every session.

use std::collections::HashMap;

use actix_session::storage::{
    LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key,
};
use actix_web::cookie::time::Duration;
use anyhow::{Context, anyhow};
use chrono::Utc;
use oc_core::accounts::{NewSession, Session};

use crate::db::Db;
use crate::error::PageError;

/// The key under which a session remembers whose it is.
pub(super) const USER: &str = "user";

/// What a session remembers: names and values as JSON.
type State = HashMap<String, String>;

/// Keeps sessions in the database; the token in the cookie is stored hashed.
pub(crate) struct DatabaseStore(pub(crate) Db);

impl DatabaseStore {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut oc_core::DbConnection) -> diesel::QueryResult<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        self.0
            .run(move |conn| work(conn).map_err(PageError::from))
            .await
            .map_err(|error| {
                log::warn!("the sessions cannot be reached: {error}");
                error.into()
            })
    }
}

/// Whose session it is.
fn owner(state: &State) -> anyhow::Result<i64> {
    let user = state
        .get(USER)
        .ok_or_else(|| anyhow!("a session of nobody is not kept"))?;
    user.parse().context("a session's user is no id")
}

impl SessionStore for DatabaseStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        let token = key.as_ref().to_owned();
        let now = Utc::now().naive_utc();
        let session = self
            .run(move |conn| Session::find(conn, &token, now))
            .await
            .map_err(LoadError::Other)?;
        session
            .map(|session| serde_json::from_str(&session.state))
            .transpose()
            .map_err(|error| LoadError::Deserialization(error.into()))
    }

    async fn save(&self, state: State, _: &Duration) -> Result<SessionKey, SaveError> {
        let key = generate_session_key();
        let token = key.as_ref().to_owned();
        let user_id = owner(&state).map_err(SaveError::Other)?;
        let state = serde_json::to_string(&state)
            .map_err(|error| SaveError::Serialization(error.into()))?;
        let now = Utc::now().naive_utc();
        self.run(move |conn| {
            let new = NewSession {
                token: &token,
                user_id,
                state: &state,
            };
            conn.write(|conn| Session::insert(conn, new, now))
        })
        .await
        .map_err(SaveError::Other)?;
        Ok(key)
    }

    async fn update(
        &self,
        key: SessionKey,
        state: State,
        _: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        let token = key.as_ref().to_owned();
        let text = serde_json::to_string(&state)
            .map_err(|error| UpdateError::Serialization(error.into()))?;
        // One that ended while this request ran stays ended.
        self.run(move |conn| Session::update(conn, &token, &text))
            .await
            .map_err(UpdateError::Other)?;
        Ok(key)
    }

    /// Uses are noted when a session is loaded.
    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> anyhow::Result<()> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> anyhow::Result<()> {
        let token = key.as_ref().to_owned();
        self.run(move |conn| Session::end(conn, &token)).await
    }
}

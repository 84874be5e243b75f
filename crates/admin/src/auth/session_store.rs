//! Session store in the database, shared by all nodes.

use std::collections::HashMap;

use accounts::{NewSession, Session};
use actix_session::storage::{
    LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key,
};
use actix_web::cookie::time::Duration;
use anyhow::{Context, anyhow};
use chrono::{NaiveDateTime, Utc};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_http::{Db, PageError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::auth::session::key;

/// The state of a session: names and values as JSON.
type State = HashMap<String, String>;

/// Stores sessions in the database; the key in the cookie is stored as a hash.
pub(crate) struct DbSessionStore(pub(crate) Db);

impl DbSessionStore {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> QueryResult<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let work = self.0.run(move |conn| work(conn).map_err(PageError::from));
        reached(work.await)
    }
}

fn reached<T>(outcome: Result<T, PageError>) -> anyhow::Result<T> {
    outcome.map_err(|error| {
        log::warn!("could not reach the session store: {error}");
        error.into()
    })
}

/// The values that have columns of their own.
#[derive(Default)]
struct Columns {
    began: Option<NaiveDateTime>,
    proved: Option<NaiveDateTime>,
    address: String,
    browser: String,
    password_mark: String,
}

impl Columns {
    /// Removes the values of columns from the state.
    fn out_of(state: &mut State) -> Self {
        state.remove(key::ROW);
        state.remove(key::MUST_RENEW);
        Self {
            began: taken(state, key::CREATED),
            proved: taken(state, key::AUTHENTICATED),
            address: taken(state, key::ADDRESS).unwrap_or_default(),
            browser: taken(state, key::BROWSER).unwrap_or_default(),
            password_mark: taken(state, key::PASSWORD).unwrap_or_default(),
        }
    }
}

fn taken<T: DeserializeOwned>(state: &mut State, key: &str) -> Option<T> {
    serde_json::from_str(&state.remove(key)?).ok()
}

/// The state including the values of columns.
fn with_columns(session: &Session) -> serde_json::Result<State> {
    let mut state: State = serde_json::from_str(&session.state)?;
    put(&mut state, key::ROW, &session.id)?;
    put(&mut state, key::CREATED, &session.created_at)?;
    put(&mut state, key::ADDRESS, &session.address)?;
    put(&mut state, key::BROWSER, &session.browser)?;
    put(&mut state, key::PASSWORD, &session.password_mark)?;
    if let Some(proved_at) = session.proved_at {
        put(&mut state, key::AUTHENTICATED, &proved_at)?;
    }
    if session.must_renew {
        put(&mut state, key::MUST_RENEW, &true)?;
    }
    Ok(state)
}

fn put(state: &mut State, key: &str, value: &impl Serialize) -> serde_json::Result<()> {
    state.insert(key.to_owned(), serde_json::to_string(value)?);
    Ok(())
}

/// The owner's id.
fn owner(state: &State) -> anyhow::Result<i64> {
    let user = state
        .get(key::USER)
        .ok_or_else(|| anyhow!("the session has no user"))?;
    user.parse().context("the session has an invalid user id")
}

impl SessionStore for DbSessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        let token = key.as_ref().to_owned();
        let now = Utc::now().naive_utc();
        let notes_uses = !self.0.is_read_only();
        // Noting the use doesn't wait for locks, so this counts as a read.
        let session = self.0.read(move |conn| {
            if notes_uses {
                return Ok(Session::find(conn, &token, now)?);
            }
            // A read-only site cannot renew the key.
            let found = Session::look_up(conn, &token, now)?;
            Ok(found.map(|session| Session {
                must_renew: false,
                ..session
            }))
        });
        reached(session.await)
            .map_err(LoadError::Other)?
            .map(|session| with_columns(&session))
            .transpose()
            .map_err(|error| LoadError::Deserialization(error.into()))
    }

    async fn save(&self, mut state: State, _: &Duration) -> Result<SessionKey, SaveError> {
        let key = generate_session_key();
        let token = key.as_ref().to_owned();
        let user_id = owner(&state).map_err(SaveError::Other)?;
        let columns = Columns::out_of(&mut state);
        let state = serde_json::to_string(&state)
            .map_err(|error| SaveError::Serialization(error.into()))?;
        let now = Utc::now().naive_utc();
        self.run(move |conn| {
            let new = NewSession {
                token: &token,
                user_id,
                state: &state,
                created_at: columns.began,
                proved_at: columns.proved,
                address: &columns.address,
                browser: &columns.browser,
                password_mark: &columns.password_mark,
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
        mut state: State,
        _: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        if self.0.is_read_only() {
            // Changes of the state, such as a message that was shown, are lost.
            return Ok(key);
        }
        let token = key.as_ref().to_owned();
        let columns = Columns::out_of(&mut state);
        let text = serde_json::to_string(&state)
            .map_err(|error| UpdateError::Serialization(error.into()))?;
        // A session that ended during this request stays ended.
        let updated = self
            .0
            .run(move |conn| Ok(Session::update(conn, &token, &text, columns.proved)?));
        match updated.await {
            // The response exists already and may report a save: that is worth more than a repeated message or another
            // re-authentication.
            Err(error) if error.is_transient() => {
                log::warn!("could not save a session: {error}");
            }
            updated => drop(reached(updated).map_err(UpdateError::Other)?),
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

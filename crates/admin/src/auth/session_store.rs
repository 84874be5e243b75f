//! Where sessions are kept: in the database, so that every node knows every session.

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

/// What a session remembers: names and values as JSON.
type State = HashMap<String, String>;

/// Keeps sessions in the database; the token in the cookie is stored hashed.
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
        log::warn!("the sessions cannot be reached: {error}");
        error.into()
    })
}

/// The columns of a session.
#[derive(Default)]
struct Columns {
    began: Option<NaiveDateTime>,
    proved: Option<NaiveDateTime>,
    address: String,
    browser: String,
    password_mark: String,
}

impl Columns {
    /// Takes the columns out of what a session remembers.
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

/// What a session remembers, with its columns among it.
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

/// Whose session it is.
fn owner(state: &State) -> anyhow::Result<i64> {
    let user = state
        .get(key::USER)
        .ok_or_else(|| anyhow!("a session of nobody is not kept"))?;
    user.parse().context("a session's user is no id")
}

impl SessionStore for DbSessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        let token = key.as_ref().to_owned();
        let now = Utc::now().naive_utc();
        let notes_uses = !self.0.is_read_only();
        // The note of its use waits for nobody, so this is as good as reading.
        let session = self.0.read(move |conn| {
            if notes_uses {
                return Ok(Session::find(conn, &token, now)?);
            }
            // Nor gets it another key.
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
            // What would be remembered, such as a message that was shown, is not.
            return Ok(key);
        }
        let token = key.as_ref().to_owned();
        let columns = Columns::out_of(&mut state);
        let text = serde_json::to_string(&state)
            .map_err(|error| UpdateError::Serialization(error.into()))?;
        // One that ended while this request ran stays ended.
        let updated = self
            .0
            .run(move |conn| Ok(Session::update(conn, &token, &text, columns.proved)?));
        match updated.await {
            // The answer is made already, and may tell of a save: it counts more than a message that is told twice, or
            // a proof that is asked for again.
            Err(error) if error.is_transient() => {
                log::warn!("what a session remembers is not kept: {error}");
            }
            updated => drop(reached(updated).map_err(UpdateError::Other)?),
        }
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

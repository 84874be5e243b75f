//! Sign-in events: logins, failed logins, second factors. Stored in the audit log.

use chrono::{Duration, Utc};
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oc_core::{Actor, DbConnection};

use crate::NewAuditEntry;
use crate::schema::changes;

/// Resource key of sign-in events.
pub const AUTH: &str = "auth.session";

/// Recorded instead of an unknown username, because it may be a password typed into the wrong field.
pub const UNKNOWN_NAME: &str = "a name that no account has";

/// Throttled attempts with the same username and address are recorded once per interval.
const THROTTLED_INTERVAL: Duration = Duration::minutes(5);

/// Network addresses are erased after this time.
const ADDRESS_RETENTION: Duration = Duration::days(90);

/// A sign-in event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their labels explain them")]
pub enum Event {
    LoggedIn,
    LoginRefused,
    LoginThrottled,
    LoggedOut,
    FactorRefused,
    ProofRefused,
    /// A recovery code was used instead of the second factor.
    RecoveryCodeUsed,
    SessionEnded,
    Refused,
}

impl Event {
    /// Every event, in order of display.
    pub const ALL: [Self; 9] = [
        Self::LoggedIn,
        Self::LoginRefused,
        Self::LoginThrottled,
        Self::FactorRefused,
        Self::ProofRefused,
        Self::RecoveryCodeUsed,
        Self::SessionEnded,
        Self::LoggedOut,
        Self::Refused,
    ];

    /// The stored action, and the action as shown to staff.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::LoggedIn => ("logged in", "Logged in"),
            Self::LoginRefused => ("login refused", "Login failed"),
            Self::LoginThrottled => ("login throttled", "Login throttled"),
            Self::LoggedOut => ("logged out", "Logged out"),
            Self::FactorRefused => ("second factor refused", "Two-factor code rejected"),
            Self::ProofRefused => ("proof refused", "Re-authentication failed"),
            Self::RecoveryCodeUsed => ("recovery code used", "Recovery code used"),
            Self::SessionEnded => ("session ended", "Session ended"),
            Self::Refused => ("refused", "Permission denied"),
        }
    }

    /// The stored action.
    pub fn action(self) -> &'static str {
        self.words().0
    }

    /// The action as shown to staff.
    pub fn label(self) -> &'static str {
        self.words().1
    }

    /// The event with that stored action.
    pub fn from_action(action: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.action() == action)
    }
}

/// An event to record.
#[derive(Clone, Copy)]
pub struct NewEvent<'a> {
    /// The event.
    pub event: Event,
    /// The authenticated user, if any.
    pub actor: Option<Actor<'a>>,
    /// The attempted username or the requested page. Never a secret.
    pub about: &'a str,
    /// Network address of the client.
    pub address: &'a str,
}

impl NewEvent<'_> {
    /// Records the event.
    pub fn insert(&self, conn: &mut DbConnection) -> QueryResult<()> {
        if self.event == Event::LoginThrottled && self.was_recorded(conn)? {
            return Ok(());
        }
        let new = NewAuditEntry {
            actor: self.actor,
            model: AUTH,
            title: self.about,
            action: self.event.action(),
            address: self.address,
            ..NewAuditEntry::default()
        };
        new.insert(conn)?;
        if self.event == Event::LoggedIn {
            erase_old_addresses(conn)?;
        }
        Ok(())
    }

    fn was_recorded(&self, conn: &mut DbConnection) -> QueryResult<bool> {
        let now = Utc::now().naive_utc();
        let recorded = changes::table
            .filter(changes::action.eq(self.event.action()))
            .filter(changes::changed_at.between(now - THROTTLED_INTERVAL, now))
            .filter(changes::title.eq(self.about))
            .filter(changes::address.eq(self.address));
        diesel::select(exists(recorded)).get_result(conn)
    }
}

/// Erases network addresses past their retention.
fn erase_old_addresses(conn: &mut DbConnection) -> QueryResult<()> {
    let old = changes::table
        .filter(changes::changed_at.lt(Utc::now().naive_utc() - ADDRESS_RETENTION))
        // Matches the condition of the partial index literally.
        .filter(sql::<Bool>("address <> ''"));
    diesel::update(old)
        .set(changes::address.eq(""))
        .execute(conn)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use crate::AuditEntry;
    use crate::fixtures::ADA;

    use super::*;

    #[test]
    fn an_event_is_an_audit_entry() -> anyhow::Result<()> {
        on_both(|conn| {
            let event = NewEvent {
                event: Event::LoggedIn,
                actor: Some(ADA),
                about: "ada",
                address: "192.0.2.7",
            };
            event.insert(conn)?;

            let line: AuditEntry = AuditEntry::query().first(conn)?;

            assert_eq!(
                (line.model.as_str(), line.action.as_str()),
                (AUTH, "logged in")
            );
            assert_eq!(
                (line.username.as_str(), line.address.as_str()),
                ("ada", "192.0.2.7")
            );
            assert_eq!(line.object_id, None);
            Ok(())
        })
    }

    #[test]
    fn throttled_attempts_are_recorded_once_per_username_and_address() -> anyhow::Result<()> {
        on_both(|conn| {
            for (about, address) in [("ada", "a"), ("ada", "a"), ("bob", "a"), ("ada", "b")] {
                let event = NewEvent {
                    event: Event::LoginThrottled,
                    actor: None,
                    about,
                    address,
                };
                event.insert(conn)?;
            }

            assert_eq!(changes::table.count().get_result::<i64>(conn)?, 3);
            Ok(())
        })
    }

    #[test]
    fn addresses_are_erased_after_ninety_days() -> anyhow::Result<()> {
        on_both(|conn| {
            let come_in = |conn: &mut DbConnection| {
                let event = NewEvent {
                    event: Event::LoggedIn,
                    actor: None,
                    about: "ada",
                    address: "192.0.2.7",
                };
                event.insert(conn)
            };
            for days in [91, 89] {
                come_in(conn)?;
                let last = changes::table.select(diesel::dsl::max(changes::id));
                let last: Option<i64> = last.first(conn)?;
                diesel::update(changes::table.find(last.unwrap_or_default()))
                    .set(changes::changed_at.eq(Utc::now().naive_utc() - Duration::days(days)))
                    .execute(conn)?;
            }

            come_in(conn)?;

            let lines = changes::table.order(changes::id);
            let addresses: Vec<String> = lines.select(changes::address).load(conn)?;
            assert_eq!(addresses, ["", "192.0.2.7", "192.0.2.7"]);
            Ok(())
        })
    }
}

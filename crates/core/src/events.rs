//! What happens at the door, and is no change of a row: logins, refusals, second factors. It is kept in the record of
//! changes, so that there is one record to read.

use chrono::{Duration, Utc};
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::accounts::User;
use crate::changes::{NewChange, Place};
use crate::connection::DbConnection;
use crate::schema::changes;

/// What stands in the record in the place of a kind of row.
pub const DOOR: &str = "auth.session";

/// What stands in the place of a name that no account has. It may be a password that was typed into the wrong field,
/// so it is not kept.
pub const UNKNOWN_NAME: &str = "a name that no account has";

/// Attempts that must wait are told once in so long, so that guessing does not fill the record.
const TOLD_EVERY: Duration = Duration::minutes(5);

/// The longest address that is kept (bytes); any address of IPv6 is shorter.
const LONGEST_ADDRESS: usize = 100;

/// How long a network address stands in the record: long enough to look into an attack, not for good.
const ADDRESSES_KEPT: Duration = Duration::days(90);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A member of staff came in.
    LoggedIn,
    /// A name and a password did not open a staff account.
    LoginRefused,
    /// An attempt had to wait.
    LoginThrottled,
    /// A member of staff went.
    LoggedOut,
    /// A second factor was wrong.
    FactorRefused,
    /// A member of staff was asked again who they are, and did not prove it.
    ProofRefused,
    /// A recovery code took the place of the second factor.
    RecoveryCodeUsed,
    /// A session was ended from elsewhere.
    SessionEnded,
    /// Somebody asked for what they have no right to.
    Refused,
}

impl Event {
    /// Every event, in the order of a day.
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

    /// The word in the record.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::LoggedIn => "logged in",
            Self::LoginRefused => "login refused",
            Self::LoginThrottled => "login throttled",
            Self::LoggedOut => "logged out",
            Self::FactorRefused => "second factor refused",
            Self::ProofRefused => "proof refused",
            Self::RecoveryCodeUsed => "recovery code used",
            Self::SessionEnded => "session ended",
            Self::Refused => "refused",
        }
    }
}

/// An event to be recorded.
#[derive(Clone, Copy)]
pub struct NewEvent<'a> {
    /// What happened.
    pub event: Event,
    /// Who it was, if they proved it.
    pub user: Option<&'a User>,
    /// What it is about: the name that was tried, the page that was asked for. Never a secret.
    pub about: &'a str,
    /// The network address that it came from.
    pub address: &'a str,
}

impl NewEvent<'_> {
    /// Adds the event to the record.
    pub fn insert(&self, conn: &mut DbConnection) -> QueryResult<()> {
        if self.event == Event::LoginThrottled && self.was_told(conn)? {
            return Ok(());
        }
        let new = NewChange {
            user: self.user,
            model: DOOR,
            object_id: None,
            title: self.about,
            action: self.event.word(),
            before: "",
            after: "",
        };
        let place = Place {
            address: self.address.get(..LONGEST_ADDRESS).unwrap_or(self.address),
            ..Place::default()
        };
        new.insert(conn, place)?;
        if self.event == Event::LoggedIn {
            forget_addresses(conn)?;
        }
        Ok(())
    }

    fn was_told(&self, conn: &mut DbConnection) -> QueryResult<bool> {
        let since = Utc::now().naive_utc() - TOLD_EVERY;
        let told = changes::table
            .filter(changes::action.eq(self.event.word()))
            .filter(changes::changed_at.gt(since))
            .filter(changes::title.eq(self.about))
            .filter(changes::address.eq(self.address));
        diesel::select(exists(told)).get_result(conn)
    }
}

/// Takes the network addresses out of lines that are old enough; all else that they tell stays.
fn forget_addresses(conn: &mut DbConnection) -> QueryResult<()> {
    let old = changes::table
        .filter(changes::changed_at.lt(Utc::now().naive_utc() - ADDRESSES_KEPT))
        // In these very words, by which the databases know their index of such lines.
        .filter(sql::<Bool>("address <> ''"));
    diesel::update(old)
        .set(changes::address.eq(""))
        .execute(conn)?;
    Ok(())
}

/// The name of a refused attempt, as it may be kept.
#[must_use]
pub fn name_tried(account: Option<&User>) -> &str {
    account.map_or(UNKNOWN_NAME, |user| &user.username)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::Change;
    use crate::testing::{on_both, user};

    #[test]
    fn an_event_is_a_line_of_the_record() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            let ada = User::find(conn, id)?;
            let event = NewEvent {
                event: Event::LoggedIn,
                user: Some(&ada),
                about: "ada",
                address: "192.0.2.7",
            };
            event.insert(conn)?;

            let line: Change = Change::query().first(conn)?;

            assert_eq!(
                (line.model.as_str(), line.action.as_str()),
                (DOOR, "logged in")
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
    fn attempts_that_must_wait_are_told_once_for_each_name_and_address() -> anyhow::Result<()> {
        on_both(|conn| {
            for (about, address) in [("ada", "a"), ("ada", "a"), ("bob", "a"), ("ada", "b")] {
                let event = NewEvent {
                    event: Event::LoginThrottled,
                    user: None,
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
    fn an_address_is_forgotten_after_ninety_days_and_the_line_stays() -> anyhow::Result<()> {
        on_both(|conn| {
            let come_in = |conn: &mut DbConnection| {
                let event = NewEvent {
                    event: Event::LoggedIn,
                    user: None,
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

    #[test]
    fn a_name_without_an_account_is_not_kept() {
        assert_eq!(name_tried(None), UNKNOWN_NAME);
    }
}

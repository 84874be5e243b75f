//! The outbox: mails in the database until an SMTP server has accepted them.

use chrono::{Duration, NaiveDateTime};
use diesel::dsl::exists;
use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::locks::lock;

use crate::schema::outgoing_mails;

/// A claimed mail is claimed again after this time, because the node that claimed it has ended.
const LEASE: Duration = Duration::minutes(5);
/// The pause after the first failure; each one is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::minutes(1);
const LONGEST_PAUSE: Duration = Duration::hours(6);
/// Maximum clock difference between two nodes.
const CLOCK_SKEW: Duration = Duration::minutes(1);
/// The lifetime of a mail without one: earlier versions stored none.
const LIFETIME: Duration = Duration::days(3);

/// A mail to store in the outbox.
#[derive(Debug, Clone, Copy)]
pub struct NewMail<'a> {
    /// The address, without a name.
    pub recipient: &'a str,
    /// One line.
    pub subject: &'a str,
    /// Plain text.
    pub body: &'a str,
    /// A mail that could not be sent for this long is dropped.
    pub lifetime: Duration,
}

impl NewMail<'_> {
    /// Stores the mail. In the transaction of a change, it is sent only if the change is committed.
    pub fn insert(&self, conn: &mut DbConnection, now: NaiveDateTime) -> QueryResult<()> {
        diesel::insert_into(outgoing_mails::table)
            .values((
                outgoing_mails::recipient.eq(self.recipient),
                outgoing_mails::subject.eq(self.subject),
                outgoing_mails::body.eq(self.body),
                outgoing_mails::created_at.eq(now),
                outgoing_mails::next_attempt_at.eq(now),
                outgoing_mails::expires_at.eq(now + self.lifetime),
            ))
            .execute(conn)
            .map(drop)
    }
}

/// A stored mail.
#[derive(Debug, Clone, HasQuery)]
#[diesel(table_name = outgoing_mails)]
pub struct OutgoingMail {
    /// Its id.
    pub id: i64,
    /// The address, without a name.
    pub recipient: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// When it was stored (UTC).
    pub created_at: NaiveDateTime,
    /// Failures so far.
    pub attempts: i32,
    /// When it is dropped (UTC).
    pub expires_at: Option<NaiveDateTime>,
}

/// The end of an attempt to send a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The server accepted it.
    Sent,
    /// It is tried again later.
    Failed,
    /// It is dropped: it can't be sent, or has expired.
    Dropped,
}

/// Mails whose time has come, and those that were stored or tried while a clock was ahead.
#[diesel::dsl::auto_type(no_type_alias)]
fn due(now: NaiveDateTime) -> _ {
    let is_new = outgoing_mails::attempts.eq(0_i32);
    let after_lease: NaiveDateTime = now + LEASE + CLOCK_SKEW;
    let after_pause: NaiveDateTime = now + LONGEST_PAUSE + CLOCK_SKEW;
    outgoing_mails::next_attempt_at
        .le(now)
        .or(outgoing_mails::next_attempt_at.gt(after_pause))
        .or(is_new.and(outgoing_mails::next_attempt_at.gt(after_lease)))
}

impl OutgoingMail {
    /// Whether a mail is due.
    pub fn is_due(conn: &mut DbConnection, now: NaiveDateTime) -> QueryResult<bool> {
        diesel::select(exists(outgoing_mails::table.filter(due(now)))).get_result(conn)
    }

    /// Whether it is too late to send it.
    pub fn has_expired(&self, now: NaiveDateTime) -> bool {
        now >= self.expires_at.unwrap_or(self.created_at + LIFETIME)
    }

    /// Whether mails wait that the server has not accepted.
    pub fn is_delayed(conn: &mut DbConnection) -> QueryResult<bool> {
        diesel::select(exists(
            outgoing_mails::table.filter(outgoing_mails::attempts.gt(0)),
        ))
        .get_result(conn)
    }

    /// Claims the mail that has been due for longest: no other node sends it meanwhile.
    pub fn claim(conn: &mut DbConnection, now: NaiveDateTime) -> QueryResult<Option<Self>> {
        conn.write(|conn| {
            lock(conn, "outgoing mails", 0)?;
            let due = Self::query()
                .filter(due(now))
                .order((outgoing_mails::next_attempt_at, outgoing_mails::id));
            let Some(mail) = due.first(conn).optional()? else {
                return Ok(None);
            };
            diesel::update(outgoing_mails::table.find(mail.id))
                .set(outgoing_mails::next_attempt_at.eq(now + LEASE))
                .execute(conn)?;
            Ok(Some(mail))
        })
    }

    /// Deletes the mail, which was sent.
    pub fn set_sent(&self, conn: &mut DbConnection) -> QueryResult<Attempt> {
        diesel::delete(outgoing_mails::table.find(self.id)).execute(conn)?;
        Ok(Attempt::Sent)
    }

    /// Schedules the next attempt after a growing pause, or drops the mail if it expires before.
    pub fn set_failed(
        &self,
        conn: &mut DbConnection,
        is_permanent: bool,
        now: NaiveDateTime,
    ) -> QueryResult<Attempt> {
        let own = outgoing_mails::table.find(self.id);
        let doublings = self.attempts.clamp(0, 16);
        let pause = (FIRST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE);
        if is_permanent || self.has_expired(now + pause) {
            diesel::delete(own).execute(conn)?;
            return Ok(Attempt::Dropped);
        }
        diesel::update(own)
            .set((
                outgoing_mails::attempts.eq(self.attempts + 1),
                outgoing_mails::next_attempt_at.eq(now + pause),
            ))
            .execute(conn)?;
        Ok(Attempt::Failed)
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use super::*;

    fn at(minutes: i64) -> NaiveDateTime {
        chrono::DateTime::UNIX_EPOCH.naive_utc() + Duration::minutes(minutes)
    }

    fn insert(conn: &mut DbConnection, recipient: &str) -> QueryResult<()> {
        let mail = NewMail {
            recipient,
            subject: "Hello",
            body: "Text",
            lifetime: Duration::minutes(30),
        };
        mail.insert(conn, at(0))
    }

    fn claimed(conn: &mut DbConnection, minutes: i64) -> QueryResult<Option<String>> {
        Ok(OutgoingMail::claim(conn, at(minutes))?.map(|mail| mail.recipient))
    }

    #[test]
    fn a_mail_is_claimed_once_and_again_if_its_node_ended() -> anyhow::Result<()> {
        on_both(|conn| {
            insert(conn, "ada@example.org")?;
            insert(conn, "bob@example.org")?;

            assert_eq!(claimed(conn, 0)?.as_deref(), Some("ada@example.org"));
            assert_eq!(claimed(conn, 0)?.as_deref(), Some("bob@example.org"));
            assert_eq!(claimed(conn, 4)?, None);
            assert!(!OutgoingMail::is_due(conn, at(4))?);
            assert_eq!(claimed(conn, 5)?.as_deref(), Some("ada@example.org"));
            Ok(())
        })
    }

    #[test]
    fn a_mail_from_the_future_is_sent_at_once() -> anyhow::Result<()> {
        on_both(|conn| {
            for (ahead, attempts, is_due) in [
                (24 * 60, 0, true),
                (7, 0, true),
                (6, 0, false),
                (5, 9, false),
                (362, 9, true),
            ] {
                diesel::delete(outgoing_mails::table).execute(conn)?;
                insert(conn, "ada@example.org")?;
                diesel::update(outgoing_mails::table)
                    .set((
                        outgoing_mails::next_attempt_at.eq(at(ahead)),
                        outgoing_mails::attempts.eq(attempts),
                    ))
                    .execute(conn)?;

                assert_eq!(OutgoingMail::is_due(conn, at(0))?, is_due, "{ahead}");
                assert_eq!(claimed(conn, 0)?.is_some(), is_due, "{ahead}");
            }
            Ok(())
        })
    }

    #[test]
    fn pauses_grow_until_the_mail_is_dropped() -> anyhow::Result<()> {
        on_both(|conn| {
            insert(conn, "ada@example.org")?;
            assert!(!OutgoingMail::is_delayed(conn)?);
            for minutes in [0, 1, 3, 7] {
                let mail = OutgoingMail::claim(conn, at(minutes))?.expect("it is due");
                assert_eq!(mail.set_failed(conn, false, at(minutes))?, Attempt::Failed);
                assert_eq!(claimed(conn, minutes)?, None);
            }
            assert!(OutgoingMail::is_delayed(conn)?);

            let mail = OutgoingMail::claim(conn, at(15))?.expect("it is due");

            assert!(!mail.has_expired(at(29)) && mail.has_expired(at(30)));
            assert_eq!(mail.set_failed(conn, false, at(15))?, Attempt::Dropped);
            assert!(!OutgoingMail::is_delayed(conn)?);
            insert(conn, "bob@example.org")?;
            let mail = OutgoingMail::claim(conn, at(0))?.expect("it is due");
            assert_eq!(mail.set_failed(conn, true, at(0))?, Attempt::Dropped);
            Ok(())
        })
    }
}

//! Throttling of login attempts, in the database so that it applies across all nodes.

use chrono::{Duration, NaiveDateTime};
use diesel::dsl::{count_star, min};
use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::locks::lock;
use sha2::{Digest, Sha256};

use crate::schema::login_failures;

/// How long a failure counts.
const WINDOW: Duration = Duration::minutes(5);
/// Failures dated later than this from now were recorded while a clock was ahead, and don't count.
const CLOCK_SKEW: Duration = Duration::seconds(10);
/// Failures that one address may have in that time, spread over as many names as it likes.
const PER_ADDRESS: i64 = 25;
/// Failures that one name may have, from browsers that never logged in with it.
const PER_NAME: i64 = 10;
/// Failures that a browser may have which did log in with that name: its own, so that nobody locks it out.
const PER_BROWSER: i64 = 10;

/// Somebody who tries to log in.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The network address.
    pub address: &'a str,
    /// The name that is tried, whether there is such an account or not.
    pub username: &'a str,
    /// What marks this browser, if it has logged in with this name before.
    pub browser: Option<&'a str>,
}

/// Too many attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// When the next one will be let through.
    pub wait: Duration,
}

impl Attempt<'_> {
    /// What failures of this attempt count against, with the limit of each.
    fn subjects(&self) -> Vec<(String, i64)> {
        let subject = |kind: &str, parts: &[&str]| {
            hex::encode(Sha256::digest(format!("{kind}\0{}", parts.join("\0"))))
        };
        match self.browser {
            Some(browser) => vec![(subject("browser", &[browser, self.username]), PER_BROWSER)],
            None => vec![
                (subject("address", &[self.address]), PER_ADDRESS),
                (subject("name", &[self.username]), PER_NAME),
            ],
        }
    }

    /// Counts this attempt as failed until it is cleared, and returns the ids of its rows, or that it must wait.
    ///
    /// Counted before the password is checked, so that concurrent attempts count too. Requires a write.
    pub fn count(
        &self,
        conn: &mut DbConnection,
        now: NaiveDateTime,
    ) -> QueryResult<Result<Vec<i64>, Throttled>> {
        let expired = login_failures::failed_at
            .le(now - WINDOW)
            .or(login_failures::failed_at.gt(now + CLOCK_SKEW));
        diesel::delete(login_failures::table.filter(expired)).execute(conn)?;
        let subjects = self.subjects();
        for (subject, limit) in &subjects {
            lock(conn, subject, 0)?;
            let (count, first): (i64, Option<NaiveDateTime>) = login_failures::table
                .filter(login_failures::subject.eq(subject))
                .select((count_star(), min(login_failures::failed_at)))
                .first(conn)?;
            if count >= *limit {
                let wait = first.map_or(WINDOW, |first| first + WINDOW - now);
                return Ok(Err(Throttled { wait }));
            }
        }
        let insert = |(subject, _): &(String, i64)| {
            diesel::insert_into(login_failures::table)
                .values((
                    login_failures::subject.eq(subject),
                    login_failures::failed_at.eq(now),
                ))
                .returning(login_failures::id)
                .get_result(conn)
        };
        Ok(Ok(subjects
            .iter()
            .map(insert)
            .collect::<QueryResult<_>>()?))
    }

    /// Deletes the rows that [`Attempt::count`] inserted, after a success.
    pub fn clear(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
        diesel::delete(login_failures::table.filter(login_failures::id.eq_any(ids.to_vec())))
            .execute(conn)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use super::*;

    fn at(seconds: i64) -> NaiveDateTime {
        chrono::DateTime::UNIX_EPOCH.naive_utc() + Duration::seconds(seconds)
    }

    fn attempt<'a>(address: &'a str, username: &'a str) -> Attempt<'a> {
        Attempt {
            address,
            username,
            browser: None,
        }
    }

    fn wait(
        conn: &mut DbConnection,
        attempt: Attempt<'_>,
        seconds: i64,
    ) -> QueryResult<Option<i64>> {
        let taken = conn.write(|conn| attempt.count(conn, at(seconds)))?;
        Ok(taken.err().map(|throttled| throttled.wait.num_seconds()))
    }

    #[test]
    fn an_address_has_twenty_five_failures_over_as_many_names() -> anyhow::Result<()> {
        on_both(|conn| {
            for number in 0..25 {
                let name = format!("name{number}");
                assert_eq!(wait(conn, attempt("10.0.0.1", &name), number)?, None);
            }

            assert_eq!(wait(conn, attempt("10.0.0.1", "another"), 30)?, Some(270));
            assert_eq!(wait(conn, attempt("10.0.0.2", "another"), 30)?, None);
            assert_eq!(wait(conn, attempt("10.0.0.1", "another"), 301)?, None);
            Ok(())
        })
    }

    #[test]
    fn a_name_under_attack_stays_open_to_a_browser_that_knows_it() -> anyhow::Result<()> {
        on_both(|conn| {
            for number in 0..10 {
                assert_eq!(
                    wait(conn, attempt(&format!("10.0.0.{number}"), "ada"), 0)?,
                    None
                );
            }
            let own = Attempt {
                browser: Some("b1"),
                ..attempt("10.0.1.1", "ada")
            };

            assert!(wait(conn, attempt("10.0.1.1", "ada"), 1)?.is_some());
            for _ in 0..10 {
                assert_eq!(wait(conn, own, 1)?, None);
            }
            assert!(wait(conn, own, 2)?.is_some());
            assert_eq!(
                wait(
                    conn,
                    Attempt {
                        username: "bob",
                        ..own
                    },
                    2
                )?,
                None
            );
            Ok(())
        })
    }

    #[test]
    fn failures_from_the_future_do_not_count() -> anyhow::Result<()> {
        on_both(|conn| {
            let day = 24 * 60 * 60;
            for _ in 0..10 {
                assert_eq!(wait(conn, attempt("10.0.0.1", "ada"), day)?, None);
            }

            assert_eq!(wait(conn, attempt("10.0.0.1", "ada"), 0)?, None);
            Ok(())
        })
    }

    #[test]
    fn a_successful_attempt_does_not_count() -> anyhow::Result<()> {
        on_both(|conn| {
            for _ in 0..30 {
                let ids = conn.write(|conn| attempt("10.0.0.1", "ada").count(conn, at(0)))?;
                Attempt::clear(conn, &ids.map_err(|_| anyhow::anyhow!("it had to wait"))?)?;
            }
            Ok(())
        })
    }
}

//! The slow-down of guessing, held in the database so that it counts on every node.

use chrono::{Duration, NaiveDateTime};
use diesel::dsl::{count_star, min};
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::connection::DbConnection;
use crate::schema::login_failures;

/// How long a failure counts.
const WINDOW: Duration = Duration::minutes(5);
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

    /// Whether this attempt must wait.
    pub fn check(
        &self,
        conn: &mut DbConnection,
        now: NaiveDateTime,
    ) -> QueryResult<Result<(), Throttled>> {
        for (subject, limit) in self.subjects() {
            let (count, first): (i64, Option<NaiveDateTime>) = login_failures::table
                .filter(login_failures::subject.eq(&subject))
                .filter(login_failures::failed_at.gt(now - WINDOW))
                .select((count_star(), min(login_failures::failed_at)))
                .first(conn)?;
            if count >= limit {
                let wait = first.map_or(WINDOW, |first| first + WINDOW - now);
                return Ok(Err(Throttled { wait }));
            }
        }
        Ok(Ok(()))
    }

    /// Notes that it failed, and forgets failures that no longer count.
    pub fn fail(&self, conn: &mut DbConnection, now: NaiveDateTime) -> QueryResult<()> {
        diesel::delete(login_failures::table.filter(login_failures::failed_at.le(now - WINDOW)))
            .execute(conn)?;
        for (subject, _) in self.subjects() {
            diesel::insert_into(login_failures::table)
                .values((
                    login_failures::subject.eq(subject),
                    login_failures::failed_at.eq(now),
                ))
                .execute(conn)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::on_both;

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

    #[test]
    fn an_address_has_twenty_five_failures_over_as_many_names() -> anyhow::Result<()> {
        on_both(|conn| {
            for number in 0..25 {
                let name = format!("name{number}");
                assert_eq!(attempt("10.0.0.1", &name).check(conn, at(number))?, Ok(()));
                attempt("10.0.0.1", &name).fail(conn, at(number))?;
            }

            assert_eq!(
                attempt("10.0.0.1", "another").check(conn, at(30))?,
                Err(Throttled {
                    wait: Duration::seconds(270)
                })
            );
            assert_eq!(attempt("10.0.0.2", "another").check(conn, at(30))?, Ok(()));
            assert_eq!(attempt("10.0.0.1", "another").check(conn, at(301))?, Ok(()));
            Ok(())
        })
    }

    #[test]
    fn a_name_under_attack_stays_open_to_a_browser_that_knows_it() -> anyhow::Result<()> {
        on_both(|conn| {
            for number in 0..10 {
                attempt(&format!("10.0.0.{number}"), "ada").fail(conn, at(0))?;
            }
            let own = Attempt {
                browser: Some("b1"),
                ..attempt("10.0.1.1", "ada")
            };

            assert!(attempt("10.0.1.1", "ada").check(conn, at(1))?.is_err());
            assert_eq!(own.check(conn, at(1))?, Ok(()));
            for _ in 0..10 {
                own.fail(conn, at(1))?;
            }
            assert!(own.check(conn, at(2))?.is_err());
            assert_eq!(
                Attempt {
                    username: "bob",
                    ..own
                }
                .check(conn, at(2))?,
                Ok(())
            );
            Ok(())
        })
    }
}

//! Throttling of login attempts, in the database so that it applies across all nodes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::{Duration, NaiveDateTime};
use diesel::dsl::{count_star, min};
use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::locks::lock;
use sha2::{Digest, Sha256};

use crate::schema::login_failures;

/// How long a failed password counts.
const WINDOW: Duration = Duration::minutes(5);
/// How long a failed two-factor code counts.
const CODE_WINDOW: Duration = Duration::hours(1);
/// An attempt that is pending for longer than this was abandoned, and counts as failed.
const PENDING: Duration = Duration::seconds(30);
/// Failures dated later than this from now were recorded while a clock was ahead, and don't count.
const CLOCK_SKEW: Duration = Duration::seconds(10);

// Failures within the window.
const PER_SITE_NETWORK: i64 = 100;
const PER_NETWORK: i64 = 25;
const PER_NAME: i64 = 10;
/// Shared by all browsers that logged in with a name before: failures elsewhere don't lock them out.
const PER_NAME_ON_KNOWN_BROWSERS: i64 = 10;
const CODES_PER_ACCOUNT: i64 = 10;
/// Requests for a mail with a link to reset a password, within an hour.
const RESETS_PER_ADDRESS: i64 = 3;
const RESET_WINDOW: Duration = Duration::hours(1);

/// A login attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The network address, if known.
    pub address: Option<IpAddr>,
    /// The name that is tried, whether there is such an account or not.
    pub username: String,
    /// Whether this browser has logged in with this name before.
    pub is_known_browser: bool,
    /// The user whose two-factor code is checked, if it is.
    pub code_of: Option<i64>,
}

/// Why an attempt can't be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// Too many attempts failed.
    Throttled {
        /// Time until the next attempt.
        wait: Duration,
    },
    /// Attempts that are pending use up the allowance: it is free again if they succeed.
    Busy,
}

/// An attempt that takes up room until it is known whether it succeeded.
#[derive(Debug)]
pub struct PendingAttempt(Vec<i64>);

/// What failures count against.
struct Subject {
    hash: String,
    limit: i64,
    window: Duration,
}

impl Subject {
    fn new(kind: &str, name: &str, limit: i64, window: Duration) -> Self {
        Self {
            hash: hex::encode(Sha256::digest(format!("{kind}\0{name}"))),
            limit,
            window,
        }
    }
}

/// An IPv4 address that is embedded in IPv6, mapped or translated by NAT64 (RFC 6052), as itself.
fn without_translation(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if address.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => {
            let [.., a, b, c, d] = address.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        address => address,
    }
}

/// The subjects of an address: of IPv6 the /48 that a site gets, and the /64 that a household gets (RFC 6177).
fn networks(kind: &str, address: Option<IpAddr>) -> Vec<Subject> {
    let network = |name: &str, limit| Subject::new(kind, name, limit, WINDOW);
    match address.map(without_translation) {
        Some(IpAddr::V6(address)) => [(48, PER_SITE_NETWORK), (64, PER_NETWORK)]
            .map(|(length, limit)| {
                let start = Ipv6Addr::from(u128::from(address) & (u128::MAX << (128 - length)));
                network(&format!("{start}/{length}"), limit)
            })
            .into(),
        Some(IpAddr::V4(address)) => vec![network(&address.to_string(), PER_NETWORK)],
        None => vec![network("", PER_NETWORK)],
    }
}

impl Attempt {
    /// Always in the same order, to prevent deadlocks.
    fn subjects(&self) -> Vec<Subject> {
        let mut subjects = if self.is_known_browser {
            let limit = PER_NAME_ON_KNOWN_BROWSERS;
            vec![Subject::new("browsers", &self.username, limit, WINDOW)]
        } else {
            let mut subjects = networks("address", self.address);
            subjects.push(Subject::new("name", &self.username, PER_NAME, WINDOW));
            subjects
        };
        if let Some(user_id) = self.code_of {
            let (id, limit) = (user_id.to_string(), CODES_PER_ACCOUNT);
            subjects.push(Subject::new("code", &id, limit, CODE_WINDOW));
        }
        subjects
    }

    /// Begins an attempt: it counts before the password is checked, so that concurrent ones don't exceed the limits.
    /// Requires a transaction.
    pub fn begin(
        &self,
        conn: &mut DbConnection,
        now: NaiveDateTime,
    ) -> QueryResult<Result<PendingAttempt, Rejection>> {
        begin(conn, &self.subjects(), now)
    }
}

/// Forgets the failures of a name, because its password has been replaced.
pub fn forget_failures(conn: &mut DbConnection, username: &str) -> QueryResult<()> {
    let subjects = ["name", "browsers"].map(|kind| Subject::new(kind, username, 0, WINDOW).hash);
    let failures = login_failures::table.filter(login_failures::subject.eq_any(subjects));
    let failures = failures.filter(login_failures::is_pending.eq(false));
    diesel::delete(failures).execute(conn).map(drop)
}

/// Counts a request to reset the password of the account with an email address, if there is one. Requires a transaction.
pub fn count_reset(
    conn: &mut DbConnection,
    address: Option<IpAddr>,
    email: &str,
    now: NaiveDateTime,
) -> QueryResult<Result<(), Rejection>> {
    let mut subjects = networks("reset address", address);
    let (name, limit) = (email.to_lowercase(), RESETS_PER_ADDRESS);
    subjects.push(Subject::new("reset", &name, limit, RESET_WINDOW));
    match begin(conn, &subjects, now)? {
        Ok(pending) => pending.fail(conn).map(Ok),
        Err(rejection) => Ok(Err(rejection)),
    }
}

fn begin(
    conn: &mut DbConnection,
    subjects: &[Subject],
    now: NaiveDateTime,
) -> QueryResult<Result<PendingAttempt, Rejection>> {
    let expired = login_failures::failed_at
        .le(now - CODE_WINDOW)
        .or(login_failures::failed_at.gt(now + CLOCK_SKEW));
    diesel::delete(login_failures::table.filter(expired)).execute(conn)?;
    let mut is_busy = false;
    for subject in subjects {
        lock(conn, &subject.hash, 0)?;
        let counted = login_failures::table
            .filter(login_failures::subject.eq(&subject.hash))
            .filter(login_failures::failed_at.gt(now - subject.window));
        let failed = login_failures::is_pending
            .eq(false)
            .or(login_failures::failed_at.le(now - PENDING));
        let all: i64 = counted.count().get_result(conn)?;
        let (failures, first): (i64, Option<NaiveDateTime>) = counted
            .filter(failed)
            .select((count_star(), min(login_failures::failed_at)))
            .first(conn)?;
        if failures >= subject.limit {
            let wait = first.map_or(subject.window, |first| first + subject.window - now);
            return Ok(Err(Rejection::Throttled { wait }));
        }
        is_busy |= all >= subject.limit;
    }
    if is_busy {
        return Ok(Err(Rejection::Busy));
    }
    let insert = |subject: &Subject| {
        diesel::insert_into(login_failures::table)
            .values((
                login_failures::subject.eq(&subject.hash),
                login_failures::failed_at.eq(now),
                login_failures::is_pending.eq(true),
            ))
            .returning(login_failures::id)
            .get_result(conn)
    };
    let ids = subjects.iter().map(insert).collect::<QueryResult<_>>()?;
    Ok(Ok(PendingAttempt(ids)))
}

impl PendingAttempt {
    /// Ends an attempt that failed.
    pub fn fail(&self, conn: &mut DbConnection) -> QueryResult<()> {
        let own = login_failures::table.filter(login_failures::id.eq_any(self.0.clone()));
        let update = diesel::update(own).set(login_failures::is_pending.eq(false));
        update.execute(conn).map(drop)
    }

    /// Ends an attempt that succeeded: it doesn't count.
    pub fn succeed(&self, conn: &mut DbConnection) -> QueryResult<()> {
        let own = login_failures::table.filter(login_failures::id.eq_any(self.0.clone()));
        diesel::delete(own).execute(conn).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use super::*;
    use crate::User;
    use crate::testing::user;

    fn at(seconds: i64) -> NaiveDateTime {
        chrono::DateTime::UNIX_EPOCH.naive_utc() + Duration::seconds(seconds)
    }

    fn attempt(address: &str, username: &str) -> Attempt {
        Attempt {
            address: address.parse().ok(),
            username: username.to_owned(),
            is_known_browser: false,
            code_of: None,
        }
    }

    fn begin(
        conn: &mut DbConnection,
        attempt: &Attempt,
        seconds: i64,
    ) -> QueryResult<Result<PendingAttempt, Rejection>> {
        conn.write(|conn| attempt.begin(conn, at(seconds)))
    }

    /// Fails, or returns the seconds to wait.
    fn fail(conn: &mut DbConnection, attempt: &Attempt, seconds: i64) -> QueryResult<Option<i64>> {
        match begin(conn, attempt, seconds)? {
            Ok(pending) => pending.fail(conn).map(|()| None),
            Err(Rejection::Throttled { wait }) => Ok(Some(wait.num_seconds())),
            Err(Rejection::Busy) => Ok(Some(0)),
        }
    }

    #[test]
    fn an_address_is_throttled_after_25_failures_with_any_username() -> anyhow::Result<()> {
        on_both(|conn| {
            for number in 0..25 {
                let name = format!("name{number}");
                assert_eq!(fail(conn, &attempt("10.0.0.1", &name), number)?, None);
            }

            assert_eq!(fail(conn, &attempt("10.0.0.1", "another"), 30)?, Some(270));
            assert_eq!(fail(conn, &attempt("10.0.0.2", "another"), 30)?, None);
            assert_eq!(fail(conn, &attempt("10.0.0.1", "another"), 301)?, None);
            Ok(())
        })
    }

    #[test]
    fn an_ipv6_network_has_its_own_wider_limit() -> anyhow::Result<()> {
        on_both(|conn| {
            for number in 0..100 {
                let (address, name) = (
                    format!("2001:db8:7:{}::1", number / 20),
                    format!("name{number}"),
                );
                assert_eq!(fail(conn, &attempt(&address, &name), 0)?, None);
            }

            assert!(fail(conn, &attempt("2001:db8:7:99::1", "another"), 1)?.is_some());
            assert_eq!(
                fail(conn, &attempt("2001:db8:8:99::1", "another"), 1)?,
                None
            );
            Ok(())
        })
    }

    #[test]
    fn an_ipv4_address_inside_ipv6_counts_as_itself() -> anyhow::Result<()> {
        on_both(|conn| {
            for number in 0..25 {
                let address = ["192.0.2.7", "::ffff:192.0.2.7", "64:ff9b::192.0.2.7"][number % 3];
                assert_eq!(
                    fail(conn, &attempt(address, &format!("name{number}")), 0)?,
                    None
                );
            }

            assert!(fail(conn, &attempt("64:ff9b::192.0.2.7", "another"), 1)?.is_some());
            assert_eq!(
                fail(conn, &attempt("64:ff9b::192.0.2.8", "another"), 1)?,
                None
            );
            Ok(())
        })
    }

    #[test]
    fn known_browsers_share_an_allowance_and_a_new_password_renews_it() -> anyhow::Result<()> {
        on_both(|conn| {
            for number in 0..10 {
                let stranger = attempt(&format!("10.0.0.{number}"), "ada");
                assert_eq!(fail(conn, &stranger, 0)?, None);
            }
            let known = Attempt {
                is_known_browser: true,
                ..attempt("10.0.1.1", "ada")
            };

            assert!(fail(conn, &attempt("10.0.1.1", "ada"), 1)?.is_some());
            for _ in 0..10 {
                assert_eq!(fail(conn, &known, 1)?, None);
            }
            let elsewhere = Attempt {
                address: None,
                ..known.clone()
            };
            assert!(fail(conn, &elsewhere, 2)?.is_some());
            let bob = Attempt {
                username: "bob".to_owned(),
                ..known
            };
            assert_eq!(fail(conn, &bob, 2)?, None);
            // FusionAuth/fusionauth-issues#1394, codeconsortium/CCDNUserSecurityBundle#42.
            let ada = user(conn, "ada")?;
            User::set_password(conn, ada, "hash")?;
            assert!(fail(conn, &attempt("10.0.1.1", "ada"), 2)?.is_some());
            forget_failures(conn, "ada")?;
            assert_eq!(fail(conn, &attempt("10.0.1.1", "ada"), 2)?, None);
            assert_eq!(fail(conn, &elsewhere, 2)?, None);
            Ok(())
        })
    }

    #[test]
    fn an_account_has_ten_wrong_codes_an_hour() -> anyhow::Result<()> {
        on_both(|conn| {
            let code = |browser| Attempt {
                is_known_browser: browser,
                code_of: Some(7),
                ..attempt("10.0.0.1", "ada")
            };
            for number in 0..10 {
                assert_eq!(fail(conn, &code(number % 2 == 0), number * 60)?, None);
            }

            assert_eq!(fail(conn, &code(true), 1800)?, Some(1800));
            assert_eq!(fail(conn, &attempt("10.0.0.1", "ada"), 1800)?, None);
            assert_eq!(fail(conn, &code(true), 3601)?, None);
            Ok(())
        })
    }

    #[test]
    fn an_email_address_gets_three_links_an_hour() -> anyhow::Result<()> {
        on_both(|conn| {
            let mut count = |email: &str, seconds| count_reset(conn, None, email, at(seconds));
            for email in ["ada@example.org", "Ada@example.org", "ADA@EXAMPLE.ORG"] {
                assert_eq!(count(email, 0)?, Ok(()));
            }

            let wait = Duration::minutes(50);
            assert_eq!(
                count("ada@example.org", 600)?,
                Err(Rejection::Throttled { wait })
            );
            assert_eq!(count("bob@example.org", 600)?, Ok(()));
            assert_eq!(count("ada@example.org", 3601)?, Ok(()));
            Ok(())
        })
    }

    #[test]
    fn failures_from_the_future_do_not_count() -> anyhow::Result<()> {
        on_both(|conn| {
            let day = 24 * 60 * 60;
            for _ in 0..10 {
                assert_eq!(fail(conn, &attempt("10.0.0.1", "ada"), day)?, None);
            }

            assert_eq!(fail(conn, &attempt("10.0.0.1", "ada"), 0)?, None);
            Ok(())
        })
    }

    #[test]
    fn pending_attempts_take_up_room_and_count_only_if_they_fail() -> anyhow::Result<()> {
        on_both(|conn| {
            let ada = attempt("10.0.0.1", "ada");
            let mut pending: Vec<_> = (0..10)
                .map(|_| begin(conn, &ada, 0)?.map_err(|_| diesel::result::Error::NotFound))
                .collect::<Result<_, _>>()?;

            assert_eq!(begin(conn, &ada, 1)?.err(), Some(Rejection::Busy));
            for attempt in pending.drain(1..) {
                attempt.succeed(conn)?;
            }
            for _ in 0..9 {
                assert_eq!(fail(conn, &ada, 2)?, None);
            }
            assert_eq!(begin(conn, &ada, 3)?.err(), Some(Rejection::Busy));
            assert_eq!(fail(conn, &ada, 30)?, Some(270), "one was abandoned");
            Ok(())
        })
    }
}

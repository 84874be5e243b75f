//! PostgreSQL that no longer answers; `cargo xtask soak postgres` restarts a real server ten times.

use super::program::Program;
use super::relay::Relay;
use super::staff::{PRODUCTION, hire, log_in, save};
use crate::http::Answer;
use crate::support::letting;
use anyhow::{Context, Result};
use oc_core::testing::TestDb;
use std::thread;

#[test]
fn nobody_hangs_with_a_server_that_says_nothing_and_it_is_found_again() -> Result<()> {
    let Some(db) = TestDb::postgres()? else {
        return Ok(());
    };
    letting(&mut db.connect()?, "Lakeside flat")?;
    hire(&db, "boss")?;
    let relay = Relay::to(&db)?;
    let settings = [
        ("DATABASE_URL", relay.url()),
        ("DATABASE_POOL_SIZE", "2"),
        ("RUST_LOG", "info,access=off"),
    ];
    let serving = Program::with(&[&PRODUCTION[..], &settings].concat())?.serve(&[])?;
    let get = |target: &str| serving.get("localhost", target);
    let mut boss = log_in(serving.address(), "boss")?;
    assert_eq!(get("/lettings/1/")?.status, 200);

    relay.block();
    // More than there are connections: some wait for the server, and some for those.
    let pages = thread::scope(|scope| {
        let visitors: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| get("/lettings/1/")))
            .collect();
        let answers = visitors
            .into_iter()
            .map(|visitor| visitor.join().expect("nobody panics"));
        answers.collect::<Result<Vec<Answer>>>()
    })?;
    let (alive, ready) = (get("/healthz")?, get("/readyz")?);
    let saved = save(&mut boss, "Never told")?;
    relay.mend();
    let found = (0..20).any(|_| get("/lettings/1/").is_ok_and(|answer| answer.status == 200));
    let again = save(&mut boss, "Told")?;

    for answer in pages.iter().chain([&saved]) {
        assert_eq!(answer.status, 503, "{}", answer.text()?);
        assert!(answer.header("retry-after").is_some());
        assert!(answer.text()?.contains("ry again"));
    }
    assert_eq!((alive.status, ready.status), (200, 503));
    assert_eq!(ready.json()?["checks"]["database"], "failed");
    assert!(found, "the site does not find the server again");
    assert_eq!(again.status, 303, "{}", again.text()?);
    serving.end("TERM")?.0.context("it was killed")?;
    Ok(())
}

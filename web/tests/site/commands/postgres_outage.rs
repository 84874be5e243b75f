//! PostgreSQL that goes away under load; `cargo xtask soak postgres` restarts a real server ten times.

use super::program::{Program, Serving};
use super::relay::Relay;
use super::staff::{PRODUCTION, hire, log_in, save};
use crate::http::{Answer, Connection, request};
use crate::support::letting;
use anyhow::{Context, Result, ensure};
use oc_core::testing::TestDb;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

const VISITORS: usize = 3;

/// Nobody waits that long for an answer unless something is broken.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often is asked whether the site has found the server again; it waits a few seconds for it each time.
const TRIES: usize = 20;

#[test]
fn visitors_are_asked_to_come_again_only_while_the_server_is_away() -> Result<()> {
    let Some(db) = TestDb::postgres()? else {
        return Ok(());
    };
    letting(&mut db.connect()?, "Lakeside flat")?;
    let relay = Relay::to(&db)?;
    let settings = [&PRODUCTION[..], &[("DATABASE_URL", relay.url())]].concat();
    let serving = Program::with(&settings)?.serve(&[])?;
    let over = AtomicBool::new(false);
    // While this is set, the server is away or has just come back.
    let is_away = AtomicBool::new(false);
    let (told, answers) = channel();

    thread::scope(|scope| {
        let visitors: Vec<_> = std::iter::repeat_with(|| {
            let (over, is_away, told) = (&over, &is_away, told.clone());
            let address = serving.address();
            scope.spawn(move || visit(address, over, is_away, &told))
        })
        .take(VISITORS)
        .collect();
        let outcome = go_away(&relay, &serving, &is_away, &answers);
        over.store(true, Ordering::Relaxed);
        for visitor in visitors {
            visitor.join().expect("no visitor panics")?;
        }
        outcome
    })
}

/// Asks for a page without a pause, and tells what each answer was.
fn visit(
    address: SocketAddr,
    over: &AtomicBool,
    is_away: &AtomicBool,
    told: &Sender<u16>,
) -> Result<()> {
    while !over.load(Ordering::SeqCst) {
        let was_away = is_away.load(Ordering::SeqCst);
        let answer = get(address)?;
        let may_refuse = was_away || is_away.load(Ordering::SeqCst);
        match answer.status {
            200 => {}
            503 if may_refuse => ensure!(answer.header("retry-after").is_some(), "no Retry-After"),
            status => anyhow::bail!("a visitor saw {status}, away: {may_refuse}"),
        }
        told.send(answer.status).ok();
    }
    Ok(())
}

/// Has the server go away until a visitor notices, and come back.
fn go_away(
    relay: &Relay,
    serving: &Serving,
    is_away: &AtomicBool,
    answers: &Receiver<u16>,
) -> Result<()> {
    wait_for(answers, 200)?;
    is_away.store(true, Ordering::SeqCst);
    relay.cut();
    wait_for(answers, 503)?;
    relay.mend();
    let found =
        (0..TRIES).any(|_| matches!(get(serving.address()), Ok(answer) if answer.status == 200));
    ensure!(found, "the site does not find the server again");
    is_away.store(false, Ordering::SeqCst);
    // What was told before is none of the server that came back.
    answers.try_iter().for_each(drop);
    wait_for(answers, 200)
}

fn wait_for(answers: &Receiver<u16>, status: u16) -> Result<()> {
    while answers
        .recv_timeout(PATIENCE)
        .with_context(|| format!("nobody sees {status}"))?
        != status
    {}
    Ok(())
}

fn get(address: SocketAddr) -> Result<Answer> {
    let mut connection = Connection::open(address)?;
    connection.write(&request("GET", "/lettings/1/", &[]))?;
    connection.answer(true)
}

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

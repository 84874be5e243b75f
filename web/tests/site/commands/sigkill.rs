//! `kill -9` while staff save lettings; `cargo xtask soak kill` does it hundreds of times.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use oc_core::testing::TestDb;

use super::program::{Program, setting};
use super::staff::{PRODUCTION, check, hire, log_in, save};
use crate::admin::Browser;

const KILLS: usize = 5;

/// Nobody waits that long for a save unless something is broken.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn acknowledged_saves_survive_sigkill() -> Result<()> {
    for db in TestDb::each()? {
        let url = setting(&db);
        let settings = [&PRODUCTION[..], &[("DATABASE_URL", &url)]].concat();
        let program = Program::with(&settings)?;
        // Held here, so that whoever comes between two lives of the site waits for the next one.
        let socket = TcpListener::bind(("127.0.0.1", 0))?;
        let first = program.serve_on(&socket)?;
        let mut people = Vec::new();
        for name in ["ada", "bob", "cleo"] {
            hire(&db, name)?;
            people.push((name, log_in(socket.local_addr()?, name)?));
        }
        first.kill();
        let over = AtomicBool::new(false);
        let (told, receiver) = channel();

        let saved = thread::scope(|scope| {
            let work: Vec<_> = people
                .into_iter()
                .map(|(name, browser)| {
                    let (over, told) = (&over, told.clone());
                    scope.spawn(move || work(browser, name, over, &told))
                })
                .collect();
            let saved = kill(&db, &program, &socket, &receiver);
            over.store(true, Ordering::Relaxed);
            // The last of them are answered by a site that lives.
            let _serving = program.serve_on(&socket)?;
            for person in work {
                person.join().expect("nobody panics")?;
            }
            saved
        })?;

        let all = saved.into_iter().chain(receiver.try_iter()).collect();
        check(&mut db.connect()?, &all)?;
    }
    Ok(())
}

/// Saves one letting after another, and tells of each that was acknowledged.
fn work(
    mut browser: Browser<'_>,
    name: &str,
    over: &AtomicBool,
    told: &Sender<String>,
) -> Result<()> {
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let title = format!("Flat {number} of {name}");
        // The site was killed under it; that says nothing of what became of the save.
        let Ok(answer) = save(&mut browser, &title) else {
            continue;
        };
        ensure!(
            answer.status == 303,
            "{}: {}",
            answer.status,
            answer.text()?
        );
        told.send(title).ok();
    }
    Ok(())
}

/// Kills one site after another, each in the middle of what is saved there; the titles that were acknowledged.
fn kill(
    db: &TestDb,
    program: &Program,
    socket: &TcpListener,
    receiver: &Receiver<String>,
) -> Result<BTreeSet<String>> {
    let mut saved = BTreeSet::new();
    for blow in 0..KILLS {
        let serving = program.serve_on(socket)?;
        for _ in 0..=blow {
            saved.insert(
                receiver
                    .recv_timeout(PATIENCE)
                    .context("nothing is saved")?,
            );
        }
        serving.kill();
        saved.extend(receiver.try_iter());
        check(&mut db.connect()?, &saved).with_context(|| format!("after blow {blow}"))?;
    }
    Ok(saved)
}

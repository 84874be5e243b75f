//! Staff who save lettings one after another, and record which ones the site acknowledged.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, ensure};

use crate::browser::{Answer, Browser};

/// All saves of a trial.
#[derive(Default)]
pub struct Ledger {
    /// Number of the next title.
    next: AtomicU64,
    saved: Mutex<BTreeSet<String>>,
    refused: AtomicU64,
}

impl Ledger {
    /// Titles of acknowledged saves.
    pub fn saved(&self) -> BTreeSet<String> {
        self.saved
            .lock()
            .expect("no thread panics while it holds the ledger")
            .clone()
    }

    /// Number of replies with 503.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Staff at work.
pub struct Shift {
    over: Arc<AtomicBool>,
    people: Vec<JoinHandle<Result<Browser>>>,
}

impl Shift {
    /// Starts a thread for each browser. One that loses its connection stops; a wrong response is an error.
    pub fn start(address: SocketAddr, ledger: &Arc<Ledger>, browsers: Vec<Browser>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let people = browsers.into_iter().map(|mut browser| {
            let (over, ledger) = (Arc::clone(&over), Arc::clone(ledger));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let number = ledger.next.fetch_add(1, Ordering::Relaxed);
                    let title = format!("Soak {number}");
                    match save(&mut browser, address, &title) {
                        Ok(Some(())) => {
                            let mut saved = ledger
                                .saved
                                .lock()
                                .expect("no thread panics while it holds the ledger");
                            saved.insert(title);
                        }
                        Ok(None) => {
                            ledger.refused.fetch_add(1, Ordering::Relaxed);
                        }
                        // The site was killed under them.
                        Err(error) if error.is::<ureq::Error>() => break,
                        Err(error) => return Err(error),
                    }
                }
                Ok(browser)
            })
        });
        let people = people.collect();
        Self { over, people }
    }

    /// Stops them, and returns their browsers.
    pub fn end(self) -> Result<Vec<Browser>> {
        self.over.store(true, Ordering::Relaxed);
        let ends = self
            .people
            .into_iter()
            .map(|person| person.join().expect("staff do not panic"));
        ends.collect()
    }
}

/// Saves an address and a letting; `None` if the site is busy.
pub fn save(browser: &mut Browser, address: SocketAddr, title: &str) -> Result<Option<()>> {
    let street = [
        ("number", "12"),
        ("street", title),
        ("city", "Dana Point"),
        ("state", "CA"),
        ("zip_code", "92629"),
        ("country_iso_code", "USA"),
        ("_continue", "1"),
    ];
    let answer = browser.fill(address, "/admin/lettings/address/add/", &street)?;
    let Some(location) = taken(&answer)? else {
        return Ok(None);
    };
    let id = location
        .split('/')
        .find(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        .with_context(|| format!("no id in {location}"))?;
    let fields = [("title", title), ("address", id), ("_save", "1")];
    let answer = browser.fill(address, "/admin/lettings/letting/add/", &fields)?;
    Ok(taken(&answer)?.map(drop))
}

/// The location after a save; `None` if the site is busy.
fn taken(answer: &Answer) -> Result<Option<String>> {
    if answer.status == 503 {
        ensure!(
            answer.header("retry-after").is_some(),
            "503 without Retry-After"
        );
        return Ok(None);
    }
    ensure!(
        answer.status == 303,
        "a form was answered with {}: {}",
        answer.status,
        answer.body
    );
    let location = answer
        .header("location")
        .context("the response has no location")?;
    Ok(Some(location.to_owned()))
}

//! Staff who save lettings one after another, and record which ones the site acknowledged.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use anyhow::{Context, Result, ensure};

use crate::browser::{Browser, Response};

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
        self.titles().clone()
    }

    fn titles(&self) -> MutexGuard<'_, BTreeSet<String>> {
        let titles = self.saved.lock();
        titles.expect("no thread panics while it holds the ledger")
    }

    /// Runs `work` while each browser saves. One that loses its connection stops; a wrong response is an error.
    pub fn during<T>(
        &self,
        address: SocketAddr,
        browsers: &mut [Browser],
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let over = &AtomicBool::new(false);
        thread::scope(|scope| {
            let staff = browsers
                .iter_mut()
                .map(|browser| scope.spawn(move || self.save_until(over, browser, address)));
            let staff: Vec<_> = staff.collect();
            let outcome = work();
            over.store(true, Ordering::Relaxed);
            let mut ends = staff
                .into_iter()
                .map(|person| person.join().expect("staff do not panic"));
            let end = ends.find(Result::is_err).unwrap_or(Ok(()));
            outcome.and_then(|outcome| end.map(|()| outcome))
        })
    }

    fn save_until(
        &self,
        over: &AtomicBool,
        browser: &mut Browser,
        address: SocketAddr,
    ) -> Result<()> {
        while !over.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let title = format!("Soak {number}");
            match save(browser, address, &title) {
                Ok(Some(())) => {
                    self.titles().insert(title);
                }
                Ok(None) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                // The site was killed under them.
                Err(error) if error.is::<ureq::Error>() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Number of replies with 503.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
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
    let response = browser.fill(address, "/admin/lettings/address/add/", &street)?;
    let Some(location) = taken(&response)? else {
        return Ok(None);
    };
    let id = location
        .split('/')
        .find(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        .with_context(|| format!("no id in {location}"))?;
    let fields = [("title", title), ("address", id), ("_save", "1")];
    let response = browser.fill(address, "/admin/lettings/letting/add/", &fields)?;
    Ok(taken(&response)?.map(drop))
}

/// The location after a save; `None` if the site is busy.
fn taken(response: &Response) -> Result<Option<String>> {
    if response.status == 503 {
        ensure!(
            response.header("retry-after").is_some(),
            "503 without Retry-After"
        );
        return Ok(None);
    }
    ensure!(
        response.status == 303,
        "a form was answered with {}: {}",
        response.status,
        response.body
    );
    let location = response
        .header("location")
        .context("the response has no location")?;
    Ok(Some(location.to_owned()))
}

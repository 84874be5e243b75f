//! Staff who save lettings at a fixed rate while visitors come.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use soak::browser::Browser;
use soak::staff;

/// A thread that saves, if there is anything to save.
pub(crate) struct Saves {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Saves {
    pub(crate) fn start(site: SocketAddr, per_second: u32) -> Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        if per_second == 0 {
            return Ok(Self {
                stopped,
                thread: None,
            });
        }
        let mut browser = Browser::logged_in(site)?;
        let over = Arc::clone(&stopped);
        // Each round saves an address and a letting.
        let pause = Duration::from_secs(2) / per_second;
        let thread = thread::spawn(move || {
            let start = Instant::now();
            for number in 1.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                staff::save(&mut browser, site, &format!("Bench {number}"))?;
                thread::sleep((pause * number).saturating_sub(start.elapsed()));
            }
            Ok(())
        });
        Ok(Self {
            stopped,
            thread: Some(thread),
        })
    }

    pub(crate) fn stop(self) -> Result<()> {
        self.stopped.store(true, Ordering::Relaxed);
        match self.thread {
            Some(thread) => thread.join().map_err(|_| anyhow!("the saves panicked"))?,
            None => Ok(()),
        }
    }
}

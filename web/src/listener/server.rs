//! The server: takes connections, hands them to the workers, and stops in good order.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_rt::ArbiterHandle;
use anyhow::Context;
use tokio::select;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::accept::Listener;
use super::admission::Bodies;
use super::limits::LAST_CALL;
use super::refusal::Refusals;
use super::site_service::MakeSite;
use super::stop::{Phase, Stop};
use super::worker::{Blueprint, Hand};
use crate::config::Limits;
use oc_http::TrustedProxies;

/// How often it is looked whether what still runs has ended.
const LOOK: Duration = Duration::from_millis(5);

/// How long to wait after the system had no means for another connection.
const BREATHER: Duration = Duration::from_millis(100);

/// How long the threads get to end once nothing is expected of them any more, out of the time for a stop.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a server is made of.
pub(crate) struct Terms {
    pub(crate) workers: usize,
    pub(crate) limits: Limits,
    pub(crate) refusals: Refusals,
    pub(crate) proxies: TrustedProxies,
}

/// A site that listens.
pub struct Server {
    /// Until it is closed on the way out.
    listener: Option<Listener>,
    address: SocketAddr,
    workers: Vec<Hand>,
    starting: Vec<oneshot::Receiver<anyhow::Result<()>>>,
    limits: Limits,
    stop: Stop,
}

/// Ends a [`Server`].
#[derive(Debug, Clone)]
pub struct Handle(Stop);

impl Handle {
    /// Ends it at once, whatever still runs.
    pub fn end(&self) {
        self.0.now();
    }

    /// Has it stop in good order.
    pub fn stop(&self) {
        self.0.begin();
    }
}

/// Tells whether every worker still turns: none is stuck in something that should not run there.
pub(crate) struct Pulse(Vec<ArbiterHandle>);

impl Pulse {
    /// Asks each of them, and waits for that long.
    pub(crate) async fn is_felt(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        for worker in &self.0 {
            let (sender, answer) = oneshot::channel();
            worker.spawn_fn(move || {
                sender.send(()).ok();
            });
            if !matches!(timeout_at(deadline, answer).await, Ok(Ok(()))) {
                return false;
            }
        }
        true
    }
}

impl Server {
    /// Starts the workers behind a listener; each makes a site of its own.
    pub(crate) fn start(
        listener: TcpListener,
        terms: Terms,
        stop: Stop,
        make_site: MakeSite,
    ) -> anyhow::Result<Self> {
        let address = listener
            .local_addr()
            .context("the listener has no address")?;
        let limits = terms.limits;
        let blueprint = Arc::new(Blueprint {
            make_site,
            limits,
            room: limits.connections.div_ceil(terms.workers),
            refusals: terms.refusals,
            proxies: terms.proxies,
            bodies: Bodies::default(),
            stop: stop.clone(),
        });
        let start = || Hand::start(Arc::clone(&blueprint));
        let (workers, starting) = std::iter::repeat_with(start).take(terms.workers).unzip();
        Ok(Self {
            listener: Some(Listener::new(listener).context("cannot watch the listener")?),
            address,
            workers,
            starting,
            limits,
            stop,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What ends it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(self.stop.clone())
    }

    /// Waits until every worker can answer.
    ///
    /// # Errors
    /// When one cannot.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        for starting in self.starting.drain(..) {
            starting.await.context("a worker died at its start")??;
        }
        Ok(())
    }

    /// Serves until it is told to stop, and then until nothing runs any more or the time is up.
    ///
    /// # Errors
    /// When a worker cannot answer.
    pub async fn run(mut self) -> anyhow::Result<()> {
        self.ready().await?;
        select! {
            () = self.serve() => {}
            () = self.stop.reached(Phase::Draining) => {}
        }
        let now = Instant::now();
        let end = now + self.limits.shutdown_timeout;
        let whole = self
            .limits
            .shutdown_timeout
            .saturating_sub(FAREWELL.min(self.limits.shutdown_timeout / 4));
        // Enough is left of it for those who wait to be told.
        let first = whole.saturating_sub(LAST_CALL * 2).max(whole / 2);
        let drained = timeout_at(now + whole, self.drain(now + first)).await;
        if drained.is_err() {
            log::warn!(
                "{} connections did not end in time, and are cut off",
                self.connections()
            );
        }
        self.end(end).await;
        Ok(())
    }

    /// What tells whether the workers still turn.
    pub(crate) fn pulse(&self) -> Pulse {
        Pulse(self.workers.iter().map(Hand::handle).collect())
    }

    /// Takes connections for ever.
    async fn serve(&self) {
        let Some(listener) = &self.listener else {
            return;
        };
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.hand_out(stream, peer),
                // The client went away before we came to it.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    log::warn!("no connection can be taken just now: {error}");
                    sleep(BREATHER).await;
                }
            }
        }
    }

    /// Gives a connection to the worker that has the fewest.
    fn hand_out(&self, stream: std::net::TcpStream, peer: SocketAddr) {
        let load = |worker: &&Hand| worker.taken.load(Ordering::Relaxed);
        if let Some(worker) = self.workers.iter().min_by_key(load) {
            worker.taken.fetch_add(1, Ordering::Relaxed);
            worker.give(stream, peer);
        }
    }

    /// Lets what runs come to its end: first the requests that began before the order, while others still get an
    /// answer, so that whoever asks is told that the site is not ready; at that time at the latest the connections.
    async fn drain(&mut self, closing: Instant) {
        let early = async {
            while self.stop.early_requests() > 0 {
                sleep(LOOK).await;
            }
        };
        select! {
            () = self.serve() => {}
            () = early => {}
            () = sleep_until(closing) => {}
            () = self.stop.reached(Phase::Over) => return,
        }
        // A client that was let in must not be turned out unheard.
        if let Some(listener) = self.listener.take() {
            let finished = listener.finish(|stream, peer| self.hand_out(stream, peer));
            if let Err(error) = finished {
                log::warn!("connections that had come could not be taken: {error}");
            }
        }
        log::info!(
            "no connection is taken any more; {} are left",
            self.connections()
        );
        self.stop.enter(Phase::Closing);
        let gone = async {
            while self.connections() > 0 {
                sleep(LOOK).await;
            }
        };
        select! {
            () = gone => {}
            () = self.stop.reached(Phase::Over) => {}
        }
    }

    fn connections(&self) -> usize {
        let taken = self
            .workers
            .iter()
            .map(|worker| worker.taken.load(Ordering::Relaxed));
        taken.sum()
    }

    /// Ends the workers, and waits a moment for their threads.
    async fn end(self, deadline: Instant) {
        self.stop.now();
        drop(self.listener);
        let (ended, all_ended) = oneshot::channel();
        let workers = self.workers;
        // One that is stuck must not keep the program: it ends with us.
        std::thread::spawn(move || {
            for worker in workers {
                if worker.end().is_err() {
                    log::error!("a worker had panicked");
                }
            }
            ended.send(()).ok();
        });
        let deadline = deadline.min(Instant::now() + FAREWELL);
        timeout_at(deadline, all_ended).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use actix_rt::Arbiter;

    use super::*;
    use crate::listener::testing::PATIENCE;

    #[actix_web::test]
    async fn a_worker_that_is_stuck_gives_no_sign_until_it_goes_on() -> anyhow::Result<()> {
        let workers = [Arbiter::new(), Arbiter::new()];
        let pulse = Pulse(workers.iter().map(Arbiter::handle).collect());
        assert!(pulse.is_felt(PATIENCE).await);

        let (go, wait) = channel::<()>();
        workers[1].spawn_fn(move || {
            wait.recv().ok();
        });
        assert!(!pulse.is_felt(Duration::from_millis(1)).await);

        go.send(())?;
        assert!(pulse.is_felt(PATIENCE).await);
        Ok(())
    }
}

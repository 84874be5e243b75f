//! A thread that serves connections.

use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use actix_rt::{Arbiter, ArbiterHandle};
use actix_web::rt;
use anyhow::Context;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::admission::Bodies;
use super::connection;
use super::refusal::{Asked, Refusal, Refusals};
use super::room::Room;
use super::site_service::{MakeSite, Site};
use super::stop::{Phase, Stop};
use super::wire::Wire;
use crate::config::Limits;
use oc_http::TrustedProxies;

/// What the connections of a worker share.
pub(super) struct Worker {
    pub(super) site: Site,
    pub(super) room: Rc<Room>,
    pub(super) limits: Limits,
    pub(super) refusals: Refusals,
    pub(super) proxies: TrustedProxies,
    pub(super) bodies: Bodies,
    pub(super) stop: Stop,
}

/// What all workers are made of.
pub(super) struct Blueprint {
    pub(super) make_site: MakeSite,
    pub(super) limits: Limits,
    /// How many connections each of them holds.
    pub(super) room: usize,
    pub(super) refusals: Refusals,
    pub(super) proxies: TrustedProxies,
    pub(super) bodies: Bodies,
    pub(super) stop: Stop,
}

/// A worker seen from outside.
pub(super) struct Hand {
    arbiter: Arbiter,
    connections: UnboundedSender<(TcpStream, SocketAddr)>,
    /// How many connections it has or will have.
    pub(super) taken: Arc<AtomicUsize>,
}

impl Hand {
    /// Starts a worker; it tells when it is ready.
    pub(super) fn start(
        blueprint: Arc<Blueprint>,
    ) -> (Self, oneshot::Receiver<anyhow::Result<()>>) {
        let (connections, receiver) = unbounded_channel();
        let (ready, is_ready) = oneshot::channel();
        let taken = Arc::new(AtomicUsize::new(0));
        let arbiter = Arbiter::new();
        let count = Arc::clone(&taken);
        arbiter.spawn_fn(move || {
            rt::spawn(work(blueprint, count, receiver, ready));
        });
        let hand = Self {
            arbiter,
            connections,
            taken,
        };
        (hand, is_ready)
    }

    /// Gives it a connection that was counted in.
    pub(super) fn give(&self, stream: TcpStream, peer: SocketAddr) {
        // A worker is there until all of them are ended.
        self.connections.send((stream, peer)).ok();
    }

    /// Its thread.
    pub(super) fn handle(&self) -> ArbiterHandle {
        self.arbiter.handle()
    }

    /// Ends it with all its connections.
    pub(super) fn end(self) -> std::thread::Result<()> {
        self.arbiter.stop();
        self.arbiter.join()
    }
}

/// Takes connections until the end.
async fn work(
    blueprint: Arc<Blueprint>,
    taken: Arc<AtomicUsize>,
    mut connections: UnboundedReceiver<(TcpStream, SocketAddr)>,
    ready: oneshot::Sender<anyhow::Result<()>>,
) {
    let site = match blueprint.make_site.make().await {
        Ok(site) => site,
        Err(error) => {
            ready.send(Err(error)).ok();
            return;
        }
    };
    let worker = Rc::new(Worker {
        site,
        room: Room::new(blueprint.room, taken),
        limits: blueprint.limits,
        refusals: blueprint.refusals.clone(),
        proxies: blueprint.proxies.clone(),
        bodies: blueprint.bodies.clone(),
        stop: blueprint.stop.clone(),
    });
    ready.send(Ok(())).ok();
    while let Some((stream, peer)) = connections.recv().await {
        if worker.stop.phase() == Phase::Over {
            break;
        }
        if let Err(error) = welcome(&worker, stream, peer) {
            log::debug!("a connection was lost at once: {error:#}");
        }
    }
}

/// Serves a connection if there is room for it, and says so if not.
fn welcome(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr) -> anyhow::Result<()> {
    let place = worker.room.enter();
    let stream = rt::net::TcpStream::from_std(stream).context("it cannot be watched")?;
    match place {
        Ok(place) => {
            // It waits from now on, not from when its turn comes.
            let waiting = worker.room.wait();
            let worker = Rc::clone(worker);
            rt::spawn(connection::serve(stream, peer, worker, place, waiting));
        }
        Err(place) => {
            let asked = Asked::at(peer.ip(), &worker.proxies, b"", None);
            let answer = worker.refusals.answer(Refusal::Busy, &asked);
            if place.is_last_resort() {
                let worker = Rc::clone(worker);
                rt::spawn(async move {
                    let wire = Wire::new(stream);
                    wire.say_last(&answer, &worker.room, &worker.stop).await;
                    drop(place);
                });
            }
        }
    }
    Ok(())
}

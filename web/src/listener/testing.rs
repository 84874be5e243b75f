//! Connections and workers for the tests of this module.

use std::net;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use rustix::net::sockopt::set_socket_recv_buffer_size;

use super::admission::Bodies;
use super::refusal::Refusals;
use super::room::Room;
use super::stop::Stop;
use super::worker::Worker;
use oc_http::{Assets, Metrics, Pages, Site, TrustedProxies};

use crate::config::Limits;
use crate::embedded::{Static, Templates};

/// What takes that long in a test never ends.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// What a client may send before anybody reads it (bytes).
const UNREAD: usize = 512 << 10;

/// Both ends of a connection: ours, and the client's.
pub(super) async fn connected() -> anyhow::Result<(TcpStream, net::TcpStream)> {
    let listener = net::TcpListener::bind(("127.0.0.1", 0))?;
    set_socket_recv_buffer_size(&listener, UNREAD)?;
    let client = net::TcpStream::connect(listener.local_addr()?)?;
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let (stream, _) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((TcpStream::from_std(stream)?, client))
}

/// A worker whose site never answers.
pub(super) fn worker(limits: Limits) -> anyhow::Result<Worker> {
    let pages = Pages::load::<Templates>(Assets::new::<Static>(), false)?;
    let site = Site::new("http://localhost".to_owned(), "");
    Ok(Worker {
        site: Rc::new(|_, _| Box::pin(std::future::pending())),
        room: Room::new(1, Arc::new(AtomicUsize::new(1))),
        limits,
        refusals: Refusals::new(&pages, &site, &Metrics::new("", "")?),
        proxies: TrustedProxies(Vec::new()),
        bodies: Bodies::default(),
        stop: Stop::new(),
    })
}

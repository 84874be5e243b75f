//! One connection, from its first byte to its last: requests one after another, each within the limits.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use actix_web::rt::net::TcpStream;
use actix_web::rt::task::yield_now;
use actix_web::rt::time::{Instant, sleep_until};
use tokio::select;

use super::exchange::{Outcome, Terms, exchange};
use super::limits::{LAST_CALL, LONGEST_ADDRESS};
use super::refusal::Refusal;
use super::request::{Head, Parsed, parse};
use super::room::{Place, Waiting};
use super::stop::Phase;
use super::wire::Wire;
use super::worker::Worker;

/// What a connection has to say next.
enum Next {
    Request(Head),
    Refused(Refusal),
    /// It has kept its place for too long while others wait for one.
    Displaced,
    /// Nothing.
    Gone,
}

/// Serves a connection until either side ends it.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    worker: Rc<Worker>,
    place: Place,
    waiting: Waiting,
) {
    // Small answers go out at once.
    stream.set_nodelay(true).ok();
    let mut wire = Wire::new(stream);
    let mut fresh = Some(waiting);
    loop {
        let head = match next(&mut wire, &worker, fresh.take()).await {
            Next::Request(head) => head,
            Next::Refused(refusal) => {
                return refuse(wire, peer, &worker, refusal, false).await;
            }
            Next::Displaced => {
                if !wire.buffer.is_empty() {
                    let answer = worker.refusals.answer(Refusal::Busy, false, false);
                    wire.say_and_go(&answer);
                }
                break;
            }
            Next::Gone => break,
        };
        let most = if head.is_probe {
            usize::MAX
        } else {
            worker.limits.requests
        };
        let to_head = head.wants_no_body;
        let Some(running) = worker.stop.request(most) else {
            return refuse(wire, peer, &worker, Refusal::Busy, to_head).await;
        };
        let terms = Terms {
            head,
            largest_body: worker.limits.body,
            share: worker.bodies.share(),
            patience: worker.limits.client_timeout,
            stop: worker.stop.clone(),
        };
        let outcome;
        (wire, outcome) = exchange(wire, terms, |stream| (worker.site)(stream, peer)).await;
        drop(running);
        match outcome {
            Outcome::Next => {}
            Outcome::Last => {
                wire.linger().await;
                break;
            }
            Outcome::Refused(refusal) => {
                return refuse(wire, peer, &worker, refusal, to_head).await;
            }
            Outcome::Lost => break,
        }
    }
    drop(place);
}

/// Waits for the next request; on a fresh connection it has begun to wait already.
async fn next(wire: &mut Wire, worker: &Worker, fresh: Option<Waiting>) -> Next {
    let is_fresh = fresh.is_some();
    let mut waiting = fresh;
    let began = Instant::now();
    let mut first_byte = (!wire.buffer.is_empty()).then_some(began);
    // Nothing that came before this has a line's end in it that was not looked at.
    let mut looked_at = 0;
    let (mut is_closing, mut is_displaced) = (false, false);
    loop {
        let is_worth_a_look = looked_at == 0
            || wire.buffer[looked_at..].contains(&b'\n')
            || wire.buffer.len() > LONGEST_ADDRESS;
        if !wire.buffer.is_empty() && is_worth_a_look {
            match parse(&wire.buffer, worker.limits.body) {
                Parsed::Whole(head) => return Next::Request(head),
                Parsed::Refused(refusal) => return Next::Refused(refusal),
                Parsed::Partial => looked_at = wire.buffer.len(),
            }
        }
        match wire.try_read() {
            Ok(0) if wire.buffer.is_empty() => return Next::Gone,
            Ok(0) => return Next::Refused(Refusal::Bad),
            Ok(_) => {
                first_byte.get_or_insert_with(Instant::now);
                continue;
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Next::Gone,
            Err(_) if is_displaced => return Next::Displaced,
            Err(_) => {}
        }
        let patience = if first_byte.is_some() || is_fresh {
            worker.limits.client_timeout
        } else {
            worker.limits.idle_timeout
        };
        let mut deadline = first_byte.unwrap_or(began) + patience;
        if is_closing && first_byte.is_none() {
            deadline = deadline.min(Instant::now() + LAST_CALL);
        }
        let waiting = waiting.get_or_insert_with(|| worker.room.wait());
        select! {
            readable = wire.stream.readable() => if readable.is_err() {
                return Next::Gone;
            },
            () = sleep_until(deadline) => return if first_byte.is_some() {
                Next::Refused(Refusal::TooSlow)
            } else {
                Next::Gone
            },
            () = waiting.leave.notified() => {
                // What has come in the meantime counts.
                yield_now().await;
                is_displaced = true;
            }
            () = worker.stop.reached(Phase::Closing), if !is_closing => is_closing = true,
        }
    }
}

/// Answers with the page of a refusal, and ends the connection.
async fn refuse(wire: Wire, peer: SocketAddr, worker: &Worker, refusal: Refusal, to_head: bool) {
    let https = worker.proxies.say_https_in(peer.ip(), &wire.buffer);
    let answer = worker.refusals.answer(refusal, https, to_head);
    wire.say_last(&answer).await;
}

//! One connection, from its first byte to its last: requests one after another, each within the limits.

use std::net::SocketAddr;
use std::rc::Rc;

use actix_web::rt::net::TcpStream;

use super::arrival::{Ending, request};
use super::exchange::{Outcome, Terms, exchange};
use super::limits::SITE_PATIENCE;
use super::refusal::{Asked, Refusal};
use super::room::{Place, Waiting};
use super::skim::skim;
use super::wire::{LINGER, Wire};
use super::worker::Worker;

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
        let mut began = None;
        let arrived = request(&mut wire, &worker, fresh.take(), &mut began).await;
        // The exchange takes the head out of the buffer.
        let mut asked = Asked::at(peer.ip(), &worker.proxies, &wire.buffer, began);
        let mut arrived = match arrived {
            Ok(arrived) => arrived,
            Err(Ending::Refused(refusal)) => {
                if refusal.is_too_long() {
                    skim(&mut wire, &worker, &mut asked.glimpse).await;
                    asked.over_https = asked.glimpse.over_https(peer.ip(), &worker.proxies);
                }
                return refuse(wire, &worker, refusal, &asked).await;
            }
            Err(Ending::Displaced) => {
                if !wire.buffer.is_empty() {
                    wire.say_and_go(&worker.refusals.answer(Refusal::Busy, &asked));
                }
                break;
            }
            Err(Ending::Gone) => break,
        };
        let most = if arrived.head.is_probe {
            usize::MAX
        } else {
            worker.limits.requests
        };
        if !arrived.running.admit(most) {
            return refuse(wire, &worker, Refusal::Busy, &asked).await;
        }
        let terms = Terms {
            length: arrived.length(),
            wants_no_body: asked.glimpse.is_for_head(),
            is_old: arrived.head.is_old,
            patience: worker.limits.client_timeout,
            ceiling: SITE_PATIENCE,
            stop: worker.stop.clone(),
        };
        let outcome;
        (wire, outcome) = exchange(wire, terms, |stream| (worker.site)(stream, peer)).await;
        drop(arrived);
        match outcome {
            Outcome::Next => {}
            Outcome::Last => {
                wire.linger(&worker.room, &worker.stop, LINGER).await;
                break;
            }
            Outcome::Refused(refusal) => return refuse(wire, &worker, refusal, &asked).await,
            Outcome::Lost => break,
        }
    }
    drop(place);
}

/// Answers with the page of a refusal, and ends the connection.
async fn refuse(wire: Wire, worker: &Worker, refusal: Refusal, asked: &Asked) {
    let answer = worker.refusals.answer(refusal, asked);
    wire.say_last(&answer, &worker.room, &worker.stop).await;
}

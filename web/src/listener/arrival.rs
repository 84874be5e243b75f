//! Waiting for a request until all of it is here, its head and its body: until then it takes nothing of the site.

use std::io;

use actix_web::rt::task::yield_now;
use actix_web::rt::time::{Instant, sleep_until, timeout};
use tokio::io::AsyncWriteExt;
use tokio::select;

use super::admission::Share;
use super::limits::{LAST_CALL, LONGEST_ADDRESS};
use super::pace::Pace;
use super::refusal::Refusal;
use super::request::{Head, Parsed, ignore_upgrades, parse};
use super::room::Waiting;
use super::stop::{Phase, Running};
use super::wire::Wire;
use super::worker::Worker;

/// The word to a client that asks before it sends a body.
const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// How often is read in a row before others on this worker get their turn.
pub(super) const READS_IN_A_ROW: u32 = 16;

/// A request that lies at the start of a buffer.
pub(super) struct Arrived {
    pub(super) head: Head,
    /// The memory that the body takes.
    share: Share,
    pub(super) running: Running,
}

impl Arrived {
    /// The length of head and body together (bytes).
    pub(super) fn length(&self) -> usize {
        self.head.length + self.share.bytes()
    }
}

/// Why no request has arrived.
pub(super) enum Ending {
    Refused(Refusal),
    /// The connection has kept its place for too long while others wait for one.
    Displaced,
    /// There is nobody to tell.
    Gone,
}

/// Waits for the next request; on a fresh connection it has begun to wait already. `began` is set to when its first
/// byte came.
pub(super) async fn request(
    wire: &mut Wire,
    worker: &Worker,
    fresh: Option<Waiting>,
    began: &mut Option<Instant>,
) -> Result<Arrived, Ending> {
    let mut arrival = Arrival {
        wire,
        worker,
        is_fresh: fresh.is_some(),
        waiting: fresh,
        is_closing: false,
        is_displaced: false,
        reads: 0,
    };
    let mut head = arrival.head(began).await?;
    // An order to stop lets it come to its end from here on.
    let running = worker.stop.request();
    let mut share = worker.bodies.share();
    arrival.body(&mut head, &mut share).await?;
    Ok(Arrived {
        head,
        share,
        running,
    })
}

/// What has come of a request.
enum More {
    /// So many bytes, perhaps none yet.
    Bytes(usize),
    /// All that the client will ever send.
    End,
    /// Nothing in time.
    Late,
}

struct Arrival<'a> {
    wire: &'a mut Wire,
    worker: &'a Worker,
    is_fresh: bool,
    waiting: Option<Waiting>,
    is_closing: bool,
    is_displaced: bool,
    reads: u32,
}

impl Arrival<'_> {
    async fn head(&mut self, first_byte: &mut Option<Instant>) -> Result<Head, Ending> {
        let limits = &self.worker.limits;
        let began = Instant::now();
        *first_byte = (!self.wire.buffer.is_empty()).then_some(began);
        // Nothing that came before this has a line's end in it that was not looked at.
        let mut looked_at = 0;
        loop {
            let buffer = &mut self.wire.buffer;
            let is_worth_a_look = looked_at == 0
                || buffer[looked_at..].contains(&b'\n')
                || buffer.len() > LONGEST_ADDRESS;
            if !buffer.is_empty() && is_worth_a_look {
                match parse(buffer, limits.body) {
                    Parsed::Whole(head) => {
                        ignore_upgrades(&mut buffer[..head.length]);
                        return Ok(head);
                    }
                    Parsed::Refused(refusal) => return Err(Ending::Refused(refusal)),
                    Parsed::Partial => looked_at = buffer.len(),
                }
            }
            let patience = if first_byte.is_some() || self.is_fresh {
                limits.client_timeout
            } else {
                limits.idle_timeout
            };
            let mut deadline = first_byte.unwrap_or(began) + patience;
            if self.is_closing && first_byte.is_none() {
                deadline = deadline.min(Instant::now() + LAST_CALL);
            }
            match self.more(deadline).await? {
                More::Bytes(0) => {}
                More::Bytes(_) => {
                    first_byte.get_or_insert_with(Instant::now);
                }
                More::End | More::Late if self.wire.buffer.is_empty() => return Err(Ending::Gone),
                More::End => return Err(Ending::Refused(Refusal::Bad)),
                More::Late => return Err(Ending::Refused(Refusal::TooSlow)),
            }
        }
    }

    /// Waits for the body behind that head; the share grows to its length.
    async fn body(&mut self, head: &mut Head, share: &mut Share) -> Result<(), Ending> {
        let limits = &self.worker.limits;
        let mut pace = Pace::new(limits.client_timeout);
        let mut expects_word = head.expects_word;
        loop {
            let come = &self.wire.buffer[head.length + share.bytes()..];
            let refusal = match head.body.advance(come) {
                Err(_) => Some(Refusal::Bad),
                Ok(count) if !share.grow(count) => Some(Refusal::Busy),
                Ok(_) => {
                    let whole = head.body.announced().saturating_add(share.bytes() as u64);
                    (whole > limits.body as u64).then_some(Refusal::BodyTooLarge)
                }
            };
            if let Some(refusal) = refusal {
                return Err(Ending::Refused(refusal));
            }
            if head.body.is_complete() {
                return Ok(());
            }
            // Who sends the body without waiting for the word needs none.
            if std::mem::take(&mut expects_word) && share.bytes() == 0 {
                let told = timeout(limits.client_timeout, self.wire.stream.write_all(GO_ON));
                if !matches!(told.await, Ok(Ok(()))) {
                    return Err(Ending::Gone);
                }
            }
            pace.stalled();
            let deadline = pace.deadline().unwrap_or_else(Instant::now);
            match self.more(deadline).await? {
                More::Bytes(count) => pace.moved(count),
                More::End => return Err(Ending::Refused(Refusal::Bad)),
                More::Late => return Err(Ending::Refused(Refusal::TooSlow)),
            }
        }
    }

    /// Reads what has come, or waits until something may have. Whoever sends without a pause meets the deadline too,
    /// and lets others have their turn.
    async fn more(&mut self, deadline: Instant) -> Result<More, Ending> {
        match self.wire.try_read() {
            Ok(0) => return Ok(More::End),
            Ok(count) => {
                self.reads += 1;
                if self.reads.is_multiple_of(READS_IN_A_ROW) {
                    yield_now().await;
                    if Instant::now() >= deadline {
                        return Ok(More::Late);
                    }
                }
                return Ok(More::Bytes(count));
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(Ending::Gone),
            Err(_) if self.is_displaced => return Err(Ending::Displaced),
            Err(_) => {}
        }
        let waiting = self.waiting.get_or_insert_with(|| self.worker.room.wait());
        select! {
            readable = self.wire.stream.readable() => if readable.is_err() {
                return Err(Ending::Gone);
            },
            () = sleep_until(deadline) => return Ok(More::Late),
            () = waiting.leave.notified() => {
                // What has come in the meantime counts.
                yield_now().await;
                self.is_displaced = true;
            }
            () = self.worker.stop.reached(Phase::Closing), if !self.is_closing => {
                self.is_closing = true;
            }
        }
        Ok(More::Bytes(0))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::Write;
    use std::rc::Rc;
    use std::time::Duration;

    use actix_web::rt;

    use super::*;
    use crate::config::Limits;
    use crate::listener::testing::{PATIENCE, connected, worker};

    /// More than is read in a row.
    const BODY: usize = 180_000;

    /// What comes of a large form, all of which has come before anybody looks, and whether others had a turn while
    /// it was read.
    async fn read(client_timeout: Duration) -> anyhow::Result<(Result<Arrived, Ending>, bool)> {
        let worker = worker(Limits {
            client_timeout,
            ..Limits::default()
        })?;
        let (stream, mut client) = connected().await?;
        write!(client, "POST / HTTP/1.1\r\nContent-Length: {BODY}\r\n\r\n")?;
        client.write_all(&vec![b'x'; BODY])?;
        let mut wire = Wire::new(stream);
        timeout(PATIENCE, wire.stream.readable()).await??;
        let had_a_turn = Rc::new(Cell::new(false));
        let other = Rc::clone(&had_a_turn);
        rt::spawn(async move { other.set(true) });

        let outcome = timeout(PATIENCE, request(&mut wire, &worker, None, &mut None)).await?;

        Ok((outcome, had_a_turn.get()))
    }

    #[actix_web::test]
    async fn a_client_that_sends_without_a_pause_lets_others_have_their_turn() -> anyhow::Result<()>
    {
        let (outcome, others_had_a_turn) = read(PATIENCE).await?;

        assert!(outcome.is_ok_and(|arrived| arrived.length() > BODY));
        assert!(others_had_a_turn);
        Ok(())
    }

    #[actix_web::test]
    async fn a_client_that_sends_without_a_pause_can_be_late_too() -> anyhow::Result<()> {
        let (outcome, _) = read(Duration::ZERO).await?;

        assert!(matches!(outcome, Err(Ending::Refused(Refusal::TooSlow))));
        Ok(())
    }
}

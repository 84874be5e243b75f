//! One request and its answer: actix's dispatcher sees a stream of that request alone, and what it writes is
//! followed until the answer is whole.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::time::{Instant, Sleep, sleep_until};
use actix_web::web::Buf;
use futures_util::future::LocalBoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::admission::Share;
use super::answer::{Answer, Stray};
use super::chunks::Framing;
use super::pace::Pace;
use super::refusal::Refusal;
use super::request::Head;
use super::stop::Stop;
use super::wire::Wire;

/// How much of an answer is kept here before the site has to wait for the client (bytes).
const MOST_UNSENT: usize = 64 << 10;

/// How an exchange ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With an answer, and the connection can be used again.
    Next,
    /// With an answer, the last one.
    Last,
    /// Without one: the client shall have this instead.
    Refused(Refusal),
    /// The client is gone, or too slow to be told anything.
    Lost,
}

/// What an exchange needs beside the connection.
pub(super) struct Terms {
    pub(super) head: Head,
    pub(super) largest_body: usize,
    pub(super) share: Share,
    pub(super) patience: Duration,
    pub(super) stop: Stop,
}

/// Has the site answer one request, whose head lies at the start of the wire's buffer.
pub(super) async fn exchange(
    wire: Wire,
    terms: Terms,
    serve: impl FnOnce(Stream) -> LocalBoxFuture<'static, ()>,
) -> (Wire, Outcome) {
    let exchange = Rc::new(RefCell::new(Exchange {
        wire,
        handing_over: terms.head.length,
        body: terms.head.body,
        largest_body: terms.largest_body,
        share: terms.share,
        is_deaf: false,
        answer: Answer::new(terms.head.wants_no_body, terms.head.is_old),
        unsent: Vec::new(),
        sent: 0,
        reading: Pace::new(terms.patience),
        writing: Pace::new(terms.patience),
        stop: terms.stop,
        verdict: None,
    }));
    let mut dispatcher = serve(Stream(Rc::clone(&exchange)));
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    let outcome = poll_fn(|cx| {
        let ended = dispatcher.as_mut().poll(cx).is_ready();
        let mut exchange = exchange.borrow_mut();
        if let Some(outcome) = exchange.outcome(ended) {
            return Poll::Ready(outcome);
        }
        let Some(deadline) = exchange.deadline() else {
            return Poll::Pending;
        };
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(exchange.late())
    })
    .await;
    drop(dispatcher);
    let exchange = Rc::into_inner(exchange).expect("the dispatcher held the only other handle");
    (exchange.into_inner().wire, outcome)
}

/// The state of an exchange.
#[derive(Debug)]
struct Exchange {
    wire: Wire,
    /// How many bytes at the start of the buffer belong to this request.
    handing_over: usize,
    /// What is still to come of its body.
    body: Framing,
    largest_body: usize,
    share: Share,
    /// Whether no more of the request is read.
    is_deaf: bool,
    answer: Answer,
    /// The beginning of the answer, and how much of it was sent.
    unsent: Vec<u8>,
    sent: usize,
    reading: Pace,
    writing: Pace,
    stop: Stop,
    verdict: Option<Outcome>,
}

impl Exchange {
    /// How it ended, if it did. `ended`: the dispatcher will do nothing more.
    fn outcome(&mut self, ended: bool) -> Option<Outcome> {
        if let Some(verdict) = self.verdict.take() {
            return Some(verdict);
        }
        if self.answer.is_complete() && self.unsent.is_empty() {
            let whole = self.body.is_complete();
            return Some(if whole && !self.answer.closes {
                Outcome::Next
            } else {
                Outcome::Last
            });
        }
        // An answer of unknown length is whole when nothing more comes.
        ended.then_some(if self.answer.has_begun() && self.unsent.is_empty() {
            Outcome::Last
        } else {
            Outcome::Lost
        })
    }

    /// When the client has taken too long.
    fn deadline(&self) -> Option<Instant> {
        let deadlines = [self.reading.deadline(), self.writing.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// What becomes of a client that has taken too long.
    fn late(&self) -> Outcome {
        if self.answer.has_begun() {
            Outcome::Lost
        } else {
            Outcome::Refused(Refusal::TooSlow)
        }
    }

    /// Reads more of the body into the buffer.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.wire.try_read() {
                Ok(0) => {
                    self.refuse(Refusal::Bad);
                    return Poll::Pending;
                }
                Ok(count) => {
                    self.reading.moved(count);
                    self.sort();
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.wire.stream.poll_read_ready(cx)?.is_pending() {
                        self.reading.stalled();
                        return Poll::Pending;
                    }
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Sorts what lies in the buffer behind the bytes to hand over: more of the body, or the next request.
    fn sort(&mut self) {
        let Ok(count) = self.body.advance(&self.wire.buffer[self.handing_over..]) else {
            self.refuse(Refusal::Bad);
            return;
        };
        if !self.share.grow(count) {
            self.refuse(Refusal::Busy);
        } else if self.share.bytes() > self.largest_body {
            self.refuse(Refusal::BodyTooLarge);
        } else {
            self.handing_over += count;
        }
    }

    /// Refuses the request; one that is being answered is only not read any further.
    fn refuse(&mut self, refusal: Refusal) {
        self.is_deaf = true;
        if !self.answer.has_begun() {
            self.verdict = Some(Outcome::Refused(refusal));
        }
    }

    /// Sends what was kept of the answer.
    fn send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.unsent.len() {
            let writing = Pin::new(&mut self.wire.stream).poll_write(cx, &self.unsent[self.sent..]);
            let Poll::Ready(count) = writing? else {
                self.writing.stalled();
                return Poll::Pending;
            };
            self.writing.moved(count);
            self.sent += count;
        }
        self.unsent.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    fn stray(&mut self, stray: &Stray) -> io::Error {
        match stray {
            Stray::Bare(status) => self.refuse(Refusal::of_status(*status)),
            Stray::Broken => {
                log::error!("an answer of the site made no sense, and was held back");
                self.verdict = Some(Outcome::Lost);
            }
        }
        io::ErrorKind::ConnectionAborted.into()
    }
}

/// The stream that the dispatcher sees.
pub(super) struct Stream(Rc<RefCell<Exchange>>);

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let exchange = &mut *self.0.borrow_mut();
        loop {
            let count = exchange.handing_over.min(into.remaining());
            if count > 0 {
                into.put_slice(&exchange.wire.buffer[..count]);
                exchange.wire.buffer.advance(count);
                exchange.handing_over -= count;
                return Poll::Ready(Ok(()));
            }
            // The next request is none of this dispatcher's business, and it is not told of an end: it would take
            // that for the end of a body that it has not read yet.
            if exchange.is_deaf || exchange.body.is_complete() {
                return Poll::Pending;
            }
            if exchange.wire.buffer.is_empty() {
                ready!(exchange.read(cx))?;
            } else {
                exchange.sort();
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let exchange = &mut *self.0.borrow_mut();
        if exchange.verdict.is_some() {
            // The dispatcher is dropped when this turn of it ends.
            return Poll::Pending;
        }
        let closes = exchange.stop.is_stopping();
        if exchange.answer.is_in_body() && exchange.unsent.is_empty() {
            let Poll::Ready(count) = Pin::new(&mut exchange.wire.stream).poll_write(cx, bytes)?
            else {
                exchange.writing.stalled();
                return Poll::Pending;
            };
            exchange.writing.moved(count);
            let noted = exchange.answer.sent(&bytes[..count]);
            return Poll::Ready(match noted {
                Ok(_) => Ok(count),
                Err(stray) => Err(exchange.stray(&stray)),
            });
        }
        if exchange.unsent.len() > MOST_UNSENT {
            ready!(exchange.send(cx))?;
        }
        if let Err(stray) = exchange.answer.take(bytes, &mut exchange.unsent, closes) {
            return Poll::Ready(Err(exchange.stray(&stray)));
        }
        // What cannot be sent now is sent when the dispatcher flushes.
        if let Poll::Ready(sent) = exchange.send(cx) {
            sent?;
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().send(cx)
    }

    /// The connection outlives the dispatcher; what it has written is sent.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().send(cx)
    }
}

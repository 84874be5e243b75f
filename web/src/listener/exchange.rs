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
use futures_util::future::LocalBoxFuture;
use tokio::io::AsyncWrite;

use super::answer::{Answer, Stray};
use super::pace::Pace;
use super::refusal::Refusal;
use super::stop::Stop;
use super::stream::Stream;
use super::wire::Wire;

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
    /// The length of the request (bytes).
    pub(super) length: usize,
    pub(super) wants_no_body: bool,
    pub(super) is_old: bool,
    /// How long the client may stand still while it takes the answer.
    pub(super) patience: Duration,
    /// How long the site may take over the answer, or over its next part.
    pub(super) ceiling: Duration,
    pub(super) stop: Stop,
}

/// Has the site answer one request, all of which lies at the start of the wire's buffer.
pub(super) async fn exchange(
    wire: Wire,
    terms: Terms,
    serve: impl FnOnce(Stream) -> LocalBoxFuture<'static, ()>,
) -> (Wire, Outcome) {
    let exchange = Rc::new(RefCell::new(Exchange {
        wire,
        handing_over: terms.length,
        answer: Answer::new(terms.wants_no_body, terms.is_old),
        unsent: Vec::new(),
        sent: 0,
        writing: Pace::new(terms.patience),
        ceiling: terms.ceiling,
        moved: Instant::now(),
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
        let deadline = exchange.deadline();
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
    let Exchange {
        mut wire,
        handing_over,
        ..
    } = exchange.into_inner();
    // What the site did not care to read is not the next request.
    wire.forget(handing_over);
    (wire, outcome)
}

/// The state of an exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) wire: Wire,
    /// How many bytes at the start of the buffer are still to be given to the dispatcher.
    pub(super) handing_over: usize,
    pub(super) answer: Answer,
    /// The beginning of the answer, and how much of it was sent.
    pub(super) unsent: Vec<u8>,
    sent: usize,
    pub(super) writing: Pace,
    ceiling: Duration,
    /// When the site has last got on with its answer.
    pub(super) moved: Instant,
    pub(super) stop: Stop,
    pub(super) verdict: Option<Outcome>,
}

impl Exchange {
    /// How it ended, if it did. `ended`: the dispatcher will do nothing more.
    fn outcome(&mut self, ended: bool) -> Option<Outcome> {
        if let Some(verdict) = self.verdict.take() {
            return Some(verdict);
        }
        if self.answer.is_complete() && self.unsent.is_empty() {
            return Some(if self.answer.closes {
                Outcome::Last
            } else {
                Outcome::Next
            });
        }
        // An answer of unknown length is whole when nothing more comes.
        ended.then_some(if self.answer.has_begun() && self.unsent.is_empty() {
            Outcome::Last
        } else {
            Outcome::Lost
        })
    }

    /// When the client has taken too long, or the site.
    fn deadline(&self) -> Instant {
        let site = self.moved + self.ceiling;
        self.writing
            .deadline()
            .map_or(site, |client| client.min(site))
    }

    /// What becomes of an exchange that has taken too long.
    fn late(&self) -> Outcome {
        if self.answer.has_begun() {
            return Outcome::Lost;
        }
        let time = self.ceiling;
        log::error!("the site had no answer after {time:?}, and the request was given up");
        Outcome::Refused(Refusal::Busy)
    }

    /// Sends what was kept of the answer.
    pub(super) fn send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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

    pub(super) fn stray(&mut self, stray: &Stray) -> io::Error {
        match stray {
            Stray::Bare(status) => {
                self.verdict = Some(Outcome::Refused(Refusal::of_status(*status)));
            }
            Stray::Broken => {
                log::error!("an answer of the site made no sense, and was held back");
                self.verdict = Some(Outcome::Lost);
            }
        }
        io::ErrorKind::ConnectionAborted.into()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use actix_web::rt::time::timeout;
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::listener::testing::{PATIENCE, connected};

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-security-policy: x\r\n";

    /// How an exchange ends in which the site writes that and then nothing more, and what the client gets if it reads.
    async fn end(
        patience: Duration,
        ceiling: Duration,
        answer: Vec<u8>,
    ) -> anyhow::Result<(Outcome, Vec<u8>)> {
        let (stream, mut client) = connected().await?;
        let terms = Terms {
            length: 0,
            wants_no_body: false,
            is_old: false,
            patience,
            ceiling,
            stop: Stop::new(),
        };
        let site = |mut stream: Stream| -> LocalBoxFuture<'static, ()> {
            Box::pin(async move {
                stream.write_all(&answer).await.ok();
                stream.flush().await.ok();
                std::future::pending::<()>().await;
            })
        };
        let (wire, outcome) = timeout(PATIENCE, exchange(Wire::new(stream), terms, site)).await?;
        drop(wire);
        let mut got = Vec::new();
        client.read_to_end(&mut got)?;
        Ok((outcome, got))
    }

    #[actix_web::test]
    async fn a_site_that_never_answers_is_given_up_for_the_client_to_come_again()
    -> anyhow::Result<()> {
        let ended = end(PATIENCE, Duration::ZERO, Vec::new()).await?;

        assert_eq!(ended, (Outcome::Refused(Refusal::Busy), Vec::new()));
        Ok(())
    }

    #[actix_web::test]
    async fn a_site_that_never_ends_its_answer_is_cut_off() -> anyhow::Result<()> {
        let begun = [HEAD, b"content-length: 9\r\n\r\nbegun"].concat();

        let ended = end(PATIENCE, Duration::ZERO, begun.clone()).await?;

        assert_eq!(ended, (Outcome::Lost, begun));
        Ok(())
    }

    #[actix_web::test]
    async fn a_client_that_does_not_take_its_answer_is_cut_off() -> anyhow::Result<()> {
        let length = 64 << 20;
        let head = [HEAD, format!("content-length: {length}\r\n\r\n").as_bytes()].concat();

        let (outcome, got) = end(
            Duration::ZERO,
            PATIENCE,
            [head, vec![b'x'; length]].concat(),
        )
        .await?;

        assert_eq!(outcome, Outcome::Lost);
        assert!(!got.is_empty() && got.len() < length, "{}", got.len());
        Ok(())
    }
}

//! Minimum transfer rate of a connection: a peer that is slower for too long is disconnected. Knows nothing of HTTP.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use actix_web::rt::time::{Instant, Sleep, sleep_until};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a peer must send or read while the site waits for it (bytes per second).
const MIN_RATE: u32 = 500;

/// The time that this many bytes may take.
pub(super) fn time_for(bytes: usize) -> Duration {
    Duration::from_secs(bytes as u64) / MIN_RATE
}

/// Until when the site waits for a peer. Every transferred byte moves it.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// Set at the first transfer.
    deadline: Option<Instant>,
    /// The peer reads the response; it need not send anything. Otherwise it has begun to send, and has to go on.
    is_sending: bool,
}

/// The deadline of a peer; shared by the connection and the requests that arrive on it.
#[derive(Debug, Clone)]
pub(super) struct PeerDeadline {
    clock: Rc<Cell<Option<Clock>>>,
    pub(super) patience: Duration,
}

impl PeerDeadline {
    /// Stops the clock while a request is handled.
    pub(super) fn suspend(&self) {
        self.clock.set(None);
    }

    /// Starts the clock for the response, and for the next request once that begins to arrive.
    pub(super) fn resume(&self) {
        self.clock.set(Some(Clock {
            deadline: None,
            is_sending: true,
        }));
    }

    /// Whether the site has not had to wait for this peer since the request was handled.
    fn is_prompt(&self) -> bool {
        self.clock
            .get()
            .is_none_or(|clock| clock.deadline.is_none())
    }

    /// The deadline after that many bytes were read or written, unless the site waits for nothing.
    fn advance(&self, bytes: usize, is_read: bool) -> Option<Instant> {
        let mut clock = self.clock.get()?;
        if clock.is_sending && is_read && bytes == 0 {
            return None;
        }
        let latest = Instant::now() + self.patience;
        let begins_to_send = clock.is_sending && is_read;
        let earlier = clock.deadline.filter(|_| !begins_to_send);
        let deadline = earlier.map_or(latest, |earlier| (earlier + time_for(bytes)).min(latest));
        clock.deadline = Some(deadline);
        clock.is_sending &= !is_read;
        self.clock.set(Some(clock));
        Some(deadline)
    }
}

/// A connection whose reads and writes fail once its peer is too slow.
#[derive(Debug)]
pub(super) struct MinRateStream {
    io: TcpStream,
    pub(super) peer: PeerDeadline,
    timer: Pin<Box<Sleep>>,
}

impl MinRateStream {
    pub(super) fn new(io: TcpStream, patience: Duration) -> Self {
        // Suspended: actix limits the time for a first head.
        let clock = Rc::default();
        Self {
            io,
            peer: PeerDeadline { clock, patience },
            timer: Box::pin(sleep_until(Instant::now())),
        }
    }

    /// Fails if the peer is late, and wakes the task when it will be.
    fn check_deadline(
        &mut self,
        cx: &mut Context<'_>,
        bytes: usize,
        is_read: bool,
    ) -> io::Result<()> {
        let Some(deadline) = self.peer.advance(bytes, is_read) else {
            return Ok(());
        };
        // Resetting a timer for each request is slow, so an early one is reset when it fires.
        if self.timer.deadline() > deadline {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.timer.deadline() == deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.timer.as_mut().reset(deadline);
        }
        Ok(())
    }
}

impl AsyncRead for MinRateStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut this.io).poll_read(cx, buffer);
        this.check_deadline(cx, buffer.filled().len() - before, true)?;
        outcome
    }
}

impl AsyncWrite for MinRateStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.io).poll_write(cx, bytes)?;
        match outcome {
            // A peer that takes everything at once needs no deadline.
            Poll::Ready(written) if written == bytes.len() && this.peer.is_prompt() => {}
            Poll::Ready(written) => this.check_deadline(cx, written, false)?,
            Poll::Pending => this.check_deadline(cx, 0, false)?,
        }
        outcome.map(Ok)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use actix_web::rt::net::TcpListener;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(20);

    /// A connection, and its peer.
    async fn connected() -> io::Result<(MinRateStream, TcpStream)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let peer = TcpStream::connect(listener.local_addr()?).await?;
        let (stream, _) = listener.accept().await?;
        Ok((MinRateStream::new(stream, PATIENCE), peer))
    }

    fn is_late<T>(outcome: io::Result<T>) -> bool {
        outcome.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut)
    }

    #[actix_web::test]
    async fn peer_that_does_not_read_is_late() -> io::Result<()> {
        let (mut stream, _peer) = connected().await?;
        stream.peer.resume();

        assert!(is_late(stream.write_all(&vec![0; 64 << 20]).await));
        Ok(())
    }

    #[actix_web::test]
    async fn peer_that_does_not_finish_is_late() -> io::Result<()> {
        let (mut stream, mut peer) = connected().await?;
        stream.peer.resume();
        peer.write_all(b"half").await?;

        assert!(is_late(stream.read_exact(&mut [0; 8]).await));
        Ok(())
    }

    #[actix_web::test]
    async fn no_peer_is_late_while_a_request_is_handled_or_awaited() -> io::Result<()> {
        let (mut stream, _peer) = connected().await?;
        let suspended = stream.peer.clone();

        for begin in [PeerDeadline::suspend, PeerDeadline::resume] {
            begin(&suspended);
            let waiting = poll_fn(|cx| {
                let mut buffer = [0; 8];
                Pin::new(&mut stream).poll_read(cx, &mut ReadBuf::new(&mut buffer))
            });
            let outcome = tokio::time::timeout(PATIENCE * 3, waiting).await;
            assert!(outcome.is_err());
        }
        Ok(())
    }
}

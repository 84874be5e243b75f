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

/// What a peer must send or take while we wait for it (bytes per second).
const MIN_RATE: u32 = 500;

/// The time that this many bytes may take.
pub(super) fn time_for(bytes: usize) -> Duration {
    Duration::from_secs(bytes as u64) / MIN_RATE
}

/// What a connection waits for. An `Instant` moves on with every byte that is transferred, so that it lags behind the
/// present by as much as the peer is too slow.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// For us, or for something that is bounded elsewhere: a first request head, a body.
    Suspended,
    /// For the peer to take what was written; it need not send anything.
    Sending(Instant),
    /// For the rest of what the peer has begun to send.
    Receiving(Instant),
    /// For its end, at that time.
    Closing(Instant),
}

/// How long a connection waits for its peer; shared by the stream and the requests that arrive on it.
#[derive(Debug, Clone)]
pub(super) struct PeerDeadline {
    phase: Rc<Cell<Phase>>,
    patience: Duration,
}

impl PeerDeadline {
    fn new(patience: Duration) -> Self {
        Self {
            phase: Rc::new(Cell::new(Phase::Suspended)),
            patience,
        }
    }

    /// Stops the clock while a request is handled.
    pub(super) fn suspend(&self) {
        self.phase.set(Phase::Suspended);
    }

    /// Starts the clock for the response, and for the next request once that begins to arrive.
    pub(super) fn resume(&self) {
        self.phase.set(Phase::Sending(Instant::now()));
    }

    /// Leaves the peer a last moment, however busy it is.
    pub(super) fn close(&self) {
        self.phase
            .set(Phase::Closing(Instant::now() + self.patience));
    }

    fn transferred(&self, bytes: usize, is_read: bool) {
        let moved = |since: Instant| (since + time_for(bytes)).min(Instant::now());
        self.phase.set(match self.phase.get() {
            Phase::Sending(_) if is_read => Phase::Receiving(Instant::now()),
            Phase::Sending(since) => Phase::Sending(moved(since)),
            Phase::Receiving(since) => Phase::Receiving(moved(since)),
            other => other,
        });
    }

    fn deadline(&self, is_read: bool) -> Option<Instant> {
        match self.phase.get() {
            Phase::Suspended => None,
            Phase::Sending(_) if is_read => None,
            Phase::Sending(since) | Phase::Receiving(since) => Some(since + self.patience),
            Phase::Closing(end) => Some(end),
        }
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
        Self {
            io,
            peer: PeerDeadline::new(patience),
            timer: Box::pin(sleep_until(Instant::now())),
        }
    }

    /// The outcome of a read or write, unless the peer is late. Wakes the task when it will be.
    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        is_read: bool,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let Some(deadline) = self.peer.deadline(is_read) else {
            return outcome;
        };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        match self.timer.as_mut().poll(cx) {
            Poll::Pending => outcome,
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        }
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
        let bytes = buffer.filled().len() - before;
        if bytes > 0 {
            this.peer.transferred(bytes, true);
        }
        this.in_time(cx, true, outcome)
    }
}

impl AsyncWrite for MinRateStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.io).poll_write(cx, bytes);
        if let Poll::Ready(Ok(bytes)) = outcome {
            this.peer.transferred(bytes, false);
        }
        this.in_time(cx, false, outcome)
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
    async fn busy_peer_is_late_once_the_connection_closes() -> io::Result<()> {
        let (mut stream, mut peer) = connected().await?;
        stream.peer.close();
        actix_web::rt::spawn(async move { while peer.write_all(&[0; 4096]).await.is_ok() {} });

        let outcome = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;

        assert!(is_late(outcome));
        Ok(())
    }

    #[actix_web::test]
    async fn nobody_is_late_while_a_request_is_handled_or_awaited() -> io::Result<()> {
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

//! A connection and what came over it that nobody has read yet.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use actix_web::rt::time::{sleep, timeout};
use actix_web::web::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::select;

use super::room::Room;
use super::stop::{Phase, Stop};

/// How long a connection stays after a last answer. One that is closed with bytes unread is reset, and the reset can
/// overtake the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linger {
    /// For how long the client may be silent.
    silence: Duration,
    /// For how long it may send on: nothing of it is read, but an upload may take a while to be broken off.
    whole: Duration,
}

/// Enough for the slowest of them.
pub(super) const LINGER: Linger = Linger {
    silence: Duration::from_secs(2),
    whole: Duration::from_secs(30),
};

/// How much is read and thrown away after a last answer (bytes).
const MOST_THROWN_AWAY: usize = 64 << 20;

/// More than a head: a buffer that has held this was made for a body (bytes).
const LARGE: usize = 64 << 10;

/// Enough for the head of most requests (bytes).
const HEAD: usize = 2 << 10;

/// The most that is read at a time (bytes).
const PORTION: usize = 8 << 10;

/// A connection with a buffer before it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) stream: TcpStream,
    pub(super) buffer: BytesMut,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
        }
    }

    /// Reads what is there, without waiting; 0 bytes mean that the client sends no more.
    pub(super) fn try_read(&mut self) -> io::Result<usize> {
        let room = self.buffer.capacity() - self.buffer.len();
        if self.buffer.is_empty() {
            self.buffer.reserve(HEAD);
        } else if room < HEAD / 2 {
            self.buffer.reserve(PORTION);
        }
        // There may be more room; but then one connection could keep its worker for long.
        let read = self
            .stream
            .try_read_buf(&mut (&mut self.buffer).limit(PORTION));
        if self.buffer.is_empty() {
            // Nothing may come for long, and there are many who wait.
            self.buffer = BytesMut::new();
        }
        read
    }

    /// Drops bytes from the start of the buffer, and what was kept of memory for them.
    pub(super) fn forget(&mut self, count: usize) {
        self.buffer.advance(count);
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        } else if count > LARGE {
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
    }

    /// Sends a last answer, and closes the connection so that it arrives.
    pub(super) async fn say_last(mut self, bytes: &[u8], room: &Rc<Room>, stop: &Stop) {
        let sent = timeout(LINGER.silence, self.stream.write_all(bytes)).await;
        if matches!(sent, Ok(Ok(()))) {
            self.linger(room, stop, LINGER).await;
        }
    }

    /// Closes the connection once the client has, or after a while; at once when somebody needs its place.
    pub(super) async fn linger(mut self, room: &Rc<Room>, stop: &Stop, time: Linger) {
        if self.stream.shutdown().await.is_err() {
            return;
        }
        self.buffer = BytesMut::new();
        let waiting = room.wait();
        let rest = async {
            let mut seen = 0;
            while seen < MOST_THROWN_AWAY {
                self.buffer.clear();
                self.buffer.reserve(PORTION);
                match timeout(time.silence, self.stream.read_buf(&mut self.buffer)).await {
                    Ok(Ok(count @ 1..)) => seen += count,
                    _ => break,
                }
            }
        };
        let closing = async {
            stop.reached(Phase::Closing).await;
            sleep(time.silence).await;
        };
        select! {
            () = rest => {}
            () = sleep(time.whole) => {}
            () = closing => {}
            () = waiting.leave.notified() => {}
        }
    }

    /// Sends what can be sent of an answer without waiting, and closes the connection.
    pub(super) fn say_and_go(self, bytes: &[u8]) {
        // The client has kept others waiting; it may miss the answer.
        self.stream.try_write(bytes).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use futures_util::FutureExt;

    use super::*;
    use crate::listener::testing::{PATIENCE, connected};

    /// Longer than any test waits.
    const EVER: Duration = Duration::from_hours(1);

    /// Has a connection linger while its client does that, and tells what the client still gets.
    async fn linger(
        time: Linger,
        client_does: impl FnOnce(&mut net::TcpStream, &Rc<Room>),
    ) -> anyhow::Result<Vec<u8>> {
        let (stream, mut client) = connected().await?;
        let mut wire = Wire::new(stream);
        wire.stream.write_all(b"the last answer").await?;
        // One connection fits, and it has its place.
        let room = Room::new(1, Arc::new(AtomicUsize::new(2)));
        let place = room.enter();
        let stop = Stop::new();
        let lingering = wire.linger(&room, &stop, time);
        let mut lingering = std::pin::pin!(lingering);
        assert!(lingering.as_mut().now_or_never().is_none());

        client_does(&mut client, &room);

        timeout(PATIENCE, lingering).await?;
        drop(place);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest)?;
        Ok(rest)
    }

    #[actix_web::test]
    async fn a_silent_client_gets_its_answer_and_is_left_after_a_while() -> anyhow::Result<()> {
        let time = Linger {
            silence: Duration::from_millis(1),
            whole: EVER,
        };

        assert_eq!(linger(time, |_, _| {}).await?, b"the last answer");
        Ok(())
    }

    #[actix_web::test]
    async fn a_client_that_has_closed_is_not_waited_for() -> anyhow::Result<()> {
        let time = Linger {
            silence: EVER,
            whole: EVER,
        };

        let answer = linger(time, |client, _| {
            client.write_all(b"the rest of an upload").unwrap();
            client.shutdown(net::Shutdown::Write).unwrap();
        });

        assert_eq!(answer.await?, b"the last answer");
        Ok(())
    }

    #[actix_web::test]
    async fn a_client_that_sends_on_is_cut_off_in_the_end() -> anyhow::Result<()> {
        let time = Linger {
            silence: EVER,
            whole: Duration::from_millis(1),
        };

        linger(time, |client, _| client.write_all(b"more").unwrap()).await?;
        Ok(())
    }

    #[actix_web::test]
    async fn who_needs_the_place_gets_it() -> anyhow::Result<()> {
        let time = Linger {
            silence: EVER,
            whole: EVER,
        };

        linger(time, |_, room| assert!(room.enter().is_ok())).await?;
        Ok(())
    }

    #[actix_web::test]
    async fn who_has_sent_nothing_takes_no_memory_and_who_begins_takes_little() -> anyhow::Result<()>
    {
        let (stream, mut client) = connected().await?;
        let mut wire = Wire::new(stream);

        let nothing = wire.try_read().map_err(|error| error.kind());
        assert_eq!(nothing, Err(io::ErrorKind::WouldBlock));
        assert_eq!(wire.buffer.capacity(), 0);

        client.write_all(b"GET / HTTP/1.1\r\nHost: ")?;
        timeout(PATIENCE, wire.stream.readable()).await??;
        assert!(wire.try_read().is_ok() && wire.try_read().is_err());
        assert!(wire.buffer.capacity() <= HEAD, "{}", wire.buffer.capacity());
        Ok(())
    }

    #[actix_web::test]
    async fn the_memory_of_a_body_is_given_back_and_what_came_behind_it_is_kept()
    -> anyhow::Result<()> {
        let (stream, _client) = connected().await?;
        let mut wire = Wire::new(stream);
        let body = vec![b'x'; 4 * LARGE];
        wire.buffer.extend_from_slice(&body);
        wire.buffer.extend_from_slice(b"GET / HTTP/1.1");

        wire.forget(body.len());

        assert_eq!(&wire.buffer[..], b"GET / HTTP/1.1");
        assert!(wire.buffer.capacity() < LARGE, "{}", wire.buffer.capacity());
        wire.forget(wire.buffer.len());
        assert_eq!(wire.buffer.capacity(), 0);
        Ok(())
    }
}

//! A connection and what came over it that nobody has read yet.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use actix_web::rt::time::{sleep, timeout};
use actix_web::web::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::select;

use super::room::Room;
use super::stop::{Phase, Stop};

/// For how long a client may be silent after a last answer before the connection is closed. One that is closed with
/// bytes unread is reset, and the reset can overtake the answer.
const LINGER: Duration = Duration::from_secs(2);

/// For how long a client may send on after a last answer: nothing, but its upload may take a while to be broken off.
const LONGEST_LINGER: Duration = Duration::from_secs(30);

/// How much is read and thrown away after a last answer (bytes).
const MOST_THROWN_AWAY: usize = 64 << 20;

/// More than a head: a buffer that has held this was made for a body (bytes).
const LARGE: usize = 64 << 10;

/// How much is read at a time (bytes).
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
        self.buffer.reserve(PORTION);
        self.stream.try_read_buf(&mut self.buffer)
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
        let sent = timeout(LINGER, self.stream.write_all(bytes)).await;
        if matches!(sent, Ok(Ok(()))) {
            self.linger(room, stop).await;
        }
    }

    /// Closes the connection once the client has, or after a while; at once when somebody needs its place.
    pub(super) async fn linger(mut self, room: &Rc<Room>, stop: &Stop) {
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
                match timeout(LINGER, self.stream.read_buf(&mut self.buffer)).await {
                    Ok(Ok(count @ 1..)) => seen += count,
                    _ => break,
                }
            }
        };
        let closing = async {
            stop.reached(Phase::Closing).await;
            sleep(LINGER).await;
        };
        select! {
            () = rest => {}
            () = sleep(LONGEST_LINGER) => {}
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

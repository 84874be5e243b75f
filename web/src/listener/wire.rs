//! A connection and what came over it that nobody has read yet.

use std::io;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use actix_web::rt::time::timeout;
use actix_web::web::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long the rest of what a client sends is read after a last answer. A connection that is closed with bytes
/// unread is reset, and the reset can overtake the answer.
const LINGER: Duration = Duration::from_secs(2);

/// How much is read and thrown away after a last answer (bytes).
const MOST_THROWN_AWAY: usize = 64 << 20;

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

    /// Sends a last answer, and closes the connection so that it arrives.
    pub(super) async fn say_last(mut self, bytes: &[u8]) {
        let sent = timeout(LINGER, self.stream.write_all(bytes)).await;
        if matches!(sent, Ok(Ok(()))) {
            self.linger().await;
        }
    }

    /// Closes the connection once the client has, or after a while.
    pub(super) async fn linger(mut self) {
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let rest = async {
            let mut seen = 0;
            while seen < MOST_THROWN_AWAY {
                self.buffer.clear();
                self.buffer.reserve(PORTION);
                match self.stream.read_buf(&mut self.buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => seen += count,
                }
            }
        };
        // Whoever sends on for longer is cut off.
        timeout(LINGER, rest).await.ok();
    }

    /// Sends what can be sent of an answer without waiting, and closes the connection.
    pub(super) fn say_and_go(self, bytes: &[u8]) {
        // The client has kept others waiting; it may miss the answer.
        self.stream.try_write(bytes).ok();
    }
}

//! The stream that actix's dispatcher sees: one request comes out of it, and what goes in is its answer.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::rt::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::exchange::Exchange;

/// How much of an answer is kept here before the site has to wait for the client (bytes).
const MOST_UNSENT: usize = 64 << 10;

/// The stream of one exchange.
pub(super) struct Stream(pub(super) Rc<RefCell<Exchange>>);

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let exchange = &mut *self.0.borrow_mut();
        let count = exchange.handing_over.min(into.remaining());
        // The next request is none of this dispatcher's business, and it is not told of an end: it would take that
        // for the end of its connection.
        if count == 0 {
            return Poll::Pending;
        }
        into.put_slice(&exchange.wire.buffer[..count]);
        exchange.wire.forget(count);
        exchange.handing_over -= count;
        Poll::Ready(Ok(()))
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
        exchange.moved = Instant::now();
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

//! Where connections come from: a socket of our own, or one that systemd holds for us.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use anyhow::{Context, bail};
use listenfd::ListenFd;
use tokio::net;

/// How many connections the system keeps for us until we take them; it may have a lower limit of its own.
const BACKLOG: i32 = 4096;

/// The socket that the service manager passed on, or one at that address.
pub(crate) fn bind(host: &str, port: u16) -> anyhow::Result<TcpListener> {
    let mut passed = ListenFd::from_env();
    if passed.len() > 1 {
        bail!(
            "{} sockets were passed on, but the site listens on one",
            passed.len()
        );
    }
    let listener = passed
        .take_tcp_listener(0)
        .context("the socket that was passed on is none of TCP")?;
    let listener = listener.map_or_else(|| listen(host, port), Ok)?;
    listener
        .set_nonblocking(true)
        .context("cannot use the socket")?;
    Ok(listener)
}

/// A socket at that address.
pub(crate) fn listen_at(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn listen(host: &str, port: u16) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind((host, port))
        .with_context(|| format!("cannot listen on {host}:{port}"))?;
    // Whoever passes a socket on has also chosen how many may wait there.
    rustix::net::listen(&listener, BACKLOG).context("cannot listen")?;
    Ok(listener)
}

/// A listener that can be waited for.
pub(super) struct Listener(net::TcpListener);

impl Listener {
    pub(super) fn new(listener: TcpListener) -> io::Result<Self> {
        Ok(Self(net::TcpListener::from_std(listener)?))
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.0.accept().await?;
        // It is watched by the worker that gets it, not by the thread that took it.
        Ok((stream.into_std()?, peer))
    }

    /// Every connection that has come already; then the socket is closed, unless somebody else holds it too.
    pub(super) fn finish(self, mut take: impl FnMut(TcpStream, SocketAddr)) -> io::Result<()> {
        let listener = self.0.into_std()?;
        loop {
            match listener.accept() {
                Ok((stream, peer)) => {
                    stream.set_nonblocking(true)?;
                    take(stream, peer);
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[actix_web::test]
    async fn who_has_come_before_the_end_is_taken_and_nobody_after_it() -> anyhow::Result<()> {
        let listener = listen("127.0.0.1", 0)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let clients: Vec<_> = (0..3)
            .map(|_| TcpStream::connect(address))
            .collect::<Result<_, _>>()?;
        let mut taken = Vec::new();

        Listener::new(listener)?.finish(|stream, peer| taken.push((stream, peer)))?;

        let peers: Vec<_> = taken.iter().map(|(_, peer)| *peer).collect();
        for client in &clients {
            assert!(peers.contains(&client.local_addr()?));
        }
        for (mut stream, _) in taken {
            let waits = stream.read(&mut [0]).map_err(|error| error.kind());
            assert_eq!(waits, Err(io::ErrorKind::WouldBlock));
        }
        let late = TcpStream::connect(address).map_err(|error| error.kind());
        assert!(matches!(late, Err(io::ErrorKind::ConnectionRefused)));
        Ok(())
    }
}

//! A way to a PostgreSQL server that can be blocked: the server says nothing more to one site, and stays for everybody
//! else.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result};
use oc_core::DatabaseUrl;
use oc_core::testing::TestDb;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net;
use tokio::sync::watch;
use url::Url;

#[derive(Clone)]
enum Target {
    Socket(PathBuf),
    Address(String, u16),
}

/// A listener that passes on what comes, until it is told otherwise.
pub(super) struct Relay {
    url: String,
    is_open: watch::Sender<bool>,
}

impl Relay {
    /// Listens for those who want to that database; the thread ends with the test's process.
    pub(super) fn to(db: &TestDb) -> Result<Self> {
        let DatabaseUrl::Postgres(url) = db.url() else {
            anyhow::bail!("{} is no server", db.url());
        };
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let (url, target) = detour(url, listener.local_addr()?)?;
        let (is_open, open) = watch::channel(true);
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(pass_on(listener, target, open))
        });
        Ok(Self { url, is_open })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Keeps back whatever is sent either way from now on; connections stay, and new ones are taken.
    pub(super) fn block(&self) {
        self.is_open.send_replace(false);
    }

    /// Passes on what was kept back.
    pub(super) fn mend(&self) {
        self.is_open.send_replace(true);
    }
}

/// The same address with another server in it, and the server that was there.
fn detour(url: &str, by: SocketAddr) -> Result<(String, Target)> {
    let mut url = Url::parse(url)?;
    let host = url.host_str().context("no server is named")?;
    let port = url.port().unwrap_or(5432);
    let host = percent_encoding::percent_decode_str(host).decode_utf8()?;
    let target = if host.starts_with('/') {
        Target::Socket(PathBuf::from(&*host).join(format!(".s.PGSQL.{port}")))
    } else {
        Target::Address(host.into_owned(), port)
    };
    url.set_ip_host(by.ip())
        .and_then(|()| url.set_port(Some(by.port())))
        .map_err(|()| anyhow::anyhow!("{url} cannot be changed"))?;
    Ok((url.into(), target))
}

async fn pass_on(listener: TcpListener, target: Target, open: watch::Receiver<bool>) -> Result<()> {
    let listener = net::TcpListener::from_std(listener)?;
    loop {
        let (client, _) = listener.accept().await?;
        actix_web::rt::spawn(join(client, target.clone(), open.clone()));
    }
}

/// Passes everything on between a client and the server, until one of them ends.
async fn join(client: net::TcpStream, target: Target, open: watch::Receiver<bool>) -> Result<()> {
    match target {
        Target::Socket(path) => both(client, net::UnixStream::connect(path).await?, open).await,
        Target::Address(host, port) => {
            both(client, net::TcpStream::connect((host, port)).await?, open).await
        }
    }
}

async fn both(
    client: net::TcpStream,
    server: impl AsyncRead + AsyncWrite,
    open: watch::Receiver<bool>,
) -> Result<()> {
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    tokio::try_join!(
        one(from_client, to_server, open.clone()),
        one(from_server, to_client, open),
    )?;
    Ok(())
}

async fn one(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut open: watch::Receiver<bool>,
) -> Result<()> {
    let mut bytes = vec![0; 1 << 14];
    loop {
        let read = from.read(&mut bytes).await?;
        open.wait_for(|open| *open).await?;
        if read == 0 {
            return Ok(to.shutdown().await?);
        }
        to.write_all(&bytes[..read]).await?;
    }
}

//! A way to a PostgreSQL server that can be cut or blocked: the server goes away for one site, or
//! says nothing to it any more, and stays for everybody else.

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

/// Where a server is.
#[derive(Clone)]
enum Target {
    Socket(PathBuf),
    Address(String, u16),
}

/// What becomes of what is sent on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// It is kept back.
    Blocked,
    Cut,
}

/// A listener that passes on what comes, until it is told otherwise.
pub(super) struct Relay {
    url: String,
    way: watch::Sender<Way>,
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
        let (sender, way) = watch::channel(Way::Open);
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(pass_on(listener, target, way))
        });
        Ok(Self { url, way: sender })
    }

    /// The address of the database by this way.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends whoever is connected, and lets nobody in.
    pub(super) fn cut(&self) {
        self.way.send_replace(Way::Cut);
    }

    /// Keeps back whatever is sent either way from now on; connections stay, and new ones are taken.
    pub(super) fn block(&self) {
        self.way.send_replace(Way::Blocked);
    }

    /// Lets everybody in again, and passes on what was kept back.
    pub(super) fn mend(&self) {
        self.way.send_replace(Way::Open);
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

async fn pass_on(listener: TcpListener, target: Target, way: watch::Receiver<Way>) -> Result<()> {
    let listener = net::TcpListener::from_std(listener)?;
    loop {
        let (client, _) = listener.accept().await?;
        let (target, way, mut cut) = (target.clone(), way.clone(), way.clone());
        actix_web::rt::spawn(async move {
            tokio::select! {
                biased;
                // Both ends are closed when they are dropped.
                _ = cut.wait_for(|way| *way == Way::Cut) => {}
                _ = join(client, target, way) => {}
            }
        });
    }
}

/// Passes everything on between a client and the server, until one of them ends.
async fn join(client: net::TcpStream, target: Target, way: watch::Receiver<Way>) -> Result<()> {
    match target {
        Target::Socket(path) => both(client, net::UnixStream::connect(path).await?, way).await,
        Target::Address(host, port) => {
            both(client, net::TcpStream::connect((host, port)).await?, way).await
        }
    }
}

async fn both(
    client: net::TcpStream,
    server: impl AsyncRead + AsyncWrite,
    way: watch::Receiver<Way>,
) -> Result<()> {
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    tokio::try_join!(
        one(from_client, to_server, way.clone()),
        one(from_server, to_client, way),
    )?;
    Ok(())
}

async fn one(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut way: watch::Receiver<Way>,
) -> Result<()> {
    let mut bytes = vec![0; 1 << 14];
    loop {
        let read = from.read(&mut bytes).await?;
        way.wait_for(|way| *way == Way::Open).await?;
        if read == 0 {
            return Ok(to.shutdown().await?);
        }
        to.write_all(&bytes[..read]).await?;
    }
}

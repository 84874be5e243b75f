//! A way to a PostgreSQL server that can be cut: the server goes away for one site, and stays for everybody else.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result};
use oc_core::DatabaseUrl;
use oc_core::testing::TestDb;
use tokio::io::copy_bidirectional;
use tokio::net;
use tokio::sync::watch;
use url::Url;

/// Where a server is.
#[derive(Clone)]
enum Target {
    Socket(PathBuf),
    Address(String, u16),
}

/// A listener that passes on what comes, until it is cut.
pub(super) struct Relay {
    url: String,
    is_cut: watch::Sender<bool>,
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
        let (is_cut, cut) = watch::channel(false);
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(pass_on(listener, target, cut))
        });
        Ok(Self { url, is_cut })
    }

    /// The address of the database by this way.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends whoever is connected, and lets nobody in.
    pub(super) fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// Lets everybody in again.
    pub(super) fn mend(&self) {
        self.is_cut.send_replace(false);
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

async fn pass_on(listener: TcpListener, target: Target, cut: watch::Receiver<bool>) -> Result<()> {
    let listener = net::TcpListener::from_std(listener)?;
    loop {
        let (client, _) = listener.accept().await?;
        let (target, mut cut) = (target.clone(), cut.clone());
        actix_web::rt::spawn(async move {
            tokio::select! {
                biased;
                // Both ends are closed when they are dropped.
                _ = cut.wait_for(|is_cut| *is_cut) => {}
                _ = join(client, target) => {}
            }
        });
    }
}

/// Passes everything on between a client and the server, until one of them ends.
async fn join(mut client: net::TcpStream, target: Target) -> std::io::Result<()> {
    match target {
        Target::Socket(path) => {
            let mut server = net::UnixStream::connect(path).await?;
            copy_bidirectional(&mut client, &mut server).await?;
        }
        Target::Address(host, port) => {
            let mut server = net::TcpStream::connect((host, port)).await?;
            copy_bidirectional(&mut client, &mut server).await?;
        }
    }
    Ok(())
}

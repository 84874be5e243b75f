//! `check --health`: asks the process on this machine for `/healthz`, for an image without any other program.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, bail};

use super::output::print;
use crate::config::Config;

/// Limit for connecting and for each read and write.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Fails if no process answers `/healthz` with 200 at `HOST` and `PORT`.
pub(super) fn check(config: &Config) -> anyhow::Result<()> {
    let host = match config.host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    let place = format!("{host}:{}", config.port);
    let response = get((host, config.port), "localhost", "/healthz")
        .with_context(|| format!("nothing answers on {place}"))?;
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("{place} is not healthy: {status:?}");
    }
    print(format_args!("health: ok ({})", body.trim()))
}

/// The response to a GET request, up to 64 kB.
pub(super) fn get(place: (&str, u16), host: &str, path: &str) -> anyhow::Result<String> {
    let address = place.to_socket_addrs()?.next();
    let address = address.context("the host name has no address")?;
    let mut connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes())?;
    let mut response = Vec::new();
    // Another program may listen there.
    connection.take(65_536).read_to_end(&mut response)?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}

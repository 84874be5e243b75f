//! Asks the process that serves on this machine how it is: for an image that holds no other program.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::config::Config;

/// How long an answer may take; whoever asks asks again.
const PATIENCE: Duration = Duration::from_secs(4);

/// Fails where no process answers `/healthz` on the port of the settings.
pub(super) fn ask(config: &Config) -> anyhow::Result<()> {
    let host = match config.host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    let place = format!("{host}:{}", config.port);
    let answer = answer((host, config.port), "localhost")
        .with_context(|| format!("nothing that serves answers on {place}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("what answers on {place} is not well: {status:?}");
    }
    println!("health: ok ({})", body.trim());
    Ok(())
}

fn answer(place: (&str, u16), host: &str) -> anyhow::Result<String> {
    let address = place
        .to_socket_addrs()?
        .next()
        .context("the name has no address")?;
    let mut connection = TcpStream::connect_timeout(&address, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    // In one go: who answers after the first part of it and leaves would break the pipe for the rest.
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    // The answer is a few hundred bytes; whatever else listens there may say more than we want to keep.
    connection.take(65_536).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

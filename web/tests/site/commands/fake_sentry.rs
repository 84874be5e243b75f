//! A fake Sentry server that keeps what it receives.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behavior {
    Accepts,
    Rejects,
    Hangs,
}

pub(super) struct Sentry {
    address: SocketAddr,
    arrived: Arc<Mutex<Vec<Vec<u8>>>>,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) kind: String,
    pub(super) content: Value,
}

impl Sentry {
    /// Starts the server; its threads end with the test.
    pub(super) fn listen(behavior: Behavior) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let arrived: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let kept = Arc::clone(&arrived);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || serve(stream, behavior, &kept));
            }
        });
        Ok(Self { address, arrived })
    }

    /// `SENTRY_DSN` for this server.
    pub(super) fn dsn(&self) -> String {
        format!("http://hunter2@{}/42", self.address)
    }

    /// Everything received, as text.
    pub(super) fn text(&self) -> String {
        let arrived = self.arrived.lock().expect("no thread panicked");
        String::from_utf8_lossy(&arrived.concat()).into_owned()
    }

    pub(super) fn items(&self, kind: &str) -> Result<Vec<Item>> {
        let arrived = self.arrived.lock().expect("no thread panicked").clone();
        let mut items = Vec::new();
        for envelope in arrived {
            items.extend(parse(&envelope)?);
        }
        items.retain(|item| item.kind == kind);
        Ok(items)
    }

    pub(super) fn only(&self, kind: &str) -> Result<Value> {
        let mut items = self.items(kind)?;
        anyhow::ensure!(items.len() == 1, "{} items: {items:#?}", items.len());
        Ok(items.remove(0).content)
    }
}

/// Responds to one request after another on a connection.
fn serve(stream: TcpStream, behavior: Behavior, kept: &Mutex<Vec<Vec<u8>>>) -> Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        kept.lock().expect("no thread panicked").push(body);
        let response: &[u8] = match behavior {
            Behavior::Accepts => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            Behavior::Rejects => b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
            Behavior::Hangs => continue,
        };
        reader.get_mut().write_all(response)?;
    }
}

/// Parses an envelope: a JSON header, then for each item a JSON header and its payload.
fn parse(envelope: &[u8]) -> Result<Vec<Item>> {
    let mut rest = envelope;
    let mut items = Vec::new();
    line(&mut rest);
    while !rest.is_empty() {
        let header: Value = serde_json::from_slice(line(&mut rest))?;
        let content = match header["length"].as_u64() {
            Some(length) => {
                let (content, after) = rest.split_at(usize::try_from(length)?);
                rest = after.strip_prefix(b"\n").unwrap_or(after);
                content
            }
            None => line(&mut rest),
        };
        items.push(Item {
            kind: header["type"].as_str().context("no type")?.to_owned(),
            content: serde_json::from_slice(content)?,
        });
    }
    Ok(items)
}

fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(rest.len());
    let (line, after) = rest.split_at(end);
    *rest = after.strip_prefix(b"\n").unwrap_or(after);
    line
}

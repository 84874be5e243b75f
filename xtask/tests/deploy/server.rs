//! A small HTTP server with a function as handler.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result};

pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Sends nothing and keeps the connection open.
    silent: bool,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            body: body.into(),
            silent: false,
        }
    }

    /// No response while the client waits.
    pub(crate) fn silence() -> Self {
        Self {
            silent: true,
            ..Self::new(0, "")
        }
    }

    pub(crate) fn json(body: &serde_json::Value) -> Self {
        Self::new(200, body.to_string())
    }
}

/// Starts a server that runs until the tests end, and returns its address (`127.0.0.1:PORT`).
pub(crate) fn start(mut answer: impl FnMut(&Asked) -> Reply + Send + 'static) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let place = listener.local_addr()?.to_string();
    thread::spawn(move || {
        let mut waiting = Vec::new();
        for connection in listener.incoming().flatten() {
            // A client may disconnect early; the next connection is served.
            if let Ok(false) = serve(&connection, &mut answer) {
                waiting.push(connection);
            }
        }
    });
    Ok(place)
}

/// Handles one request. Returns whether it sent a response.
fn serve(connection: &TcpStream, answer: &mut impl FnMut(&Asked) -> Reply) -> Result<bool> {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ');
    let method = words.next().context("no method")?.to_owned();
    let target = words.next().context("no target")?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut headers = HashMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(Ok(0), |length| length.parse())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let is_head = method == "HEAD";
    let asked = Asked {
        method,
        path,
        query,
        headers,
        body,
    };
    let reply = answer(&asked);
    if reply.silent {
        return Ok(false);
    }
    let mut connection = connection;
    write!(
        connection,
        "HTTP/1.1 {} Word\r\nContent-Length: {}\r\nConnection: close\r\n",
        reply.status,
        reply.body.len()
    )?;
    connection.write_all(b"\r\n")?;
    if !is_head {
        connection.write_all(&reply.body)?;
    }
    Ok(true)
}

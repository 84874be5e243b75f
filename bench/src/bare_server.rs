//! A bare actix-web server that sends recorded responses from memory, in a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use anyhow::{Context, Result};

use crate::request::Request;

/// Headers that actix-web sets itself.
const OWN_HEADERS: [&str; 4] = ["connection", "content-length", "date", "transfer-encoding"];

/// The process, killed on drop.
pub(crate) struct BareServer {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl BareServer {
    /// Starts it with the responses of these requests at `/0`, `/1` and so on.
    pub(crate) fn start(requests: &[Request]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        for (index, request) in requests.iter().enumerate() {
            fs::write(folder.path().join(index.to_string()), &request.response)?;
        }
        let mut child = Command::new("/proc/self/exe")
            .arg("--serve")
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start the bare server")?;
        let output = child.stdout.take().context("stdout is piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse();
        let address = address.with_context(|| format!("the bare server printed {line:?}"))?;
        Ok(Self { child, address })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("could not stop the bare server: {error}");
        }
    }
}

struct Recorded {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

/// Serves the responses in a folder, and prints the address.
pub(crate) fn serve(folder: &Path) -> Result<()> {
    let mut recorded = Vec::new();
    while let Ok(bytes) = fs::read(folder.join(recorded.len().to_string())) {
        recorded.push(parse(&bytes)?);
    }
    let recorded = Data::new(recorded);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::clone(&recorded))
            .default_service(web::to(respond))
    });
    let server = server.bind(("127.0.0.1", 0))?;
    println!("{}", server.addrs()[0]);
    Ok(rt::System::new().block_on(server.run())?)
}

async fn respond(request: HttpRequest, recorded: Data<Vec<Recorded>>) -> HttpResponse {
    let index: Option<usize> = request.path()[1..].parse().ok();
    let Some(recorded) = index.and_then(|index| recorded.get(index)) else {
        return HttpResponse::NotFound().finish();
    };
    let mut response = HttpResponse::build(recorded.status);
    for header in &recorded.headers {
        response.append_header(header.clone());
    }
    response.body(recorded.body.clone())
}

fn parse(response: &[u8]) -> Result<Recorded> {
    let end = response
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .context("the response has no end of headers")?;
    let head = std::str::from_utf8(&response[..end])?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| !OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()))
        .map(|(name, value)| Ok((name.parse()?, value.parse()?)))
        .collect::<Result<_>>()?;
    Ok(Recorded {
        status: status.context("the response has no status")?.parse()?,
        headers,
        body: Bytes::copy_from_slice(&response[end + 4..]),
    })
}

//! The requests that are measured, and the site's responses to them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, ensure};

/// Public pages, a search, a health check.
const PAGES: [(&str, &str); 5] = [
    ("home", "/"),
    ("list", "/lettings/"),
    ("letting", "/lettings/1/"),
    ("search", "/lettings/?q=beach"),
    ("health", "/healthz"),
];

pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) path: String,
    /// Lines of request headers.
    pub(crate) headers: Vec<String>,
    /// Head and body, as the site sent them.
    pub(crate) response: Vec<u8>,
}

/// Every page with gzip and without, a style sheet, and a page that the browser has already.
pub(crate) fn requests(site: SocketAddr) -> Result<Vec<Request>> {
    let mut requests = Vec::new();
    for (name, path) in PAGES {
        for encoding in ["gzip", "identity"] {
            let headers = [format!("Accept-Encoding: {encoding}")];
            requests.push(Request::new(
                site,
                &format!("{name}, {encoding}"),
                path,
                &headers,
            )?);
        }
    }
    let home = &requests[1];
    let html = String::from_utf8_lossy(&home.response).into_owned();
    let style = html
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .find(|path| path.contains(".css"))
        .context("the home page has no style sheet")?;
    let gzip = "Accept-Encoding: gzip".to_owned();
    requests.push(Request::new(
        site,
        "style sheet, gzip",
        style,
        std::slice::from_ref(&gzip),
    )?);
    let list = &requests[2];
    let etag = list.header("etag").context("the list has no ETag")?;
    let known = format!("If-None-Match: {etag}");
    requests.push(Request::new(
        site,
        "list, not modified",
        "/lettings/",
        &[gzip, known],
    )?);
    Ok(requests)
}

impl Request {
    fn new(site: SocketAddr, name: &str, path: &str, headers: &[String]) -> Result<Self> {
        let mut stream = TcpStream::connect(site)?;
        let lines = headers.join("\r\n");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n\r\n"
        )?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response)?;
        let request = Self {
            name: name.to_owned(),
            path: path.to_owned(),
            headers: headers.to_vec(),
            response,
        };
        let expected: &[u8] = if name.ends_with("not modified") {
            b"HTTP/1.1 304"
        } else {
            b"HTTP/1.1 200"
        };
        ensure!(
            request.response.starts_with(expected),
            "{path}: {}",
            String::from_utf8_lossy(&request.response)
        );
        Ok(request)
    }

    fn header(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.response);
        let (head, _) = text.split_once("\r\n\r\n")?;
        let mut headers = head.lines().filter_map(|line| line.split_once(": "));
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.to_owned())
    }
}

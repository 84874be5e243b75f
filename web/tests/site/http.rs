//! A client that sends exactly the given bytes, and the response as it was received.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use roxmltree::Document;

use crate::html::Html;

/// Without a reply for this long, the request counts as lost.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: BufReader::new(stream),
        })
    }

    /// Wraps an open connection.
    pub(crate) fn from(stream: TcpStream) -> Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            reader: BufReader::new(stream),
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.reader.get_mut().write_all(bytes)?)
    }

    /// Closes the sending side, and returns everything that the server still sends.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        self.reader.get_mut().shutdown(std::net::Shutdown::Write)?;
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest)?;
        Ok(rest)
    }

    /// Reads everything until the server closes the connection.
    pub(crate) fn rest(mut self) -> Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest)?;
        Ok(rest)
    }

    /// Reads the status of an interim response such as 100 Continue.
    pub(crate) fn interim(&mut self) -> Result<u16> {
        Ok(self.response(false)?.status)
    }

    /// Reads the next response; a response to HEAD has no body.
    pub(crate) fn response(&mut self, with_body: bool) -> Result<Response> {
        let line = self.line()?;
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3))
            .and_then(|status| status.parse().ok())
            .with_context(|| format!("no status line: {line:?}"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line
                .split_once(':')
                .with_context(|| format!("no header: {line:?}"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut response = Response {
            status,
            headers,
            body: Vec::new(),
        };
        if with_body && !matches!(status, 204 | 304) {
            let Some(length) = response.header("content-length") else {
                bail!("a response without its length: {:?}", response.headers);
            };
            response.body = vec![0; length.parse()?];
            self.reader.read_exact(&mut response.body)?;
        }
        Ok(response)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        let line = line
            .strip_suffix(b"\r\n")
            .context("the response broke off")?;
        Ok(String::from_utf8_lossy(line).into_owned())
    }
}

/// The bytes of a request without a body, with `Connection: close`. `headers` may have another Host.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n").into_bytes();
    if !headers.iter().any(|(name, _)| *name == "Host") {
        bytes.extend(b"Host: localhost\r\n");
    }
    for (name, value) in headers {
        bytes.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    bytes.extend(b"\r\n");
    bytes
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a header with this lower-case name; `None` if it is missing or repeated.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// Every header except the date and the request id, in order.
    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !["date", "x-request-id"].contains(name))
            .collect();
        headers.sort_unstable();
        headers
    }

    /// The body without its Content-Encoding.
    pub(crate) fn decoded(&self) -> Result<Vec<u8>> {
        let mut plain = Vec::new();
        match self.header("content-encoding") {
            None => plain.clone_from(&self.body),
            Some("br") => {
                brotli::Decompressor::new(&*self.body, 4096).read_to_end(&mut plain)?;
            }
            Some("gzip") => {
                flate2::read::GzDecoder::new(&*self.body).read_to_end(&mut plain)?;
            }
            Some(other) => bail!("unexpected encoding: {other}"),
        }
        Ok(plain)
    }

    pub(crate) fn text(&self) -> Result<String> {
        Ok(String::from_utf8(self.decoded()?)?)
    }

    pub(crate) fn html(&self) -> Result<Html> {
        let content_type = self.header("content-type");
        if content_type != Some("text/html; charset=utf-8") {
            bail!("not a page: {} {content_type:?}", self.status);
        }
        Ok(Html::new(self.text()?))
    }

    pub(crate) fn page_text(&self) -> Result<String> {
        Ok(self.html()?.text())
    }

    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        let content_type = self.header("content-type");
        if content_type != Some("application/json") {
            bail!("not JSON: {} {content_type:?}", self.status);
        }
        Ok(serde_json::from_slice(&self.decoded()?)?)
    }

    /// The texts of all elements with this name, if the body is well-formed XML.
    pub(crate) fn xml_texts(&self, name: &str) -> Result<Vec<String>> {
        let text = self.text()?;
        let document = Document::parse(&text).with_context(|| text.clone())?;
        let elements = document.descendants();
        Ok(elements
            .filter(|node| node.tag_name().name() == name)
            .map(|node| node.text().unwrap_or_default().to_owned())
            .collect())
    }
}

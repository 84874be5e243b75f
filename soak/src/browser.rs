//! A browser: cookies and forms over plain HTTP.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::site::PASSWORD;

/// Time limit of a response.
const PATIENCE: Duration = Duration::from_secs(45);

/// A response.
pub struct Answer {
    /// The status code.
    pub status: u16,
    head: String,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The value of a header, its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The value of a hidden form field.
    fn hidden(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\""))?;
        let (_, rest) = rest.split_once("value=\"")?;
        rest.split('"').next()
    }
}

/// Requests a page over a new connection.
pub fn get(address: SocketAddr, target: &str) -> Result<Answer> {
    ask(address, "GET", target, "", "", "")
}

fn ask(
    address: SocketAddr,
    method: &str,
    target: &str,
    cookies: &str,
    client: &str,
    body: &str,
) -> Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {cookies}\r\nX-Forwarded-For: {client}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len(),
    )?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .context("the response was cut off")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    let answer = Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    };
    let whole = match answer.header("content-length") {
        Some(length) => bytes.len() - head.len() - 4 == length.parse::<usize>()?,
        // Chunks of a proxy.
        None => body.ends_with("0\r\n\r\n"),
    };
    ensure!(whole || status == 304, "the response was cut off");
    Ok(answer)
}

/// A browser with its cookies.
#[derive(Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
    /// The network address, if the site is behind a proxy.
    client: String,
}

impl Browser {
    /// At a network address, as a proxy reports it.
    #[must_use]
    pub fn at(client: &str) -> Self {
        Self {
            client: client.to_owned(),
            ..Self::default()
        }
    }

    /// With the superuser logged in.
    pub fn logged_in(address: SocketAddr) -> Result<Self> {
        let mut browser = Self::default();
        let fields = [("username", "boss"), ("password", PASSWORD), ("next", "")];
        let answer = browser.fill(address, "/admin/login/", &fields)?;
        ensure!(
            answer.status == 303,
            "the login was rejected: {}",
            answer.status
        );
        Ok(browser)
    }

    /// Opens the page of a form, and submits it with these fields and its CSRF token.
    pub fn fill(
        &mut self,
        address: SocketAddr,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Result<Answer> {
        let page = self.send(address, "GET", target, "")?;
        let Some(token) = page.hidden("csrfmiddlewaretoken") else {
            return Ok(page);
        };
        let version = page.hidden("_version").unwrap_or_default();
        let hidden = [("csrfmiddlewaretoken", token), ("_version", version)];
        let body: Vec<String> = hidden
            .iter()
            .chain(fields)
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect();
        self.send(address, "POST", target, &body.join("&"))
    }

    fn send(
        &mut self,
        address: SocketAddr,
        method: &str,
        target: &str,
        body: &str,
    ) -> Result<Answer> {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = cookies.join("; ");
        let answer = ask(address, method, target, &cookies, &self.client, body)?;
        for line in answer.head.lines() {
            let set = line
                .split_once(": ")
                .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
            let pair = set.and_then(|(_, value)| value.split(';').next()?.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

/// A value in the encoding of forms.
fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let escape = |byte: u8| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    value.bytes().map(escape).collect()
}

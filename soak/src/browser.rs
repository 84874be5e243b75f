//! A browser: cookies and forms, each request over a new connection.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Result, ensure};
use ureq::Agent;
use ureq::http::HeaderMap;
use ureq::http::header::SET_COOKIE;

use crate::site::PASSWORD;

/// Time limit of a response.
const PATIENCE: Duration = Duration::from_secs(45);

static AGENT: LazyLock<Agent> = LazyLock::new(|| {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(PATIENCE));
    config.build().into()
});

/// A response.
pub struct Response {
    /// The status code.
    pub status: u16,
    headers: HeaderMap,
    /// The body as text.
    pub body: String,
}

impl Response {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The value of a hidden form field.
    fn hidden(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\""))?;
        let (_, rest) = rest.split_once("value=\"")?;
        rest.split('"').next()
    }
}

/// Requests a page without cookies.
pub fn get(address: SocketAddr, target: &str) -> Result<Response> {
    Browser::default().send(address, target, None)
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
        let response = browser.fill(address, "/admin/login/", &fields)?;
        ensure!(
            response.status == 303,
            "the login was rejected: {}",
            response.status
        );
        Ok(browser)
    }

    /// Several with the superuser logged in.
    pub fn several_logged_in(address: SocketAddr, count: usize) -> Result<Vec<Self>> {
        (0..count).map(|_| Self::logged_in(address)).collect()
    }

    /// Opens the page of a form, and submits it with these fields and its CSRF token.
    pub fn fill(
        &mut self,
        address: SocketAddr,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Result<Response> {
        let page = self.send(address, target, None)?;
        let Some(token) = page.hidden("csrfmiddlewaretoken") else {
            return Ok(page);
        };
        let version = page.hidden("_version").unwrap_or_default();
        let hidden = [("csrfmiddlewaretoken", token), ("_version", version)];
        self.send(address, target, Some(&[&hidden, fields].concat()))
    }

    /// Sends a form, or requests a page.
    fn send(
        &mut self,
        address: SocketAddr,
        target: &str,
        form: Option<&[(&str, &str)]>,
    ) -> Result<Response> {
        let url = format!("http://{address}{target}");
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = cookies.join("; ");
        let headers = [
            ("host", "localhost"),
            ("connection", "close"),
            ("cookie", &cookies),
            ("x-forwarded-for", &self.client),
        ];
        let mut response = match form {
            None => headers
                .iter()
                .fold(AGENT.get(url), |get, (name, value)| {
                    get.header(*name, *value)
                })
                .call()?,
            Some(fields) => headers
                .iter()
                .fold(AGENT.post(url), |post, (name, value)| {
                    post.header(*name, *value)
                })
                .send_form(fields.iter().copied())?,
        };
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next();
            if let Some((name, value)) = pair.and_then(|pair| pair.split_once('=')) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(Response {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().read_to_string()?,
        })
    }
}

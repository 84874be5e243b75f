//! The admin as staff see it.

mod accounts;
mod actions;
mod audit_log;
mod bulk;
mod choices;
mod concurrent_deletes;
mod conflicts;
mod diagnostics;
mod export;
mod forms;
mod fuzz;
mod history;
mod import;
mod inline;
mod letting_form;
mod lists;
mod password_reset;
mod permission_rows;
mod permission_table;
mod permissions;
mod photos;
mod preserved_filters;
mod reauth;
mod restore;
mod restore_groups;
mod sessions;
mod sign_in;
mod throttling;
mod two_factor;
mod validation;

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::net::SocketAddr;

use ::accounts::{User, UserDraft, password};
use anyhow::{Context, Result};
use diesel::QueryResult;
use oc_core::DbConnection;

use crate::html::Html;
use crate::http::{Connection, Response};
use crate::support::TestSite;

/// A password that passes every validator.
pub(crate) const PASSWORD: &str = "Sea breeze 42";

/// A browser: keeps cookies, and submits forms with the CSRF token of the last page.
pub(crate) struct Browser<'a> {
    address: SocketAddr,
    /// Valid while its site runs.
    site: PhantomData<&'a TestSite>,
    cookies: BTreeMap<String, String>,
    token: String,
    /// Whether a proxy reports https.
    https: bool,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(site: &'a TestSite) -> Self {
        Self::for_address(site.address())
    }

    /// A browser without a session, for the site at this network address.
    pub(crate) fn for_address(address: SocketAddr) -> Self {
        Self {
            address,
            site: PhantomData,
            cookies: BTreeMap::new(),
            token: String::new(),
            https: false,
        }
    }

    pub(crate) fn superuser(site: &'a TestSite, username: &str) -> Result<Self> {
        superuser(&mut site.database()?, username)?;
        Self::logged_in(site, username)
    }

    /// A browser logged in as a new staff user with these permissions.
    pub(crate) fn staff(site: &'a TestSite, username: &str, permissions: &[&str]) -> Result<Self> {
        let conn = &mut site.database()?;
        let id = staff(conn, username)?;
        let codes: Vec<String> = permissions.iter().map(|code| (*code).to_owned()).collect();
        User::set_permissions(conn, id, &codes)?;
        Self::logged_in(site, username)
    }

    pub(crate) fn at(self, site: &'a TestSite) -> Self {
        Self {
            address: site.address(),
            ..self
        }
    }

    fn logged_in(site: &'a TestSite, username: &str) -> Result<Self> {
        let mut browser = Self::new(site);
        let response = browser.log_in(username, PASSWORD)?;
        anyhow::ensure!(response.status == 303, "no login: {}", response.text()?);
        Ok(browser)
    }

    pub(crate) fn log_in(&mut self, username: &str, password: &str) -> Result<Response> {
        self.get("/admin/login/")?;
        self.post(
            "/admin/login/",
            &[("username", username), ("password", password), ("next", "")],
        )
    }

    fn log_out(&mut self) -> Result<Response> {
        self.get("/admin/logout/")?;
        self.post("/admin/logout/", &[])
    }

    pub(crate) fn get(&mut self, target: &str) -> Result<Response> {
        self.send("GET", target, "")
    }

    pub(crate) fn page(&mut self, target: &str) -> Result<Html> {
        self.get(target)?.html()
    }

    pub(crate) fn page_text(&mut self, target: &str) -> Result<String> {
        self.get(target)?.page_text()
    }

    /// Submits a form with these fields and the token of the last page that had one.
    pub(crate) fn post(&mut self, target: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("csrfmiddlewaretoken", &self.token);
        body.extend_pairs(fields);
        let body = body.finish();
        self.send("POST", target, &body)
    }

    /// Opens a page with a form, and submits the form with these fields, its version and its CSRF token.
    pub(crate) fn fill(&mut self, target: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let version = self.version(target)?;
        let mut fields = fields.to_vec();
        fields.push(("_version", &version));
        self.post(target, &fields)
    }

    /// Submits a form as [`Self::fill`] does; returns the text of the next page.
    pub(crate) fn fill_and_follow(
        &mut self,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Result<String> {
        let response = self.fill(target, fields)?;
        self.follow(&response)
    }

    pub(crate) fn rename(&mut self, title: &str) -> Result<Response> {
        let fields = [("title", title), ("address", "1"), ("_save", "")];
        self.fill("/admin/lettings/letting/1/change/", &fields)
    }

    /// The hidden version of the object in a form.
    pub(crate) fn version(&mut self, target: &str) -> Result<String> {
        let page = self.get(target)?.text()?;
        Ok(hidden(&page, "_version").unwrap_or_default())
    }

    pub(crate) fn hidden(&mut self, target: &str, name: &str) -> Result<String> {
        let page = self.get(target)?.text()?;
        hidden(&page, name).with_context(|| format!("{target} has no hidden field {name}"))
    }

    /// The text of the page that a response redirects to.
    pub(crate) fn follow(&mut self, response: &Response) -> Result<String> {
        let target = response
            .header("location")
            .context("no Location header")?
            .to_owned();
        Ok(self.get(&target)?.html()?.text())
    }

    pub(crate) fn cookies(&self) -> String {
        let cookies = self.cookies.iter();
        let cookies = cookies.map(|(name, value)| format!("{name}={value}"));
        cookies.collect::<Vec<_>>().join("; ")
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Uploads a file with a form.
    pub(crate) fn upload(&mut self, target: &str, file: &[u8]) -> Result<Response> {
        self.post_parts(target, &[], &[("rows.csv", file)])
    }

    /// Submits a multipart form: fields, files, and the token of the last page that had one.
    pub(crate) fn post_parts(
        &mut self,
        target: &str,
        fields: &[(&str, &str)],
        files: &[(&str, &[u8])],
    ) -> Result<Response> {
        let token = [("csrfmiddlewaretoken", self.token.as_str())];
        let fields = token.iter().chain(fields);
        let fields = fields.map(|(name, value)| (format!("name=\"{name}\""), value.as_bytes()));
        let files = files.iter().map(|(name, bytes)| {
            let kind = "Content-Type: application/octet-stream";
            (
                format!("name=\"file\"; filename=\"{name}\"\r\n{kind}"),
                *bytes,
            )
        });
        let mut body = Vec::new();
        for (head, content) in fields.chain(files) {
            let head = format!("--part\r\nContent-Disposition: form-data; {head}\r\n\r\n");
            body.extend([head.as_bytes(), content, b"\r\n"].concat());
        }
        body.extend(b"--part--\r\n");
        self.send_as("POST", target, "multipart/form-data; boundary=part", &body)
    }

    fn send(&mut self, method: &str, target: &str, body: &str) -> Result<Response> {
        let kind = "application/x-www-form-urlencoded";
        self.send_as(method, target, kind, body.as_bytes())
    }

    pub(crate) fn send_as(
        &mut self,
        method: &str,
        target: &str,
        kind: &str,
        body: &[u8],
    ) -> Result<Response> {
        let scheme = if self.https { "https" } else { "http" };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {}\r\n\
             X-Forwarded-Proto: {scheme}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            self.cookies(),
            body.len(),
        );
        let mut connection = Connection::open(self.address)?;
        connection.write(&[head.as_bytes(), body].concat())?;
        let response = connection
            .response(method != "HEAD")
            .with_context(|| format!("{method} {target}"))?;
        for (name, value) in response.headers() {
            if let Some((name, value)) = value.split_once('=').filter(|_| name == "set-cookie") {
                let value = value.split(';').next().unwrap_or_default();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(token) = response
            .text()
            .ok()
            .and_then(|page| hidden(&page, "csrfmiddlewaretoken"))
        {
            self.token = token;
        }
        Ok(response)
    }
}

pub(crate) fn hidden(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    rest.split('"').next().map(str::to_owned)
}

pub(crate) fn value(page: &Html, name: &str) -> String {
    let value = page.attribute_of("input", &format!("name=\"{name}\""), "value");
    value.unwrap_or_default()
}

/// Inserts a user of this name with [`PASSWORD`].
pub(crate) fn account(conn: &mut DbConnection, username: &str) -> QueryResult<i64> {
    let draft = UserDraft {
        username: username.to_owned(),
        ..UserDraft::default()
    };
    let id = User::insert(conn, &draft.check().expect("the fixture keeps the rules"))?;
    User::set_password(conn, id, &password::hash(PASSWORD))?;
    Ok(id)
}

pub(crate) fn superuser(conn: &mut DbConnection, username: &str) -> QueryResult<i64> {
    let id = account(conn, username)?;
    User::make_superuser(conn, id)?;
    Ok(id)
}

/// Inserts a staff user of this name without permissions.
fn staff(conn: &mut DbConnection, username: &str) -> QueryResult<i64> {
    let id = account(conn, username)?;
    User::set_staff(conn, id, true)?;
    Ok(id)
}

/// The form fields of the address in [`crate::support::address`].
pub(crate) const ADDRESS_FORM: [(&str, &str); 6] = [
    ("number", "12"),
    ("street", "Gull Lane"),
    ("city", "Dana Point"),
    ("state", "CA"),
    ("zip_code", "92629"),
    ("country_iso_code", "USA"),
];

/// The form fields of an active user, without the username.
const USER_FORM: [(&str, &str); 3] = [
    ("is_active", "on"),
    ("date_joined_0", "2026-01-02"),
    ("date_joined_1", "03:04:05"),
];

/// These fields, with some values replaced and others added.
pub(crate) fn with<'a>(
    fields: &[(&'a str, &'a str)],
    values: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let is_kept = |(name, _): &&(&str, &str)| values.iter().all(|(other, _)| other != name);
    fields
        .iter()
        .filter(is_kept)
        .chain(values)
        .copied()
        .collect()
}

/// The form fields of a confirmed action on the objects with these ids.
fn action_form<'a>(action: &'a str, ids: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("action", action),
        ("_selected_action", ids),
        ("post", "yes"),
    ]
}

/// The form fields of a new user.
fn new_user(username: &str) -> [(&str, &str); 3] {
    [
        ("username", username),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
    ]
}

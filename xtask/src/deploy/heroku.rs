//! Heroku: the image goes to its registry, then the API makes a release of it.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::flow::Image;
use super::{Host, Verdict, encoded, required, secret};
use crate::http::{Http, request};
use crate::image::name::Repository;
use crate::image::registry::Registry;
use crate::machine::Machine;

/// Where the API and the registry are.
const API: &str = "https://api.heroku.com";
const REGISTRY: &str = "registry.heroku.com";

/// So often the API may show no new release before we say that there is none.
const PATIENCE: u32 = 3;

/// An app on the container stack.
pub(crate) struct Heroku<'a> {
    http: &'a Http,
    /// Where the image comes from.
    source: &'a Registry<'a>,
    /// Where it goes to.
    registry: Registry<'a>,
    api: String,
    app: String,
    key: String,
    /// The newest release before ours.
    last: u64,
    /// How often there was none after it.
    missed: u32,
}

impl<'a> Heroku<'a> {
    /// As the environment names it.
    pub(crate) fn from(
        machine: &Machine,
        http: &'a Http,
        source: &'a Registry<'a>,
    ) -> Result<Self> {
        let app = required(machine, "HEROKU_APP_NAME")?;
        let key = secret(machine, http, "HEROKU_API_KEY")?;
        // The first is a variable of Heroku's own tool.
        let api = machine.variable("HEROKU_API_URL");
        let registry = machine.variable("HEROKU_REGISTRY");
        let places = (
            api.as_deref().unwrap_or(API),
            registry.as_deref().unwrap_or(REGISTRY),
        );
        Self::new(http, source, places, &app, &key)
    }

    /// The app of that name, at an API and a registry.
    fn new(
        http: &'a Http,
        source: &'a Registry<'a>,
        (api, registry): (&str, &str),
        app: &str,
        key: &str,
    ) -> Result<Self> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ensure!(
            !app.is_empty() && app.chars().all(plain),
            "HEROKU_APP_NAME is {app:?}: it must be small letters, digits and -"
        );
        http.hide(key);
        let repository = Repository {
            registry: registry.to_owned(),
            path: format!("{app}/web"),
        };
        Ok(Self {
            http,
            source,
            registry: Registry::new(http, repository, Some(("_".to_owned(), key.to_owned()))),
            api: api.to_owned(),
            app: app.to_owned(),
            key: key.to_owned(),
            last: 0,
            missed: 0,
        })
    }

    fn ask(&self, method: &str, path: &str, more: &[(&str, &str)], body: Vec<u8>) -> Result<Value> {
        let url = format!("{}/apps/{}{path}", self.api, encoded(&self.app));
        let authorization = format!("Bearer {}", self.key);
        let mut headers = vec![
            ("Authorization", authorization.as_str()),
            (
                "Accept",
                "application/vnd.heroku+json; version=3.docker-releases",
            ),
            ("Content-Type", "application/json"),
        ];
        headers.extend(more);
        let what = format!("Heroku's API ({method} of {}{path})", self.app);
        let answer = self
            .http
            .send(&what, &request(method, &url, &headers, body)?)?;
        answer.json().context(what)
    }

    /// The newest release: its number, its state and what it says.
    fn newest(&self) -> Result<(u64, String, String)> {
        let newest = [("Range", "version ..; order=desc,max=1")];
        let releases = self.ask("GET", "/releases", &newest, Vec::new())?;
        let release = &releases[0];
        let text = |name: &str| release[name].as_str().unwrap_or_default().to_owned();
        let version = release["version"].as_u64().unwrap_or_default();
        Ok((version, text("status"), text("description")))
    }
}

impl Host for Heroku<'_> {
    fn name(&self) -> &'static str {
        "heroku"
    }

    fn prepare(&mut self) -> Result<()> {
        let app = self.ask("GET", "", &[], Vec::new())?;
        let stack = app["stack"]["name"].as_str().unwrap_or("container");
        ensure!(
            stack == "container",
            "{} is on the stack {stack}; `heroku stack:set container` makes it take images",
            self.app
        );
        Ok(())
    }

    fn release(&mut self, image: &Image) -> Result<()> {
        self.last = self.newest()?.0;
        self.missed = 0;
        let id = self
            .source
            .copy(&image.digest, &self.registry, &["latest", &image.revision])?;
        let change = json!({ "updates": [{ "type": "web", "docker_image": id }] });
        self.ask("PATCH", "/formation", &[], serde_json::to_vec(&change)?)?;
        println!("  asked to run {id} after release v{}", self.last);
        Ok(())
    }

    fn verdict(&mut self) -> Result<Verdict> {
        let (version, status, description) = self.newest()?;
        if version <= self.last {
            self.missed += 1;
            return Ok(if self.missed < PATIENCE {
                Verdict::Going
            } else {
                let last = self.last;
                Verdict::Failed(format!("Heroku said yes and made no release after v{last}"))
            });
        }
        Ok(if status == "failed" {
            Verdict::Failed(format!(
                "Heroku says of release v{version} ({description}): {status}"
            ))
        } else {
            Verdict::Going
        })
    }
}

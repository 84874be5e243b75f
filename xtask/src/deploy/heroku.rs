//! Heroku: the image goes to its registry, then the API makes a release of it.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::flow::Image;
use super::settings::{base, required, token};
use super::{Host, Unchanged, Verdict, encoded};
use crate::http::{Http, Refusal, request};
use crate::image::name::Repository;
use crate::image::registry::Registry;
use crate::machine::Machine;
use crate::variables::{HEROKU_API_KEY, HEROKU_API_URL, HEROKU_APP_NAME, HEROKU_REGISTRY};

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
    /// Whether it runs the image already, and so makes no release of it.
    has_it: bool,
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
        let app = required(machine, &HEROKU_APP_NAME)?;
        let key = token(machine, http, &HEROKU_API_KEY)?;
        // The first is a variable of Heroku's own tool.
        let api = machine.variable(&HEROKU_API_URL);
        let registry = machine.variable(&HEROKU_REGISTRY);
        let places = (
            base(&HEROKU_API_URL, api.as_deref().unwrap_or(API))?,
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
            "{HEROKU_APP_NAME} must be small letters, digits and -"
        );
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        ensure!(
            registry.chars().all(plain),
            "{HEROKU_REGISTRY} must be HOST or HOST:PORT: letters, digits and . - are allowed"
        );
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
            has_it: false,
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
        // Up to the change of the formation nothing touches what runs, an image in the registry included.
        let begun = self.newest().and_then(|newest| {
            let tags = ["latest", &image.revision];
            Ok((
                newest.0,
                self.source.copy(&image.digest, &self.registry, &tags)?,
            ))
        });
        let (last, id) = begun
            .map_err(|error| error.context(Unchanged("the image did not get there".to_owned())))?;
        self.last = last;
        self.missed = 0;
        let change = json!({ "updates": [{ "type": "web", "docker_image": id }] });
        let asked = self.ask("PATCH", "/formation", &[], serde_json::to_vec(&change)?);
        self.has_it = asked.as_ref().is_err_and(runs_already);
        if self.has_it {
            println!("  Heroku runs {id} already, and makes no new release of it");
            return Ok(());
        }
        asked?;
        println!("  asked to run {id} after release v{}", self.last);
        Ok(())
    }

    fn verdict(&mut self) -> Result<Verdict> {
        if self.has_it {
            return Ok(Verdict::Done);
        }
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
        Ok(match status.as_str() {
            "failed" | "expired" => Verdict::Failed(format!(
                "Heroku says of release v{version} ({description}): {status}"
            )),
            "pending" => Verdict::Going,
            "succeeded" => Verdict::Done,
            _ => Verdict::Silent,
        })
    }
}

/// Whether a change was refused since it would change nothing.
fn runs_already(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<Refusal>()
        .is_some_and(|refusal| refusal.is_final() && refusal.says("already running the specified"))
}

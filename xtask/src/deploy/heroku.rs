//! Heroku: copies the image to its registry, then releases it with the API.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::host::{Host, Image, ReleaseError, ReleaseStatus};
use crate::context::Context;
use crate::http::{Http, RequestError, base_url, request};
use crate::image::registry::{Login, Registries};

const API: &str = "https://api.heroku.com";
const REGISTRY: &str = "registry.heroku.com";

/// Requests after which a missing release counts as failed.
const MAX_MISSED: u32 = 3;

/// An app on the container stack.
pub(crate) struct Heroku<'a> {
    http: &'a Http,
    registries: &'a Registries<'a>,
    api: String,
    registry: String,
    app: String,
    key: String,
    /// Whether the app runs the image already, so that there is no new release.
    is_running: bool,
    /// Version of the latest release before ours.
    last: u64,
    /// Requests since that found no newer release.
    missed: u32,
}

/// The login at Heroku's registry.
pub(crate) fn login(context: &Context) -> Result<Login> {
    Ok((registry(context)?, "_".to_owned(), key(context)?))
}

fn key(context: &Context) -> Result<String> {
    let key = context.token("HEROKU_API_KEY")?;
    key.map_or_else(|| context.required("HEROKU_API_KEY"), Ok)
}

fn registry(context: &Context) -> Result<String> {
    let registry = context.variable("HEROKU_REGISTRY");
    let registry = registry.unwrap_or_else(|| REGISTRY.to_owned());
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
    ensure!(
        registry.chars().all(is_allowed),
        "HEROKU_REGISTRY must be HOST or HOST:PORT"
    );
    Ok(registry)
}

impl<'a> Heroku<'a> {
    pub(crate) fn from_environment(
        context: &Context,
        http: &'a Http,
        registries: &'a Registries<'a>,
    ) -> Result<Self> {
        let app = context.required("HEROKU_APP_NAME")?;
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ensure!(
            app.chars().all(is_allowed),
            "HEROKU_APP_NAME must be lower-case letters, digits and -"
        );
        let key = key(context)?;
        http.hide(&key);
        let api = context.variable("HEROKU_API_URL");
        let api = base_url("HEROKU_API_URL", api.as_deref().unwrap_or(API))?;
        Ok(Self {
            http,
            registries,
            api: api.to_owned(),
            registry: registry(context)?,
            app,
            key,
            is_running: false,
            last: 0,
            missed: 0,
        })
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        more_headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Value> {
        let url = format!("{}/apps/{}{path}", self.api, self.app);
        let authorization = format!("Bearer {}", self.key);
        let accept = "application/vnd.heroku+json; version=3.docker-releases";
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Accept", accept),
            ("Content-Type", "application/json"),
        ];
        let headers = [&headers, more_headers].concat();
        let service = format!("Heroku's API ({method} {path} of {})", self.app);
        let request = request(method, &url, &headers, body)?;
        let reply = self.http.send(&service, &request)?;
        reply.json().context(service)
    }

    /// The latest release.
    fn latest(&self) -> Result<(u64, Value)> {
        let latest = [("Range", "version ..; order=desc,max=1")];
        let releases = self.request("GET", "/releases", &latest, Vec::new())?;
        let release = &releases[0];
        let version = release["version"].as_u64().unwrap_or_default();
        Ok((version, release.clone()))
    }

    /// Copies the image to Heroku's registry, and returns its id.
    fn push(&self, image: &Image) -> Result<String> {
        let repository = format!("{}/{}/web", self.registry, self.app);
        let latest = format!("{repository}:latest");
        for to in [&format!("{repository}:{}", image.revision), &latest] {
            self.registries.copy(&image.reference, to)?;
        }
        self.registries.image_id(&latest)
    }
}

impl Host for Heroku<'_> {
    fn name(&self) -> &'static str {
        "heroku"
    }

    fn prepare(&mut self) -> Result<()> {
        let app = self.request("GET", "", &[], Vec::new())?;
        let stack = app["stack"]["name"].as_str().unwrap_or("container");
        ensure!(
            stack == "container",
            "{} is on the stack {stack}; run `heroku stack:set container`",
            self.app
        );
        Ok(())
    }

    fn release(&mut self, image: &Image) -> Result<(), ReleaseError> {
        // Until the formation changes, the running app isn't touched.
        let pushed = self
            .latest()
            .and_then(|(last, _)| Ok((last, self.push(image)?)));
        let pushed = pushed.context("could not copy the image to Heroku");
        let (last, id) = pushed.map_err(ReleaseError::NotStarted)?;
        self.last = last;
        self.missed = 0;
        let change = json!({ "updates": [{ "type": "web", "docker_image": id }] });
        let reply = self.request("PATCH", "/formation", &[], change.to_string().into_bytes());
        self.is_running = reply.as_ref().is_err_and(is_running_already);
        if self.is_running {
            println!("  Heroku runs {id} already, without a new release");
            return Ok(());
        }
        reply?;
        println!("  requested {id}, after release v{last}");
        Ok(())
    }

    fn status(&mut self) -> Result<ReleaseStatus> {
        if self.is_running {
            return Ok(ReleaseStatus::Succeeded);
        }
        let (version, release) = self.latest()?;
        if version <= self.last {
            self.missed += 1;
            if self.missed < MAX_MISSED {
                return Ok(ReleaseStatus::Pending);
            }
            let last = self.last;
            return Ok(ReleaseStatus::Failed(format!(
                "Heroku accepted the image, but made no release after v{last}"
            )));
        }
        let description = release["description"].as_str().unwrap_or_default();
        Ok(match release["status"].as_str().unwrap_or_default() {
            status @ ("failed" | "expired") => ReleaseStatus::Failed(format!(
                "status of release v{version} ({description}) on Heroku: {status}"
            )),
            "pending" => ReleaseStatus::Pending,
            "succeeded" => ReleaseStatus::Succeeded,
            _ => ReleaseStatus::Unknown,
        })
    }
}

/// Whether a change was rejected because it would change nothing.
fn is_running_already(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(RequestError::Rejected { body, .. }) if body.contains("already running the specified")
    )
}

//! Render: its deploy hook, and its API where we have a key to follow the deploy.

use anyhow::{Context, Result, ensure};

use super::flow::Image;
use super::settings::{check_address, secret, token};
use super::{Host, Verdict, encoded};
use crate::http::{Http, Refusal, request};
use crate::machine::Machine;
use crate::variables::{RENDER_API_KEY, RENDER_DEPLOY_HOOK_URL};

/// A web service at Render that runs an image.
pub(crate) struct Render<'a> {
    http: &'a Http,
    hook: String,
    key: Option<String>,
    /// The deploy that was started last.
    deploy: Option<String>,
}

impl<'a> Render<'a> {
    /// As the environment names it.
    pub(crate) fn from(machine: &Machine, http: &'a Http) -> Result<Self> {
        let key = machine
            .variable(&RENDER_API_KEY)
            .is_some()
            .then(|| token(machine, http, &RENDER_API_KEY));
        Self::new(
            http,
            secret(machine, http, &RENDER_DEPLOY_HOOK_URL)?,
            key.transpose()?,
        )
    }

    /// By its hook, and a key if there is one.
    fn new(http: &'a Http, hook: String, key: Option<String>) -> Result<Self> {
        http.hide(&hook);
        if let Some((_, parameters)) = hook.split_once('?') {
            http.hide(parameters);
            for parameter in parameters.split('&') {
                let (_, value) = parameter.split_once('=').unwrap_or(("", parameter));
                http.hide(value);
            }
        }
        let render = Self {
            http,
            hook,
            key,
            deploy: None,
        };
        check_address(&RENDER_DEPLOY_HOOK_URL, &render.hook)?;
        // Which service it is needs to be known for the API alone.
        ensure!(
            render.key.is_none() || render.place().is_some(),
            "{RENDER_DEPLOY_HOOK_URL} is not the address of a deploy hook: https://api.render.com/deploy/srv-…?key=…"
        );
        Ok(render)
    }

    /// The host of the hook, and the service.
    fn place(&self) -> Option<(&str, &str)> {
        let (origin, rest) = self.hook.split_once("/deploy/")?;
        let service = rest.split(['?', '/']).next()?;
        let known = service.starts_with("srv-") && origin.contains("://");
        known.then_some((origin, service))
    }

    /// What the API says under a path of the service; `None` without a key.
    fn ask(&self, path: &str) -> Result<Option<serde_json::Value>> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let (origin, service) = self.place().context("the hook was checked")?;
        let url = format!("{origin}/v1/services/{service}{path}");
        let authorization = format!("Bearer {key}");
        let headers = [("Authorization", authorization.as_str())];
        let answer = self
            .http
            .send("Render's API", &request("GET", &url, &headers, Vec::new())?)?;
        answer.json().map(Some)
    }
}

impl Host for Render<'_> {
    fn name(&self) -> &'static str {
        "render"
    }

    fn prepare(&mut self) -> Result<()> {
        match self.ask("") {
            Err(error) if error.downcast_ref().is_some_and(Refusal::is_final) => Err(error),
            // The API only tells more than the site does: its bad day keeps nobody from a release.
            Err(error) => {
                println!("  the site alone will tell how it goes: {error:#}");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    fn release(&mut self, image: &Image) -> Result<()> {
        let joint = if self.hook.contains('?') { '&' } else { '?' };
        let url = format!("{}{joint}imgURL={}", self.hook, encoded(&image.reference));
        self.deploy = None;
        let answer = self.http.send(
            "Render's deploy hook",
            &request("POST", &url, &[], Vec::new())?,
        )?;
        // Which deploy it is stands in the answer in most cases, and is needed only for asking the API.
        let answer = answer.json().unwrap_or_default();
        self.deploy = answer["deploy"]["id"].as_str().map(str::to_owned);
        println!(
            "  asked: {}",
            self.deploy.as_deref().unwrap_or("no number was given")
        );
        Ok(())
    }

    fn verdict(&mut self) -> Result<Verdict> {
        let Some(deploy) = &self.deploy else {
            return Ok(Verdict::Silent);
        };
        let Some(about) = self.ask(&format!("/deploys/{}", encoded(deploy)))? else {
            return Ok(Verdict::Silent);
        };
        let status = about["status"].as_str().unwrap_or_default();
        Ok(match status {
            "build_failed" | "update_failed" | "pre_deploy_failed" | "canceled" | "deactivated" => {
                Verdict::Failed(format!("Render says of {deploy}: {status}"))
            }
            "created"
            | "queued"
            | "build_in_progress"
            | "pre_deploy_in_progress"
            | "update_in_progress" => Verdict::Going,
            "live" => Verdict::Done,
            // A word that Render has learned since.
            _ => Verdict::Silent,
        })
    }
}

//! Render: releases with its deploy hook, and reads the state of the deploy from its API if there is a key.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::host::{Host, Image, ReleaseError, ReleaseStatus, encoded};
use crate::context::Context;
use crate::http::{Http, RequestError, check_url, request};

/// A web service that runs an image.
pub(crate) struct Render<'a> {
    http: &'a Http,
    hook: String,
    /// The service's URL in the API, and a key.
    api: Option<(String, String)>,
    /// Id of the latest deploy.
    deploy: Option<String>,
}

impl<'a> Render<'a> {
    pub(crate) fn from_environment(context: &Context, http: &'a Http) -> Result<Self> {
        let hook = context.required("RENDER_DEPLOY_HOOK_URL")?;
        http.hide(&hook);
        let query = hook.split_once('?').map_or("", |(_, query)| query);
        http.hide(query);
        for parameter in query.split('&') {
            http.hide(
                parameter
                    .split_once('=')
                    .map_or(parameter, |(_, value)| value),
            );
        }
        check_url("RENDER_DEPLOY_HOOK_URL", &hook)?;
        let api = if let Some(key) = context.token("RENDER_API_KEY")? {
            http.hide(&key);
            let (origin, rest) = hook.split_once("/deploy/").unwrap_or_default();
            let service = rest.split(['?', '/']).next();
            let service = service
                .filter(|service| service.starts_with("srv-"))
                .context(
                    "RENDER_DEPLOY_HOOK_URL must be https://api.render.com/deploy/srv-…?key=…",
                )?;
            Some((format!("{origin}/v1/services/{service}"), key))
        } else {
            None
        };
        Ok(Self {
            http,
            hook,
            api,
            deploy: None,
        })
    }

    /// Reads a path of the service from the API; `None` without a key.
    fn get(&self, path: &str) -> Result<Option<Value>> {
        let Some((url, key)) = &self.api else {
            return Ok(None);
        };
        let authorization = format!("Bearer {key}");
        let headers = [("Authorization", authorization.as_str())];
        let request = request("GET", &format!("{url}{path}"), &headers, Vec::new())?;
        self.http.send("Render's API", &request)?.json().map(Some)
    }
}

impl Host for Render<'_> {
    fn name(&self) -> &'static str {
        "render"
    }

    fn prepare(&mut self) -> Result<()> {
        match self.get("") {
            // The API is optional: a deploy works without it.
            Err(error) if !is_rejection(&error) => {
                println!("  the API is not available: {error:#}");
                Ok(())
            }
            result => result.map(drop),
        }
    }

    fn release(&mut self, image: &Image) -> Result<(), ReleaseError> {
        let separator = if self.hook.contains('?') { '&' } else { '?' };
        let url = format!(
            "{}{separator}imgURL={}",
            self.hook,
            encoded(&image.reference)
        );
        self.deploy = None;
        let request = request("POST", &url, &[], Vec::new())?;
        let reply = self.http.send("Render's deploy hook", &request);
        let reply = reply.map_err(anyhow::Error::from)?;
        // Only the API needs the id.
        let reply = reply.json().unwrap_or_default();
        self.deploy = reply["deploy"]["id"].as_str().map(str::to_owned);
        println!("  requested: {}", self.deploy.as_deref().unwrap_or("no id"));
        Ok(())
    }

    fn status(&mut self) -> Result<ReleaseStatus> {
        let Some(deploy) = &self.deploy else {
            return Ok(ReleaseStatus::Unknown);
        };
        let Some(reply) = self.get(&format!("/deploys/{}", encoded(deploy)))? else {
            return Ok(ReleaseStatus::Unknown);
        };
        Ok(match reply["status"].as_str().unwrap_or_default() {
            status @ ("build_failed" | "update_failed" | "pre_deploy_failed" | "canceled"
            | "deactivated") => {
                ReleaseStatus::Failed(format!("status of {deploy} on Render: {status}"))
            }
            "created"
            | "queued"
            | "build_in_progress"
            | "pre_deploy_in_progress"
            | "update_in_progress" => ReleaseStatus::Pending,
            "live" => ReleaseStatus::Succeeded,
            _ => ReleaseStatus::Unknown,
        })
    }
}

/// Whether the API replied that the key is wrong, or the like.
fn is_rejection(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(error @ RequestError::Rejected { .. }) if error.changed_nothing()
    )
}

//! Scripts and Chrome `DevTools` commands in a browser.

use ::http::Method;
use anyhow::{Context, Result};
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};
use url::Url;

use super::session::Browser;

impl Browser {
    /// The return value of a script.
    pub(super) async fn evaluate(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// The value that a script passes to its callback.
    pub(super) async fn evaluate_async(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute_async(script, Vec::new()).await?)
    }

    /// Sends a command to the browser itself (Chrome `DevTools` Protocol).
    pub(super) async fn send_command(&self, method: &'static str, parameters: Value) -> Result<()> {
        let body = json!({ "cmd": method, "params": parameters });
        let path = "goog/cdp/execute";
        self.client.issue_cmd(Extension { path, body }).await?;
        Ok(())
    }

    /// Messages in the browser's console since the last call.
    pub(super) async fn console(&self) -> Result<Vec<String>> {
        let body = json!({ "type": "browser" });
        let path = "se/log";
        let log = self.client.issue_cmd(Extension { path, body }).await?;
        let entries = log.as_array().context("the console is a list")?;
        Ok(entries.iter().map(Value::to_string).collect())
    }
}

/// A command of chromedriver, not of WebDriver.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

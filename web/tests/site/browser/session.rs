//! A browser, and a site with a letting and a profile.

use crate::admin::superuser;
use std::panic::{AssertUnwindSafe, resume_unwind};

use anyhow::{Context, Result, bail, ensure};
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use futures_util::FutureExt;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::Url;

use crate::support::{TestSite, pairs, profile};

/// Every kind of page, on the site of [`browse`].
pub(super) const PAGES: [&str; 12] = [
    "/",
    "/lettings/",
    "/lettings/?page=2",
    "/lettings/?q=lighthouse&city=Nowhere",
    "/lettings/?guests=4&feature=wifi",
    "/lettings/1/",
    "/lettings/1/#photo-1",
    "/lettings/28/",
    "/profiles/",
    "/profiles/AirWow/",
    "/privacy/",
    "/nowhere/",
];

const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    On,
    Off,
}

pub(super) struct Browser {
    pub(super) client: Client,
    origin: Url,
    site: TestSite,
}

/// Visits a site with demo data, the superuser ada and the profile of `AirWow`. Does nothing without a WebDriver
/// server, which is an error if `CI` is set.
pub(super) fn browse(
    script: Script,
    visit: impl AsyncFnOnce(&Browser) -> Result<()>,
) -> Result<()> {
    let Some(webdriver) = variable("TEST_WEBDRIVER_URL")? else {
        return Ok(());
    };
    // Mail is on, so that a password can be reset, but it is never delivered.
    let site = TestSite::with(&pairs(
        "SMTP_URL=smtp://127.0.0.1:1&MAIL_FROM=Holiday Homes <site@example.org>",
    ))?;
    let conn = &mut site.database()?;
    superuser(conn, "ada")?;
    lettings::demo::fill(conn, lettings::demo::LETTINGS, |_| {})?;
    profile(conn, "AirWow")?;
    let origin = Url::parse(&format!("http://{}/", site.address()))?;

    actix_web::rt::System::new().block_on(async {
        let client = connect(&webdriver, script).await?;
        let browser = Browser {
            client,
            origin,
            site,
        };
        // The browser is closed in any case; otherwise it keeps running after the tests.
        let outcome = AssertUnwindSafe(visit(&browser)).catch_unwind().await;
        let closed = browser.client.close().await;
        outcome.unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(closed?)
    })
}

async fn connect(webdriver: &str, script: Script) -> Result<Client> {
    let setting = match script {
        Script::On => 1,
        Script::Off => 2,
    };
    let capabilities = json!({
        "browserName": "chrome",
        "goog:chromeOptions": {
            "args": ARGUMENTS,
            "prefs": { "profile.managed_default_content_settings.javascript": setting },
        },
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    let Value::Object(capabilities) = capabilities else {
        bail!("capabilities are an object");
    };
    ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(webdriver)
        .await
        .with_context(|| format!("no browser at {webdriver}"))
}

/// A variable that `cargo xtask test` sets. Without it the test is skipped with a message.
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration but their environment"
)]
pub(super) fn variable(name: &str) -> Result<Option<String>> {
    let value = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let found = value(name);
    if found.is_none() {
        ensure!(
            value("CI").is_none(),
            "{name} is not set; `cargo xtask test` sets it"
        );
        eprintln!("not tested in a browser: {name} is not set (see `cargo xtask test`)");
    }
    Ok(found)
}

impl Browser {
    pub(super) async fn open(&self, target: &str) -> Result<()> {
        Ok(self.client.goto(self.origin.join(target)?.as_str()).await?)
    }

    pub(super) async fn open_url(&self, url: &str) -> Result<()> {
        Ok(self.client.goto(url).await?)
    }

    pub(super) async fn attach(&self, id: &str, path: &str) -> Result<()> {
        Ok(self
            .client
            .find(Locator::Id(id))
            .await?
            .send_keys(path)
            .await?)
    }

    pub(super) async fn choose(&self, id: &str, label: &str) -> Result<()> {
        let list = self.client.find(Locator::Id(id)).await?;
        Ok(list.select_by_label(label).await?)
    }

    pub(super) async fn click(&self, css: &str) -> Result<()> {
        Ok(self.client.find(Locator::Css(css)).await?.click().await?)
    }

    pub(super) async fn wait_for(&self, css: &str) -> Result<()> {
        let found = self.client.wait().for_element(Locator::Css(css)).await;
        found.map(drop).with_context(|| css.to_owned())
    }

    /// Switches to the window that was opened last; returns the previous one.
    pub(super) async fn enter_new_window(&self) -> Result<WindowHandle> {
        let before = self.client.window().await?;
        for _ in 0..1000 {
            let windows = self.client.windows().await?;
            if let Some(new) = windows.into_iter().find(|window| *window != before) {
                self.client.switch_to_window(new).await?;
                self.wait_for("main").await?;
                return Ok(before);
            }
        }
        bail!("no window was opened")
    }

    pub(super) async fn enter_window(&self, window: WindowHandle) -> Result<()> {
        Ok(self.client.switch_to_window(window).await?)
    }

    pub(super) async fn follow(&self, text: &str) -> Result<()> {
        let link = self.client.find(Locator::LinkText(text)).await;
        Ok(link.with_context(|| text.to_owned())?.click().await?)
    }

    /// Types into the search field and submits the form with its button.
    pub(super) async fn search(&self, words: &str, button: &str) -> Result<()> {
        let field = self.client.find(Locator::Id("q")).await?;
        field.send_keys(words).await?;
        let path = format!("//main//button[normalize-space()='{button}']");
        Ok(self
            .client
            .find(Locator::XPath(&path))
            .await?
            .click()
            .await?)
    }

    /// Replaces the text in the field with this id.
    pub(super) async fn type_into(&self, id: &str, text: &str) -> Result<()> {
        let field = self.client.find(Locator::Id(id)).await;
        let field = field.with_context(|| id.to_owned())?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Presses the first button with exactly this text, and waits for the next page.
    pub(super) async fn press_button(&self, text: &str) -> Result<()> {
        let path = format!("//main//button[not(@hidden)][normalize-space()='{text}']");
        let button = self.client.find(Locator::XPath(&path)).await;
        // A mark tells the old page from the new one.
        self.evaluate("document.documentElement.dataset.left = ''")
            .await?;
        button.with_context(|| text.to_owned())?.click().await?;
        let new = Locator::Css("html:not([data-left]) h1");
        self.client.wait().for_element(new).await?;
        Ok(())
    }

    pub(super) async fn text_of(&self, selector: &str) -> Result<String> {
        let element = self.client.find(Locator::Css(selector)).await;
        Ok(element.with_context(|| selector.to_owned())?.text().await?)
    }

    pub(super) fn site(&self) -> &TestSite {
        &self.site
    }

    pub(super) async fn arrive(&self, target: &str) -> Result<()> {
        let url = self.origin.join(target)?;
        let arrived = self.client.wait().for_url(&url).await;
        let there = self.client.current_url().await?;
        arrived.with_context(|| format!("at {there}, not at {target}"))
    }

    pub(super) async fn heading(&self) -> Result<String> {
        Ok(self.client.find(Locator::Css("h1")).await?.text().await?)
    }

    pub(super) async fn text(&self) -> Result<String> {
        Ok(self.client.find(Locator::Css("body")).await?.text().await?)
    }

    pub(super) async fn title(&self) -> Result<String> {
        Ok(self.client.title().await?)
    }

    pub(super) async fn press(&self, key: char) -> Result<()> {
        let keys = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value: key })
            .then(KeyAction::Up { value: key });
        Ok(self.client.perform_actions(keys).await?)
    }

    pub(super) fn origin(&self) -> &str {
        self.origin.as_str()
    }
}

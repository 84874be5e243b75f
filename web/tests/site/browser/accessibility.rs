//! Every page checked with axe-core, in both color schemes, wide and narrow.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::responsive::{assert_fits, resize};
use super::session::{Browser, PAGES, Script, browse, variable};

/// Runs axe-core and calls back with its violations: rule, impact, and elements.
///
/// Without preloading: axe-core must not request the style sheets again.
const CHECK: &str = "
    const done = arguments[arguments.length - 1];
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    axe.run({ preload: false, runOnly: { type: 'tag', values: tags } }).then(
        result => done([result.passes.length, result.violations.map(
            rule => [rule.id, rule.impact, rule.nodes.map(node => node.target.join(' '))])]),
        error => done(String(error)));
";

#[test]
fn axe_finds_nothing_in_light_mode() -> Result<()> {
    check_all("light")
}

#[test]
fn axe_finds_nothing_in_dark_mode() -> Result<()> {
    check_all("dark")
}

fn check_all(scheme: &'static str) -> Result<()> {
    with_axe(scheme, async |browser, axe| {
        for target in PAGES {
            browser.open(target).await?;
            axe.look(browser, target).await?;
        }
        Ok(())
    })
}

/// Visits the site in a color scheme with axe-core; does nothing if it isn't installed.
pub(super) fn with_axe(
    scheme: &'static str,
    visit: impl AsyncFnOnce(&Browser, &Axe) -> Result<()>,
) -> Result<()> {
    let Some(axe) = Axe::find(scheme)? else {
        return Ok(());
    };
    browse(Script::On, async |browser| {
        prefer(browser, scheme).await?;
        visit(browser, &axe).await
    })
}

/// axe-core, and the color scheme of the pages.
pub(super) struct Axe {
    script: String,
    scheme: &'static str,
}

impl Axe {
    /// The file that `cargo xtask test` names.
    fn find(scheme: &'static str) -> Result<Option<Self>> {
        let Some(file) = variable("TEST_AXE_JS")? else {
            return Ok(None);
        };
        let script = std::fs::read_to_string(&file).with_context(|| file.clone())?;
        Ok(Some(Self { script, scheme }))
    }

    /// Checks the open page at the width of a small phone and of a desktop.
    pub(super) async fn look(&self, browser: &Browser, page: &str) -> Result<()> {
        for (width, height) in [(360, 740), (1280, 900)] {
            resize(browser, width, height).await?;
            assert_fits(browser, width, page).await?;
            self.check(browser, &format!("{page}, {width} wide"))
                .await?;
        }
        Ok(())
    }

    async fn check(&self, browser: &Browser, page: &str) -> Result<()> {
        assert_scheme(browser, self.scheme).await?;
        browser.evaluate(&self.script).await?;

        let result = browser.evaluate_async(CHECK).await?;

        assert!(result[0].as_u64() > Some(10), "{page}: {result}");
        assert_eq!(result[1], json!([]), "{page} in {}", self.scheme);
        Ok(())
    }
}

/// Sets the preferred color scheme.
async fn prefer(browser: &Browser, scheme: &str) -> Result<()> {
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
    let parameters = json!({ "features": features });
    browser
        .send_command("Emulation.setEmulatedMedia", parameters)
        .await
}

/// Asserts that the page is shown in this color scheme.
async fn assert_scheme(browser: &Browser, scheme: &str) -> Result<()> {
    let query = format!("return matchMedia('(prefers-color-scheme: {scheme})').matches");
    assert_eq!(browser.evaluate(&query).await?, Value::Bool(true));
    let sum = browser
        .evaluate(
            "const colour = getComputedStyle(document.body).color;
             return colour.match(/[0-9.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0)",
        )
        .await?;
    let bright = sum.as_f64().context("no colour")? > 382.0;
    assert_eq!(bright, scheme == "dark", "the text is {sum}");
    Ok(())
}

//! The site on a small phone and on a wide screen.

use anyhow::Result;
use serde_json::json;

use super::session::{Browser, PAGES, Script, browse};

/// Targets smaller than 24 by 24 pixels, except links in running text (WCAG 2.2, 2.5.8).
const SMALL: &str = "
    const seen = element => element.checkVisibility() && element.getBoundingClientRect().right > 0
        && element.getBoundingClientRect().bottom > 0;
    const inline = element => element.closest('p') && element.closest('p').textContent.trim()
        !== element.textContent.trim();
    return [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
        .filter(element => seen(element) && !inline(element))
        .map(element => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
        .filter(([_, box]) => box.width < 24 || box.height < 24)
        .map(([text, box]) => `${text}: ${box.width} by ${box.height}`)
";

/// Resizes the page.
pub(super) async fn resize(browser: &Browser, width: u32, height: u32) -> Result<()> {
    let metrics = json!({
        "width": width,
        "height": height,
        "deviceScaleFactor": 2,
        "mobile": width < 600,
    });
    let method = "Emulation.setDeviceMetricsOverride";
    browser.send_command(method, metrics).await
}

/// Asserts that the page has this width and doesn't scroll sideways.
pub(super) async fn assert_fits(browser: &Browser, width: u32, page: &str) -> Result<()> {
    let widths = browser
        .evaluate(
            "const page = document.documentElement;
             return [innerWidth, page.scrollWidth - page.clientWidth]",
        )
        .await?;

    assert_eq!(widths, json!([width, 0]), "{page}");
    Ok(())
}

#[test]
fn no_page_scrolls_sideways() -> Result<()> {
    browse(Script::On, async |browser| {
        for (width, height) in [(320, 640), (360, 740), (1600, 900)] {
            resize(browser, width, height).await?;
            for target in PAGES {
                browser.open(target).await?;
                assert_fits(browser, width, target).await?;
            }
        }
        Ok(())
    })
}

#[test]
fn every_touch_target_is_large_enough() -> Result<()> {
    browse(Script::On, async |browser| {
        resize(browser, 360, 740).await?;
        for target in PAGES {
            browser.open(target).await?;

            let small = browser.evaluate(SMALL).await?;

            assert_eq!(small, json!([]), "{target}");
        }
        Ok(())
    })
}

#[test]
fn the_first_letting_is_visible_on_a_phone() -> Result<()> {
    browse(Script::Off, async |browser| {
        resize(browser, 360, 740).await?;
        browser.open("/lettings/").await?;

        let bottom = "return document.querySelector('.card').getBoundingClientRect().bottom";
        let bottom = browser.evaluate(bottom).await?;

        assert!(bottom.as_f64() < Some(740.0), "{bottom}");
        Ok(())
    })
}

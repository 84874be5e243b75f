//! Requests and console messages of pages in a browser.

use anyhow::{Context, Result};

use super::session::{PAGES, Script, browse};

#[test]
fn no_page_requests_another_host() -> Result<()> {
    browse(Script::On, async |browser| {
        for target in PAGES {
            browser.open(target).await?;

            let requested = browser
                .evaluate(
                    "return performance.getEntriesByType('resource').map(entry => entry.name)",
                )
                .await?;

            let requested = requested.as_array().context("a list of addresses")?;
            assert!(!requested.is_empty(), "{target} has no style sheet");
            for url in requested {
                let url = url.as_str().unwrap_or_default();
                assert!(url.starts_with(browser.origin()), "{target} requests {url}");
            }
        }
        Ok(())
    })
}

#[test]
fn the_browser_console_is_empty() -> Result<()> {
    browse(Script::On, async |browser| {
        for target in PAGES {
            browser.open(target).await?;

            let console = browser.console().await?;

            // The page itself is a 404 on purpose.
            let messages = console.iter().filter(|line| !line.contains("/nowhere/"));
            assert_eq!(messages.count(), 0, "{target}: {console:?}");
        }
        Ok(())
    })
}

#[test]
fn every_image_loads() -> Result<()> {
    browse(Script::On, async |browser| {
        for target in PAGES {
            browser.open(target).await?;

            let broken = browser
                .evaluate_async(
                    "const done = arguments[arguments.length - 1];
                     const images = [...document.images];
                     for (const image of images) image.loading = 'eager';
                     Promise.all(images.map(image => image.decode().then(() => [], () => image.src)))
                         .then(sources => done(sources.flat()))",
                )
                .await?;

            assert_eq!(broken, serde_json::json!([]), "{target}");
        }
        Ok(())
    })
}

//! The site without a mouse.

use anyhow::{Result, bail};

use super::session::{Browser, Script, browse};

const TAB: char = '\u{E004}';
const ENTER: char = '\u{E007}';

/// The `href`, id or tag name of the focused element.
async fn focused(browser: &Browser) -> Result<String> {
    let focused = browser
        .evaluate(
            "const element = document.activeElement;
             return element.getAttribute('href') || element.id || element.tagName",
        )
        .await?;
    Ok(focused.as_str().unwrap_or_default().to_owned())
}

/// Presses Tab until an element has the focus; asserts that every stop on the way is visible.
async fn tab_to(browser: &Browser, wanted: &str) -> Result<()> {
    for _ in 0..60 {
        browser.press(TAB).await?;
        let stop = focused(browser).await?;
        let shown = browser
            .evaluate(
                "return [null, '::after']
                     .map(part => getComputedStyle(document.activeElement, part))
                     .some(style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)",
            )
            .await?;
        assert_eq!(shown, true, "no focus is seen on {stop}");
        if stop == wanted {
            return Ok(());
        }
    }
    bail!("{wanted} is out of reach")
}

#[test]
fn the_first_tab_stop_skips_the_header() -> Result<()> {
    browse(Script::On, async |browser| {
        for target in ["/", "/lettings/", "/nowhere/"] {
            browser.open(target).await?;

            browser.press(TAB).await?;
            assert_eq!(focused(browser).await?, "#content", "{target}");
            let seen = browser
                .evaluate(
                    "const box = document.activeElement.getBoundingClientRect();
                     return box.top >= 0 && box.left >= 0 && box.height >= 24",
                )
                .await?;
            assert_eq!(seen, true, "the skip link is not to be seen on {target}");

            browser.press(ENTER).await?;
            assert_eq!(focused(browser).await?, "content", "{target}");
        }
        Ok(())
    })
}

#[test]
fn a_letting_can_be_opened_and_left_by_keyboard() -> Result<()> {
    browse(Script::On, async |browser| {
        browser.open("/lettings/").await?;

        tab_to(browser, "/lettings/1/").await?;
        browser.press(ENTER).await?;
        browser.arrive("/lettings/1/").await?;
        assert_eq!(browser.heading().await?, "The Saltwater Cottage");

        tab_to(browser, "/profiles/").await?;
        browser.press(ENTER).await?;
        browser.arrive("/profiles/").await?;
        Ok(())
    })
}

#[test]
fn enter_submits_a_search() -> Result<()> {
    browse(Script::On, async |browser| {
        browser.open("/lettings/").await?;

        tab_to(browser, "q").await?;
        for letter in "tern".chars() {
            browser.press(letter).await?;
        }
        browser.press(ENTER).await?;

        browser
            .arrive("/lettings/?q=tern&city=&guests=&bedrooms=&kind=&max_price=&sort=id")
            .await?;
        assert!(browser.text().await?.contains("of 28 lettings"));
        Ok(())
    })
}

#[test]
fn the_first_row_of_a_list_is_a_few_tab_stops_away() -> Result<()> {
    browse(Script::Off, async |browser| {
        browser.log_in("/admin/lettings/letting/").await?;

        for stop in ["#content", "#filters", "#results"] {
            browser.press(TAB).await?;
            assert_eq!(focused(browser).await?, stop);
        }
        browser.press(ENTER).await?;
        browser.press(TAB).await?;
        browser.press(TAB).await?;

        assert_eq!(
            focused(browser).await?,
            "/admin/lettings/letting/28/change/"
        );
        Ok(())
    })
}

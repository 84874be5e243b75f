//! A visitor's path through the site, with and without script.

use crate::support::assert_contains;
use anyhow::Result;
use fantoccini::wd::{PrintConfigurationBuilder, PrintSize};

use super::session::{Browser, Script, browse};

/// A page whose title shows whether scripts run.
const PROBE: &str = "data:text/html,<title>off</title><script>document.title='on'</script>";

#[test]
fn a_visitor_finds_a_letting_and_a_profile() -> Result<()> {
    browse(Script::On, async |browser| {
        browser.open_url(PROBE).await?;
        assert_eq!(browser.title().await?, "on");
        walk(browser).await
    })
}

#[test]
fn a_visitor_without_script_finds_a_letting_and_a_profile() -> Result<()> {
    browse(Script::Off, async |browser| {
        browser.open_url(PROBE).await?;
        assert_eq!(browser.title().await?, "off");
        walk(browser).await
    })
}

/// Home, a search, a letting, back, profiles, a profile, and the lettings of its city.
async fn walk(browser: &Browser) -> Result<()> {
    browser.open("/").await?;
    assert_eq!(browser.heading().await?, "Welcome to Holiday Homes");

    browser.search("saltwater laguna", "Search").await?;
    browser.arrive("/lettings/?q=saltwater+laguna").await?;
    assert!(browser.text().await?.contains("1 of 28 lettings"));

    browser.follow("The Saltwater Cottage").await?;
    browser.arrive("/lettings/1/?q=saltwater+laguna").await?;
    assert_eq!(browser.heading().await?, "The Saltwater Cottage");
    let text = browser.text().await?;
    assert_contains(&text, "214 Gullwing Lane");

    browser.follow("Back").await?;
    browser.arrive("/lettings/?q=saltwater+laguna").await?;
    browser.follow("Clear the search").await?;
    browser.arrive("/lettings/").await?;
    assert!(browser.text().await?.contains("28 lettings"));
    browser.follow("Next").await?;
    browser.arrive("/lettings/?page=2").await?;

    browser.follow("Profiles").await?;
    browser.arrive("/profiles/").await?;
    browser.search("dana ada", "Apply").await?;
    browser.arrive("/profiles/?q=dana+ada").await?;
    browser.follow("AirWow").await?;
    browser.arrive("/profiles/AirWow/").await?;
    assert!(browser.text().await?.contains("Favorite city: Dana Point"));

    browser.follow("Lettings in Dana Point").await?;
    browser.arrive("/lettings/?city=Dana+Point").await?;
    assert_eq!(browser.heading().await?, "Lettings");
    Ok(())
}

#[test]
fn a_letting_is_printed_on_one_page_of_a4() -> Result<()> {
    browse(Script::Off, async |browser| {
        browser.open("/lettings/1/").await?;
        let a4 = PrintConfigurationBuilder::default().size(PrintSize::A4);

        let a4 = a4.build().map_err(|error| anyhow::anyhow!("{error:?}"))?;

        let pdf = browser.client.print(a4).await?;

        let pages = String::from_utf8_lossy(&pdf)
            .matches("/Type /Page\n")
            .count();
        assert_eq!(pages, 1);
        Ok(())
    })
}

#[test]
fn photos_open_in_full_size_with_links_and_keys() -> Result<()> {
    const RIGHT: char = '\u{E014}';
    const ESCAPE: char = '\u{E00C}';
    browse(Script::On, async |browser| {
        browser.open("/lettings/1/").await?;
        browser.click(".mosaic-photo").await?;
        browser.arrive("/lettings/1/#photo-1").await?;
        browser.press(RIGHT).await?;
        browser.arrive("/lettings/1/#photo-2").await?;
        browser.press(ESCAPE).await?;
        browser.arrive("/lettings/1/#photos").await
    })?;
    browse(Script::Off, async |browser| {
        browser.open("/lettings/1/").await?;
        browser.click(".mosaic-photo").await?;
        browser.arrive("/lettings/1/#photo-1").await?;
        browser.click(".viewer:target .viewer-next").await?;
        browser.arrive("/lettings/1/#photo-2").await?;
        browser.click(".viewer:target .viewer-close").await?;
        browser.arrive("/lettings/1/#photos").await
    })
}

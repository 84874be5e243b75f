//! Work of staff, with and without script.

use std::io::Write;

use anyhow::{Context, Result};
use lettings::{Address, AddressDraft};

use super::session::{Browser, Script, browse};
use crate::support::{address, assert_contains, assert_contains_all};

const TAB: char = '\u{E004}';
const ENTER: char = '\u{E007}';
const DOWN: char = '\u{E015}';

const ADD: &str = "/admin/lettings/letting/add/";

/// Logs in to a site with more free addresses than a select shows.
async fn enter(browser: &Browser) -> Result<()> {
    let conn = &mut browser.site().database()?;
    for number in 1..=69 {
        let draft = AddressDraft {
            number: number.to_string(),
            ..address()
        };
        Address::insert(conn, &draft.check().expect("the fixture keeps the rules"))?;
    }
    browser.log_in("/admin/").await?;
    browser.arrive("/admin/").await
}

/// Opens the form of a new letting and types its title.
async fn start_letting(browser: &Browser) -> Result<()> {
    enter(browser).await?;
    browser.open(ADD).await?;
    browser.type_into("id_title", "Pier House").await
}

/// Saves the letting and finds it in the list.
async fn save_the_letting(browser: &Browser) -> Result<()> {
    browser.press_button("Save").await?;
    browser.arrive("/admin/lettings/letting/").await?;
    let text = browser.text().await?;
    assert_contains(&text, "Added letting “Pier House”.");
    Ok(())
}

#[test]
fn a_letting_is_added_with_its_address_after_an_error() -> Result<()> {
    browse(Script::On, add_a_letting)
}

#[test]
fn a_letting_is_added_with_its_address_without_script() -> Result<()> {
    browse(Script::Off, add_a_letting)
}

async fn add_a_letting(browser: &Browser) -> Result<()> {
    enter(browser).await?;
    browser.open(ADD).await?;
    for (id, text) in [
        ("id_title", "Pier House"),
        ("id_address-number", "1e3"),
        ("id_address-street", "Pier Road"),
        ("id_address-city", "Seal Beach"),
        ("id_address-state", "CA"),
        ("id_address-zip_code", "02134"),
        ("id_address-country_iso_code", "USA"),
    ] {
        browser.type_into(id, text).await?;
    }
    browser.press_button("Save").await?;

    let text = browser.text().await?;
    assert_contains(&text, "1 error to correct");
    browser.follow("Number must be a whole number.").await?;
    browser.type_into("id_address-number", "7").await?;
    save_the_letting(browser).await?;
    browser.open("/lettings/?q=pier+house").await?;
    assert!(browser.text().await?.contains("Seal Beach"));
    Ok(())
}

#[test]
fn importing_a_file_again_changes_nothing() -> Result<()> {
    browse(Script::On, import_a_file)
}

#[test]
fn a_file_is_imported_without_script() -> Result<()> {
    browse(Script::Off, import_a_file)
}

async fn import_a_file(browser: &Browser) -> Result<()> {
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile()?;
    write!(file, "id;title\r\n1;The Saltwater House\r\n")?;
    let path = file.path().to_str().context("a path in UTF-8")?;
    enter(browser).await?;
    browser.open("/admin/lettings/letting/").await?;
    browser.follow("Import").await?;
    browser.arrive("/admin/lettings/letting/import/").await?;

    browser.attach("id_file", path).await?;
    browser.press_button("Check the file").await?;
    let text = browser.text().await?;
    assert_contains(&text, "1 letting will be changed.");
    browser.press_button("Yes, import 1 letting").await?;

    browser.arrive("/admin/lettings/letting/").await?;
    let text = browser.text().await?;
    assert_contains_all(&text, "Changed 1 letting. | The Saltwater House");
    browser.follow("Import").await?;
    browser.attach("id_file", path).await?;
    browser.press_button("Check the file").await?;
    assert!(browser.text().await?.contains("Nothing to change."));
    Ok(())
}

#[test]
fn many_choices_are_searched_without_script() -> Result<()> {
    browse(Script::Off, async |browser| {
        start_letting(browser).await?;
        browser.type_into("id_address_find", "gull 59").await?;
        browser.press_button("Find").await?;

        browser
            .choose("id_address", "59 Gull Lane, Dana Point, CA 92629")
            .await?;

        save_the_letting(browser).await
    })
}

#[test]
fn many_choices_are_searched_by_keyboard() -> Result<()> {
    browse(Script::On, async |browser| {
        start_letting(browser).await?;
        browser.type_into("id_address_find", "gull 59").await?;
        browser.wait_for("[role='option']").await?;

        browser.press(DOWN).await?;
        browser.press(ENTER).await?;

        let chosen = browser
            .evaluate("return document.getElementById('id_address').selectedOptions[0].text")
            .await?;
        assert_eq!(chosen, "59 Gull Lane, Dana Point, CA 92629");
        let hidden = browser
            .evaluate("return getComputedStyle(document.querySelector('.inside')).display")
            .await?;
        assert_eq!(
            hidden, "none",
            "the fields of a new address are about another one"
        );
        browser.press(TAB).await?;
        save_the_letting(browser).await
    })
}

#[test]
fn second_submit_of_a_double_click_is_prevented() -> Result<()> {
    browse(Script::On, async |browser| {
        start_letting(browser).await?;
        let twice = "const form = document.querySelector('form.form-row');
            const send = () => form.dispatchEvent(new Event('submit', { cancelable: true }));
            return [send(), send()];";

        let submitted = browser.evaluate(twice).await?;

        assert_eq!(submitted, serde_json::json!([true, false]));
        Ok(())
    })
}

#[test]
fn an_address_added_in_a_popup_is_selected() -> Result<()> {
    browse(Script::On, async |browser| {
        start_letting(browser).await?;
        browser.follow("Add another").await?;
        let opener = browser.enter_new_window().await?;
        fill_in_an_address(browser).await?;
        // This closes the window.
        browser.click("[name='_save']").await?;
        browser.enter_window(opener).await?;

        browser.wait_for("#id_address option[value='98']").await?;
        let chosen = browser
            .evaluate("return document.getElementById('id_address').selectedOptions[0].text")
            .await?;
        assert_eq!(chosen, "7 Pier Road, Seal Beach, CA 02134");
        save_the_letting(browser).await
    })
}

async fn fill_in_an_address(browser: &Browser) -> Result<()> {
    for (id, text) in [
        ("id_number", "7"),
        ("id_street", "Pier Road"),
        ("id_city", "Seal Beach"),
        ("id_state", "CA"),
        ("id_zip_code", "02134"),
        ("id_country_iso_code", "USA"),
    ] {
        browser.type_into(id, text).await?;
    }
    Ok(())
}

#[test]
fn one_checkbox_selects_all_and_shows_the_count() -> Result<()> {
    browse(Script::On, async |browser| {
        enter(browser).await?;
        browser.open("/admin/lettings/letting/").await?;

        browser.click("#select-page").await?;

        let ticked = browser
            .evaluate("return document.querySelectorAll('[name=_selected_action]:checked').length")
            .await?;
        assert_eq!(ticked, 28);
        assert!(browser.text().await?.contains("28 of 28 selected."));
        Ok(())
    })
}

//! Preserved filters: forms return to the list with its search, filters and page.

use anyhow::{Context, Result};

use super::{Browser, action_form};
use crate::http::Response;
use crate::support::{TestSite, assert_contains};

const LIST: &str = "/admin/lettings/letting/";

/// The path of an object's page with the preserved filters `of` its list.
fn row(page: &str, id: i64, of: &str) -> String {
    let filters = form_urlencoded::byte_serialize(of.as_bytes()).collect::<String>();
    format!("{LIST}{id}/{page}/?_changelist_filters={filters}")
}

fn location(response: &Response) -> Result<String> {
    let location = response.header("location").context("no Location header")?;
    Ok(location.to_owned())
}

#[test]
fn saving_or_deleting_returns_to_the_last_existing_page() -> Result<()> {
    for site in TestSite::on_each()? {
        lettings::demo::fill(&mut site.database()?, 102, |_| {})?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let title = [("title", "Pier House"), ("address", "1"), ("_save", "")];
        let page = format!("{LIST}?o=1&p=2");

        let links = browser.page(&page)?.links();
        let existing = browser.fill(&row("change", 1, "o=1&p=2"), &title)?;
        let stale = browser.fill(&row("change", 1, "o=1&p=7"), &title)?;
        let kept = browser.post(&row("delete", 2, "p=2"), &[("post", "yes")])?;
        let last = browser.post(&row("delete", 3, "o=1&p=2"), &[("post", "yes")])?;
        let next = browser.follow(&last)?;
        let action = browser.post(&page, &action_form("delete_selected", "4"))?;

        let kept_filters = "/change/?_changelist_filters=o%3D1%26p%3D2";
        assert!(links.iter().any(|link| link.href.ends_with(kept_filters)));
        for (response, query) in [
            (&existing, "o=1&p=2"),
            (&stale, "o=1&p=2"),
            (&kept, "p=2"),
            (&last, "o=1"),
            (&action, "o=1"),
        ] {
            assert_eq!(location(response)?, format!("{LIST}?{query}"));
        }
        assert_contains(&next, "Deleted letting");
    }
    Ok(())
}

#[test]
fn pages_of_an_object_preserve_the_filters_of_its_list() -> Result<()> {
    let site = TestSite::start()?;
    lettings::demo::fill(&mut site.database()?, 1, |_| {})?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let change = row("change", 1, "q=house");

    for (page, words) in [("delete", "No, go back"), ("history", "Back")] {
        let page = browser.page(&row(page, 1, "q=house"))?;
        let links = page.links();
        let back = links.iter().find(|link| link.text == words);
        assert_eq!(back.context("no back link")?.href, change, "{words}");
    }
    let unconfirmed = browser.post(&row("delete", 1, "q=house"), &[("post", "")])?;
    assert_eq!(location(&unconfirmed)?, row("delete", 1, "q=house"));
    Ok(())
}

#[test]
fn the_password_form_preserves_the_filters_of_the_list() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let filters = "?_changelist_filters=is_staff__exact%3D1";

    let form = browser.get(&format!("/admin/auth/user/1/change/{filters}"))?;
    let href = format!("/admin/auth/user/1/password/{filters}");
    let password = "a quiet harbour 7";
    let set = browser.post(&href, &[("password1", password), ("password2", password)])?;

    let form = form.html()?;
    assert!(form.links().iter().any(|link| link.href == href));
    let change = format!("/admin/auth/user/1/change/{filters}");
    assert_eq!(location(&set)?, change);
    Ok(())
}

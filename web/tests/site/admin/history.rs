//! Deletion and history.

use accounts::User;
use anyhow::Result;
use lettings::Letting;

use super::restore::versions;
use super::{ADDRESS_FORM, Browser, with};
use crate::support::{TestSite, assert_contains, assert_contains_all, letting};

#[test]
fn deletion_lists_related_objects_and_is_recorded() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let path = "/admin/lettings/address/1/delete/";

        let question = browser.page(path)?;
        let without_yes = browser.post(path, &[])?;
        let kept = Letting::count(conn)?;
        let done = browser.post(path, &[("post", "yes")])?;

        assert_eq!(question.texts("h1"), ["Delete address?"]);
        assert_contains_all(
            &question.text(),
            "1 letting | 1 address | Pier House | Yes, delete | No, go back",
        );
        assert_eq!((without_yes.status, kept), (303, 1));
        assert_contains(&browser.follow(&done)?, "Deleted address “12 Gull Lane”.");
        assert_eq!(Letting::count(conn)?, 0);
        let history = browser.page("/admin/lettings/letting/1/history/")?;
        assert_eq!(history.texts("h1"), ["History of Pier House"]);
        assert!(history.text().contains("Deleted."));
    }
    Ok(())
}

#[test]
fn history_shows_each_field_before_and_after() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    browser.rename("Pier Cottage")?;
    browser.rename("Pier Cottage")?;

    let history = browser.page_text("/admin/lettings/letting/1/history/")?;

    let change = "ada | Changed Title. | Pier House | Pier Cottage | Nothing changed.";
    assert_contains_all(
        &history,
        &format!("Date | User | Action | Changes | {change}"),
    );
    Ok(())
}

#[test]
fn history_of_a_letting_includes_its_address() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        letting(&mut site.database()?, "Sea Flat")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        for (path, form) in [
            (
                "lettings/letting/1",
                &[("title", "Pier Villa"), ("address", "1")][..],
            ),
            (
                "lettings/address/1",
                &with(&ADDRESS_FORM, &[("street", "Tern Road")]),
            ),
            (
                "lettings/address/2",
                &with(&ADDRESS_FORM, &[("street", "Owl Road")]),
            ),
            (
                "lettings/letting/1",
                &[("title", "Pier House"), ("address", "1")],
            ),
        ] {
            browser.fill(
                &format!("/admin/{path}/change/"),
                &[form, &[("_save", "")]].concat(),
            )?;
        }

        let history = browser.page("/admin/lettings/letting/1/history/")?;

        let rows = history.first("tbody").texts("tr");
        let rows: Vec<(bool, bool)> = rows
            .iter()
            .map(|row| (row.contains("Tern Road"), row.contains("Restore this")))
            .collect();
        // An earlier version and two changes of the letting, and the same of its address in between.
        assert_eq!(
            rows,
            [
                (false, false),
                (false, true),
                (true, true),
                (true, false),
                (false, false)
            ]
        );
        assert!(!history.text().contains("Owl Road"));
    }
    Ok(())
}

#[test]
fn an_earlier_version_can_be_restored() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    letting(conn, "Pier House")?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let history = "/admin/lettings/letting/1/history/";
    for title in ["Pier Cottage", "Pier Villa"] {
        browser.rename(title)?;
    }

    let mut restore = |place: usize| {
        let version = versions(&mut browser, "lettings/letting/1")?.remove(place);
        let response = browser.post(history, &[("restore", &version)])?;
        browser.follow(&response)
    };
    let told_of_first = restore(0)?;
    let next = restore(0)?;
    let odd = ["x", "99"].map(|version| browser.post(history, &[("restore", version)]));

    // The first version is from before the history.
    assert_contains(&told_of_first, "Restored letting “Pier House”.");
    assert_contains(&next, "Restored letting “Pier Cottage”.");
    assert_eq!(Letting::with_address(conn, 1)?.0.title, "Pier Cottage");
    for response in odd {
        assert_eq!(response?.status, 400);
    }
    Ok(())
}

#[test]
fn times_use_the_time_zone_of_the_site() -> Result<()> {
    let site = TestSite::with(&[("TIME_ZONE", "America/Los_Angeles")])?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let id = super::account(&mut site.database()?, "carol")?;
    let path = format!("/admin/auth/user/{id}/change/");
    let form = |date, time| {
        let at = [("date_joined_0", date), ("date_joined_1", time)];
        [
            &[("username", "carol"), ("is_active", "on"), ("_save", "")][..],
            &at,
        ]
        .concat()
    };

    let skipped = browser.fill(&path, &form("2026-03-08", "02:30"))?;
    let saved = browser.fill(&path, &form("2026-07-01", "18:00"))?;

    assert_eq!((skipped.status, saved.status), (422, 303));
    assert_contains(&skipped.page_text()?, "There is no such time on that day");
    let stored = User::find(&mut site.database()?, id)?.date_joined;
    assert_eq!(stored.to_string(), "2026-07-02 01:00:00");
    let page = browser.get(&path)?.text()?;
    assert_contains_all(
        &page,
        "value=\"2026-07-01\" | value=\"18:00:00\" | Time zone: America/Los_Angeles",
    );
    let history = browser.page_text(&format!("/admin/auth/user/{id}/history/"))?;
    assert_contains(&history, "2026-07-01 18:00:00 PDT");
    let export = browser.get("/admin/auth/user/export/")?.text()?;
    assert_contains(&export, ",2026-07-01,18:00:00\n");
    Ok(())
}

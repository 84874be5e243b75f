//! The audit log: entries, filters, export, permissions.

use anyhow::Result;

use super::{Browser, account};
use crate::support::{
    TestSite, assert_contains, assert_contains_all, assert_header, assert_redirect, letting,
};

#[test]
fn the_log_lists_changes_and_sign_ins_newest_first() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        account(&mut site.database()?, "carol")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        browser.rename("Pier Cottage")?;
        let mut anonymous = Browser::new(&site);
        anonymous.log_in("carol", "wrong password")?;
        anonymous.log_in("my secret password", "x")?;

        let page = browser.page("/admin/log/")?;

        assert_eq!(page.texts("h1"), ["Log"]);
        let text = page.text();
        assert_contains_all(
            &text,
            "4 entries | Changed Title. | Pier Cottage | Pier House | Logged in. | Login failed. | \
             carol | a name that no account has | 127.0.0.1",
        );
        assert!(!text.contains("my secret password"));
        let (failed, changed) = (text.find("Login failed."), text.find("Changed Title."));
        assert!(failed < changed, "{text}");
    }
    Ok(())
}

#[test]
fn filters_are_combined_and_preserved() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    for title in ["Pier Cottage", "Pier Villa"] {
        browser.rename(title)?;
    }
    let mut found = |query: &str| -> Result<String> {
        let page = browser.page(&format!("/admin/log/?{query}"))?;
        let text = page.text();
        let count = text.split(" entries").next().unwrap_or_default();
        Ok(count.rsplit(' ').take(3).collect::<Vec<_>>().join(" "))
    };

    assert_eq!(found("action=changed&q=villa")?, "3 of 1");
    assert_eq!(found("model=lettings.letting&user=ada")?, "3 of 2");
    assert_eq!(found("user=ad")?, "3 of 0");
    assert_eq!(found("model=auth.session&action=logged+in")?, "3 of 1");
    assert_eq!(found("from=2026-01-01&to=2026-01-02")?, "3 of 0");
    let page = browser.page("/admin/log/?from=yesterday&q=pier")?;
    assert!(page.text().contains("1 error to correct"));
    assert!(page.text().contains("From: enter a valid date."));
    assert!(page.source().contains("value=\"yesterday\""));
    assert_eq!(browser.get("/admin/log/?p=2")?.status, 404);
    Ok(())
}

#[test]
fn csv_has_the_filtered_entries_without_formulas() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    browser.rename("=1+1")?;

    let response = browser.get("/admin/log/export/?action=changed")?;
    let wrong = browser.get("/admin/log/export/?user=ada&from=xx")?;

    assert_header(&response, "content-type", "text/csv; charset=utf-8");
    let text = response.text()?;
    let lines: Vec<&str> = text.lines().collect();
    let columns = "\u{feff}Date,User,Kind,ID,Title,Action,Changes,Address";
    assert_eq!((lines.len(), lines[0]), (2, columns));
    let line = ",ada,Letting,1,'=1+1,Changed Title.,Title: Pier House → =1+1,";
    assert!(lines[1].ends_with(line), "{text}");
    // An invalid date must not export everything.
    assert_redirect(&wrong, 303, "/admin/log/?user=ada&from=xx");
    Ok(())
}

#[test]
fn staff_see_entries_of_objects_that_they_may_view() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut root = Browser::superuser(&site, "ada")?;
    root.rename("Pier Cottage")?;
    let mut viewer = Browser::staff(&site, "bob", &["lettings.view_letting"])?;
    let mut other = Browser::staff(&site, "carol", &["lettings.view_address"])?;
    let mut nobody = Browser::staff(&site, "dora", &["lettings.add_letting"])?;

    let page = viewer.page_text("/admin/log/")?;

    assert_contains_all(&page, "1 entry | Pier Cottage");
    assert!(!page.contains("Logged in."), "{page}");
    let words = "0 of 1 entry";
    assert_contains(&viewer.page_text("/admin/log/?model=auth.session")?, words);
    assert_contains(&other.page_text("/admin/log/")?, "0 entries");
    assert!(viewer.get("/admin/")?.text()?.contains("/admin/log/"));
    assert!(!nobody.get("/admin/")?.text()?.contains("/admin/log/"));
    assert_eq!(nobody.get("/admin/log/")?.status, 403);
    assert_eq!(nobody.get("/admin/log/export/")?.status, 403);
    Ok(())
}

#[test]
fn denied_requests_and_logouts_are_logged() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut browser = Browser::staff(&site, "bob", &[])?;
        browser.get("/admin/")?;
        assert_eq!(browser.get("/admin/auth/user/1/delete/")?.status, 403);
        let forged = browser.post("/admin/logout/", &[("csrfmiddlewaretoken", "x")])?;
        assert_eq!(forged.status, 403);
        browser.get("/admin/")?;
        browser.post("/admin/logout/", &[])?;
        let mut root = Browser::superuser(&site, "ada")?;

        let text = root.page_text("/admin/log/?user=bob")?;

        assert_contains_all(
            &text,
            "GET /admin/auth/user/1/delete/ | POST /admin/logout/ | Permission denied. | \
             Logged out.",
        );
    }
    Ok(())
}

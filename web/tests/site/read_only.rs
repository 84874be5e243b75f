//! `READ_ONLY=true`: everything can be read, nothing is written.

use anyhow::Result;
use chrono::{Duration, Utc};
use diesel::RunQueryDsl;
use oc_core::testing::TestDb;

use crate::admin::Browser;
use crate::support::{TestSite, assert_contains, letting};

const READ_ONLY: [(&str, &str); 2] = [
    ("READ_ONLY", "true"),
    ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
];

#[test]
fn pages_are_served_and_forms_are_rejected_with_a_page() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Lakeside flat")?;
        let frozen = site.beside_with(&READ_ONLY)?;

        for target in "/ /lettings/1/ /lettings/?q=lake /profiles/ /readyz".split(' ') {
            assert_eq!(frozen.get(target)?.status, 200, "{target}");
        }
        for (method, target) in [
            ("GET", "/admin/login/"),
            ("POST", "/admin/login/"),
            ("POST", "/admin/lettings/letting/add/"),
            ("POST", "/admin/lettings/letting/1/delete/"),
            ("POST", "/admin/logout/"),
        ] {
            let response = frozen.send(method, target, &[("Content-Length", "0")])?;

            assert_eq!(response.status, 503, "{method} {target}");
            assert_eq!(response.header("cache-control"), Some("no-store"));
            assert!(response.header("retry-after").is_some());
            let page = response.html()?;
            assert_eq!(page.texts("h1"), ["The site is read-only"]);
            assert!(page.has_link("Home", "/"));
        }
        let anonymous = frozen.get("/admin/")?;
        assert_eq!(anonymous.status, 302);
        assert_eq!(frozen.send("POST", "/", &[])?.status, 405);
    }
    Ok(())
}

#[test]
fn existing_sessions_can_still_read() -> Result<()> {
    for db in TestDb::each()? {
        let site = TestSite::on_with(db, &READ_ONLY[1..])?;
        let conn = &mut site.database()?;
        letting(conn, "Lakeside flat")?;
        let browser = Browser::superuser(&site, "boss")?;
        let bob = Browser::staff(&site, "bob", &[])?;
        // Long enough ago for this use to be recorded.
        let earlier = Utc::now() - Duration::hours(1);
        let earlier = earlier.format("%F %T");
        diesel::sql_query(format!("UPDATE sessions SET seen_at = '{earlier}'")).execute(conn)?;
        let frozen = site.beside_with(&READ_ONLY)?;

        let mut browser = browser.at(&frozen);
        let list = browser.get("/admin/lettings/letting/")?;
        let form = browser.get("/admin/lettings/letting/1/change/")?;
        let saved = browser.post("/admin/lettings/letting/1/change/", &[("title", "Hut")])?;

        let denied = bob.at(&frozen).get("/admin/lettings/letting/")?;

        assert_eq!(denied.status, 403);
        assert_contains(&denied.page_text()?, "You are logged in as bob.");
        assert_eq!((list.status, form.status, saved.status), (200, 200, 503));
        assert!(list.page_text()?.contains("Lakeside flat"));
        assert_eq!(saved.html()?.texts("h1"), ["The site is read-only"]);
    }
    Ok(())
}

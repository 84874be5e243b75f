//! Sessions: list, end, renewal of tokens.

use accounts::Group;
use anyhow::{Context, Result};
use diesel::RunQueryDsl;
use diesel::sql_types::Text;

use crate::support::{TestSite, assert_contains, assert_contains_none, pairs};

use super::{Browser, USER_FORM, staff, with};

const OWN: &str = "/admin/sessions/";

#[test]
fn users_can_list_and_end_their_sessions() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut here = Browser::superuser(&site, "ada")?;
        let mut there = Browser::logged_in(&site, "ada")?;
        let mut elsewhere = Browser::logged_in(&site, "ada")?;

        let page = here.get(OWN)?;
        let id = button(&page.text()?).context("no session can be ended")?;
        let one = here.post(OWN, &[("end", &id)])?;
        let next = here.follow(&one)?;
        let again = here.post(OWN, &[("end", &id)])?;
        let ended = here.follow(&again)?;
        let left = [
            there.get("/admin/")?.status,
            elsewhere.get("/admin/")?.status,
        ];
        let others = here.post(OWN, &[("end", "others")])?;

        let text = page.page_text()?;
        assert_eq!(page.html()?.texts("h1"), ["Sessions"]);
        assert_eq!(text.matches("127.0.0.1").count(), 3, "{text}");
        assert_eq!(text.matches("This session").count(), 1, "{text}");
        assert_contains(&next, "Ended 1 session.");
        assert_contains(&ended, "This session has already ended.");
        assert_eq!(left.iter().filter(|status| **status == 302).count(), 1);
        assert!(here.follow(&others)?.contains("Ended 1 session."));
        for browser in [&mut there, &mut elsewhere] {
            assert_eq!(browser.get("/admin/")?.status, 302);
        }
        assert_eq!(here.get("/admin/")?.status, 200);
    }
    Ok(())
}

#[test]
fn reading_a_page_does_not_change_the_session() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut ada = Browser::superuser(&site, "ada")?;
        ada.get("/admin/")?;
        // The same state with a trailing space, so that rewriting it would be noticed.
        diesel::sql_query("UPDATE sessions SET state = state || ' '")
            .execute(&mut site.database()?)?;

        let status = ada.get("/admin/lettings/letting/")?.status;

        let kept: Vec<String> =
            diesel::dsl::sql::<Text>("SELECT state FROM sessions").load(&mut site.database()?)?;
        assert_eq!(status, 200);
        assert!(kept.iter().all(|state| state.ends_with(' ')), "{kept:?}");
    }
    Ok(())
}

/// The session that the first button on a page ends.
fn button(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("name=\"end\" value=\"")?;
    rest.split('"').next().map(str::to_owned)
}

#[test]
fn ending_sessions_requires_permission_to_change_the_user() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let mut bob = Browser::staff(&site, "bob", &["auth.change_user"])?;
    let mut carol = Browser::staff(&site, "carol", &[])?;
    let page = ada.get(OWN)?.text()?;
    assert!(button(&page).is_none());
    bob.get(OWN)?;
    carol.get(OWN)?;

    for id in ["1", "2"] {
        carol.post(OWN, &[("end", id)])?;
        for browser in [&mut bob, &mut carol] {
            let denied = browser.post("/admin/auth/user/1/sessions/", &[("end", id)])?;
            assert_eq!(denied.status, 403);
        }
    }
    assert_eq!(ada.get("/admin/")?.status, 200);
    assert_eq!(bob.get("/admin/auth/user/1/sessions/")?.status, 403);
    assert_eq!(ada.post(OWN, &[("end", "x")])?.status, 400);

    let path = "/admin/auth/user/2/sessions/";
    let page = ada.page(path)?;
    let done = ada.post(path, &[("end", "others")])?;

    assert_eq!(page.texts("h1"), ["Sessions: bob"]);
    assert!(ada.follow(&done)?.contains("Ended 1 session."));
    assert_eq!(bob.get("/admin/")?.status, 302);
    Ok(())
}

#[test]
fn changed_permissions_renew_the_session_token() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let mut ada = Browser::superuser(&site, "ada")?;
        let mut bob = Browser::staff(&site, "bob", &[])?;
        let group = pairs("name=editors&permissions=lettings.view_letting");
        ada.fill("/admin/auth/group/add/", &group)?;
        let user = with(
            &USER_FORM,
            &[("username", "bob"), ("is_staff", "on"), ("groups", "1")],
        );
        let token = |browser: &Browser<'_>| browser.cookies.get("session").cloned();
        let mut seen = Vec::new();
        let mut next = |browser: &mut Browser<'_>| -> Result<u16> {
            let status = browser.get("/admin/lettings/letting/")?.status;
            seen.push(token(browser).context("no session")?);
            Ok(status)
        };

        let before = next(&mut bob)?;
        ada.fill("/admin/auth/user/2/change/", &user)?;
        let with_group = next(&mut bob)?;
        let same = next(&mut bob)?;
        ada.fill("/admin/auth/group/1/change/", &[("name", "editors")])?;
        let without = next(&mut bob)?;

        assert_eq!((before, with_group, same, without), (403, 200, 200, 403));
        assert_ne!(seen[0], seen[1]);
        assert_eq!(seen[1], seen[2]);
        assert_ne!(seen[2], seen[3]);
        assert_eq!(Group::all(conn)?.len(), 1);
        let mut old = Browser::new(&site);
        old.cookies.insert("session".to_owned(), seen[0].clone());
        assert_eq!(old.get("/admin/")?.status, 302);
    }
    Ok(())
}

#[test]
fn login_starts_a_new_session() -> Result<()> {
    let site = TestSite::start()?;
    staff(&mut site.database()?, "bob")?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let first = browser.cookies["session"].clone();
    browser.log_out()?;

    browser.log_in("bob", super::PASSWORD)?;

    assert_ne!(browser.cookies["session"], first);
    Ok(())
}

#[test]
fn http_and_https_use_different_cookie_names() -> Result<()> {
    let site = TestSite::with(&pairs(
        "PUBLIC_URL=http://homes.example&TRUSTED_PROXIES=127.0.0.1",
    ))?;
    staff(&mut site.database()?, "ada")?;
    let mut plain = Browser::logged_in(&site, "ada")?;
    let mut secure = Browser::new(&site);
    secure.https = true;

    let form = secure.get("/admin/login/")?;
    let logged_in = secure.log_in("ada", super::PASSWORD)?;

    assert_contains_none(&plain.cookies(), "__Host-");

    assert!(plain.cookies.contains_key("session"));
    for response in [&form, &logged_in] {
        for (name, value) in response.headers() {
            assert!(
                name != "set-cookie" || (value.starts_with("__Host-") && value.contains("Secure")),
                "{value}"
            );
        }
    }
    assert_eq!(secure.get("/admin/")?.status, 200);
    // A cookie that was set over http is not accepted over https, and vice versa.
    plain.https = true;
    secure.https = false;
    assert_eq!(plain.get("/admin/")?.status, 302);
    assert_eq!(secure.get("/admin/")?.status, 302);
    Ok(())
}

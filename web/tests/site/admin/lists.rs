//! Lists: search, filters, order, pages, actions.

use accounts::User;
use anyhow::Result;

use super::{ADDRESS_FORM, Browser};
use crate::support::{
    TestSite, assert_contains, assert_contains_all, assert_header, assert_redirect, letting_in,
};

#[test]
fn index_links_every_model() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;

    let index = browser.page("/admin/")?;
    let app = browser.page("/admin/lettings/")?;

    assert_eq!(index.texts("h1"), ["Administration"]);
    assert_contains_all(
        &index.text(),
        "Signed in as ada | View site | Change password | Log out | Recent actions | None yet.",
    );
    let paths = "lettings/letting lettings/address profiles/profile auth/user auth/group";
    for path in paths.split(' ') {
        let href = format!("/admin/{path}/");
        assert!(index.links().iter().any(|link| link.href == href), "{href}");
        assert_eq!(browser.get(&href)?.status, 200, "{href}");
    }
    assert_eq!(app.texts("h1"), ["Lettings administration"]);
    Ok(())
}

#[test]
fn recent_actions_are_links_while_the_user_may_view_their_objects() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::staff(&site, "bob", &["lettings.change_address"])?;
    let form = "/admin/lettings/address/1/change/";
    browser.get(form)?;
    browser.post(form, &ADDRESS_FORM)?;
    let mut recent = || anyhow::Ok(browser.page("/admin/")?.first("ol"));

    let before = recent()?;
    let conn = &mut site.database()?;
    let bob = User::find_by_username(conn, "bob")?.id;
    User::set_permissions(conn, bob, &[])?;
    let after = recent()?;

    let hrefs: Vec<String> = before.links().into_iter().map(|link| link.href).collect();
    assert_eq!(hrefs, [form]);
    assert_contains(&after.text(), "Changed · Address");
    assert!(after.links().is_empty());
    Ok(())
}

#[test]
fn navigation_lists_the_models_that_the_user_may_view() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::staff(&site, "bob", &["lettings.view_letting"])?;
    let mut navigation = |path: &str| -> Result<(Vec<String>, Option<String>)> {
        let menu = browser.page(path)?.first("details");
        let links = menu.links().into_iter().map(|link| link.text);
        let current = menu.attribute_of("a", "letting/\"", "aria-current");
        Ok((links.collect(), current))
    };
    let mut expect = |path, current: Option<&str>| -> Result<()> {
        let links = ["Home", "Lettings", "Log"].map(str::to_owned).to_vec();
        assert_eq!(navigation(path)?, (links, current.map(str::to_owned)));
        Ok(())
    };

    expect("/admin/", None)?;
    expect("/admin/lettings/letting/", Some("page"))?;
    expect("/admin/lettings/letting/1/change/", Some("true"))?;
    expect("/admin/auth/user/", None)
}

#[test]
fn unknown_paths_are_404_and_slashes_are_appended() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::new(&site);

    let paths = "/admin/nothing/ /admin/lettings/user/ /admin/lettings/letting/1/nothing/";
    for path in paths.split(' ') {
        assert_eq!(browser.get(path)?.status, 404, "{path}");
    }
    let paths = "/admin /admin/lettings /admin/lettings/letting /admin/lettings/letting/1/change";
    for path in paths.split(' ') {
        let response = browser.get(path)?;
        assert_redirect(&response, 301, &format!("{path}/"));
    }
    let put = browser.send("PUT", "/admin/login/", "")?;
    assert_header(&put, "allow", "GET, HEAD, POST, OPTIONS");
    Ok(())
}

#[test]
fn a_list_is_searched_filtered_and_sorted() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting_in(conn, "Pier House", "Seal Beach")?;
        letting_in(conn, "Sea Flat", "Irvine")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let mut first = |query: &str| -> Result<(Option<String>, String)> {
            let page = browser.page(&format!("/admin/lettings/letting/{query}"))?;
            let row = page
                .links()
                .into_iter()
                .find(|link| link.href.contains("/change/"));
            Ok((row.map(|link| link.text), page.text()))
        };

        assert_eq!(first("")?.0.as_deref(), Some("Sea Flat"));
        assert!(first("")?.1.contains("2 lettings"));
        assert_eq!(first("?o=1")?.0.as_deref(), Some("Pier House"));
        assert_eq!(first("?o=-1")?.0.as_deref(), Some("Sea Flat"));
        let (found, text) = first("?q=pier+beach")?;
        assert_eq!(found.as_deref(), Some("Pier House"));
        assert_contains(&text, "1 of 2 lettings");
        assert_eq!(
            first("?address__city__exact=Irvine")?.0.as_deref(),
            Some("Sea Flat")
        );
        assert_contains_all(
            &first("?address__city__exact=Irvine")?.1,
            "Irvine (1) Seal Beach (1) | View on site",
        );
        assert_eq!(first("?q=%00&address__state__exact=%00")?.0, None);
        let cells = browser.page("/admin/lettings/letting/")?.texts("td");
        assert_eq!(cells.iter().filter(|cell| *cell == "Published").count(), 2);
        let beyond = browser.get("/admin/lettings/letting/?p=2")?;
        assert_eq!(beyond.status, 404);
    }
    Ok(())
}

#[test]
fn a_page_has_100_rows_or_all_of_a_short_list() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    lettings::demo::fill(conn, 101, |_| {})?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let list = "/admin/lettings/letting/";
    let mut show = |query: &str| -> Result<_> {
        let page = browser.page(&format!("{list}{query}"))?;
        let rows = page.source().matches("name=\"_selected_action\"").count();
        Ok((rows, page.href("Show all")))
    };
    let all = format!("{list}?all=");

    assert_eq!(show("")?, (100, Some(all.clone())));
    assert_eq!((show("?p=2")?.0, show("?all=")?.0), (1, 101));
    lettings::demo::fill(conn, 250, |_| {})?;
    assert_eq!(show("")?, (100, None));
    assert_header(&browser.get(&all)?, "location", list);
    assert_eq!(browser.get(&format!("{list}?p=4"))?.status, 404);
    Ok(())
}

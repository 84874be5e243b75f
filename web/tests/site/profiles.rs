//! The list of profiles, and one profile.

use accounts::UserDraft;
use accounts::testing::user;
use anyhow::Result;
use profiles::ProfileDraft;

use crate::support::{
    TestSite, assert_contains, assert_contains_all, assert_contains_none, letting, profile,
    profile_of,
};

#[test]
fn profiles_are_listed_by_id_and_users_without_one_are_not() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        profile(conn, "zoe")?;
        user(conn, "nobody")?;
        profile(conn, "AirWow")?;

        let list = site.get("/profiles/")?;

        assert_eq!(list.status, 200);
        let page = list.html()?;
        assert!(page.first("title").text().starts_with("Profiles"));
        assert_eq!(page.texts("h1"), ["Profiles"]);
        let items = page.all("li");
        let people: Vec<_> = items.iter().flat_map(crate::html::Html::links).collect();
        let people: Vec<_> = people
            .iter()
            .filter(|link| link.href.starts_with("/profiles/") && link.href != "/profiles/")
            .map(|link| (&*link.text, &*link.href))
            .collect();
        assert_eq!(
            people,
            [("zoe", "/profiles/zoe/"), ("AirWow", "/profiles/AirWow/")]
        );
        assert!(page.text().contains("2 profiles"));
        assert!(page.has_link("Home", "/") && page.has_link("Lettings", "/lettings/"));
        assert_eq!(site.get("/profiles/nobody/")?.status, 404);
    }
    Ok(())
}

#[test]
fn a_profile_shows_names_and_favorite_city() -> Result<()> {
    for site in TestSite::on_each()? {
        profile(&mut site.database()?, "AirWow")?;

        let response = site.get("/profiles/AirWow/")?;

        assert_eq!(response.status, 200);
        let page = response.html()?;
        assert!(page.first("title").text().starts_with("AirWow"));
        assert_eq!(page.texts("h1"), ["AirWow"]);
        let text = page.text();
        assert_contains_all(
            &text,
            "First name: Ada | Last name: Paul | Favorite city: Dana Point",
        );
        assert!(page.has_link("Back", "/profiles/"));
        assert!(page.has_link("Home", "/") && page.has_link("Lettings", "/lettings/"));
    }
    Ok(())
}

#[test]
fn labels_are_shown_without_values() -> Result<()> {
    let site = TestSite::start()?;
    let user = UserDraft {
        username: "quiet".to_owned(),
        ..UserDraft::default()
    };
    profile_of(&mut site.database()?, &user, &ProfileDraft::default())?;

    let text = site.page("/profiles/quiet/")?.first("main").text();

    assert_eq!(text, "Back Q quiet First name: Last name: Favorite city:");
    let list = site.page("/profiles/")?;
    assert!(list.has_link("quiet", "/profiles/quiet/"));

    Ok(())
}

#[test]
fn an_email_address_is_shown_only_if_enabled() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let draft = |username: &str, email: &str| UserDraft {
            username: username.to_owned(),
            email: email.to_owned(),
            ..UserDraft::default()
        };
        let open = ProfileDraft {
            show_email: true,
            ..ProfileDraft::default()
        };
        profile_of(conn, &draft("open", "open@example.org"), &open)?;
        profile_of(conn, &draft("empty", ""), &open)?;
        let closed = ProfileDraft::default();
        profile_of(conn, &draft("closed", "closed@example.org"), &closed)?;

        let page = |path| -> Result<_> { site.page(path) };

        let shown = page("/profiles/open/")?;
        assert!(shown.text().contains("Email: open@example.org"));
        assert!(shown.has_link("open@example.org", "mailto:open@example.org"));
        assert!(!page("/profiles/empty/")?.text().contains("Email:"));
        let hidden = page("/profiles/closed/")?;
        assert!(!hidden.source().contains("Email") && !hidden.source().contains("closed@"));
        assert!(!page("/profiles/")?.source().contains("@example.org"));
    }
    Ok(())
}

#[test]
fn every_username_has_a_working_profile_path() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let longest = "x".repeat(150);
        let names = ["a@b.c+d-e_f", "Жанна", "..", "feed", &longest];
        for name in names {
            profile(conn, name)?;
        }

        let list = site.page("/profiles/")?;

        for name in names {
            let href = list.href(name).unwrap_or_default();
            let response = site.get(&href)?;
            assert_eq!(response.status, 200, "{name} at {href}");
            assert_eq!(response.html()?.first("h1").text(), name);
        }
    }
    Ok(())
}

#[test]
fn names_are_escaped() -> Result<()> {
    let site = TestSite::start()?;
    let user = UserDraft {
        username: "mallory".to_owned(),
        first_name: "<script>1</script>".to_owned(),
        last_name: "</p><b>".to_owned(),
        email: String::new(),
    };
    let draft = ProfileDraft {
        favorite_city: "\"><i>".to_owned(),
        ..ProfileDraft::default()
    };
    profile_of(&mut site.database()?, &user, &draft)?;

    for path in ["/profiles/", "/profiles/mallory/"] {
        let page = site.page(path)?;

        assert_contains(&page.text(), "<script>1</script>");
        assert_contains_none(page.source(), "<script> | <b> | <i>");
    }
    Ok(())
}

#[test]
fn a_favorite_city_links_to_its_lettings() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        profile(conn, "AirWow")?;
        let href = || -> Result<_> {
            let page = site.page("/profiles/AirWow/")?;
            Ok(page.href("Lettings in Dana Point"))
        };

        let before = href()?;
        letting(conn, "Lakeside flat")?;
        let after = href()?;

        assert_eq!(before, None);
        assert_eq!(after.as_deref(), Some("/lettings/?city=Dana+Point"));
    }
    Ok(())
}

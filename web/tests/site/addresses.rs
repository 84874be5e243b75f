//! Paths: pages, redirects, 404.

use anyhow::Result;

use crate::support::{TestSite, assert_redirect, letting, profile};

/// Asserts a 404 with the site's error page.
fn assert_not_found(site: &TestSite, target: &str) -> Result<()> {
    let response = site.get(target)?;
    assert_eq!(response.status, 404, "{target}");
    let page = response.html()?;
    assert_eq!(page.texts("h1"), ["Page not found"], "{target}");
    assert!(page.has_link("Home", "/"), "{target}");
    Ok(())
}

#[test]
fn missing_slash_is_appended() -> Result<()> {
    let site = TestSite::start()?;
    let methods = "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE PURGE";

    for (path, location) in [
        ("/lettings", "/lettings/"),
        ("/lettings?q=sea&page=2", "/lettings/?q=sea&page=2"),
        ("/lettings?", "/lettings/?"),
        ("/lettings/feed?q=sea", "/lettings/feed/?q=sea"),
        ("/lettings/1?a=%2F%3F", "/lettings/1/?a=%2F%3F"),
        ("/lettings/99", "/lettings/99/"),
        ("/profiles", "/profiles/"),
        ("/profiles/x?a=//evil.com", "/profiles/x/?a=//evil.com"),
        ("/profiles/a+b%40c", "/profiles/a+b%40c/"),
    ] {
        for method in methods.split(' ') {
            assert_redirect(&site.send(method, path, &[])?, 301, location);
        }
    }
    Ok(())
}

#[test]
fn a_redirect_never_leaves_the_host() -> Result<()> {
    let site = TestSite::start()?;

    let targets = "//evil.com/lettings //evil.com ///evil.com/profiles /%2Fevil.com/lettings \
        /\\evil.com/lettings /lettings//evil.com /profiles/%2F%2Fevil.com \
        /profiles/..%2F..%2F%2Fevil.com http://localhost//evil.com/lettings \
        http://localhost/lettings http://localhost/profiles/@evil.com";
    for target in targets.split(' ') {
        let response = site.get(target)?;

        assert!(matches!(response.status, 301 | 400 | 404), "{target}");
        if let Some(location) = response.header("location") {
            let here = location.starts_with("/lettings/") || location.starts_with("/profiles/");
            assert!(here, "{target} leads to {location}");
        }
    }
    Ok(())
}

#[test]
fn unknown_path_is_404() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Lakeside flat")?;

        let targets = "/nowhere/ /nowhere /index.html /lettings/2/ /lettings/0/ \
            /lettings/9223372036854775807/ /lettings/1/2/ /lettings/1/feed/ /profiles/nobody/ \
            /profiles/nobody/1/ /static/ /.env /admin.php *";
        for target in targets.split(' ') {
            assert_not_found(&site, target)?;
        }
    }
    Ok(())
}

#[test]
fn a_malformed_id_is_404() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Lakeside flat")?;

        let huge = "9".repeat(5000);
        let ids = "-1 +1 1.0 1e0 0x1 1_0 abc 1%20 %201 1%0A 1%00 %00 %2B1 1; 1,2 %D9%A1 %EF%BC%91 \
            9223372036854775808 18446744073709551617";
        for id in ids.split(' ').chain([&*huge]) {
            assert_not_found(&site, &format!("/lettings/{id}/"))?;
        }
    }
    Ok(())
}

#[test]
fn a_noncanonical_id_has_a_canonical_link() -> Result<()> {
    let site = TestSite::start()?;
    letting(&mut site.database()?, "Lakeside flat")?;

    for target in ["/lettings/01/", "/lettings/%31/", "/lettings/1/?utm=x"] {
        let response = site.get(target)?;

        assert_eq!(response.status, 200, "{target}");
        let page = response.html()?;
        assert_eq!(page.first("h1").text(), "Lakeside flat");
        assert_eq!(
            page.attribute_of("link", " rel=\"canonical\"", "href")
                .as_deref(),
            Some("https://homes.example/lettings/1/")
        );
    }
    Ok(())
}

#[test]
fn usernames_in_paths_are_exact() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        for username in ["AirWow", "a+b", "slash", "Жанна"] {
            profile(conn, username)?;
        }

        let targets = "/profiles/AirWow/ /profiles/%41irWow/ /profiles/a+b/ /profiles/a%2Bb/ \
            /profiles/%D0%96%D0%B0%D0%BD%D0%BD%D0%B0/";
        for target in targets.split(' ') {
            assert_eq!(site.get(target)?.status, 200, "{target}");
        }
        let targets = "/profiles/airwow/ /profiles/AIRWOW/ /profiles/a%20b/ /profiles/slash%2F/ \
            /profiles/%2Fslash/ /profiles/a%2Fslash/ /profiles/AirWow%00/ /profiles/%FF%FE/ \
            /profiles/%25/ /profiles/%/ /profiles/%zz/ /profiles/AirWow%/ /profiles/%C3/";
        for target in targets.split(' ') {
            assert_not_found(&site, target)?;
        }
    }
    Ok(())
}

#[test]
fn other_case_and_doubled_slashes_are_404() -> Result<()> {
    let site = TestSite::start()?;
    letting(&mut site.database()?, "Lakeside flat")?;

    let targets = "/Lettings/ /LETTINGS /lettings// //lettings/ /lettings//1/ /lettings/1// /profiles// \
        // /./lettings/ /lettings/../ /Healthz /healthz/ /robots.txt/";
    for target in targets.split(' ') {
        assert_not_found(&site, target)?;
    }
    Ok(())
}

//! Bad input: every mistake is told, and nothing that was typed is lost.

use anyhow::Result;
use lettings::Letting;

use super::Browser;
use crate::support::{TestSite, assert_contains_all, letting, profile};

#[test]
fn every_mistake_is_told_and_nothing_that_was_typed_is_lost() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let typed = [
        ("number", "1e3"),
        ("street", &*"s".repeat(65)),
        ("city", "a\0b"),
        ("state", "C"),
        ("zip_code", "100000"),
        ("country_iso_code", ""),
        ("_save", ""),
    ];

    let refused = browser.fill("/admin/lettings/address/add/", &typed)?;

    let page = refused.html()?;
    assert_eq!(refused.status, 422);
    let title = page.first("title").text();
    assert!(title.starts_with("Error: Add address"), "{title}");
    assert_contains_all(
        &page.text(),
        &[
            "6 errors to correct",
            "Number must be a whole number.",
            "Street must be 64 characters or fewer; you entered 65.",
            "City contains a character that is not allowed.",
            "State must be exactly 2 characters; you entered 1.",
            "Zip code must be between 0 and 99999.",
            "Country iso code is required.",
        ],
    );
    assert!(page.source().contains("value=\"1e3\"") && page.source().contains("value=\"100000\""));
    Ok(())
}

#[test]
fn what_is_taken_is_told_together_with_every_other_mistake() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let (house, sea) = (letting(conn, "Pier House")?, letting(conn, "Sea Flat")?);
        profile(conn, "AirWow")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let city = "c".repeat(65);
        let change = format!("/admin/lettings/letting/{sea}/change/");
        let same = [("title", ""), ("address", "2")];
        let weak = [
            ("username", "AirWow"),
            ("password1", "xk7 q"),
            ("password2", "xk7 q"),
        ];

        for (path, fields, count, words) in [
            (
                "/admin/lettings/letting/add/",
                &[("title", ""), ("address", "1")][..],
                "2 errors to correct",
                "Another letting already has this address.",
            ),
            (
                "/admin/lettings/letting/add/",
                &[("title", ""), ("address", "999")],
                "2 errors to correct",
                "Address: select a valid choice.",
            ),
            (&change, &same, "1 error to correct", "Title is required."),
            (
                "/admin/profiles/profile/add/",
                &[("user", "1"), ("favorite_city", &city)],
                "2 errors to correct",
                "Another profile already has this user.",
            ),
            (
                "/admin/auth/user/2/change/",
                &[("username", "AirWow"), ("email", "nowhere")],
                "3 errors to correct",
                "That username is already taken.",
            ),
            (
                "/admin/auth/user/add/",
                &weak,
                "2 errors to correct",
                "That username is already taken.",
            ),
        ] {
            let fields = [fields, &[("_save", "")]].concat();
            let page = browser.fill(path, &fields)?.html()?.text();
            assert_contains_all(&page, &[count, words]);
        }
        assert_eq!((house, Letting::count(conn)?), (1, 2));
    }
    Ok(())
}

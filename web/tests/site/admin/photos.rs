//! Photos of a letting, in its form and in their own list.

use std::thread;

use anyhow::{Context, Result};
use audit::AuditEntry;
use diesel::prelude::*;
use lettings::Photo;
use lettings::testing::{photo, picture};
use oc_core::DbConnection;

use super::{Browser, with};
use crate::http::Connection;
use crate::support::{
    TestSite, assert_contains, assert_contains_all, assert_header, assert_redirect, letting,
};

const FORM: &str = "/admin/lettings/letting/1/change/";
const PHOTOS: &str = "/admin/lettings/letting/1/photos/";

/// The descriptions of the letting's photos, in order.
fn photos(conn: &mut DbConnection) -> QueryResult<Vec<String>> {
    let ids = Photo::ids(conn, 1)?;
    let find = |id| Photo::query().find(id).first(conn);
    let photos: Vec<Photo> = ids.into_iter().map(find).collect::<QueryResult<_>>()?;
    Ok(photos.into_iter().map(|photo| photo.alt).collect())
}

/// Inserts photos of letting 1 with these descriptions; returns their ids.
fn insert_photos(conn: &mut DbConnection, alts: &[&str]) -> Result<Vec<String>> {
    let ids = alts.iter().map(|alt| Ok(photo(conn, 1, alt)?.to_string()));
    ids.collect()
}

#[test]
fn photos_are_uploaded_and_an_invalid_file_is_named() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        browser.get(FORM)?;
        let (large, small) = (picture(900, 600, [9; 3]), picture(60, 40, [99; 3]));
        let files: [(&str, &[u8]); 5] = [
            ("empty.jpg", b""),
            ("sea.jpg", &large),
            ("notes.txt", b"Buy milk"),
            ("IMG_1.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0"),
            ("tiny.png", &small),
        ];

        let response = browser.post_parts(PHOTOS, &[], &files)?;

        assert_redirect(&response, 303, &format!("{FORM}#gallery"));
        let page = browser.page(FORM)?;
        assert_contains_all(
            &page.text(),
            "Added 2 photos. Describe what they show. | \
             empty.jpg is not a picture in JPEG, PNG or WebP. | \
             notes.txt is not a picture in JPEG, PNG or WebP. | \
             IMG_1.HEIC is in the format HEIC. Save it as JPEG. | tiny.png is small | \
             2 photos need a description.",
        );
        assert_eq!(photos(&mut site.database()?)?, ["", ""]);
        let thumbnail = page.attribute_of("img", "class=\"thumbnail\"", "src");
        let thumbnail = browser.get(&thumbnail.context("a thumbnail")?)?;
        assert_header(&thumbnail, "content-type", "image/webp");
        let history = browser.page_text("/admin/lettings/letting/1/history/")?;
        assert_contains(&history, "2 photos added.");
        let words = "Photo 2 of Pier House";
        assert_contains(&browser.page_text("/admin/lettings/photo/")?, words);
    }
    Ok(())
}

#[test]
fn photos_are_described_moved_deleted_and_restored() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        let ids = insert_photos(conn, &["", "b", "c"])?;
        let mut browser = Browser::superuser(&site, "ada")?;
        browser.get(FORM)?;
        let description = format!("description-{}", ids[0]);
        let initial = format!("initial-{}", ids[0]);

        let typed = [(&*description, " a "), (&*initial, ""), ("_down", &*ids[0])];
        browser.post(PHOTOS, &typed)?;
        assert_eq!(photos(conn)?, ["b", "a", "c"]);
        browser.post(PHOTOS, &[("_up", &ids[2])])?;
        assert_eq!(photos(conn)?, ["b", "c", "a"]);
        browser.post(PHOTOS, &[("_cover", &ids[0])])?;
        assert_eq!(photos(conn)?, ["a", "b", "c"]);
        let deleted = browser.post(PHOTOS, &[("_delete", &ids[1])])?;
        assert_eq!(photos(conn)?, ["a", "c"]);
        let text = browser.follow(&deleted)?;
        assert_contains(&text, "Deleted photo “b”. It can be restored for 30 days.");
        let history = browser.page_text("/admin/lettings/letting/1/history/")?;
        assert_contains_all(
            &history,
            "1 photo described. | Photo moved. | Photo deleted.",
        );

        let history = format!("/admin/lettings/photo/{}/history/", ids[1]);
        browser.get(&history)?;
        let entries = AuditEntry::for_object(conn, "lettings.photo", ids[1].parse()?)?;
        let entry = entries.last().context("an entry")?.id.to_string();
        browser.post(&history, &[("restore", &entry)])?;
        assert_eq!(photos(conn)?, ["a", "b", "c"]);
    }
    Ok(())
}

#[test]
fn an_invalid_or_conflicting_description_is_shown_again() -> Result<()> {
    let site = TestSite::with_letting()?;
    let conn = &mut site.database()?;
    let id = photo(conn, 1, "Sofa")?;
    let mut browser = Browser::superuser(&site, "ada")?;
    browser.get(FORM)?;
    let names = [format!("description-{id}"), format!("initial-{id}")];
    let long = "x".repeat(201);
    for (typed, initial, error) in [
        (&*long, "Sofa", "you entered 201."),
        (
            "Mine",
            "Old",
            "Someone else changed this description to “Sofa”.",
        ),
    ] {
        let response = browser.post(PHOTOS, &[(&names[0], typed), (&names[1], initial)])?;

        assert_eq!(response.status, 422);
        let page = response.html()?;
        let expected = format!("{error} | {typed} | 1 error to correct");
        assert_contains_all(page.source(), &expected);
        let action = page.attribute_of("form", "form-row", "action");
        assert_eq!(action.as_deref(), Some(FORM));
        assert_eq!(photos(conn)?, ["Sofa"]);
    }
    Ok(())
}

#[test]
fn only_the_first_invalid_files_are_named() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    browser.get(FORM)?;

    browser.post_parts(PHOTOS, &[], &[("a.txt", &b"no"[..]); 10])?;

    let text = browser.page_text(FORM)?;
    assert_contains(&text, "And 2 more files.");
    Ok(())
}

#[test]
fn a_letting_has_at_most_40_photos() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    browser.get(FORM)?;
    let file = picture(9, 6, [9; 3]);
    let names: Vec<String> = (1..=41).map(|number| format!("{number}.png")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (&**name, &*file)).collect();

    browser.post_parts(PHOTOS, &[], &files)?;

    assert_eq!(photos(&mut site.database()?)?.len(), 40);
    let text = browser.page_text(FORM)?;
    assert_contains(&text, "41.png: A letting can have at most 40 photos.");
    Ok(())
}

#[test]
fn a_photo_has_its_own_form() -> Result<()> {
    let site = TestSite::with_letting()?;
    let conn = &mut site.database()?;
    let id = photo(conn, 1, "Sofa")?;
    let form = format!("/admin/lettings/photo/{id}/change/");
    let mut browser = Browser::superuser(&site, "ada")?;
    let file = browser.hidden(&form, "file")?;

    let fields = |file| {
        let of_letting = [("letting", "1"), ("position", "1")];
        with(&of_letting, &[("file", file), ("alt", "Sofa, blue")])
    };
    assert_eq!(browser.fill(&form, &fields(&file))?.status, 303);
    assert_eq!(photos(conn)?, ["Sofa, blue"]);

    browser.get(&form)?;
    let rejected = browser.post_parts(&form, &[], &[("a.jpg", b"nothing")])?;
    assert_eq!(rejected.status, 422);
    assert_contains(&rejected.page_text()?, "a.jpg is not a picture");

    let unknown = "0".repeat(64);
    let rejected = browser.fill(&form, &fields(&unknown))?.page_text()?;
    assert_contains(&rejected, "The file of this photo is no longer stored.");
    Ok(())
}

#[test]
fn each_action_requires_its_permission_and_a_csrf_token() -> Result<()> {
    let site = TestSite::with_letting()?;
    let conn = &mut site.database()?;
    let id = photo(conn, 1, "Sofa")?.to_string();
    let view = ["lettings.view_letting", "lettings.view_photo"];
    let mut viewer = Browser::staff(&site, "eve", &view)?;
    let page = viewer.page(FORM)?;
    assert_contains(&page.text(), "Sofa");
    assert!(!page.source().contains("type=\"file\""));

    let file = picture(9, 6, [9; 3]);
    for fields in [[("_delete", &*id)], [("_up", &*id)], [("_describe", "1")]] {
        assert_eq!(viewer.post(PHOTOS, &fields)?.status, 403);
    }
    assert_eq!(
        viewer.post_parts(PHOTOS, &[], &[("a.png", &file)])?.status,
        403
    );
    let mut anonymous = Browser::new(&site);
    anonymous.get("/admin/login/")?;
    let response = anonymous.post_parts(PHOTOS, &[], &[("a.png", &file)])?;
    assert_eq!(response.status, 302);
    assert_eq!(photos(conn)?, ["Sofa"]);
    Ok(())
}

#[test]
fn photos_can_be_moved_concurrently() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        let ids = insert_photos(conn, &["a", "b", "c", "d"])?;
        let mut browsers = [
            Browser::superuser(&site, "ada")?,
            Browser::superuser(&site, "bob")?,
        ];

        thread::scope(|scope| {
            let work = browsers.iter_mut().map(|browser| {
                scope.spawn(|| {
                    browser.get(FORM)?;
                    for button in ["_up", "_down", "_cover"] {
                        for id in &ids {
                            let response = browser.post(PHOTOS, &[(button, id)])?;
                            anyhow::ensure!(response.status == 303, "{}", response.status);
                        }
                    }
                    Ok(())
                })
            });
            let work: Vec<_> = work.collect();
            work.into_iter()
                .try_for_each(|work| work.join().ok().context("a browser panicked")?)
        })?;

        let mut order = photos(conn)?;
        order.sort();
        assert_eq!(order, ["a", "b", "c", "d"]);
    }
    Ok(())
}

#[test]
fn an_incomplete_upload_adds_nothing_and_a_too_large_one_is_413() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    browser.get(FORM)?;
    let head = |length: usize| {
        format!(
            "POST {PHOTOS} HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nContent-Length: {length}\r\n\
             Content-Type: multipart/form-data; boundary=part\r\n\r\n",
            browser.cookies()
        )
    };
    let part =
        "--part\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n";
    let body = [part.as_bytes(), &picture(60, 40, [9; 3])].concat();

    let mut connection = Connection::open(site.address())?;
    connection.write(&[head(body.len() + 99).as_bytes(), &body].concat())?;
    connection.finish()?;
    let mut connection = Connection::open(site.address())?;
    connection.write(head((100 << 20) + 1).as_bytes())?;

    assert_eq!(connection.response(true)?.status, 413);
    assert_eq!(photos(&mut site.database()?)?, [""; 0]);
    Ok(())
}

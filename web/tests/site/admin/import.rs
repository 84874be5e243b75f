//! Import of CSV files and workbooks: preview, errors, permissions.

use accounts::User;
use anyhow::{Context, Result};
use audit::AuditEntry;
use diesel::prelude::*;
use lettings::{Address, Letting};
use oc_core::DbConnection;

use super::export::{ADDRESSES, LETTINGS, confirm, export, upload};
use super::permission_rows::denied_actions;
use super::{Browser, PASSWORD, account, hidden};
use crate::support::{TestSite, assert_contains, assert_contains_all, letting};

fn stored(conn: &mut DbConnection) -> Result<Vec<Address>> {
    let mut addresses: Vec<Address> = Address::query().load(conn)?;
    addresses.sort_by_key(|address| address.id);
    Ok(addresses)
}

fn addresses(site: &TestSite) -> Result<Vec<String>> {
    let stored = stored(&mut site.database()?)?;
    Ok(stored.iter().map(Address::in_one_line).collect())
}

#[test]
fn a_file_is_previewed_and_then_imported() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        // As a spreadsheet writes it: semicolons, a byte order mark, no leading zero.
        let file = "\u{feff}id;number;street;city;state;zip_code;country_iso_code\r\n\
                    1;12;Gull Lane;Irvine;CA;92629;USA\r\n;7;Pier Road;Brea;CA;2134;USA\r\n";

        let preview = upload(&mut browser, ADDRESSES, file)?;

        let text = preview.page_text()?;
        assert_contains(&text, "1 address will be added. 1 address will be changed.");
        assert_contains_all(&text, "Dana Point | Irvine");
        assert_eq!(addresses(&site)?.len(), 1, "nothing is saved yet");
        let done = confirm(&mut browser, ADDRESSES, &preview)?;
        // Twice: django-import-export/django-import-export#1137, barcradio/ultra-tracker#325.
        confirm(&mut browser, ADDRESSES, &preview)?;
        let list = browser.follow(&done)?;
        assert_eq!(
            list.matches("Added 1 address. Changed 1 address.").count(),
            1
        );
        assert_eq!(
            addresses(&site)?,
            [
                "12 Gull Lane, Irvine, CA 92629",
                "7 Pier Road, Brea, CA 02134"
            ]
        );
        let conn = &mut site.database()?;
        // The preview may have used up ids.
        let added = stored(conn)?.pop().context("an address")?.id;
        for (id, action) in [(1, "changed"), (added, "added")] {
            let lines = AuditEntry::for_object(conn, "lettings.address", id)?;
            let entries: Vec<_> = lines.iter().map(|l| (&*l.action, &*l.username)).collect();
            assert_eq!(entries, [(action, "ada")]);
        }
    }
    Ok(())
}

#[test]
fn every_error_names_row_and_column_and_nothing_is_saved() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        letting(conn, "Sea Flat")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let file = "id,title,address\n1,Good,1\n26,Gone,1\n1,Twice,1\n2,,x\n,Taken,1\nseven,x,1\n";

        let rejected = upload(&mut browser, LETTINGS, file)?;

        let page = rejected.html()?;
        let rows: Vec<String> = page.first("tbody").texts("tr");
        assert_eq!(rejected.status, 422);
        assert_contains(&page.text(), "6 errors to correct");
        for (row, words) in rows.iter().zip([
            "Row 3 | id | There is no letting with ID “26”.",
            "Row 4 | id | Row 2 already has this ID.",
            "Row 5 | title | Title is required.",
            "Row 5 | address | Address: select a valid choice.",
            "Row 6 | address | Another letting already has this address.",
            "Row 7 | id | ID must be a whole number.",
        ]) {
            assert_contains_all(row, words);
        }
        assert_eq!(Letting::with_address(conn, 1)?.0.title, "Pier House");
        let content = hidden(page.source(), "content").context("no content")?;
        let fields = [("content", &*content), ("_errors", "")];
        let errors = browser
            .post(&format!("{LETTINGS}import/"), &fields)?
            .text()?;
        assert_eq!(errors.lines().count(), 7);
        assert_contains(&errors, "\n5,title,Title is required.\n");
    }
    Ok(())
}

#[test]
fn the_preview_lists_new_rows_and_ignored_columns() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let head = "number;street;city;state;zip_code;country_iso_code;Notes\r\n";
    // Windows-1252, as Excel saves it in Europe.
    let file = [head, &"7;Calle Se\u{f1}or;Brea;CA;2134;USA;\r\n".repeat(60)].concat();
    let file: Vec<u8> = file
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let target = format!("{ADDRESSES}import/");
    browser.get(&target)?;

    let page = browser.upload(&target, &file)?.html()?;

    let text = page.text();
    assert_contains_all(
        &text,
        "60 addresses will be added. | CSV (windows-1252, semicolon) | \
         Column Notes is not imported. | and 10 more addresses",
    );
    let rows = page.first("tbody").texts("tr");
    assert_eq!(rows.len(), 50);
    assert_contains_all(&rows[0], "2 | 7 | Calle Se\u{f1}or | 02134");
    assert_eq!(text.matches("Yes, import 60 addresses").count(), 2);
    assert!(page.first("title").text().starts_with("Import addresses"));
    Ok(())
}

#[test]
fn an_unreadable_file_is_an_error() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::superuser(&site, "ada")?;
    let target = format!("{LETTINGS}import/");
    let mut read = |file: &[u8]| -> Result<(u16, String)> {
        browser.get(&target)?;
        let response = browser.upload(&target, file)?;
        Ok((response.status, response.page_text()?))
    };

    let large = vec![b'a'; (4 << 20) + 1];
    for (file, words) in [
        (&b""[..], "The file is empty."),
        (b"\xd0\xcf\x11\xe0", "This is an old Excel file"),
        (b"id,heading\n1,x", "Unknown column."),
        (&*large, "The file must be 4 MB or smaller."),
    ] {
        let (status, text) = read(file)?;
        assert_eq!(status, 422, "{words}");
        assert_contains(&text, words);
    }
    Ok(())
}

#[test]
fn objects_changed_after_the_preview_are_not_overwritten() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        let mut ada = Browser::superuser(&site, "ada")?;
        let mut bob = Browser::superuser(&site, "bob")?;
        let preview = upload(&mut ada, LETTINGS, "id,title\n1,Mine\n")?;
        bob.fill(
            "/admin/lettings/letting/1/change/",
            &[("title", "Theirs"), ("address", "1"), ("_save", "")],
        )?;

        let conflict = confirm(&mut ada, LETTINGS, &preview)?;

        assert_eq!(conflict.status, 409);
        let text = conflict.page_text()?;
        let words = "These items have changed since you checked the file.";
        assert_contains(&text, words);
        assert!(text.contains("Theirs") && text.contains("Mine"), "{text}");
        let title = |site: &TestSite| -> Result<String> {
            Ok(Letting::with_address(&mut site.database()?, 1)?.0.title)
        };
        assert_eq!(title(&site)?, "Theirs");
        let done = confirm(&mut ada, LETTINGS, &conflict)?;
        assert_contains(&ada.follow(&done)?, "Changed 1 letting.");
        assert_eq!(title(&site)?, "Mine");
        let again = confirm(&mut ada, LETTINGS, &conflict)?;
        let words = "This file has already been imported.";
        assert_contains(&ada.follow(&again)?, words);
    }
    Ok(())
}

#[test]
fn a_preview_is_valid_only_for_its_user_and_file() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let mut bob = Browser::superuser(&site, "bob")?;
    let first = upload(&mut ada, LETTINGS, "id,title\n1,First\n")?;
    let second = upload(&mut ada, LETTINGS, "id,title\n1,Second\n")?.text()?;
    bob.get(&format!("{LETTINGS}import/"))?;

    assert_eq!(confirm(&mut bob, LETTINGS, &first)?.status, 409);
    let content = hidden(&second, "content").context("no content")?;
    let mark = hidden(&first.text()?, "mark").context("no mark")?;
    let mixed = ada.post(
        &format!("{LETTINGS}import/"),
        &[("content", &content), ("mark", &mark)],
    )?;
    assert_eq!(mixed.status, 409);
    assert_eq!(
        Letting::with_address(&mut site.database()?, 1)?.0.title,
        "Pier House"
    );
    Ok(())
}

#[test]
fn each_row_requires_add_or_change_permission() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut changer = Browser::staff(&site, "changer", &["lettings.change_address"])?;
    let mut adder = Browser::staff(&site, "adder", &["lettings.add_address"])?;
    let mut viewer = Browser::staff(&site, "viewer", &["lettings.view_address"])?;
    let head = "id,number,street,city,state,zip_code,country_iso_code\n";
    let new = format!("{head},7,Pier Road,Brea,CA,02134,USA\n");
    let stored = format!("{head}1,7,Pier Road,Brea,CA,02134,USA\n");

    let rejected = upload(&mut changer, ADDRESSES, &new)?.html()?.text();
    assert_contains(&rejected, "You do not have permission to add this address.");
    let rejected = upload(&mut adder, ADDRESSES, &stored)?.html()?.text();
    let words = "You do not have permission to change this address.";
    assert_contains(&rejected, words);
    // Both are in the audit log.
    assert_eq!(denied_actions(&mut site.database()?)?, 2);
    assert_eq!(upload(&mut adder, ADDRESSES, &new)?.status, 200);
    assert_eq!(viewer.get(&format!("{ADDRESSES}import/"))?.status, 403);
    assert!(!viewer.get(ADDRESSES)?.text()?.contains("import/"));
    Ok(())
}

#[test]
fn imported_users_have_no_password_and_grant_no_extra_permissions() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let mut clerk = Browser::staff(&site, "clerk", &["auth.add_user", "auth.change_user"])?;
    account(conn, "eve")?;
    let list = "/admin/auth/user/";

    let page = ada.page_text(&format!("{list}import/"))?;
    assert_contains(&page, "Passwords are not included");
    let rejected = upload(&mut clerk, list, "username,is_superuser\nbob,yes\n")?;
    let words = "Superuser status: select a valid choice.";
    assert_contains(&rejected.page_text()?, words);
    let preview = upload(&mut ada, list, "username,email\nbob,bob@example.org\n")?;
    assert_eq!(confirm(&mut ada, list, &preview)?.status, 303);
    let bob = User::find_by_username(conn, "bob")?;
    assert!(bob.is_active && bob.password.starts_with('!'));
    assert_eq!(Browser::new(&site).log_in("bob", PASSWORD)?.status, 200);
    Ok(())
}

#[test]
fn two_rows_that_swap_a_unique_value_are_rejected() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        letting(conn, "Gull House")?;
        let mut ada = Browser::superuser(&site, "ada")?;

        let preview = upload(&mut ada, LETTINGS, "id,address\n1,2\n2,1\n")?;

        assert_eq!(preview.status, 422);
        let text = preview.page_text()?;
        assert_contains(&text, "Another letting already has this address.");
        assert_eq!(Letting::with_address(conn, 1)?.1.id, 1);
    }
    Ok(())
}

/// Columns of a file with lettings and their addresses.
const WITH_ADDRESS: &str =
    "title,sleeps,features,number,street,city,state,zip_code,country_iso_code\n";

#[test]
fn one_file_imports_lettings_with_new_addresses() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        let mut ada = Browser::superuser(&site, "ada")?;
        let row = |n| format!("House {n},6,\"wifi, pool\",{n},Palm Road,Brea,CA,2134,USA\n");
        let free =
            "number,street,city,state,zip_code,country_iso_code\n1,PALM Road,Brea,CA,2134,USA\n";
        let preview = upload(&mut ada, ADDRESSES, free)?;
        confirm(&mut ada, ADDRESSES, &preview)?;
        let file = WITH_ADDRESS.to_owned() + &(1..=50).map(row).collect::<String>();

        let preview = upload(&mut ada, LETTINGS, &file)?;

        let rows = preview.html()?.first("tbody").texts("tr");
        assert_contains_all(&rows[49], "House 50 | 50 | Palm Road | 02134");
        let done = confirm(&mut ada, LETTINGS, &preview)?;
        assert_contains(&ada.follow(&done)?, "Added 50 lettings.");
        let stored = stored(conn)?;
        assert_eq!(stored.len(), 51, "the known address is used");
        let last = stored.last().context("an address")?.id;
        assert_eq!(
            AuditEntry::for_object(conn, "lettings.address", last)?.len(),
            1
        );

        let file = export(&mut ada, LETTINGS, "")?;
        let same = upload(&mut ada, LETTINGS, &file)?;
        assert_contains(&same.page_text()?, "Nothing to change.");
        let moved = file.replace("Gull Lane", "Gull Street");
        let preview = upload(&mut ada, LETTINGS, &moved)?;
        assert_contains_all(
            &preview.page_text()?,
            "1 letting will be changed. | Gull Lane | Gull Street",
        );
        confirm(&mut ada, LETTINGS, &preview)?;
        assert_eq!(Letting::with_address(conn, 1)?.1.street, "Gull Street");
        assert_eq!(
            AuditEntry::for_object(conn, "lettings.address", 1)?.len(),
            1
        );
        assert!(AuditEntry::for_object(conn, "lettings.letting", 1)?.is_empty());
    }
    Ok(())
}

#[test]
fn errors_of_an_address_in_the_same_row_name_its_columns() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        let mut ada = Browser::superuser(&site, "ada")?;
        let add = ["lettings.add_letting", "lettings.view_letting"];
        let mut clerk = Browser::staff(&site, "clerk", &add)?;
        let new = "5,Palm Road,Brea,CA,2134,USA\n";
        let file = format!(
            "{WITH_ADDRESS}Taken,,,12,GULL Lane,Dana Point,CA,92629,USA\nOne,,,{new}Two,,,{new},,ocean,5,,Brea,C,2134,USA\n"
        );

        let rows = upload(&mut ada, LETTINGS, &file)?
            .html()?
            .first("tbody")
            .texts("tr");

        for (row, words) in rows.iter().zip([
            "Row 2 | address | Another letting already has this address. If several lettings share",
            "Row 4 | address | Another letting already has this address. If several lettings share",
            "Row 5 | street | Street is required.",
            "Row 5 | state | State must be exactly 2 characters; you entered 1.",
            "Row 5 | title | Title is required.",
            "Row 5 | features | You can use: wifi, air_conditioning,",
        ]) {
            assert_contains_all(row, words);
        }
        assert_eq!(rows.len(), 6);
        let both = format!("address,{WITH_ADDRESS}1,Both,,,{new}");
        let text = upload(&mut ada, LETTINGS, &both)?.page_text()?;
        let words = "Choose an existing address or add a new one, not both.";
        assert_contains(&text, words);
        let text = upload(&mut clerk, LETTINGS, &format!("{WITH_ADDRESS}One,,,{new}"))?;
        let words = "You do not have permission to add this address.";
        assert_contains(&text.page_text()?, words);
        assert_eq!(addresses(&site)?.len(), 1);
    }
    Ok(())
}

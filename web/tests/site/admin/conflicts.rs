//! Conflicts of concurrent changes: nothing is overwritten, and no input is lost.

use std::sync::Barrier;
use std::thread;

use accounts::User;
use anyhow::{Context, Result};
use chrono::NaiveDate;
use lettings::{Address, Letting};

use crate::http::Response;
use crate::support::{TestSite, address, assert_contains, letting, pairs};

use super::{ADDRESS_FORM, Browser, account, hidden, with};

/// The selected version of a field on a conflict page.
fn selected(page: &str, name: &str) -> Vec<&'static str> {
    let is_selected = |version: &&str| {
        let radio = format!("name=\"merge_{name}\" value=\"{version}\" checked");
        page.contains(&radio)
    };
    ["theirs", "mine"].into_iter().filter(is_selected).collect()
}

#[test]
fn only_fields_changed_by_both_are_a_conflict() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        let mut ada = Browser::superuser(&site, "ada")?;
        let mut bob = Browser::superuser(&site, "bob")?;
        let path = "/admin/lettings/address/1/change/";
        let version = ada.version(path)?;
        bob.fill(
            path,
            &with(&ADDRESS_FORM, &[("street", "Tern Road"), ("zip_code", "1")]),
        )?;
        let mine = with(&ADDRESS_FORM, &[("city", "Irvine"), ("zip_code", "2")]);
        let mut send = |version: &str, more: &[(&'static str, &'static str)]| {
            let more = [more, &[("_version", version)]].concat();
            ada.post(path, &[&mine[..], &more].concat())
        };

        let conflict = send(&version, &[("_save", "")])?;
        let page = conflict.text()?;
        let version = hidden(&page, "_version").context("the form has no version")?;
        assert!(page.contains("name=\"_asked\" value=\"zip_code\""));
        assert_contains(&page, "<p>bob saved this version at ");
        let choices = pairs("_asked=zip_code&merge_street=theirs&merge_city=mine");
        let mix = [&[("_resolve", "mix")], &choices[..]].concat();
        let open = send(&version, &mix)?;
        let mixed = [&mix[..], &[("merge_zip_code", "mine")]].concat();
        let saved = send(&version, &mixed)?;
        let address = Letting::with_address(conn, 1)?.1;
        let outdated = send(&version, &[("_resolve", "mine")])?.text()?;
        let version = hidden(&outdated, "_version").context("the form has no version")?;
        let mine = send(&version, &[("_resolve", "mine")])?;

        assert_eq!((conflict.status, mine.status), (409, 303));
        let words = "Someone else changed this address while you were editing. Your changes have not been saved.";
        assert_contains(&page, words);
        assert_eq!(selected(&page, "street"), ["theirs"]);
        assert_eq!(selected(&page, "city"), ["mine"]);
        assert!(selected(&page, "zip_code").is_empty() && page.contains("merge_zip_code"));
        assert!(!page.contains("merge_number"));
        assert_eq!(open.status, 409);
        let open = open.text()?;
        assert_contains(&open, "Choose which version to keep: Zip code.");
        assert_contains(&open, "value=\"Irvine\"");
        assert_eq!(selected(&open, "street"), ["theirs"]);
        assert_eq!(saved.status, 303);
        assert_eq!(
            (&*address.street, &*address.city, &*address.zip()),
            ("Tern Road", "Irvine", "00002")
        );
        assert_eq!(Letting::with_address(conn, 1)?.1.street, "Gull Lane");
    }
    Ok(())
}

#[test]
fn a_chosen_version_is_kept_while_errors_are_corrected() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        let mut ada = Browser::superuser(&site, "ada")?;
        let mut bob = Browser::superuser(&site, "bob")?;
        let path = "/admin/lettings/address/1/change/";
        let version = ada.version(path)?;
        bob.fill(path, &with(&ADDRESS_FORM, &[("street", "Tern Road")]))?;
        let mine = with(&ADDRESS_FORM, &[("street", "Heron Way"), ("number", "x")]);
        let conflict = ada.post(path, &with(&mine, &[("_version", &version), ("_save", "")]))?;
        let page = conflict.text()?;
        let version = hidden(&page, "_version").context("the form has no version")?;

        let choice = [("_version", &*version), ("_resolve", "mix")];
        let choice = [&choice[..], &[("merge_street", "theirs")]].concat();
        let invalid = ada.post(path, &with(&mine, &choice))?;

        assert_eq!((conflict.status, invalid.status), (409, 422));
        let page = invalid.text()?;
        assert_contains(&page, "value=\"Tern Road\"");
        assert!(!page.contains("Heron Way"));
    }
    Ok(())
}

#[test]
fn a_form_of_the_previous_release_is_not_a_conflict() -> Result<()> {
    let site = TestSite::with_letting()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let path = "/admin/lettings/address/1/change/";
    let version = ada.version(path)?;
    let parts = version.split('.').filter_map(|part| part.split_once(':'));
    let fingerprints: Vec<&str> = parts.map(|(_, fingerprint)| fingerprint).collect();

    let version = fingerprints.join(".");
    let fields = [&ADDRESS_FORM[..], &[("_version", &version), ("_save", "")]].concat();
    let saved = ada.post(path, &fields)?;

    assert_eq!(saved.status, 303);
    Ok(())
}

#[test]
fn a_concurrent_login_is_not_a_conflict_and_is_kept() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let carol = account(conn, "carol")?;
        let mut ada = Browser::superuser(&site, "ada")?;
        let path = format!("/admin/auth/user/{carol}/change/");
        let version = ada.hidden(&path, "_version")?;
        let joined = User::find(conn, carol)?.date_joined;
        let (date, time) = (
            joined.format("%Y-%m-%d").to_string(),
            joined.format("%H:%M:%S").to_string(),
        );
        let login = NaiveDate::from_ymd_opt(2026, 1, 2).and_then(|day| day.and_hms_opt(3, 4, 5));
        User::set_last_login(conn, carol, login.context("no such day")?)?;

        let saved = ada.post(
            &path,
            &[
                ("username", "carol"),
                ("first_name", "Carol"),
                ("is_active", "on"),
                ("last_login_0", ""),
                ("last_login_1", ""),
                ("date_joined_0", &date),
                ("date_joined_1", &time),
                ("_version", &version),
                ("_save", ""),
            ],
        )?;

        assert_eq!(saved.status, 303);
        let user = User::find(conn, carol)?;
        assert_eq!(
            (user.first_name.as_str(), user.last_login),
            ("Carol", login)
        );
    }
    Ok(())
}

/// Submits two forms at the same time.
fn submit_concurrently(
    browsers: [&mut Browser<'_>; 2],
    path: &str,
    forms: [Vec<(&str, &str)>; 2],
) -> Result<Vec<Response>> {
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let threads = browsers.into_iter().zip(forms).map(|(browser, form)| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                browser.post(path, &form)
            })
        });
        // All threads run before the first is joined.
        let threads: Vec<_> = threads.collect();
        let responses = threads.into_iter().map(|thread| {
            let response = thread.join();
            response.map_err(|_| anyhow::anyhow!("a browser panicked"))?
        });
        responses.collect()
    })
}

#[test]
fn of_two_concurrent_adds_with_one_address_one_gets_an_error() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let free = address().check().expect("the fixture keeps the rules");
        let mut ada = Browser::superuser(&site, "ada")?;
        let mut bob = Browser::superuser(&site, "bob")?;
        let path = "/admin/lettings/letting/add/";
        for round in 1..=5 {
            let id = Address::insert(conn, &free)?.to_string();
            for browser in [&mut ada, &mut bob] {
                browser.get(path)?;
            }
            let form = |title| vec![("title", title), ("address", &*id), ("_save", "")];

            let responses = submit_concurrently(
                [&mut ada, &mut bob],
                path,
                [form("Pier House"), form("Quay House")],
            )?;

            let mut statuses: Vec<u16> = responses.iter().map(|response| response.status).collect();
            let rejected = responses.iter().zip(["Pier House", "Quay House"]);
            let (rejected, title) = rejected
                .into_iter()
                .find(|(response, _)| response.status == 422)
                .context(format!("{statuses:?}"))?;
            statuses.sort_unstable();
            assert_eq!(statuses, [303, 422], "round {round}");
            let page = rejected.html()?;
            assert_contains(&page.text(), "Another letting already has this address.");
            assert!(page.source().contains(&format!("value=\"{title}\"")));
            assert_eq!(Letting::count(conn)?, round);
        }
    }
    Ok(())
}

#[test]
fn of_two_concurrent_saves_one_gets_a_conflict() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        let mut ada = Browser::superuser(&site, "ada")?;
        let mut bob = Browser::superuser(&site, "bob")?;
        let path = "/admin/lettings/letting/1/change/";
        for round in 1..=5 {
            let version = ada.version(path)?;
            bob.get(path)?;
            let titles = [format!("Ada's {round}"), format!("Bob's {round}")];
            let form = |place: usize| {
                vec![
                    ("title", titles[place].as_str()),
                    ("address", "1"),
                    ("_version", &version),
                    ("_save", ""),
                ]
            };

            let responses = submit_concurrently([&mut ada, &mut bob], path, [form(0), form(1)])?;

            let saved = responses.iter().position(|response| response.status == 303);
            let saved = saved.context("no save succeeded")?;
            let rejected = &responses[1 - saved];
            assert_eq!(rejected.status, 409, "round {round}");
            let page = rejected.page_text()?;
            assert!(page.contains("Someone else changed this letting while you were editing."));
            for title in &titles {
                assert_contains(&page, title);
            }
            assert_eq!(Letting::with_address(conn, 1)?.0.title, titles[saved]);
        }
    }
    Ok(())
}

//! Validation: every error is shown, and no input is lost.

use anyhow::Result;
use lettings::{Address, Letting};

use super::{ADDRESS_FORM, Browser, with};
use crate::support::{TestSite, assert_contains_all, letting, pairs, profile};

#[test]
fn uniqueness_errors_are_shown_with_all_other_errors() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "Pier House")?;
        profile(conn, "AirWow")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let city = "c".repeat(65);
        let weak = pairs("username=AirWow&password1=xk7 q&password2=xk7 q");

        for (path, fields, count, words) in [
            (
                "/admin/lettings/letting/add/",
                &[("title", ""), ("address", "1")][..],
                "2 errors to correct",
                "Another letting already has this address.",
            ),
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
            assert_contains_all(&page, &format!("{count} | {words}"));
        }
        assert_eq!(Letting::count(conn)?, 1);
    }
    Ok(())
}

#[test]
fn duplicate_address_is_confirmed_once_and_a_city_keeps_its_spelling() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Pier House")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        let path = "/admin/lettings/address/add/";
        let typed = with(
            &ADDRESS_FORM,
            &pairs("street=g\u{fc}ll lane&city=dana point&state=ca&country_iso_code=usa&_save="),
        );

        let confirmation = browser.fill(path, &typed)?;
        let saved = browser.post(path, &[&typed[..], &[("_answered", "street")]].concat())?;

        let page = confirmation.html()?;
        assert_eq!((confirmation.status, saved.status), (422, 303));
        assert_contains_all(
            page.source(),
            "This address already exists. | <option value=\"Dana Point\"> | \
             name=\"_answered\" value=\"street\"",
        );
        let stored = |ids: &[i64]| -> Result<Address> {
            Ok(Address::find_all(&mut site.database()?, ids)?.remove(0))
        };
        // On PostgreSQL, the attempt that needed confirmation used up an id.
        let address = stored(&[2, 3])?;
        assert_eq!(
            [&*address.city, &address.state, &address.country_iso_code],
            ["Dana Point", "CA", "USA"]
        );
        // A correction of the spelling is kept.
        let corrected = with(
            &ADDRESS_FORM,
            &pairs("city=Dana point&_answered=street&_save="),
        );
        browser.fill("/admin/lettings/address/1/change/", &corrected)?;
        assert_eq!(stored(&[1])?.city, "Dana point");
    }
    Ok(())
}

//! Who must have a second factor, and who takes it from somebody.

use accounts::{SecondFactor, User};
use anyhow::Result;

use crate::support::{TestSite, assert_contains, assert_redirect};

use super::two_factor::{App, PATH};
use super::{Browser, PASSWORD, account};

#[test]
fn superusers_are_led_to_the_factor_where_it_is_required() -> Result<()> {
    let site = TestSite::with(&[("REQUIRE_TOTP", "yes")])?;
    let conn = &mut site.database()?;
    let id = account(conn, "ada")?;
    User::make_superuser(conn, id)?;
    let mut ada = Browser::new(&site);

    let welcome = ada.log_in("ada", PASSWORD)?;
    let index = ada.get("/admin/")?;
    let form = ada.page_text(PATH)?;
    App::set_up(&mut ada)?;
    let mut bob = Browser::staff(&site, "bob", &[])?;

    assert_eq!(welcome.header("location"), Some(PATH));
    assert_redirect(&index, 302, PATH);
    assert_contains(&form, "Superusers must use two-factor authentication.");
    assert_eq!(ada.get("/admin/")?.status, 200);
    assert_eq!(bob.get("/admin/")?.status, 200);
    Ok(())
}

#[test]
fn a_superuser_turns_the_factor_of_somebody_off_and_ends_their_sessions() -> Result<()> {
    let site = TestSite::start()?;
    let mut ada = Browser::superuser(&site, "ada")?;
    let mut bob = Browser::staff(&site, "bob", &["auth.change_user", "auth.view_user"])?;
    App::set_up(&mut bob)?;
    let path = "/admin/auth/user/2/two_factor/";

    let page = ada.page(path)?;
    let done = ada.post(path, &[("action", "off")])?;
    let told = ada.follow(&done)?;

    assert_eq!(page.texts("h1"), ["Two-factor authentication: bob"]);
    assert_contains(&told, "Two-factor authentication of \"bob\" is off.");
    assert_eq!(bob.get("/admin/")?.status, 302);
    assert!(SecondFactor::find(&mut site.database()?, 2)?.is_none());
    let history = ada.page_text("/admin/auth/user/2/history/")?;
    assert_contains(&history, "Two-factor authentication turned off.");
    let mut carol = Browser::staff(&site, "carol", &["auth.change_user", "auth.view_user"])?;
    assert_eq!(carol.get(path)?.status, 403);
    assert_eq!(carol.post(path, &[("action", "off")])?.status, 403);
    Ok(())
}

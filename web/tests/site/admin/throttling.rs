//! Throttling of logins, without lockouts.

use std::thread;

use accounts::User;
use accounts::testing::user;
use anyhow::Result;

use super::{Browser, PASSWORD, account};
use crate::support::{TestSite, assert_contains, assert_contains_all};

#[test]
fn too_many_attempts_are_throttled_except_on_a_known_device() -> Result<()> {
    let site = TestSite::start()?;
    let mut known = Browser::superuser(&site, "ada")?;
    let new = "New wave 77";
    let path = "/admin/password_change/";
    known.get(path)?;
    let fields = [
        ("old_password", PASSWORD),
        ("new_password1", new),
        ("new_password2", new),
    ];
    assert_eq!(known.post(path, &fields)?.status, 303);
    known.log_out()?;
    // After another user has logged in with it, the device is still known to her.
    Browser::superuser(&site, "bob")?;
    assert_eq!(known.log_in("bob", PASSWORD)?.status, 303);
    known.log_out()?;
    let mut attacker = Browser::new(&site);
    for _ in 0..10 {
        assert_eq!(attacker.log_in("ada", "guess")?.status, 200);
    }

    let throttled = attacker.log_in("ada", new)?;

    assert_eq!(throttled.status, 429);
    let words = "Too many attempts. Try again in 5 minutes.";
    assert_contains(&throttled.page_text()?, words);
    assert_eq!(throttled.header("retry-after"), Some("300"));
    assert_eq!(known.log_in("ada", new)?.status, 303);
    let log = known.page_text("/admin/log/?action=login+throttled")?;
    assert_contains_all(&log, "1 of  | Login throttled.");
    Ok(())
}

#[test]
fn forty_users_can_log_in_at_once_from_one_address() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    let ada = account(conn, "ada")?;
    let hash = User::find(conn, ada)?.password;
    let names: Vec<String> = (0..40).map(|number| format!("name{number}")).collect();
    for name in &names {
        let id = user(conn, name)?;
        User::set_staff(conn, id, true)?;
        User::set_password(conn, id, &hash)?;
    }

    let statuses = thread::scope(|scope| {
        let site = &site;
        let log_in = |name: &String| {
            let name = name.clone();
            scope.spawn(move || Ok(Browser::new(site).log_in(&name, PASSWORD)?.status))
        };
        let threads: Vec<_> = names.iter().map(log_in).collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        joined.collect::<Result<Vec<_>>>()
    })?;

    assert_eq!(statuses, [303; 40]);
    Ok(())
}

//! No page offers a link that leads to a refusal.

use anyhow::Result;

use super::Browser;
use super::restore::{act, delete};
use crate::support::{TestSite, assert_contains, letting};

#[test]
fn who_may_only_add_is_offered_no_list() -> Result<()> {
    let site = TestSite::start()?;
    let mut browser = Browser::staff(&site, "bob", &["lettings.add_letting"])?;

    let page = browser.page("/admin/lettings/letting/add/")?;

    for link in page.links() {
        if link.href.starts_with("/admin/") {
            assert_eq!(browser.get(&link.href)?.status, 200, "{}", link.href);
        }
    }
    Ok(())
}

#[test]
fn a_user_is_added_beside_a_profile_by_who_may_add_users() -> Result<()> {
    let site = TestSite::start()?;
    let rights = ["profiles.add_profile", "auth.add_user"];
    let mut bob = Browser::staff(&site, "bob", &rights)?;
    let all = [&rights[..], &["auth.change_user"]].concat();
    let mut carol = Browser::staff(&site, "carol", &all)?;
    let link = "/admin/auth/user/add/?_to_field=id&amp;_popup=1";

    let [bob, carol] = [&mut bob, &mut carol].map(|browser| {
        let page = browser.get("/admin/profiles/profile/add/")?.text()?;
        Ok::<_, anyhow::Error>(page.contains(link))
    });

    assert_eq!((bob?, carol?), (false, true));
    Ok(())
}

#[test]
fn of_what_was_done_at_once_everybody_sees_what_they_may_look_at() -> Result<()> {
    let site = TestSite::start()?;
    letting(&mut site.database()?, "Pier House")?;
    let mut root = Browser::superuser(&site, "ada")?;
    delete(&mut root, "lettings/address/1")?;
    let act = act(&mut root)?;
    let rights = ["lettings.view_letting", "lettings.add_letting"];
    let mut bob = Browser::staff(&site, "bob", &rights)?;
    let mut carol = Browser::staff(&site, "carol", &["auth.view_user"])?;

    let log = bob.get("/admin/log/")?.text()?;
    let page = bob.page(&act)?;
    let restored = bob.post(&act, &[])?;
    let other = carol.get(&act)?;

    assert_contains(&log, &act);
    assert_eq!(page.texts("h1"), ["Deleted 1 letting"]);
    let text = page.text();
    assert_contains(&text, "and 1 that you do not have permission to view");
    assert!(!text.contains("Gull Lane"), "{text}");
    assert!(!text.contains("Restore all"), "{text}");
    assert_eq!((restored.status, other.status), (403, 403));
    Ok(())
}

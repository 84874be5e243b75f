//! The address inside the letting's form, for who may do only one or the other.

use anyhow::Result;

use super::Browser;
use super::inline::{ADD, CHANGE, NEW, STORED, but, streets};
use crate::support::{TestSite, letting};

#[test]
fn without_rights_on_addresses_there_is_only_the_choice() -> Result<()> {
    let site = TestSite::start()?;
    letting(&mut site.database()?, "Pier House")?;
    let mut clerk = Browser::staff(
        &site,
        "clerk",
        &["lettings.change_letting", "lettings.add_letting"],
    )?;

    for target in [ADD, CHANGE] {
        let page = clerk.get(target)?.text()?;
        assert!(
            !page.contains("address-street") && !page.contains("New address"),
            "{target}"
        );
    }
    assert_eq!(clerk.fill(CHANGE, &but(&STORED, &[]))?.status, 403);
    assert_eq!(clerk.fill(ADD, &but(&NEW, &[]))?.status, 403);
    let fields = [("title", "Pier Cottage"), ("address", "1"), ("_save", "")];
    assert_eq!(clerk.fill(CHANGE, &fields)?.status, 303);
    assert_eq!(streets(&site)?, ["12 Gull Lane"]);
    Ok(())
}

#[test]
fn a_new_address_takes_the_right_to_add_one_and_a_change_the_right_to_change_it() -> Result<()> {
    let site = TestSite::start()?;
    letting(&mut site.database()?, "Pier House")?;
    let own = "lettings.change_letting";
    let mut changer = Browser::staff(&site, "changer", &[own, "lettings.change_address"])?;
    let mut adder = Browser::staff(&site, "adder", &[own, "lettings.add_address"])?;

    let refused = changer.fill(
        CHANGE,
        &but(&STORED, &[("address", ""), ("address-number", "99")]),
    )?;
    assert!(refused.page_text()?.contains("Address is required."));
    let refused = adder.fill(CHANGE, &but(&STORED, &[("address-number", "99")]))?;
    assert!(refused.page_text()?.contains("not both"));
    assert_eq!(streets(&site)?, ["12 Gull Lane"]);

    assert_eq!(
        changer
            .fill(CHANGE, &but(&STORED, &[("address-number", "99")]))?
            .status,
        303
    );
    assert_eq!(adder.fill(CHANGE, &but(&NEW, &[]))?.status, 303);
    assert_eq!(streets(&site)?, ["99 Gull Lane", "7 Pier Road"]);
    Ok(())
}

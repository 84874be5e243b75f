//! The company: footer, privacy page, security.txt.

use anyhow::Result;

use crate::support::{TestSite, assert_contains, assert_header};

#[test]
fn the_footer_and_the_privacy_page_name_the_company() -> Result<()> {
    let site = TestSite::with(&[
        ("COMPANY_NAME", "Coast & Sons"),
        ("COMPANY_ADDRESS", "1 Pacific Avenue, Laguna Beach"),
        ("COMPANY_EMAIL", "hello@homes.example"),
        ("COMPANY_PHONE", "+1 714 555 0100"),
    ])?;

    for target in ["/", "/privacy/", "/nowhere/"] {
        let page = site.page(target)?;

        let footer = page.first("footer");
        let words = "Coast & Sons 1 Pacific Avenue, Laguna Beach";
        assert_contains(&footer.text(), words);
        assert!(footer.has_link("hello@homes.example", "mailto:hello@homes.example"));
        assert!(footer.has_link("+1 714 555 0100", "tel:+17145550100"));
        assert!(footer.has_link("Privacy", "/privacy/"), "{target}");
    }
    assert_contains(&site.page_text("/privacy/")?, "Contact us:");
    Ok(())
}

#[test]
fn without_company_settings_nothing_is_shown() -> Result<()> {
    let site = TestSite::with(&[("COMPANY_NAME", " ")])?;

    let page = site.page("/privacy/")?;

    assert_eq!(page.texts("h1"), ["Privacy"]);
    assert!(page.all("address").is_empty() && !page.text().contains("Contact us"));
    assert_contains(&page.text(), "set no cookies");
    assert!(!page.text().contains("Sentry"));
    Ok(())
}

#[test]
fn security_txt_has_the_contact() -> Result<()> {
    let path = "/.well-known/security.txt";
    let contact = ("SECURITY_CONTACT", "mailto:security@homes.example");

    assert_eq!(TestSite::start()?.get(path)?.status, 404);
    let response = TestSite::with(&[contact])?.get(path)?;

    assert_header(&response, "content-type", "text/plain; charset=utf-8");
    let text = response.text()?;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Contact: mailto:security@homes.example");
    let expires = lines[1].strip_prefix("Expires: ").unwrap_or_default();
    let expires = chrono::DateTime::parse_from_rfc3339(expires)?;
    assert!(expires > chrono::Utc::now(), "{text}");
    assert_contains(&text, &format!("Canonical: https://homes.example{path}"));
    Ok(())
}

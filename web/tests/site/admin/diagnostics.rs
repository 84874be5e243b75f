//! Diagnostics page and test errors.

use anyhow::Result;

use super::Browser;
use crate::headers::assert_security_headers;
use crate::support::{TestSite, assert_contains_all};

#[test]
fn diagnostics_require_their_permission() -> Result<()> {
    for site in TestSite::on_each()? {
        let mut root = Browser::superuser(&site, "root")?;
        let mut operator = Browser::staff(&site, "operator", &["site.view_diagnostics"])?;
        for browser in [&mut root, &mut operator] {
            let index = browser.page("/admin/")?;
            let page = browser.get("/admin/diagnostics/")?;

            assert!(index.has_link("Diagnostics", "/admin/diagnostics/"));
            assert_eq!(page.status, 200);
            let page = page.html()?;
            assert_eq!(page.texts("h1"), ["Diagnostics"]);
            assert_contains_all(
                &page.text(),
                "Revision | Check: migrations | SENTRY_DSN is not set",
            );
        }
    }
    Ok(())
}

#[test]
fn a_test_error_shows_the_error_page() -> Result<()> {
    let site = TestSite::start()?;
    let mut root = Browser::superuser(&site, "root")?;

    for kind in ["error", "panic"] {
        root.get("/admin/diagnostics/")?;
        let response = root.post("/admin/diagnostics/", &[("kind", kind)])?;

        assert_eq!(response.status, 500);
        assert_security_headers(&response, kind);
        assert_eq!(response.html()?.texts("h1"), ["Something went wrong"]);
    }
    Ok(())
}

#[test]
fn test_errors_require_the_permission() -> Result<()> {
    let site = TestSite::start()?;
    let mut editor = Browser::staff(&site, "editor", &["lettings.change_letting"])?;
    let index = editor.page("/admin/")?;

    let page = editor.get("/admin/diagnostics/")?;
    let fault = editor.post("/admin/diagnostics/", &[("kind", "error")])?;
    let mut root = Browser::superuser(&site, "root")?;
    let forged = root.post("/admin/diagnostics/", &[("csrfmiddlewaretoken", "x")])?;
    let anonymous = Browser::new(&site).post("/admin/diagnostics/", &[("kind", "error")])?;

    assert!(!index.has_link("Diagnostics", "/admin/diagnostics/"));
    assert_eq!(page.status, 403);
    assert_eq!(fault.status, 403);
    assert_eq!(forged.status, 403);
    assert_eq!(anonymous.status, 302);
    assert_eq!(site.get("/diagnostics/")?.status, 404);
    Ok(())
}

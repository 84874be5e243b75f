//! CSV export, and importing it again.

use anyhow::{Context, Result};

use super::{Browser, hidden};
use crate::http::Response;
use crate::support::{
    TestSite, assert_contains, assert_header, letting, letting_in, pairs, profile,
};

pub(super) const LETTINGS: &str = "/admin/lettings/letting/";
pub(super) const ADDRESSES: &str = "/admin/lettings/address/";

pub(super) fn export(browser: &mut Browser, list: &str, query: &str) -> Result<String> {
    browser.get(&format!("{list}export/{query}"))?.text()
}

pub(super) fn upload(browser: &mut Browser, list: &str, file: &str) -> Result<Response> {
    let target = format!("{list}import/");
    browser.get(&target)?;
    browser.upload(&target, file.as_bytes())
}

pub(super) fn confirm(browser: &mut Browser, list: &str, preview: &Response) -> Result<Response> {
    let page = preview.text()?;
    let field = |name| hidden(&page, name).with_context(|| format!("no {name} in {page}"));
    let (content, mark, form) = (field("content")?, field("mark")?, field("_form")?);
    browser.post(
        &format!("{list}import/"),
        &[("content", &content), ("mark", &mark), ("_form", &form)],
    )
}

#[test]
fn export_has_the_filter_and_order_of_the_list() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting_in(conn, "=Pier; \"House\"", "Irvine")?;
        letting_in(conn, "Sea Flat", "Dana Point")?;
        letting_in(conn, "Attic", "Irvine")?;
        let mut browser = Browser::superuser(&site, "ada")?;

        let list = browser.page(&format!("{LETTINGS}?address__city__exact=Irvine&o=1"))?;
        let href = list.href("Export").context("no link")?;
        let response = browser.get(&href)?;

        let file = response.text()?;
        let rows: Vec<&str> = file.lines().skip(1).collect();
        assert!(
            rows[0].starts_with("1,") && rows[1].starts_with("3,"),
            "{file}"
        );
        assert_contains(rows[0], ",\"'=Pier; \"\"House\"\"\",");
        assert_header(
            &response,
            "content-disposition",
            "attachment; filename=\"lettings.csv\"",
        );
        assert!(list.has_link("Import", "/admin/lettings/letting/import/"));
    }
    Ok(())
}

#[test]
fn importing_an_export_changes_nothing() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        letting(conn, "=1+1 \"quoted\",\n'two' lines")?;
        profile(conn, "AirWow")?;
        let mut browser = Browser::superuser(&site, "ada")?;
        browser.fill(
            "/admin/auth/group/add/",
            &pairs("name=editors&permissions=auth.view_user&_save="),
        )?;

        for list in [
            LETTINGS,
            ADDRESSES,
            "/admin/profiles/profile/",
            "/admin/auth/user/",
            "/admin/auth/group/",
        ] {
            let file = export(&mut browser, list, "")?;
            assert!(file.lines().count() > 1, "{list}");
            let preview = upload(&mut browser, list, &file)?;
            assert_eq!(preview.status, 200, "{list}: {}", preview.text()?);
            assert_contains(&preview.page_text()?, "Nothing to change.");
        }
    }
    Ok(())
}

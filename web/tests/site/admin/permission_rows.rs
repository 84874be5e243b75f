//! Objects of every model for the permission table: their contents, and actions on them.

use std::fmt::Write as _;

use accounts::{Group, User};
use anyhow::{Context, Result, bail};
use audit::{AuditFilter, Event};
use diesel::QueryResult;
use lettings::admin::PHOTO;
use oc_core::DbConnection;
use oc_core::admin::{ListQuery, Resource};
use web::registry::REGISTRY;

use crate::support::{letting, profile};

use super::{ADDRESS_FORM, Browser, account, action_form, with};

/// Name and value of a form field.
pub(super) type Field<'a> = (&'a str, &'a str);

/// Everything that staff can change, as text: the contents of every row of every model.
pub(super) fn contents(conn: &mut DbConnection) -> QueryResult<String> {
    let mut text = String::new();
    for model in REGISTRY.all() {
        let listing = ListQuery {
            limit: 1_000,
            ..ListQuery::default()
        };
        for row in (model.list)(conn, &listing)?.rows {
            let object = model.load(conn, row.id)?;
            writeln!(text, "{} {object:?}", model.key()).expect("memory takes any text");
        }
    }
    Ok(text)
}

/// The number of denied actions in the audit log.
pub(super) fn denied_actions(conn: &mut DbConnection) -> QueryResult<i64> {
    let filter = AuditFilter {
        action: Some(Event::Refused.action().to_owned()),
        ..AuditFilter::default()
    };
    filter.count(conn)
}

/// An object of a model, and the version that its history offers to restore.
pub(super) struct TestObject {
    pub(super) id: String,
    version: String,
}

/// Inserts an object of this model that can be deleted without the other objects, with an earlier version.
pub(super) fn row(
    conn: &mut DbConnection,
    root: &mut Browser<'_>,
    model: &Resource,
    name: &str,
) -> Result<TestObject> {
    let (id, fields): (i64, Vec<(&str, String)>) = match model.name {
        "letting" | "address" => {
            let letting = letting(conn, name)?;
            let address = lettings::Letting::with_address(conn, letting)?.1;
            if model.name == "letting" {
                let title = ("title", format!("{name} again"));
                (letting, vec![title, ("address", address.id.to_string())])
            } else {
                let form = with(&ADDRESS_FORM, &[("number", "13")]).into_iter();
                let fields = form.map(|(name, value)| (name, value.to_owned()));
                (address.id, fields.collect())
            }
        }
        "photo" => {
            let letting = letting(conn, name)?;
            let id = lettings::testing::photo(conn, letting, name)?;
            let file = PHOTO.load(conn, id)?.context("the photo")?;
            let fields = vec![
                ("letting", letting.to_string()),
                ("file", file.values.text("file").to_owned()),
                ("alt", format!("{name} again")),
                ("position", "1".to_owned()),
            ];
            (id, fields)
        }
        "profile" => {
            let id = profile(conn, name)?;
            let user = User::find_by_username(conn, name)?.id;
            let city = ("favorite_city", "Irvine".to_owned());
            (id, vec![("user", user.to_string()), city])
        }
        "user" => {
            let id = account(conn, name)?;
            let joined = User::find(conn, id)?.date_joined;
            let fields = vec![
                ("username", name.to_owned()),
                ("first_name", "Again".to_owned()),
                ("is_active", "on".to_owned()),
                ("date_joined_0", joined.format("%Y-%m-%d").to_string()),
                ("date_joined_1", joined.format("%H:%M:%S").to_string()),
            ];
            (id, fields)
        }
        "group" => {
            let id = Group::insert(conn, &accounts::testing::group(name))?;
            (id, vec![("name", format!("{name}-again"))])
        }
        _ => bail!(
            "add how to make a {}, so that its permissions are tested",
            model.key()
        ),
    };
    let path = format!("/admin/{}/{}/{id}", model.app, model.name);
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let saved = root.fill(&format!("{path}/change/"), &fields)?;
    anyhow::ensure!(saved.status == 303, "{path}: {}", saved.text()?);
    let history = root.get(&format!("{path}/history/"))?.text()?;
    let version = super::hidden(&history, "restore").context(history)?;
    Ok(TestObject {
        id: id.to_string(),
        version,
    })
}

/// Performs an action; returns the status.
pub(super) fn attempt(
    browser: &mut Browser<'_>,
    model: &Resource,
    row: &TestObject,
    verb: &str,
) -> Result<u16> {
    let list = format!("/admin/{}/{}/", model.app, model.name);
    let page = |name: &str| format!("{list}{}/{name}/", row.id);
    let action_form = |action| action_form(action, &row.id);
    let response = match verb {
        "list" => browser.get(&list)?,
        "deleted" => browser.get(&format!("{list}deleted/"))?,
        "row" => browser.get(&page("change"))?,
        "history" => browser.get(&page("history"))?,
        "export" => browser.post(&list, &action_form("export_selected"))?,
        "add page" => browser.get(&format!("{list}add/"))?,
        // Empty: with permission, the response lists what is missing.
        "add" => browser.post(&format!("{list}add/"), &[("_save", "")])?,
        "change" => browser.post(&page("change"), &[("_save", "")])?,
        "restore" => browser.post(&page("history"), &[("restore", &row.version)])?,
        "delete page" => browser.get(&page("delete"))?,
        "delete" => browser.post(&page("delete"), &[("post", "yes")])?,
        _ => browser.post(&list, &action_form("delete_selected"))?,
    };
    Ok(response.status)
}

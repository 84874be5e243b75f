//! The table of permissions in docs/administration.md, tried with every role, model and action. A denied action changes
//! nothing and is in the audit log.

use accounts::admin::USER;
use accounts::{Group, User};
use anyhow::{Context, Result};
use oc_core::admin::Resource;
use web::registry::REGISTRY;

use crate::support::{TestSite, assert_contains};

use super::permission_rows::{Field, attempt, contents, denied_actions, row};
use super::{Browser, USER_FORM, with};

/// Actions, with the permissions of which any is enough.
const VERBS: [(&str, &[&str]); 12] = [
    ("list", &["view", "change"]),
    ("deleted", &["view", "change"]),
    ("row", &["view", "change"]),
    ("history", &["view", "change"]),
    ("export", &["view", "change"]),
    ("add page", &["add"]),
    ("add", &["add"]),
    ("change", &["change"]),
    ("restore", &["change"]),
    ("delete page", &["delete"]),
    ("delete", &["delete"]),
    ("delete several", &["delete"]),
];

/// Roles, with the permission that they have on every model.
const ROLES: [&str; 9] = [
    "anonymous",
    "not staff",
    "inactive",
    "none",
    "view",
    "add",
    "change",
    "delete",
    "superuser",
];

/// Whether the table in the documentation allows a role to do it.
fn is_allowed(role: &str, model: &Resource, permissions: &[&str]) -> bool {
    // After adding a user, the change form follows, so both are required.
    let adds_user = model.name == "user" && permissions == ["add"];
    role == "superuser" || (permissions.contains(&role) && !adds_user)
}

/// A browser logged in with this role.
fn browser<'a>(site: &'a TestSite, role: &str) -> Result<Browser<'a>> {
    let name = role.replace(' ', "-");
    let codes: Vec<String> = REGISTRY
        .all()
        .map(|model| format!("{}.{role}_{}", model.app, model.name))
        .collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let permissions: &[&str] = match role {
        "anonymous" => return Ok(Browser::new(site)),
        "superuser" => return Browser::superuser(site, &name),
        "view" | "add" | "change" | "delete" => &codes,
        _ => &[],
    };
    let browser = Browser::staff(site, &name, permissions)?;
    let conn = &mut site.database()?;
    let user = User::find_by_username(conn, &name)?;
    User::set_active(conn, user.id, role != "inactive")?;
    User::set_staff(conn, user.id, role != "not staff")?;
    Ok(browser)
}

#[test]
fn every_role_may_do_exactly_what_the_table_allows() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let mut root = Browser::superuser(&site, "root")?;
        let kept = REGISTRY.all().map(|model| {
            let name = format!("kept-{}", model.name);
            row(conn, &mut root, model, &name)
        });
        let kept = kept.collect::<Result<Vec<_>>>()?;
        for role in ROLES {
            let mut browser = browser(&site, role)?;
            // A CSRF token, for roles that get one.
            browser.get("/admin/password_change/")?;
            let is_logged_in = !matches!(role, "anonymous" | "not staff" | "inactive");
            for (model, kept) in REGISTRY.all().zip(&kept) {
                let allows = |permissions| is_allowed(role, model, permissions);
                let (allowed, refused): (Vec<_>, Vec<_>) = VERBS
                    .iter()
                    .partition(|(_, permissions)| allows(permissions));
                let context = |verb: &str| format!("{role}: {verb} {}", model.key());
                let (before, denied_before) = (contents(conn)?, denied_actions(conn)?);
                for (verb, _) in &refused {
                    let status =
                        attempt(&mut browser, model, kept, verb).with_context(|| context(verb))?;

                    assert_eq!(
                        status,
                        if is_logged_in { 403 } else { 302 },
                        "{}",
                        context(verb)
                    );
                }
                assert_eq!(
                    contents(conn)?,
                    before,
                    "{}",
                    context("contents after denied")
                );
                let denied = denied_actions(conn)? - denied_before;
                let expected = if is_logged_in { refused.len() } else { 0 };
                assert_eq!(
                    usize::try_from(denied)?,
                    expected,
                    "{}",
                    context("log after denied")
                );

                for (verb, _) in &allowed {
                    let deletable = match *verb {
                        "delete" | "delete several" => {
                            let name = format!("{role}-{}-{verb}", model.name).replace(' ', "-");
                            Some(row(conn, &mut root, model, &name)?)
                        }
                        _ => None,
                    };
                    let row = deletable.as_ref().unwrap_or(kept);
                    let status =
                        attempt(&mut browser, model, row, verb).with_context(|| context(verb))?;

                    let expected = match *verb {
                        "add" | "change" => 422,
                        "restore" | "delete" | "delete several" => 303,
                        _ => 200,
                    };
                    assert_eq!(status, expected, "{}", context(verb));
                    if deletable.is_some() {
                        let left = model.load(conn, row.id.parse()?)?;
                        assert_eq!(left, None, "{}", context(verb));
                    }
                }
                assert_eq!(
                    denied_actions(conn)? - denied_before,
                    denied,
                    "{}",
                    context("log after allowed")
                );
            }
        }
    }
    Ok(())
}

#[test]
fn with_view_permission_alone_no_field_can_be_changed() -> Result<()> {
    let site = TestSite::start()?;
    let conn = &mut site.database()?;
    let mut root = Browser::superuser(&site, "root")?;
    let mut viewer = browser(&site, "view")?;
    for model in REGISTRY.all() {
        let row = row(conn, &mut root, model, &format!("kept-{}", model.name))?;
        let path = format!("/admin/{}/{}/{}/change/", model.app, model.name, row.id);

        let page = viewer.page(&path)?;

        assert!(page.texts("h1")[0].starts_with("View "), "{path}");
        for field in model.fields {
            for part in ["", "_0", "_1"] {
                let control = format!("name=\"{}{part}\"", field.name);
                assert!(!page.source().contains(&control), "{path}: {control}");
            }
            assert!(page.text().contains(field.label), "{path}: {}", field.label);
            let before = contents(conn)?;
            let response = viewer.post(&path, &[(field.name, "1"), ("_save", "")])?;
            assert_eq!(response.status, 403, "{path}: {}", field.name);
            assert_eq!(contents(conn)?, before, "{path}: {}", field.name);
        }
    }
    Ok(())
}

#[test]
fn privileged_fields_are_rejected_and_logged() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        let mut root = Browser::superuser(&site, "root")?;
        let mut browser = browser(&site, "change")?;
        let target = row(conn, &mut root, &USER, "carol")?;
        let editors = Group::insert(conn, &accounts::testing::group("editors"))?;
        Group::set_permissions(conn, editors, &["lettings.delete_letting".to_owned()])?;
        let authors = Group::insert(conn, &accounts::testing::group("authors"))?;
        let (user, group) = (
            format!("/admin/auth/user/{}/change/", target.id),
            format!("/admin/auth/group/{authors}/change/"),
        );
        let editors = editors.to_string();
        let account = with(&USER_FORM, &[("username", "carol")]);
        let named = [("name", "authors")];
        let attempts: [(&str, &[Field<'_>], Field<'_>); 4] = [
            (&user, &account, ("is_superuser", "on")),
            (
                &user,
                &account,
                ("user_permissions", "lettings.delete_letting"),
            ),
            (&user, &account, ("groups", &editors)),
            (&group, &named, ("permissions", "auth.delete_user")),
        ];
        for (path, fields, grant) in attempts {
            let (before, denied_before) = (contents(conn)?, denied_actions(conn)?);

            let response = browser.fill(path, &[fields, &[grant]].concat())?;

            assert_eq!(response.status, 422, "{}", grant.0);
            assert!(response.page_text()?.contains("select a valid choice."));
            assert_eq!(contents(conn)?, before, "{}", grant.0);
            assert_eq!(denied_actions(conn)?, denied_before + 1, "{}", grant.0);
        }
        let own = ("user_permissions", "lettings.change_letting");
        let granted = browser.fill(&user, &with(&account, &[own]))?;
        assert_eq!(granted.status, 303);
        let carol = User::find_by_username(conn, "carol")?.id;
        assert_eq!(User::permissions(conn, carol)?, [own.1]);
        let log = root.page_text("/admin/log/?action=refused")?;
        assert_contains(&log, &format!("POST {user}: is_superuser"));
    }
    Ok(())
}

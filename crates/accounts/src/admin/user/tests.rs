//! Tests of the admin resource of users.

use oc_core::admin::ListQuery;
use oc_core::search::SearchTerms;
use oc_core::testing::on_both;

use crate::testing::{group, user};

use super::*;

fn values(username: &str) -> FormValues {
    FormValues::default().with("username", username)
}

fn stored(conn: &mut DbConnection, id: i64) -> QueryResult<FormValues> {
    Ok(USER.load(conn, id)?.expect("it is there").values)
}

fn refusal(conn: &mut DbConnection, id: Option<i64>, values: &FormValues) -> String {
    conn.write(|conn| (USER.save)(conn, id, values))
        .expect_err("it breaks a rule")
        .to_string()
}

fn usernames(conn: &mut DbConnection, listing: ListQuery) -> QueryResult<Vec<String>> {
    let listing = ListQuery {
        limit: 100,
        ..listing
    };
    let list = (USER.list)(conn, &listing)?;
    assert_eq!(usize::try_from(list.found), Ok(list.rows.len()));
    let rows = list.rows.into_iter();
    Ok(rows.map(|row| row.cells[0].clone()).collect())
}

#[test]
fn a_new_user_is_active_and_has_no_password() -> anyhow::Result<()> {
    on_both(|conn| {
        let id = (USER.save)(conn, None, &values("ada"))?;

        let user = User::find(conn, id)?;
        assert!(user.is_active && !user.is_staff && user.password == "!");
        assert_eq!(stored(conn, id)?.text("last_login_0"), "");
        assert_eq!(stored(conn, id)?.text("date_joined_0").len(), 10);
        Ok(())
    })
}

#[test]
fn fields_that_a_form_lacks_stay_unchanged() -> anyhow::Result<()> {
    on_both(|conn| {
        let id = user(conn, "ada")?;
        User::set_password(conn, id, "hash")?;
        User::set_staff(conn, id, true)?;
        let before = User::find(conn, id)?;

        (USER.save)(conn, Some(id), &values("ada2").with_yes("is_staff", false))?;

        let after = User::find(conn, id)?;
        assert_eq!((after.username.as_str(), after.is_staff), ("ada2", false));
        assert_eq!(
            (after.email, after.password),
            (before.email, before.password)
        );
        assert_eq!(after.date_joined, before.date_joined);
        Ok(())
    })
}

#[test]
fn groups_and_permissions_are_saved_and_listed() -> anyhow::Result<()> {
    on_both(|conn| {
        let editors = Group::insert(conn, &group("editors"))?;
        let typed = values("ada")
            .with_list("groups", vec![editors.to_string(), format!("0{editors}")])
            .with_list("user_permissions", vec!["a.view_a".to_owned()])
            .with("last_login_0", "2026-03-01")
            .with("last_login_1", "09:30");
        let id = (USER.save)(conn, None, &typed)?;

        assert_eq!(stored(conn, id)?.list("groups"), [editors.to_string()]);
        assert_eq!(stored(conn, id)?.list("user_permissions"), ["a.view_a"]);
        assert_eq!(stored(conn, id)?.text("last_login_1"), "09:30:00");
        assert_eq!(
            (USER.filters[3].choices)(conn)?,
            [Choice::new(editors, "editors")]
        );
        Ok(())
    })
}

#[test]
fn errors_use_the_labels_of_the_form() -> anyhow::Result<()> {
    on_both(|conn| {
        let id = user(conn, "ada")?;
        user(conn, "bob")?;
        let ada = || values("ada");
        let group = |id: &str| ada().with_list("groups", vec![id.to_owned()]);
        let permission = ada().with_list("user_permissions", vec!["x".to_owned()]);
        let undated = ada().with("date_joined_0", "").with("date_joined_1", "");
        let taken = "That username is already taken.";
        let unknown_group = "Groups: select a valid choice.";

        for (id, values, words) in [
            (None, ada(), taken),
            (Some(id), values("bob"), taken),
            (
                Some(id),
                values("a b").with("last_login_0", "today"),
                "Username can only contain letters, digits and @ . + - _ \
                 Enter a valid date. Enter a valid time.",
            ),
            (Some(id), undated, "Date joined is required."),
            (Some(id), group("99"), unknown_group),
            (Some(id), group("x"), unknown_group),
            (Some(id), group("99999999999999999999"), unknown_group),
            (Some(id), group("1\0"), unknown_group),
            (
                Some(id),
                permission,
                "User permissions: select a valid choice.",
            ),
        ] {
            assert_eq!(refusal(conn, id, &values), words);
        }
        assert!(matches!(
            (USER.save)(conn, Some(id + 9), &values("eve")),
            Err(SaveError::Missing)
        ));
        Ok(())
    })
}

#[test]
fn users_are_listed_by_name_searched_and_filtered() -> anyhow::Result<()> {
    on_both(|conn| {
        let zed = user(conn, "zed")?;
        user(conn, "Bob")?;
        user(conn, "ada")?;
        User::make_superuser(conn, zed)?;
        let editors = Group::insert(conn, &group("editors"))?;
        User::set_groups(conn, zed, &[editors])?;
        let by = |column, reverse| ListQuery {
            order: vec![(column, reverse)],
            ..ListQuery::default()
        };
        let filter = |parameter: &'static str, value: &str| ListQuery {
            filters: vec![(parameter, value.to_owned())],
            ..ListQuery::default()
        };

        let search = ListQuery {
            terms: SearchTerms::parse("BOB@ paul"),
            ..ListQuery::default()
        };
        let in_group = filter("groups__id__exact", &editors.to_string());

        for (query, expected) in [
            (ListQuery::default(), &["ada", "Bob", "zed"][..]),
            (by(0, true), &["zed", "Bob", "ada"]),
            (by(4, true), &["zed", "ada", "Bob"]),
            (search, &["Bob"]),
            (filter("is_staff__exact", "1"), &["zed"]),
            (filter("is_superuser__exact", "0"), &["ada", "Bob"]),
            (in_group, &["zed"]),
            (filter("unknown", "1"), &["ada", "Bob", "zed"]),
        ] {
            assert_eq!(usernames(conn, query)?, expected);
        }
        for (parameter, value) in [
            ("is_active__exact", "maybe"),
            ("groups__id__exact", "x"),
            ("groups__id__exact", "99999999999999999999"),
        ] {
            assert_eq!(usernames(conn, filter(parameter, value))?, [""; 0]);
        }
        Ok(())
    })
}

#[test]
fn a_deleted_user_is_restored_with_its_id() -> anyhow::Result<()> {
    on_both(|conn| {
        let id = user(conn, "ada")?;
        User::set_permissions(conn, id, &["a.view_a".to_owned()])?;
        let before = stored(conn, id)?;

        (USER.delete)(conn, &[id])?;
        (USER.restore)(conn, &[(id, &before)])?;

        assert_eq!(stored(conn, id)?, before);
        assert!(user(conn, "next")? > id);
        Ok(())
    })
}

#[test]
fn the_last_active_superuser_stays_one() -> anyhow::Result<()> {
    on_both(|conn| {
        let ada = user(conn, "ada")?;
        User::make_superuser(conn, ada)?;
        let superuser = stored(conn, ada)?;
        let save = |conn: &mut DbConnection, values: &FormValues| {
            conn.write(|conn| (USER.save)(conn, Some(ada), values))
        };

        for field in ["is_superuser", "is_active", "is_staff"] {
            let outcome = save(conn, &superuser.clone().with_yes(field, false));
            assert!(outcome.is_err(), "{field}");
        }
        let deletion_error = crate::admin::ACCESS_RULES[0].deletion_error;
        let carol = user(conn, "carol")?;
        assert_eq!(deletion_error(conn, &[ada, carol])?, Some(LAST_SUPERUSER));
        assert_eq!(deletion_error(conn, &[carol])?, None);
        let bob = user(conn, "bob")?;
        User::make_superuser(conn, bob)?;
        assert_eq!(deletion_error(conn, &[ada])?, None);
        assert!(deletion_error(conn, &[ada, bob])?.is_some());
        assert!(save(conn, &superuser.with_yes("is_active", false)).is_ok());
        Ok(())
    })
}

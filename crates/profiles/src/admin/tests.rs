//! Tests of the admin resource of profiles.

use accounts::testing::user;
use oc_core::admin::ListQuery;
use oc_core::search::SearchTerms;
use oc_core::testing::on_both;

use super::*;

fn values(user_id: i64, favorite_city: &str, show_email: bool) -> FormValues {
    FormValues::default()
        .with("user", user_id.to_string())
        .with("favorite_city", favorite_city)
        .with_yes("show_email", show_email)
}

fn profile(
    conn: &mut DbConnection,
    username: &str,
    city: &str,
    show_email: bool,
) -> anyhow::Result<i64> {
    let user_id = user(conn, username)?;
    Ok((PROFILE.save)(
        conn,
        None,
        &values(user_id, city, show_email),
    )?)
}

fn usernames(conn: &mut DbConnection, listing: ListQuery) -> QueryResult<Vec<String>> {
    let listing = ListQuery {
        limit: 100,
        ..listing
    };
    let list = (PROFILE.list)(conn, &listing)?;
    assert_eq!(usize::try_from(list.found), Ok(list.rows.len()));
    let rows = list.rows.into_iter();
    Ok(rows.map(|row| row.cells[0].clone()).collect())
}

#[test]
fn a_profile_is_saved_changed_and_shown() -> anyhow::Result<()> {
    on_both(|conn| {
        let id = profile(conn, "Zoë", " Brea ", true)?;
        let user_id = user(conn, "bob")?;
        let before = PROFILE.load(conn, id)?.expect("it is there");

        (PROFILE.save)(conn, Some(id), &values(user_id, "", false))?;

        let path = PROFILE.public_page.expect("profiles are public").path;
        assert_eq!(path(&before).as_deref(), Some("/profiles/Zo%C3%AB/"));
        assert_eq!(before.values.text("favorite_city"), "Brea");
        let after = PROFILE.load(conn, id)?.expect("it is there");
        assert_eq!(after.title, "bob");
        assert_eq!(after.values, values(user_id, "", false));
        assert_eq!(PROFILE.load(conn, id + 1)?, None);
        Ok(())
    })
}

#[test]
fn errors_use_the_labels_of_the_form() -> anyhow::Result<()> {
    on_both(|conn| {
        profile(conn, "ada", "", true)?;
        let taken = user(conn, "bob")? - 1;
        let refusal = |conn: &mut DbConnection, values: &FormValues| {
            conn.write(|conn| (PROFILE.save)(conn, None, values))
                .expect_err("it breaks a rule")
                .to_string()
        };
        let other = |user: &str| FormValues::default().with("user", user);

        assert_eq!(
            refusal(conn, &values(taken, "", true)),
            "Another profile already has this user."
        );
        for user in ["99", "x", "99999999999999999999"] {
            let words = refusal(conn, &other(user));
            assert_eq!(words, "User: select a valid choice.");
        }
        assert_eq!(
            refusal(conn, &other("").with("favorite_city", "a\0b")),
            "User is required. Favorite city contains a character that is not allowed."
        );
        assert!(matches!(
            (PROFILE.save)(conn, Some(99), &values(taken + 1, "", true)),
            Err(SaveError::Missing)
        ));
        Ok(())
    })
}

#[test]
fn users_without_a_profile_and_the_current_one_can_be_chosen() -> anyhow::Result<()> {
    on_both(|conn| {
        let id = profile(conn, "zed", "", true)?;
        profile(conn, "eve", "", true)?;
        user(conn, "ada")?;
        let mut offered = |wanted: &ChoiceQuery<'_>| -> QueryResult<(Vec<String>, i64)> {
            let offer = PROFILE.choices.unwrap()(conn, wanted)?;
            let names = offer.choices.into_iter().map(|choice| choice.label);
            Ok((names.collect(), offer.found))
        };
        let searched = ChoiceQuery {
            terms: SearchTerms::parse("ZE"),
            ..ChoiceQuery::first("user", Some(id), 9)
        };

        assert_eq!(
            offered(&ChoiceQuery::first("user", None, 9))?,
            (vec!["ada".to_owned()], 1)
        );
        assert_eq!(
            offered(&ChoiceQuery::first("user", Some(id), 1))?,
            (vec!["ada".to_owned()], 2)
        );
        assert_eq!(offered(&searched)?, (vec!["zed".to_owned()], 1));
        Ok(())
    })
}

#[test]
fn profiles_are_listed_newest_first_searched_and_filtered() -> anyhow::Result<()> {
    on_both(|conn| {
        profile(conn, "zed", "brea", true)?;
        profile(conn, "Bob", "Anaheim", false)?;
        profile(conn, "ada", "Brea", false)?;
        let by = |order: &[(usize, bool)]| ListQuery {
            order: order.to_vec(),
            ..ListQuery::default()
        };
        let shown = |value: &str| ListQuery {
            filters: vec![("show_email__exact", value.to_owned())],
            ..ListQuery::default()
        };

        assert_eq!(usernames(conn, by(&[]))?, ["ada", "Bob", "zed"]);
        assert_eq!(usernames(conn, by(&[(0, true)]))?, ["zed", "Bob", "ada"]);
        assert_eq!(usernames(conn, by(&[(1, false)]))?, ["Bob", "zed", "ada"]);
        assert_eq!(
            usernames(conn, by(&[(2, false), (0, false)]))?,
            ["ada", "Bob", "zed"]
        );
        let search = ListQuery {
            terms: SearchTerms::parse("BREA paul"),
            ..ListQuery::default()
        };
        assert_eq!(usernames(conn, search)?, ["ada", "zed"]);
        assert_eq!(usernames(conn, shown("1"))?, ["zed"]);
        for value in ["2", "on", "1\0"] {
            assert_eq!(usernames(conn, shown(value))?, [""; 0]);
        }
        Ok(())
    })
}

#[test]
fn a_deleted_profile_is_restored_with_its_id() -> anyhow::Result<()> {
    on_both(|conn| {
        let id = profile(conn, "ada", "Brea", true)?;
        let before = PROFILE.load(conn, id)?.expect("it is there");
        (PROFILE.delete)(conn, &[id])?;

        (PROFILE.restore)(conn, &[(id, &before.values)])?;

        assert_eq!(PROFILE.load(conn, id)?, Some(before));
        assert!(profile(conn, "bob", "", true)? > id);
        Ok(())
    })
}

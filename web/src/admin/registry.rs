//! What is registered: every kind of row that staff may work with.

use accounts::{Rights, Verb};
use oc_core::admin::{Choice, FieldKind, OnDelete, Reference, Resource};

use crate::error::PageError;

/// Every model, by app, in the order of the index. Registering one is one line.
pub(crate) static MODELS: &[Resource] = &[
    lettings::admin::LETTING,
    lettings::admin::ADDRESS,
    profiles::admin::PROFILE,
    accounts::admin::USER,
    accounts::admin::GROUP,
];

/// The model of that name.
pub(crate) fn find(app: &str, name: &str) -> Option<&'static Resource> {
    MODELS
        .iter()
        .find(|model| model.app == app && model.name == name)
}

/// The references to a resource that do this when a row is deleted, each with the resource that declares it.
pub(crate) fn references_to(
    target: &Resource,
    on_delete: OnDelete,
) -> impl Iterator<Item = (&'static Resource, &'static Reference)> {
    let key = target.key();
    let all = MODELS.iter().flat_map(|source| {
        let references = source.references.iter();
        references.map(move |reference| (source, reference))
    });
    all.filter(move |(_, reference)| reference.target == key && reference.on_delete == on_delete)
}

/// The model with that key, such as `lettings.letting`.
pub(crate) fn by_key(key: &str) -> Option<&'static Resource> {
    key.split_once('.').and_then(|(app, name)| find(app, name))
}

/// The model of that name, if this may be done with its rows.
pub(crate) fn allowed(
    rights: &Rights,
    app: &str,
    name: &str,
    verb: Verb,
) -> Result<&'static Resource, PageError> {
    let model = find(app, name).ok_or(PageError::NotFound)?;
    if rights.may(verb, app, name) {
        Ok(model)
    } else {
        Err(PageError::Forbidden)
    }
}

/// The model of that name, if its rows may be looked at.
pub(crate) fn visible(
    rights: &Rights,
    app: &str,
    name: &str,
) -> Result<&'static Resource, PageError> {
    let model = find(app, name).ok_or(PageError::NotFound)?;
    if may_view(rights, model) {
        Ok(model)
    } else {
        Err(PageError::Forbidden)
    }
}

/// The right to see what runs here, and to raise a fault on purpose.
pub(crate) const DIAGNOSTICS: &str = "site.view_diagnostics";

/// Every right that can be given: those over every model, and the one that is about none.
pub(crate) fn rights() -> Vec<Choice> {
    let names: Vec<_> = MODELS.iter().map(|model| (model.app, model.name)).collect();
    let mut rights = accounts::admin::right_choices(&names);
    rights.push(Choice::new(DIAGNOSTICS, "site · diagnostics · view"));
    rights
}

/// Whether a field of a model holds rights.
pub(crate) fn holds_rights(model: &Resource, field: &str) -> bool {
    let kind = model
        .fields
        .iter()
        .find(|known| known.name == field)
        .map(|known| known.kind);
    model.app == "auth" && kind == Some(FieldKind::MultipleChoice) && field != "groups"
}

/// Whether anything may be done with a model's rows.
pub(crate) fn is_open(rights: &Rights, model: &Resource) -> bool {
    Verb::ALL
        .iter()
        .any(|verb| rights.may(*verb, model.app, model.name))
}

/// Whether its rows may be looked at: whoever may change them may see them.
pub(crate) fn may_view(rights: &Rights, model: &Resource) -> bool {
    rights.may(Verb::View, model.app, model.name) || rights.may(Verb::Change, model.app, model.name)
}

/// Whether a new row may be made: an account only by who may also go on to change it.
pub(crate) fn may_add(rights: &Rights, model: &Resource) -> bool {
    let may = |verb| rights.may(verb, model.app, model.name);
    may(Verb::Add) && ((model.app, model.name) != ("auth", "user") || may(Verb::Change))
}

/// Whether a file of rows may be taken in; each row then needs the right to add or to change it.
pub(crate) fn may_import(rights: &Rights, model: &Resource) -> bool {
    may_add(rights, model) || rights.may(Verb::Change, model.app, model.name)
}

/// The address of a model's list.
pub(crate) fn list_path(model: &Resource) -> String {
    format!("/admin/{}/{}/", model.app, model.name)
}

/// The address of a row's form.
pub(crate) fn change_path(model: &Resource, id: i64) -> String {
    format!("/admin/{}/{}/{id}/change/", model.app, model.name)
}

/// How many rows there are of each kind, such as «2 addresses», in the order in which the kinds come first.
pub(crate) fn counts<'a>(models: impl Iterator<Item = &'a Resource>) -> Vec<String> {
    let mut counts: Vec<(&Resource, usize)> = Vec::new();
    for model in models {
        match counts
            .iter_mut()
            .find(|(known, _)| known.key() == model.key())
        {
            Some((_, count)) => *count += 1,
            None => counts.push((model, 1)),
        }
    }
    let words = |(model, count): (&Resource, usize)| match count {
        1 => format!("1 {}", model.singular),
        count => format!("{count} {}", model.plural),
    };
    counts.into_iter().map(words).collect()
}

/// A word with a large first letter, for headings.
pub(crate) fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use diesel::prelude::*;
    use diesel::sql_types::Text;
    use oc_core::DbConnection;
    use oc_core::testing::on_both;

    use super::*;

    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, QueryableByName)]
    struct ForeignKey {
        #[diesel(sql_type = Text)]
        source: String,
        #[diesel(sql_type = Text)]
        column: String,
        #[diesel(sql_type = Text)]
        target: String,
        #[diesel(sql_type = Text)]
        on_delete: String,
    }

    impl ForeignKey {
        fn new(source: &str, column: &str, target: &str, on_delete: &str) -> Self {
            Self {
                source: source.to_owned(),
                column: column.to_owned(),
                target: target.to_owned(),
                on_delete: on_delete.to_owned(),
            }
        }
    }

    fn foreign_keys(conn: &mut DbConnection) -> QueryResult<BTreeSet<ForeignKey>> {
        let query = match conn {
            DbConnection::Sqlite(_) => {
                "SELECT t.name AS source, k.\"from\" AS \"column\", k.\"table\" AS target, k.on_delete \
                 FROM sqlite_schema t, pragma_foreign_key_list(t.name) k WHERE t.type = 'table'"
            }
            DbConnection::Postgres(_) => {
                "SELECT k.conrelid::regclass::text AS source, a.attname::text AS \"column\", \
                 k.confrelid::regclass::text AS target, CASE k.confdeltype WHEN 'c' THEN 'CASCADE' \
                 WHEN 'n' THEN 'SET NULL' ELSE 'NO ACTION' END AS on_delete \
                 FROM pg_constraint k JOIN pg_attribute a \
                 ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey) WHERE k.contype = 'f'"
            }
        };
        let keys: Vec<ForeignKey> = diesel::sql_query(query).load(conn)?;
        Ok(keys.into_iter().collect())
    }

    fn declared() -> BTreeSet<ForeignKey> {
        let of_resource = |source: &'static Resource| {
            source.references.iter().map(move |reference| {
                let target = by_key(reference.target).expect("references name known resources");
                let on_delete = match reference.on_delete {
                    OnDelete::Unlink if reference.table == source.table => "SET NULL",
                    OnDelete::Cascade | OnDelete::Unlink => "CASCADE",
                };
                ForeignKey::new(reference.table, reference.column, target.table, on_delete)
            })
        };
        let internal = accounts::FOREIGN_KEYS;
        let internal = internal
            .map(|(source, column, target)| ForeignKey::new(source, column, target, "CASCADE"));
        let of_resources = MODELS.iter().flat_map(of_resource);
        of_resources.chain(internal).collect()
    }

    #[test]
    fn every_foreign_key_is_declared() -> anyhow::Result<()> {
        on_both(|conn| {
            assert_eq!(foreign_keys(conn)?, declared());
            Ok(())
        })
    }
}

//! Resources of the admin. Registering one takes one line.

use accounts::admin::{GROUP, USER};

use admin::Registry;

/// All resources, by app, in the order of the index.
pub const REGISTRY: Registry = Registry::new(&[
    &lettings::admin::LETTING,
    &lettings::admin::ADDRESS,
    &lettings::admin::PHOTO,
    &profiles::admin::PROFILE,
    &USER,
    &GROUP,
]);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use diesel::prelude::*;
    use diesel::sql_types::Text;
    use oc_core::DbConnection;
    use oc_core::testing::on_both;

    use oc_core::admin::{OnDelete, Resource};

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
                let target = REGISTRY
                    .by_key(reference.target)
                    .expect("references name known resources");
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
        let of_resources = REGISTRY.all().flat_map(of_resource);
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

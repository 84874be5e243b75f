-- `oc_core::text::fold` folds more; on SQLite every connection registers it.
-- The index contains folded text.
INSERT INTO search_queue (address_id) SELECT id FROM addresses;

INSERT INTO compatible_migrations (version, since) VALUES ('20261129210100', '20261128250100');

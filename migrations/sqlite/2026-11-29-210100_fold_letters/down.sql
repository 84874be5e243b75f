DELETE FROM compatible_migrations WHERE version = '20261129210100';
-- The index contains folded text.
INSERT INTO search_queue (address_id) SELECT id FROM addresses;

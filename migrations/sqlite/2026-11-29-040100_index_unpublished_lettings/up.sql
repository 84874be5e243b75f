-- The administration counts them.
CREATE INDEX lettings_unpublished ON lettings (status, id) WHERE status <> 'published';

-- A new address is compared with the existing ones.
CREATE INDEX addresses_zip_code_number ON addresses (zip_code, number);

INSERT INTO compatible_migrations (version, since) VALUES ('20261129040100', '20261123025000');

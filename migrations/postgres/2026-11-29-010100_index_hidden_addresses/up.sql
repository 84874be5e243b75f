-- The staff's search covers streets that the public doesn't see, which the search index leaves out.
CREATE INDEX lettings_hidden_address ON lettings (address_id) WHERE NOT address_shown;

INSERT INTO compatible_migrations (version, since) VALUES ('20261129010100', '20261128191000');

-- The filters of the public list ask for lettings with facts only.
CREATE INDEX lettings_with_facts ON lettings (id) WHERE
    kind <> '' OR sleeps IS NOT NULL OR bedrooms IS NOT NULL OR price_from IS NOT NULL OR pets <> '' OR features <> '';

INSERT INTO compatible_migrations (version, since) VALUES ('20261128200200', '20261128191000');

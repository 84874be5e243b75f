-- Forms that added a row: the same form sent again leads to that row.
CREATE TABLE submitted_forms (
    digest TEXT COLLATE "C" PRIMARY KEY CHECK (char_length(digest) = 64),
    object_id BIGINT NOT NULL,
    submitted_at TIMESTAMP NOT NULL
);

CREATE INDEX submitted_forms_time ON submitted_forms (submitted_at);
INSERT INTO compatible_migrations (version, since) VALUES ('20261128220200', '20261123025000');

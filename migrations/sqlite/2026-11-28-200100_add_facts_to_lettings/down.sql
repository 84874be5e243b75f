-- SQLite can't drop a column with a foreign key, so the table is rebuilt. Its ids are never used again.
CREATE TABLE lettings_rebuilt (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    title TEXT NOT NULL
        CHECK (length(title) <= 256 AND length(trim(title)) >= 1 AND instr(title, char(0)) = 0),
    -- One letting an address, and none without.
    address_id INTEGER NOT NULL UNIQUE REFERENCES addresses (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
) STRICT;

INSERT INTO lettings_rebuilt SELECT id, title, address_id, created_at, updated_at FROM lettings;
INSERT INTO sqlite_sequence (name, seq)
    SELECT 'lettings_rebuilt', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'lettings_rebuilt');
UPDATE sqlite_sequence SET seq = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'lettings'), 0)
    WHERE name = 'lettings_rebuilt';
DROP TABLE lettings;
ALTER TABLE lettings_rebuilt RENAME TO lettings;

CREATE INDEX lettings_lower_title ON lettings (lower(title), id);

CREATE TRIGGER content_version_lettings_insert AFTER INSERT ON lettings
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_lettings_update AFTER UPDATE ON lettings
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_lettings_delete AFTER DELETE ON lettings
BEGIN UPDATE content_version SET version = version + 1; END;

DELETE FROM compatible_migrations WHERE version = '20261128200100';

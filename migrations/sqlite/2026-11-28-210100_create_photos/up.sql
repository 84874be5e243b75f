-- Files of photos, in WebP: up to three widths of one photo have one hash. They outlive their photos for a while, so that
-- a deleted photo can be restored.
CREATE TABLE photo_files (
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
    width INTEGER NOT NULL CHECK (width BETWEEN 1 AND 1600),
    height INTEGER NOT NULL CHECK (height BETWEEN 1 AND 16383),
    -- When it was stored, or when the last photo with it was deleted.
    released_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    bytes BLOB NOT NULL CHECK (length(bytes) BETWEEN 1 AND 8388608),
    PRIMARY KEY (sha256, width)
) STRICT;

CREATE TABLE letting_photos (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    letting_id INTEGER NOT NULL REFERENCES lettings (id) ON DELETE CASCADE,
    -- Negative only while the photos of a letting are renumbered: SQLite checks uniqueness row by row.
    position INTEGER NOT NULL CHECK (abs(position) BETWEEN 1 AND 40),
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
    -- The size of its widest file.
    width INTEGER NOT NULL CHECK (width BETWEEN 1 AND 1600),
    height INTEGER NOT NULL CHECK (height BETWEEN 1 AND 16383),
    -- A photo is public once it has a description.
    alt TEXT NOT NULL DEFAULT '' CHECK (length(alt) <= 200 AND instr(alt, char(0)) = 0),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    UNIQUE (letting_id, position)
) STRICT;

CREATE INDEX photo_files_released_at ON photo_files (released_at);
CREATE INDEX letting_photos_sha256 ON letting_photos (sha256);

CREATE TRIGGER photo_files_release AFTER DELETE ON letting_photos
BEGIN
    UPDATE photo_files SET released_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE sha256 = OLD.sha256;
END;

CREATE TRIGGER content_version_letting_photos_insert AFTER INSERT ON letting_photos
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_letting_photos_update AFTER UPDATE ON letting_photos
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_letting_photos_delete AFTER DELETE ON letting_photos
BEGIN UPDATE content_version SET version = version + 1; END;

INSERT INTO compatible_migrations (version, since) VALUES ('20261128210100', '20261128191000');

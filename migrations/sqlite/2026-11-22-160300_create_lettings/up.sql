CREATE TABLE lettings (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    title TEXT NOT NULL
        CHECK (length(title) <= 256 AND length(trim(title)) >= 1 AND instr(title, char(0)) = 0),
    -- One letting an address, and none without.
    address_id INTEGER NOT NULL UNIQUE REFERENCES addresses (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
) STRICT;

CREATE INDEX lettings_lower_title ON lettings (lower(title), id);

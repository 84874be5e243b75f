-- The record of changes. It outlives what it tells of, so it refers to nothing.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    changed_at TEXT NOT NULL,
    user_id INTEGER,
    username TEXT NOT NULL CHECK (length(username) <= 150),
    -- `lettings.letting`, or `auth.session` for logins and refusals.
    model TEXT NOT NULL CHECK (length(model) BETWEEN 1 AND 100),
    object_id INTEGER,
    title TEXT NOT NULL CHECK (length(title) <= 512),
    action TEXT NOT NULL CHECK (length(action) BETWEEN 1 AND 40),
    -- Fields before and after, as JSON; empty where there was or is nothing.
    before TEXT NOT NULL DEFAULT '',
    after TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX changes_object ON changes (model, object_id, id);
CREATE INDEX changes_user ON changes (user_id, id);

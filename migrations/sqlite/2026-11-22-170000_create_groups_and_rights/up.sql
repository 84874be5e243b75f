CREATE TABLE groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL UNIQUE
        CHECK (length(name) <= 150 AND length(trim(name)) >= 1 AND instr(name, char(0)) = 0)
) STRICT;

CREATE TABLE user_groups (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, group_id)
) STRICT;

CREATE INDEX user_groups_group ON user_groups (group_id);

-- A right is written as `lettings.change_letting`.
CREATE TABLE user_rights (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code TEXT NOT NULL CHECK (length(code) BETWEEN 1 AND 200),
    PRIMARY KEY (user_id, code)
) STRICT;

CREATE TABLE group_rights (
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    code TEXT NOT NULL CHECK (length(code) BETWEEN 1 AND 200),
    PRIMARY KEY (group_id, code)
) STRICT;

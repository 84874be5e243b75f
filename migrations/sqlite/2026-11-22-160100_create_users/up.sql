CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    username TEXT NOT NULL UNIQUE
        CHECK (length(username) BETWEEN 1 AND 150 AND instr(username, char(0)) = 0),
    -- A hash in its own notation; one that starts with `!` opens no door.
    password TEXT NOT NULL CHECK (length(password) BETWEEN 1 AND 255),
    first_name TEXT NOT NULL DEFAULT ''
        CHECK (length(first_name) <= 150 AND instr(first_name, char(0)) = 0),
    last_name TEXT NOT NULL DEFAULT ''
        CHECK (length(last_name) <= 150 AND instr(last_name, char(0)) = 0),
    email TEXT NOT NULL DEFAULT ''
        CHECK (length(email) <= 254 AND instr(email, char(0)) = 0),
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    is_staff INTEGER NOT NULL DEFAULT 0 CHECK (is_staff IN (0, 1)),
    is_superuser INTEGER NOT NULL DEFAULT 0 CHECK (is_superuser IN (0, 1)),
    last_login TEXT,
    date_joined TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
) STRICT;

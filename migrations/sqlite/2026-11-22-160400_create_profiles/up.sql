CREATE TABLE profiles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- One profile a user.
    user_id INTEGER NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    favorite_city TEXT NOT NULL DEFAULT ''
        CHECK (length(favorite_city) <= 64 AND instr(favorite_city, char(0)) = 0),
    show_email INTEGER NOT NULL DEFAULT 0 CHECK (show_email IN (0, 1))
) STRICT;

-- A row stands for a factor that counts: it is stored when a first code was right.
CREATE TABLE second_factors (
    user_id INTEGER PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Sealed by the program: who reads this table alone can make no code.
    secret TEXT NOT NULL CHECK (length(secret) BETWEEN 1 AND 255),
    -- The half minute of the last code that was taken; it and all before it count no more.
    last_step INTEGER NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

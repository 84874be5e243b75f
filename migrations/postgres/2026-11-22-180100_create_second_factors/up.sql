-- A row stands for a factor that counts: it is stored when a first code was right.
CREATE TABLE second_factors (
    user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- Sealed by the program: who reads this table alone can make no code.
    secret TEXT COLLATE "C" NOT NULL CHECK (char_length(secret) BETWEEN 1 AND 255),
    -- The half minute of the last code that was taken; it and all before it count no more.
    last_step BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL
);

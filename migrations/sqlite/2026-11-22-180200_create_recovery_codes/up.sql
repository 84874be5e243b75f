-- Codes for the day when the phone is gone. One that was used is deleted.
CREATE TABLE recovery_codes (
    user_id INTEGER NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    -- SHA-256 of the code: it has 80 random bits, so that there is nothing to guess.
    code_hash TEXT NOT NULL CHECK (length(code_hash) = 64),
    PRIMARY KEY (user_id, code_hash)
) STRICT;

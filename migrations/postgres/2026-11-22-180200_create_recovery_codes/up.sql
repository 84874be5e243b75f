-- Codes for the day when the phone is gone. One that was used is deleted.
CREATE TABLE recovery_codes (
    user_id BIGINT NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    -- SHA-256 of the code: it has 80 random bits, so that there is nothing to guess.
    code_hash TEXT COLLATE "C" NOT NULL CHECK (char_length(code_hash) = 64),
    PRIMARY KEY (user_id, code_hash)
);

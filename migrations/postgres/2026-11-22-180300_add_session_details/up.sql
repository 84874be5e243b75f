-- When the owner last proved who they are, by password and second factor.
ALTER TABLE sessions ADD COLUMN proved_at TIMESTAMP;
-- From where it was begun, so that its owner can tell it from others.
ALTER TABLE sessions ADD COLUMN address TEXT COLLATE "C" NOT NULL DEFAULT ''
    CHECK (char_length(address) <= 64);
ALTER TABLE sessions ADD COLUMN browser TEXT COLLATE "C" NOT NULL DEFAULT ''
    CHECK (char_length(browser) <= 255);
-- Its owner's rights were changed: the next request gets another token.
ALTER TABLE sessions ADD COLUMN must_renew BOOLEAN NOT NULL DEFAULT FALSE;

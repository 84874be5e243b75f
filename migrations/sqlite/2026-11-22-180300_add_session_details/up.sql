-- When the owner last proved who they are, by password and second factor.
ALTER TABLE sessions ADD COLUMN proved_at TEXT;
-- From where it was begun, so that its owner can tell it from others.
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '' CHECK (length(address) <= 64);
ALTER TABLE sessions ADD COLUMN browser TEXT NOT NULL DEFAULT '' CHECK (length(browser) <= 255);
-- Its owner's rights were changed: the next request gets another token.
ALTER TABLE sessions ADD COLUMN must_renew INTEGER NOT NULL DEFAULT 0 CHECK (must_renew IN (0, 1));

-- SHA-256 of the stored password that opened it: with another one it opens nothing. Empty in sessions from before.
ALTER TABLE sessions ADD COLUMN password_mark TEXT NOT NULL DEFAULT '' CHECK (length(password_mark) IN (0, 64));

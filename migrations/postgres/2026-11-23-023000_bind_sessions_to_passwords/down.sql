ALTER TABLE sessions DROP COLUMN password_mark;

ALTER TABLE sessions DROP COLUMN must_renew;
ALTER TABLE sessions DROP COLUMN browser;
ALTER TABLE sessions DROP COLUMN address;
ALTER TABLE sessions DROP COLUMN proved_at;

ALTER TABLE outgoing_mails DROP COLUMN expires_at;
DELETE FROM compatible_migrations WHERE version = '20261129030100';

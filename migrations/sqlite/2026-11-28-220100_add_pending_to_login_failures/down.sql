DELETE FROM compatible_migrations WHERE version = '20261128220100';
ALTER TABLE login_failures DROP COLUMN is_pending;

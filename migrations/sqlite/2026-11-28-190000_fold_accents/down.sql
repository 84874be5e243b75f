DELETE FROM compatible_migrations WHERE version = '20261128190000';

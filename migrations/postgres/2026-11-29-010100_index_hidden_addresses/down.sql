DELETE FROM compatible_migrations WHERE version = '20261129010100';
DROP INDEX lettings_hidden_address;

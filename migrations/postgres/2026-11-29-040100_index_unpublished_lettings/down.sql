DELETE FROM compatible_migrations WHERE version = '20261129040100';
DROP INDEX addresses_zip_code_number;
DROP INDEX lettings_unpublished;

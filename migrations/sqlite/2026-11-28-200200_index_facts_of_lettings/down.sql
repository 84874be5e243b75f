DROP INDEX lettings_with_facts;
DELETE FROM compatible_migrations WHERE version = '20261128200200';

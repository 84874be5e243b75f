DROP TABLE letting_photos;
DROP TABLE photo_files;
DELETE FROM compatible_migrations WHERE version = '20261128210100';

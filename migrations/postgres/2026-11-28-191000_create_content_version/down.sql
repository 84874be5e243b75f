DROP TRIGGER content_version_addresses ON addresses;
DROP TRIGGER content_version_lettings ON lettings;
DROP TRIGGER content_version_profiles ON profiles;
DROP TRIGGER content_version_users ON users;
DROP FUNCTION increment_content_version();
DROP TABLE content_version;
DELETE FROM compatible_migrations WHERE version = '20261128191000';

DROP TABLE group_rights;
DROP TABLE user_rights;
DROP TABLE user_groups;
DROP TABLE groups;

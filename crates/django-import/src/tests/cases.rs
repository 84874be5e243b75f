//! Ways to break one row, and how each is told.

/// What makes one row bad, and how that is told: table, id, column, words of the reason.
pub(super) const CASES: [(&str, [&str; 4]); 28] = [
    (
        "UPDATE lettings_letting SET id = 9223372036854775807 WHERE id = 7",
        [
            "lettings_letting",
            "9223372036854775807",
            "id",
            "between 1 and 9007199254740992",
        ],
    ),
    (
        "UPDATE lettings_address SET number = 10000 WHERE id = 5",
        ["lettings_address", "5", "number", "between 0 and 9999"],
    ),
    (
        "UPDATE lettings_address SET number = 'twelve' WHERE id = 5",
        ["lettings_address", "5", "number", "whole number"],
    ),
    (
        "UPDATE lettings_address SET zip_code = -1 WHERE id = 5",
        ["lettings_address", "5", "zip_code", "between 0 and 99999"],
    ),
    (
        "UPDATE lettings_address SET street = printf('%065d', 0) WHERE id = 5",
        [
            "lettings_address",
            "5",
            "street",
            "64 characters or fewer; you entered 65",
        ],
    ),
    (
        "UPDATE lettings_address SET city = '' WHERE id = 5",
        ["lettings_address", "5", "city", "City is required."],
    ),
    (
        "UPDATE lettings_address SET state = 'M' WHERE id = 5",
        [
            "lettings_address",
            "5",
            "state",
            "exactly 2 characters; you entered 1",
        ],
    ),
    (
        "UPDATE lettings_address SET street = 'a' || char(0) || 'b' WHERE id = 5",
        ["lettings_address", "5", "street", "cannot be stored"],
    ),
    (
        "UPDATE lettings_address SET city = CAST(x'C3' AS TEXT) WHERE id = 5",
        ["lettings_address", "5", "city", "not valid UTF-8"],
    ),
    (
        "UPDATE lettings_letting SET address_id = 99 WHERE id = 7",
        [
            "lettings_letting",
            "7",
            "address_id",
            "address 99, which does not exist",
        ],
    ),
    (
        "UPDATE lettings_letting SET address_id = 1 WHERE id = 7",
        [
            "lettings_letting",
            "7",
            "address_id",
            "Another letting already has this address",
        ],
    ),
    (
        "UPDATE lettings_letting SET title = printf('%0257d', 0) WHERE id = 7",
        [
            "lettings_letting",
            "7",
            "title",
            "256 characters or fewer; you entered 257",
        ],
    ),
    (
        "UPDATE lettings_letting SET id = -7 WHERE id = 7",
        ["lettings_letting", "-7", "id", "between 1 and"],
    ),
    (
        "UPDATE profiles_profile SET user_id = 99",
        [
            "profiles_profile",
            "4",
            "user_id",
            "user 99, which does not exist",
        ],
    ),
    (
        "INSERT INTO profiles_profile VALUES (9, '', 2)",
        [
            "profiles_profile",
            "9",
            "user_id",
            "Another profile already has this user",
        ],
    ),
    (
        "UPDATE auth_user SET email = printf('%0255d', 0) WHERE id = 4",
        ["auth_user", "4", "email", "254 characters or fewer"],
    ),
    (
        "UPDATE auth_user SET email = 'a' || char(0) || 'b' WHERE id = 4",
        ["auth_user", "4", "email", "cannot be stored"],
    ),
    (
        "UPDATE auth_user SET username = 'a b' WHERE id = 4",
        ["auth_user", "4", "username", "may hold only letters"],
    ),
    (
        "UPDATE auth_user SET first_name = printf('%0151d', 0) WHERE id = 4",
        ["auth_user", "4", "first_name", "150 characters or fewer"],
    ),
    (
        "UPDATE auth_user SET date_joined = '2021-02-29 00:00:00' WHERE id = 4",
        [
            "auth_user",
            "4",
            "date_joined",
            "no date and time: 2021-02-29",
        ],
    ),
    (
        "UPDATE auth_user SET last_login = 'never' WHERE id = 4",
        ["auth_user", "4", "last_login", "no date and time: never"],
    ),
    (
        "UPDATE auth_user SET is_active = 'yes' WHERE id = 4",
        ["auth_user", "4", "is_active", "neither 0 nor 1"],
    ),
    (
        "INSERT INTO auth_user_groups (id, user_id, group_id) VALUES (8, 4, 99)",
        [
            "auth_user_groups",
            "8",
            "group_id",
            "group 99, which does not exist",
        ],
    ),
    (
        "INSERT INTO auth_user_user_permissions (id, user_id, permission_id) VALUES (8, 4, 999)",
        [
            "auth_user_user_permissions",
            "8",
            "permission_id",
            "permission 999, which does not exist",
        ],
    ),
    (
        "UPDATE django_admin_log SET action_time = 'noon' WHERE id = 4",
        [
            "django_admin_log",
            "4",
            "action_time",
            "no date and time: noon",
        ],
    ),
    (
        "UPDATE django_admin_log SET content_type_id = 99 WHERE id = 4",
        [
            "django_admin_log",
            "4",
            "content_type_id",
            "content type 99, which does not exist",
        ],
    ),
    (
        "UPDATE django_admin_log SET user_id = 99 WHERE id = 4",
        [
            "django_admin_log",
            "4",
            "user_id",
            "user 99, which does not exist",
        ],
    ),
    (
        "INSERT INTO auth_group VALUES (8, ' editors')",
        ["auth_group", "8", "name", "That name is taken: group 3."],
    ),
];

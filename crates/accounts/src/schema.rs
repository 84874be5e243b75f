// @generated automatically by Diesel CLI.

diesel::table! {
    group_rights (group_id, code) {
        group_id -> Int8,
        code -> Text,
    }
}

diesel::table! {
    groups (id) {
        id -> Int8,
        name -> Text,
    }
}

diesel::table! {
    login_failures (id) {
        id -> Int8,
        subject -> Text,
        failed_at -> Timestamp,
        is_pending -> Bool,
    }
}

diesel::table! {
    recovery_codes (user_id, code_hash) {
        user_id -> Int8,
        code_hash -> Text,
    }
}

diesel::table! {
    second_factors (user_id) {
        user_id -> Int8,
        secret -> Text,
        last_step -> Int8,
        created_at -> Timestamp,
    }
}

diesel::table! {
    sessions (id) {
        id -> Int8,
        token_hash -> Text,
        user_id -> Int8,
        state -> Text,
        created_at -> Timestamp,
        seen_at -> Timestamp,
        proved_at -> Nullable<Timestamp>,
        address -> Text,
        browser -> Text,
        must_renew -> Bool,
        password_mark -> Text,
    }
}

diesel::table! {
    user_groups (user_id, group_id) {
        user_id -> Int8,
        group_id -> Int8,
    }
}

diesel::table! {
    user_rights (user_id, code) {
        user_id -> Int8,
        code -> Text,
    }
}

diesel::table! {
    users (id) {
        id -> Int8,
        username -> Text,
        password -> Text,
        first_name -> Text,
        last_name -> Text,
        email -> Text,
        is_active -> Bool,
        is_staff -> Bool,
        is_superuser -> Bool,
        last_login -> Nullable<Timestamp>,
        date_joined -> Timestamp,
        must_change_password -> Bool,
    }
}

diesel::joinable!(group_rights -> groups (group_id));
diesel::joinable!(recovery_codes -> second_factors (user_id));
diesel::joinable!(second_factors -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(user_groups -> groups (group_id));
diesel::joinable!(user_groups -> users (user_id));
diesel::joinable!(user_rights -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    group_rights,
    groups,
    login_failures,
    recovery_codes,
    second_factors,
    sessions,
    user_groups,
    user_rights,
    users,
);

// @generated automatically by Diesel CLI.

diesel::table! {
    profiles (id) {
        id -> Int8,
        user_id -> Int8,
        favorite_city -> Text,
        show_email -> Bool,
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

diesel::joinable!(profiles -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(profiles, users,);

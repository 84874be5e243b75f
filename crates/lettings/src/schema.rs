// @generated automatically by Diesel CLI.

diesel::table! {
    addresses (id) {
        id -> Int8,
        number -> Int4,
        street -> Text,
        city -> Text,
        state -> Text,
        zip_code -> Int4,
        country_iso_code -> Text,
    }
}

diesel::table! {
    lettings (id) {
        id -> Int8,
        title -> Text,
        address_id -> Int8,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::joinable!(lettings -> addresses (address_id));

diesel::allow_tables_to_appear_in_same_query!(addresses, lettings,);

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
    letting_photos (id) {
        id -> Int8,
        letting_id -> Int8,
        position -> Int4,
        sha256 -> Text,
        width -> Int4,
        height -> Int4,
        alt -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    lettings (id) {
        id -> Int8,
        title -> Text,
        address_id -> Int8,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        status -> Text,
        summary -> Text,
        description -> Text,
        kind -> Text,
        sleeps -> Nullable<Int4>,
        bedrooms -> Nullable<Int4>,
        half_bathrooms -> Nullable<Int4>,
        price_from -> Nullable<Int4>,
        price_per -> Text,
        min_nights -> Nullable<Int4>,
        pets -> Text,
        features -> Text,
        permit -> Text,
        host_id -> Nullable<Int8>,
        address_shown -> Bool,
    }
}

diesel::table! {
    photo_files (sha256, width) {
        sha256 -> Text,
        width -> Int4,
        height -> Int4,
        released_at -> Timestamp,
        bytes -> Bytea,
    }
}

diesel::table! {
    search_index (address_id) {
        address_id -> Int8,
        letting_id -> Nullable<Int8>,
        city -> Text,
        state -> Text,
        text -> Text,
    }
}

diesel::table! {
    search_queue (id) {
        id -> Int8,
        address_id -> Int8,
    }
}

diesel::table! {
    town_totals (city, state) {
        city -> Text,
        state -> Text,
        addresses -> Int8,
        lettings -> Int8,
    }
}

diesel::joinable!(letting_photos -> lettings (letting_id));
diesel::joinable!(lettings -> addresses (address_id));

diesel::allow_tables_to_appear_in_same_query!(
    addresses,
    letting_photos,
    lettings,
    photo_files,
    search_index,
    search_queue,
    town_totals,
);

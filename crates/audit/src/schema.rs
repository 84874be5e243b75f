// @generated automatically by Diesel CLI.

diesel::table! {
    changes (id) {
        id -> Int8,
        changed_at -> Timestamp,
        user_id -> Nullable<Int8>,
        username -> Text,
        model -> Text,
        object_id -> Nullable<Int8>,
        title -> Text,
        action -> Text,
        before -> Text,
        after -> Text,
        words -> Text,
        act -> Nullable<Int8>,
        cause -> Nullable<Int8>,
        address -> Text,
    }
}

diesel::table! {
    submitted_forms (digest) {
        digest -> Text,
        object_id -> Int8,
        submitted_at -> Timestamp,
    }
}

diesel::allow_tables_to_appear_in_same_query!(changes, submitted_forms,);

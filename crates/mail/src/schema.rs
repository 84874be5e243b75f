// @generated automatically by Diesel CLI.

diesel::table! {
    outgoing_mails (id) {
        id -> Int8,
        recipient -> Text,
        subject -> Text,
        body -> Text,
        created_at -> Timestamp,
        attempts -> Int4,
        next_attempt_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
    }
}

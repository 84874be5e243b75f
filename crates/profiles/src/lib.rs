//! Profiles of users: rows, queries, rules.

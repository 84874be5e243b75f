//! Lettings and their addresses: rows, queries, rules.

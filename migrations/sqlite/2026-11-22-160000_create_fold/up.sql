-- On SQLite `fold` is a function that every connection registers when it opens; nothing is stored.
SELECT 1;

-- Case folding for search, in any script whatever the database's own locale.
-- On SQLite each connection registers a function of this name.
CREATE FUNCTION fold(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower($1 COLLATE "und-x-icu");

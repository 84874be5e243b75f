DELETE FROM compatible_migrations WHERE version = '20261129210100';
CREATE OR REPLACE FUNCTION fold(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(regexp_replace(normalize($1, NFD), '[\u0300-\u036f]', '', 'g') COLLATE "und-x-icu");
-- The index contains folded text.
INSERT INTO search_queue (address_id) SELECT id FROM addresses;

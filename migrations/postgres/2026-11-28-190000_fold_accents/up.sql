-- Accents are folded as well as case; composed and decomposed letters are equal. `oc_core::text::fold` does the same.
CREATE OR REPLACE FUNCTION fold(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(regexp_replace(normalize($1, NFD), '[\u0300-\u036f]', '', 'g') COLLATE "und-x-icu");
INSERT INTO compatible_migrations (version, since) VALUES ('20261128190000', '20261123025000');

-- Letters that aren't decomposed, compatibility forms and typographic punctuation are folded as well, and invisible
-- characters removed. `oc_core::text::fold` does the same.
CREATE OR REPLACE FUNCTION fold(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN translate(replace(replace(replace(replace(
        lower(regexp_replace(normalize(replace($1, '´', ''''), NFKD), '[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]', '', 'g') COLLATE "und-x-icu"),
        'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'),
        'øđðłħıŧς‘’ʼ`′“”‐–—−', 'oddlhitσ''''''''''""----');

-- The index contains folded text.
INSERT INTO search_queue (address_id) SELECT id FROM addresses;

INSERT INTO compatible_migrations (version, since) VALUES ('20261129210100', '20261128250100');

-- What a letting offers. Everything is optional: a row without it looks as before. SQLite adds a column without rewriting
-- the table.
ALTER TABLE lettings ADD COLUMN status TEXT NOT NULL DEFAULT 'published'
    CHECK (status IN ('draft', 'published', 'archived'));
ALTER TABLE lettings ADD COLUMN summary TEXT NOT NULL DEFAULT ''
    CHECK (length(summary) <= 160 AND instr(summary, char(0)) = 0);
ALTER TABLE lettings ADD COLUMN description TEXT NOT NULL DEFAULT ''
    CHECK (length(description) <= 5000 AND instr(description, char(0)) = 0);
ALTER TABLE lettings ADD COLUMN kind TEXT NOT NULL DEFAULT ''
    CHECK (kind IN ('', 'house', 'apartment', 'cottage', 'villa', 'studio', 'cabin', 'room'));
ALTER TABLE lettings ADD COLUMN sleeps INTEGER CHECK (sleeps BETWEEN 1 AND 30);
ALTER TABLE lettings ADD COLUMN bedrooms INTEGER CHECK (bedrooms BETWEEN 0 AND 20);
-- Bathrooms in halves: 3 are one and a half.
ALTER TABLE lettings ADD COLUMN half_bathrooms INTEGER CHECK (half_bathrooms BETWEEN 1 AND 40);
ALTER TABLE lettings ADD COLUMN price_from INTEGER CHECK (price_from BETWEEN 1 AND 99999);
ALTER TABLE lettings ADD COLUMN price_per TEXT NOT NULL DEFAULT 'night' CHECK (price_per IN ('night', 'week'));
ALTER TABLE lettings ADD COLUMN min_nights INTEGER CHECK (min_nights BETWEEN 1 AND 365);
ALTER TABLE lettings ADD COLUMN pets TEXT NOT NULL DEFAULT '' CHECK (pets IN ('', 'yes', 'request', 'no'));
-- Words with a space between them. The check removes each known word; nothing may be left.
ALTER TABLE lettings ADD COLUMN features TEXT NOT NULL DEFAULT '' CHECK (trim(
        replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(' ' || features
            , ' wifi', ''), ' air_conditioning', ''), ' heating', ''), ' kitchen', ''), ' dishwasher', '')
            , ' washing_machine', ''), ' dryer', ''), ' tv', ''), ' workspace', ''), ' parking', '')
            , ' ev_charger', ''), ' pool', ''), ' hot_tub', ''), ' garden', ''), ' balcony', '')
            , ' barbecue', ''), ' sea_view', ''), ' beach', ''), ' cot_and_high_chair', ''), ' step_free', '')
    ) = '');
ALTER TABLE lettings ADD COLUMN permit TEXT NOT NULL DEFAULT ''
    CHECK (length(permit) <= 40 AND instr(permit, char(0)) = 0);
ALTER TABLE lettings ADD COLUMN host_id INTEGER REFERENCES profiles (id) ON DELETE SET NULL;
ALTER TABLE lettings ADD COLUMN address_shown INTEGER NOT NULL DEFAULT 1 CHECK (address_shown IN (0, 1));

CREATE INDEX lettings_host_id ON lettings (host_id) WHERE host_id IS NOT NULL;

INSERT INTO compatible_migrations (version, since) VALUES ('20261128200100', '20261128191000');

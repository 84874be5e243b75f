-- What a letting offers. Everything is optional: a row without it looks as before.
ALTER TABLE lettings
    ADD COLUMN status TEXT COLLATE "C" NOT NULL DEFAULT 'published'
        CHECK (status IN ('draft', 'published', 'archived')),
    ADD COLUMN summary TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (char_length(summary) <= 160),
    ADD COLUMN description TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (char_length(description) <= 5000),
    ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT ''
        CHECK (kind IN ('', 'house', 'apartment', 'cottage', 'villa', 'studio', 'cabin', 'room')),
    ADD COLUMN sleeps INTEGER CHECK (sleeps BETWEEN 1 AND 30),
    ADD COLUMN bedrooms INTEGER CHECK (bedrooms BETWEEN 0 AND 20),
    -- Bathrooms in halves: 3 are one and a half.
    ADD COLUMN half_bathrooms INTEGER CHECK (half_bathrooms BETWEEN 1 AND 40),
    ADD COLUMN price_from INTEGER CHECK (price_from BETWEEN 1 AND 99999),
    ADD COLUMN price_per TEXT COLLATE "C" NOT NULL DEFAULT 'night' CHECK (price_per IN ('night', 'week')),
    ADD COLUMN min_nights INTEGER CHECK (min_nights BETWEEN 1 AND 365),
    ADD COLUMN pets TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (pets IN ('', 'yes', 'request', 'no')),
    -- Words with a space between them.
    ADD COLUMN features TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (string_to_array(features, ' ') <@ ARRAY[
        'wifi', 'air_conditioning', 'heating', 'kitchen', 'dishwasher', 'washing_machine', 'dryer', 'tv',
        'workspace', 'parking', 'ev_charger', 'pool', 'hot_tub', 'garden', 'balcony', 'barbecue', 'sea_view',
        'beach', 'cot_and_high_chair', 'step_free'
    ]),
    ADD COLUMN permit TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (char_length(permit) <= 40),
    ADD COLUMN host_id BIGINT REFERENCES profiles (id) ON DELETE SET NULL,
    ADD COLUMN address_shown BOOLEAN NOT NULL DEFAULT TRUE;

CREATE INDEX lettings_host_id ON lettings (host_id) WHERE host_id IS NOT NULL;

INSERT INTO compatible_migrations (version, since) VALUES ('20261128200100', '20261128191000');

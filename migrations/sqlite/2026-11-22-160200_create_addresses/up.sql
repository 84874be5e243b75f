CREATE TABLE addresses (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    number INTEGER NOT NULL CHECK (number BETWEEN 0 AND 9999),
    street TEXT NOT NULL
        CHECK (length(street) <= 64 AND length(trim(street)) >= 1 AND instr(street, char(0)) = 0),
    city TEXT NOT NULL
        CHECK (length(city) <= 64 AND length(trim(city)) >= 1 AND instr(city, char(0)) = 0),
    state TEXT NOT NULL CHECK (length(state) = 2 AND instr(state, char(0)) = 0),
    -- Five digits; leading zeros are put back when it is printed.
    zip_code INTEGER NOT NULL CHECK (zip_code BETWEEN 0 AND 99999),
    country_iso_code TEXT NOT NULL
        CHECK (length(country_iso_code) = 3 AND instr(country_iso_code, char(0)) = 0)
) STRICT;

CREATE INDEX addresses_city_state ON addresses (city, state);
CREATE INDEX addresses_state ON addresses (state);
CREATE INDEX addresses_lower_city ON addresses (lower(city), id);

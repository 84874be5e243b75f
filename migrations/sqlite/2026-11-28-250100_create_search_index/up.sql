-- What is searched, and totals per town: derived from addresses and lettings by `lettings::index`, in the
-- transaction of the change. Triggers only note what has changed, because other tools lack the function that folds
-- text. Rows that they change are indexed by the next write, or within a minute by a running site.
CREATE TABLE search_index (
    address_id INTEGER PRIMARY KEY NOT NULL,
    letting_id INTEGER UNIQUE,
    city TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Folded.
    text TEXT NOT NULL
) STRICT;
CREATE INDEX search_index_city ON search_index (city, letting_id);
CREATE INDEX search_index_state ON search_index (state, letting_id);

-- Without positions: a third of the size. `text` is compared as well.
CREATE VIRTUAL TABLE search_trigrams USING fts5 (
    text, content = 'search_index', content_rowid = 'address_id',
    tokenize = 'trigram case_sensitive 1', detail = none, columnsize = 0
);

CREATE TABLE town_totals (
    city TEXT NOT NULL,
    state TEXT NOT NULL,
    addresses INTEGER NOT NULL,
    lettings INTEGER NOT NULL,
    PRIMARY KEY (city, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE search_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    address_id INTEGER NOT NULL
) STRICT;

CREATE TRIGGER search_queue_addresses_insert AFTER INSERT ON addresses
BEGIN INSERT INTO search_queue (address_id) VALUES (NEW.id); END;

CREATE TRIGGER search_queue_addresses_update AFTER UPDATE ON addresses
BEGIN INSERT INTO search_queue (address_id) VALUES (NEW.id); END;

CREATE TRIGGER search_queue_addresses_delete AFTER DELETE ON addresses
BEGIN INSERT INTO search_queue (address_id) VALUES (OLD.id); END;

CREATE TRIGGER search_queue_lettings_insert AFTER INSERT ON lettings
BEGIN INSERT INTO search_queue (address_id) VALUES (NEW.address_id); END;

CREATE TRIGGER search_queue_lettings_update AFTER UPDATE ON lettings
BEGIN INSERT INTO search_queue (address_id) SELECT OLD.address_id UNION SELECT NEW.address_id; END;

CREATE TRIGGER search_queue_lettings_delete AFTER DELETE ON lettings
BEGIN INSERT INTO search_queue (address_id) VALUES (OLD.address_id); END;

INSERT INTO search_queue (address_id) SELECT id FROM addresses;
INSERT INTO compatible_migrations (version, since) VALUES ('20261128250100', '20261123025000');

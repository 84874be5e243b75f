DROP TRIGGER search_queue_addresses ON addresses;
DROP TRIGGER search_queue_lettings ON lettings;
DROP FUNCTION queue_address();
DROP FUNCTION queue_letting();
DROP FUNCTION create_search_trigrams();
DROP TABLE search_queue;
DROP TABLE town_totals;
DROP TABLE search_index;
DELETE FROM compatible_migrations WHERE version = '20261128250100';

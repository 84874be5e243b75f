DROP INDEX lettings_host_id;
ALTER TABLE lettings
    DROP COLUMN status,
    DROP COLUMN summary,
    DROP COLUMN description,
    DROP COLUMN kind,
    DROP COLUMN sleeps,
    DROP COLUMN bedrooms,
    DROP COLUMN half_bathrooms,
    DROP COLUMN price_from,
    DROP COLUMN price_per,
    DROP COLUMN min_nights,
    DROP COLUMN pets,
    DROP COLUMN features,
    DROP COLUMN permit,
    DROP COLUMN host_id,
    DROP COLUMN address_shown;
DELETE FROM compatible_migrations WHERE version = '20261128200100';

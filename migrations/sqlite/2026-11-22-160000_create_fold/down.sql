-- Nothing was stored.
SELECT 1;

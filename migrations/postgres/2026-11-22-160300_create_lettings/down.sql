DROP TABLE lettings;

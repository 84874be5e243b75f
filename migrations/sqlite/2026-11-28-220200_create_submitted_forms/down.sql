DELETE FROM compatible_migrations WHERE version = '20261128220200';
DROP TABLE submitted_forms;

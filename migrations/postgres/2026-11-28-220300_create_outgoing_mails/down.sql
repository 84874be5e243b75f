DELETE FROM compatible_migrations WHERE version = '20261128220300';
DROP TABLE outgoing_mails;

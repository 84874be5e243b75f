DROP INDEX changes_time;
DROP INDEX changes_username;
DROP INDEX changes_action;
DROP INDEX changes_cause;
DROP INDEX changes_act;
ALTER TABLE changes DROP COLUMN address;
ALTER TABLE changes DROP COLUMN cause;
ALTER TABLE changes DROP COLUMN act;

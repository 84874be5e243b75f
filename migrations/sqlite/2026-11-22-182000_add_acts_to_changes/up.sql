-- The first line of everything that was done at one go, and the line of the row that took this one along.
ALTER TABLE changes ADD COLUMN act INTEGER;
ALTER TABLE changes ADD COLUMN cause INTEGER;
-- Where somebody came from, for what happens at the door.
ALTER TABLE changes ADD COLUMN address TEXT NOT NULL DEFAULT '' CHECK (length(address) <= 100);

CREATE INDEX changes_act ON changes (act, id);
CREATE INDEX changes_cause ON changes (cause, id);
CREATE INDEX changes_action ON changes (action, id);
CREATE INDEX changes_username ON changes (username, id);
CREATE INDEX changes_time ON changes (changed_at, id);

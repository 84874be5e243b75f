-- The lines whose network address is still kept, by age: each is forgotten in its time.
CREATE INDEX changes_address ON changes (changed_at) WHERE address <> '';

DROP INDEX changes_address;

-- What was done, in a sentence, for lines that were brought from elsewhere and whose rows before and after are not known.
ALTER TABLE changes ADD COLUMN words TEXT NOT NULL DEFAULT '';

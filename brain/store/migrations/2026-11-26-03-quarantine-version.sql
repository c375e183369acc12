-- Which version of its sensor type refused a reading.
ALTER TABLE brain.quarantine ADD COLUMN version int;

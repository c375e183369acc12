-- When rows of a sensor type were stored last: freshness of everything without looking into a table.
ALTER TABLE brain.ledger ADD COLUMN stored_at timestamptz;

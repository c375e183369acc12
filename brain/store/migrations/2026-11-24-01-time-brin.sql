-- Tables of observations are found by time with a BRIN index: a b-tree cost 20 to 33 bytes a row and a quarter of the
-- work of storing one. Dropping or making an index of a hypertable or a partitioned table does so for all its parts.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT t.relname
        FROM brain.sensor_type s
        JOIN pg_class t ON t.relname = s.folded AND t.relnamespace = 'observations'::regnamespace AND t.relkind IN ('r', 'p')
        WHERE NOT EXISTS (
            SELECT FROM pg_class i JOIN pg_am a ON a.oid = i.relam
            WHERE i.relname = s.folded || '_time' AND i.relnamespace = t.relnamespace AND a.amname = 'brin')
    LOOP
        EXECUTE format('DROP INDEX IF EXISTS observations.%I', name || '_time');
        EXECUTE format(
            'CREATE INDEX %I ON observations.%I USING brin (time) WITH (pages_per_range = 32, autosummarize = on)',
            name || '_time', name);
    END LOOP;
END
$$;

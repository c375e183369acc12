-- One BRIN index over time and position instead of one over each: an entry for two columns costs a row about what an entry
-- for one does. Of a table that is made now it is there already.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT t.relname
        FROM brain.sensor_type s
        JOIN pg_class t ON t.relname = s.folded AND t.relnamespace = 'observations'::regnamespace AND t.relkind IN ('r', 'p')
    LOOP
        EXECUTE format(
            'CREATE INDEX IF NOT EXISTS %I ON observations.%I '
            'USING brin (time, position) WITH (pages_per_range = 32, autosummarize = on)', name || '_stretch', name);
        EXECUTE format('DROP INDEX IF EXISTS observations.%I', name || '_time');
        EXECUTE format('DROP INDEX IF EXISTS observations.%I', name || '_position');
    END LOOP;
END
$$;

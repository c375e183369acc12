-- name: find_named
-- Devices of this name among these sensor types.
SELECT sensor_type, device_id FROM brain.device WHERE name = $1 AND sensor_type = ANY ($2::text[]);

-- name: observations
-- Rows of one sensor type, oldest first; position breaks ties.
SELECT t.time, d.name AS device, t.received_at, t.position{columns}
FROM (SELECT * FROM {table} WHERE {conditions} ORDER BY time, position LIMIT $1) t
LEFT JOIN brain.device d ON d.device_id = t.device_id
ORDER BY t.time, t.position;

-- name: observation_keys
-- Where the rows of one sensor type lie in the order of several.
(SELECT time, position FROM {table} WHERE {conditions} ORDER BY time, position LIMIT $1);

-- name: end_of_page
-- The row that ends a page of one device of several sensor types.
SELECT time, position FROM ({keys}) u ORDER BY time, position OFFSET $1 - 1 LIMIT 1;

-- name: plan_by_windows
-- For paging by windows of time, until the end of the transaction: planned for the window, by the index on time. A LIMIT
-- without an order makes reading a whole chunk from its beginning, or its rows device by device, look cheap.
SELECT set_config(name, value, true)
FROM (VALUES ('plan_cache_mode', 'force_custom_plan'), ('enable_seqscan', 'off'), ('enable_indexscan', 'off'),
             ('enable_indexonlyscan', 'off')) s (name, value);

-- name: window_keys
-- Rows of one sensor type in a window, no more than make it crowded.
(SELECT time, position FROM {table} WHERE {conditions} AND time >= $3 AND time < $4 LIMIT $2);

-- name: end_in_window
-- How many rows a window holds, and where the last of those lies that the page needs ($1).
WITH keys AS MATERIALIZED ({keys}),
     page AS (SELECT time, position FROM keys ORDER BY time, position LIMIT $1)
SELECT (SELECT count(*) FROM keys) AS rows, time, position FROM page ORDER BY time DESC, position DESC LIMIT 1;

-- name: latest
-- The newest row of each device of one sensor type: one look at the unique index per device.
SELECT t.time, d.name AS device, t.received_at, t.position{columns}
FROM (SELECT device_id, name FROM brain.device WHERE {devices}) d
CROSS JOIN LATERAL (
    SELECT * FROM {table} o WHERE o.device_id = d.device_id ORDER BY o.time DESC, o.position DESC LIMIT 1
) t
WHERE {conditions}
ORDER BY d.name LIMIT $1;

-- name: stored_of_device
-- How many rows of a device are stored.
SELECT count(*) FROM {table} WHERE device_id = $1;

-- name: device_tally
-- A device and what was counted of it.
SELECT d.device_id, coalesce(t.duplicate, 0) AS duplicate, coalesce(t.quarantined, 0) AS quarantined
FROM brain.device d LEFT JOIN brain.device_tally t USING (device_id) WHERE d.sensor_type = $1 AND d.name = $2;

-- name: positions_between
-- Positions (after, up to) that hold everything received in a stretch of time, and a little more. See brain.clock.
SELECT coalesce((SELECT position FROM brain.clock WHERE minute <= $1 ORDER BY minute DESC LIMIT 1), 0) AS after,
       coalesce((SELECT position FROM brain.clock WHERE minute >= $2 ORDER BY minute OFFSET 1 LIMIT 1),
                (SELECT position FROM brain.head)) AS up_to;

-- name: history
-- Rows of one sensor type between two positions, received in a stretch of time: one row, a column as one value.
SELECT {packed} FROM (
    SELECT time, device_id, received_at, position{columns} FROM {table}
    WHERE position > $1 AND position <= $2 AND received_at >= $3 AND received_at < $4 ORDER BY position
) s;

-- name: quarantine
-- Refused readings, newest first.
SELECT quarantine_id, received_at, topic, sensor_type, device, reason, detail, payload, size, retries, mended_at, version
FROM brain.quarantine WHERE {conditions} ORDER BY quarantine_id DESC LIMIT $1;

-- name: quarantine_summary
-- What still waits, by reason and sensor type, most first.
SELECT reason, sensor_type, count(*) AS count, min(received_at) AS oldest, max(received_at) AS newest
FROM brain.quarantine WHERE mended_at IS NULL GROUP BY reason, sensor_type
ORDER BY count(*) DESC, reason, sensor_type;

-- name: quarantine_retry
-- Hands in again what waits, what was tried least first, then the oldest, and wakes up ingest.
WITH chosen AS (
    SELECT quarantine_id, topic, payload, retries FROM brain.quarantine q
    WHERE {conditions} AND mended_at IS NULL AND length(payload) = size
      AND NOT EXISTS (SELECT 1 FROM brain.inbox i WHERE i.retry_of = q.quarantine_id AND i.answer IS NULL)
    ORDER BY retries, quarantine_id LIMIT $1
), handed AS (
    INSERT INTO brain.inbox (topic, payload, retry_of)
    SELECT topic, payload, quarantine_id FROM chosen ORDER BY retries, quarantine_id RETURNING 1
)
SELECT count(*) AS queued FROM handed, LATERAL (SELECT pg_notify('inbox', '')) AS woken;

-- name: quarantine_payload
-- Topic and bytes of one record, unless only its beginning was kept.
SELECT quarantine_id, topic, payload FROM brain.quarantine WHERE quarantine_id = $1 AND length(payload) = size;

-- name: activity
-- Per ledger key: rows stored since a time, and when the last ones were. The log tells it, whatever the number of tables.
SELECT l.key, coalesce(r.rows, 0)::int8 AS rows, l.stored_at
FROM brain.ledger l LEFT JOIN (
    SELECT o.key, sum((o.value ->> 1)::int8) AS rows
    FROM brain.log e CROSS JOIN LATERAL json_each(e.outcome::json) o
    WHERE e.received_at >= $1 AND e.rows > 0 GROUP BY o.key
) r USING (key);

-- name: device_activity
-- Per device of one sensor type: rows since a time, its newest row, and what was refused of it; two looks at the unique
-- index each.
SELECT d.device_id, c.rows, n.newest, coalesce(t.quarantined, 0) AS quarantined
FROM unnest($1::int[]) AS d (device_id)
LEFT JOIN LATERAL (SELECT o.time AS newest FROM {table} o WHERE o.device_id = d.device_id ORDER BY o.time DESC LIMIT 1) n ON true
CROSS JOIN LATERAL (SELECT count(*) AS rows FROM {table} o WHERE o.device_id = d.device_id AND o.time >= $2) c
LEFT JOIN brain.device_tally t ON t.device_id = d.device_id;

-- name: statistics
-- One row of sizes and counts.
SELECT h.entry AS log_last, h.position, h.received_at, h.ignored,
       (SELECT min(entry) FROM brain.log) AS log_first,
       (SELECT count(*) FROM brain.log) AS log_entries,
       pg_total_relation_size('brain.log') AS log_bytes,
       pg_database_size(current_database()) AS database_bytes,
       (SELECT count(*) FROM brain.device WHERE NOT starts_with(name, 'exercise:')) AS devices,
       (SELECT count(*) FROM brain.quarantine) AS quarantine,
       (SELECT count(*) FROM brain.inbox WHERE answer IS NULL) AS inbox_waiting,
       (SELECT count(*) FROM brain.outbox WHERE done_at IS NULL) AS outbox_waiting,
       (SELECT count(*) FROM brain.incident WHERE NOT starts_with(incident, 'exercise-')) AS incidents,
       (SELECT count(*) FROM brain.incident
        WHERE state IN ('raised', 'acknowledged') AND NOT starts_with(incident, 'exercise-')) AS incidents_open
FROM brain.head h;

-- name: leases
-- How far the scenes of each partition are.
SELECT l.name, l.entry, coalesce(c.entry, 0) AS checkpoint
FROM brain.lease l LEFT JOIN brain.checkpoint c USING (name) ORDER BY l.name;

-- name: clean_log
-- Log entries older than a time that the checkpoints of all partitions are past.
WITH gone AS (
    DELETE FROM brain.log
    WHERE received_at < $1
      AND entry < (SELECT entry FROM brain.head)
      AND entry <= coalesce((SELECT min(coalesce(c.entry, 0)) FROM brain.lease l LEFT JOIN brain.checkpoint c USING (name)),
                            (SELECT entry FROM brain.head))
    RETURNING 1
)
SELECT count(*) FROM gone;

-- name: clean_timeless
-- Hashes of messages without time from before a time.
WITH gone AS (DELETE FROM brain.timeless WHERE received_at < $1 RETURNING 1) SELECT count(*) FROM gone;

-- name: clean_inbox
-- Messages answered before a time.
WITH gone AS (DELETE FROM brain.inbox WHERE answered_at < $1 RETURNING 1) SELECT count(*) FROM gone;

-- name: clean_outbox
-- Messages to departments that went out before a time.
WITH gone AS (DELETE FROM brain.outbox WHERE done_at < $1 RETURNING 1) SELECT count(*) FROM gone;

-- name: clean_quarantine
-- Refused readings from before a time.
WITH gone AS (DELETE FROM brain.quarantine WHERE received_at < $1 RETURNING 1) SELECT count(*) FROM gone;

-- name: clean_states
-- What profiles remember and has not changed since a time.
WITH gone AS (DELETE FROM brain.profile_state WHERE changed_at < $1 RETURNING 1) SELECT count(*) FROM gone;

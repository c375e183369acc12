-- name: claim_head
-- Becomes the log's writer: a former one fails at its next write.
UPDATE brain.head SET epoch = epoch + 1 RETURNING epoch, position, received_at;

-- name: advance_head
-- Locks the head for this flush. Where it is not ours any more, or the flush with this token is the last one written,
-- it divides by zero: what was sent along with it must not happen.
WITH moved AS (
    UPDATE brain.head
    SET position = $2, received_at = $3, token = $4, ignored = ignored + $5, entry = entry + 1
    WHERE epoch = $1 AND token <> $4
    RETURNING entry
)
SELECT 1 / count(*) FROM moved;

-- name: last_flush
-- What the last flush was and what came of it.
SELECT h.epoch, h.token, l.outcome, l.piece FROM brain.head h LEFT JOIN brain.log l ON l.entry = h.entry;

-- name: stored_already
-- Which of these rows (numbered from 1) are stored already; all their times lie between $4 and $5, within one day. LIMIT
-- makes it one look at the unique index a row, whatever the planner believes: of a day that has just begun it does not
-- know the size, and other ways of joining may read it whole, or once a row.
SELECT g.n
FROM unnest($1::timestamptz[], $2::int[], $3::text[]) WITH ORDINALITY AS g (time, device_id, key, n)
CROSS JOIN LATERAL (
    SELECT FROM {table} t
    WHERE t.device_id = g.device_id AND t.time = g.time AND t.{key} IS NOT DISTINCT FROM g.key
      AND t.time BETWEEN $4 AND $5
    LIMIT 1
) s;

-- name: look_at_one_chunk
-- For stored_already: planned for the day it asks for, so that the one chunk is looked at without a detour (with
-- TimescaleDB a third of the time). Until the end of the transaction; plain PostgreSQL takes no notice of the first.
SELECT set_config('timescaledb.enable_chunk_append', 'off', true),
       set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: record_flush
-- The log entry under the head's number, the ledger and the wake-up, in one statement.
WITH entry AS (
    INSERT INTO brain.log (entry, received_at, token, rows, outcome, piece)
    SELECT entry, $1::timestamptz, $2::int8, $3::int8, $4::text, $5::bytea FROM brain.head
), ledger AS (
    INSERT INTO brain.ledger AS l (key, received, stored, duplicate, quarantined, stored_at)
    SELECT g.*, CASE WHEN g.stored > 0 THEN $1::timestamptz END
    FROM unnest($6::text[], $7::int8[], $8::int8[], $9::int8[], $10::int8[]) AS g (key, received, stored, duplicate, quarantined)
    ON CONFLICT (key) DO UPDATE
    SET received = l.received + excluded.received, stored = l.stored + excluded.stored,
        duplicate = l.duplicate + excluded.duplicate, quarantined = l.quarantined + excluded.quarantined,
        stored_at = coalesce(excluded.stored_at, l.stored_at)
)
SELECT pg_notify('log', '');

-- name: put_clock
-- Remembers the position before the first flush of a minute.
INSERT INTO brain.clock (minute, position) VALUES (date_trunc('minute', $1::timestamptz), $2) ON CONFLICT DO NOTHING;

-- name: tally_devices
-- Counts duplicate and refused readings of registered devices.
INSERT INTO brain.device_tally AS t (device_id, duplicate, quarantined)
SELECT d.device_id, sum(g.duplicate), sum(g.quarantined)
FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[]) AS g (sensor_type, name, duplicate, quarantined)
JOIN brain.device d USING (sensor_type, name)
GROUP BY d.device_id ORDER BY d.device_id
ON CONFLICT (device_id) DO UPDATE
SET duplicate = t.duplicate + excluded.duplicate, quarantined = t.quarantined + excluded.quarantined;

-- name: tally_rows
-- Counts duplicate rows, by device id.
INSERT INTO brain.device_tally AS t (device_id, duplicate, quarantined)
SELECT device_id, count(*), 0 FROM unnest($1::int[]) AS g (device_id) GROUP BY device_id ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE SET duplicate = t.duplicate + excluded.duplicate;

-- name: put_quarantine
-- Keeps refused readings.
INSERT INTO brain.quarantine (received_at, topic, sensor_type, device, reason, detail, payload, size, place, version)
SELECT at, topic, type, device, reason, detail, payload, size, place, nullif(version, 0)
FROM unnest(
    $1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::int[], $9::int[],
    $10::int[]
) AS g (at, topic, type, device, reason, detail, payload, size, place, version);

-- name: note_retry
-- A new try of a quarantine record: counted; refused again it says why now, else it is mended. A message that is read
-- whole again may hold other readings that are refused as before: those for which another record of the message waits
-- are that record's matter.
WITH own AS (
    SELECT received_at, topic FROM brain.quarantine WHERE quarantine_id = $1
), still AS (
    SELECT g.reason, g.detail
    FROM own, unnest($2::text[], $3::text[]) WITH ORDINALITY AS g (reason, detail, n)
    WHERE NOT EXISTS (
        SELECT FROM brain.quarantine q
        WHERE q.received_at = own.received_at AND q.topic = own.topic AND q.mended_at IS NULL
          AND q.quarantine_id <> $1 AND q.reason = g.reason AND q.detail = g.detail
    )
    ORDER BY g.n LIMIT 1
)
UPDATE brain.quarantine
SET retries = retries + 1,
    reason = coalesce((SELECT reason FROM still), reason), detail = coalesce((SELECT detail FROM still), detail),
    mended_at = CASE WHEN NOT EXISTS (SELECT FROM still) THEN $4::timestamptz END
WHERE quarantine_id = $1;

-- name: put_timeless
-- Hashes of messages without time.
INSERT INTO brain.timeless (hash, received_at) SELECT DISTINCT h, $2::timestamptz FROM unnest($1::bytea[]) AS g (h)
ON CONFLICT (hash) DO UPDATE SET received_at = excluded.received_at;

-- name: put_states
-- What profiles remember from now on.
INSERT INTO brain.profile_state (sensor_type, key, value, changed_at)
SELECT t, k, v, $4::timestamptz FROM unnest($1::text[], $2::text[], $3::bytea[]) AS g (t, k, v)
ON CONFLICT (sensor_type, key) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at;

-- name: forget_states
-- What profiles remember no more.
DELETE FROM brain.profile_state p USING unnest($1::text[], $2::text[]) AS g (t, k)
WHERE p.sensor_type = g.t AND p.key = g.k;

-- name: load_states
-- All that profiles remember, longest unchanged first.
SELECT sensor_type, key, value FROM brain.profile_state ORDER BY changed_at, sensor_type, key;

-- name: timeless_since
-- Hashes of messages without time received since.
SELECT hash FROM brain.timeless WHERE received_at >= $1;

-- name: stored_twins
-- The rows that stood in the way of duplicates.
SELECT t.time, t.device_id, t.received_at, t.position{columns}
FROM unnest($1::timestamptz[], $2::int[], $3::text[]) WITH ORDINALITY AS g (time, device_id, key, n)
JOIN {table} t ON t.device_id = g.device_id AND t.time = g.time AND t.{key} IS NOT DISTINCT FROM g.key
ORDER BY g.n;

-- name: inbox_put
-- Hands in a message; wakes up ingest.
WITH message AS (
    INSERT INTO brain.inbox (topic, payload, retry_of) VALUES ($1, $2, $3) RETURNING inbox_id
)
SELECT inbox_id, pg_notify('inbox', '') FROM message;

-- name: inbox_take
-- Unanswered messages, oldest first.
SELECT i.inbox_id, i.topic, i.payload, i.retry_of, q.received_at AS first_received_at, q.place
FROM brain.inbox i LEFT JOIN brain.quarantine q ON q.quarantine_id = i.retry_of
WHERE i.answer IS NULL ORDER BY i.inbox_id LIMIT $1;

-- name: inbox_answer
-- The answer of a message.
SELECT answer FROM brain.inbox WHERE inbox_id = $1;

-- name: put_answer
-- Answers a message once; tells which quarantine record it was a new try of.
UPDATE brain.inbox SET answer = $2, answered_at = $3 WHERE inbox_id = $1 AND answer IS NULL
RETURNING retry_of;

-- name: ledger
-- The whole ledger at one instant, and since when it counts.
SELECT l.key, l.received, l.stored, l.duplicate, l.quarantined, h.since
FROM brain.head h LEFT JOIN brain.ledger l ON true ORDER BY l.key;

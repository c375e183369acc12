-- name: claim_lease
-- Owns the scenes of a partition; a former owner is fenced.
INSERT INTO brain.lease AS l (name, epoch) VALUES ($1, 1)
ON CONFLICT (name) DO UPDATE SET epoch = l.epoch + 1 RETURNING epoch;

-- name: read_log
-- Entries after a number, in order; no more once they hold $3 rows, so that a long backlog fits into memory.
SELECT entry, received_at, piece FROM (
    SELECT entry, received_at, piece, sum(rows) OVER (ORDER BY entry) - rows AS before FROM (
        SELECT entry, received_at, rows, piece FROM brain.log WHERE entry > $1 ORDER BY entry LIMIT $2::bigint
    ) next
) counted WHERE before < $3::bigint ORDER BY entry;

-- name: log_end
-- The newest log entry and the head's time of receipt.
SELECT entry, received_at FROM brain.head;

-- name: load_checkpoint
-- The newest checkpoint of a partition.
SELECT entry, state FROM brain.checkpoint WHERE name = $1;

-- name: advance_lease
-- Moves the offset on. Where another process owns the scenes it divides by zero: what was sent along must not happen.
WITH held AS (
    UPDATE brain.lease SET entry = greatest(entry, $3) WHERE name = $1 AND epoch = $2 RETURNING entry
)
SELECT 1 / count(*) FROM held;

-- name: put_checkpoint
-- Keeps the engine's state as of a log entry, if the scenes are ours; never in place of a later one, which a new owner
-- may have stored since we looked.
INSERT INTO brain.checkpoint AS known (name, entry, state)
SELECT l.name, $3::bigint, $4::bytea FROM brain.lease AS l WHERE l.name = $1 AND l.epoch = $2
ON CONFLICT (name) DO UPDATE SET entry = excluded.entry, state = excluded.state WHERE known.entry <= excluded.entry;

-- name: lock_events
-- Steps are appended one transaction at a time: a number becomes visible only after all lower ones.
SELECT event FROM brain.event_head FOR UPDATE;

-- name: lock_events_after
-- As lock_events where the newest step is this one; divides by zero where it is another, or one of the incidents is known.
WITH head AS (SELECT event FROM brain.event_head FOR UPDATE)
SELECT 1 / count(*) FROM head
WHERE event = $1 AND NOT EXISTS (SELECT FROM brain.incident WHERE incident = ANY ($2::text[]));

-- name: advance_events
-- The number of the newest step; wakes up who shows incidents.
WITH moved AS (UPDATE brain.event_head SET event = $1)
SELECT pg_notify('incidents', '');

-- name: find_incidents
-- Records of these incidents.
SELECT incident, scene, event, level, state, departments, lon, lat, raised_at, updated_at, cleared_at, last_seq,
       engine_number, document, acknowledged_by, acknowledged_at, assigned_to, shelved_until, closed_at
FROM brain.incident WHERE incident = ANY ($1::text[]);

-- name: known_incidents
-- Which of these incidents there are.
SELECT incident FROM brain.incident WHERE incident = ANY ($1::text[]);

-- name: put_incident
-- Keeps an incident's record.
INSERT INTO brain.incident
    (incident, scene, event, level, state, departments, lon, lat, raised_at, updated_at, cleared_at, last_seq,
     engine_number, document, acknowledged_by, acknowledged_at, assigned_to, shelved_until, closed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
ON CONFLICT (incident) DO UPDATE
SET level = excluded.level, state = excluded.state, departments = excluded.departments,
    lon = excluded.lon, lat = excluded.lat, updated_at = excluded.updated_at, cleared_at = excluded.cleared_at,
    last_seq = excluded.last_seq, engine_number = excluded.engine_number, document = excluded.document,
    acknowledged_by = excluded.acknowledged_by, acknowledged_at = excluded.acknowledged_at,
    assigned_to = excluded.assigned_to, shelved_until = excluded.shelved_until, closed_at = excluded.closed_at;

-- name: put_steps
-- Appends lines to the logs of incidents.
INSERT INTO brain.incident_log (event, incident, seq, engine_number, op, at, document)
SELECT * FROM unnest($1::int8[], $2::text[], $3::int[], $4::int[], $5::text[], $6::timestamptz[], $7::text[]);

-- name: put_outbox
-- Messages owed to departments; a key that is known is not owed twice.
INSERT INTO brain.outbox (incident, seq, department, role, idempotency_key)
SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[])
ON CONFLICT (idempotency_key) DO NOTHING;

-- name: engine_document
-- The last log object of the engine for an incident.
SELECT document FROM brain.incident_log WHERE incident = $1 AND engine_number = $2;

-- name: last_of_op
-- The newest log object of this kind of an incident.
SELECT document FROM brain.incident_log WHERE incident = $1 AND op = $2 ORDER BY seq DESC LIMIT 1;

-- name: incident_log
-- All steps of an incident.
SELECT document FROM brain.incident_log WHERE incident = $1 ORDER BY seq;

-- name: steps_after
-- Steps of all incidents after an event number, each with its incident's record.
SELECT s.number, s.step, s.incident, i.scene, i.event, i.level, i.state, i.departments, i.lon,
       i.lat, i.raised_at, i.updated_at, i.cleared_at, i.last_seq, i.engine_number, i.document, i.acknowledged_by,
       i.acknowledged_at, i.assigned_to, i.shelved_until, i.closed_at
FROM (
    SELECT event AS number, incident, document AS step FROM brain.incident_log WHERE event > $1 ORDER BY event LIMIT $2
) AS s
LEFT JOIN brain.incident AS i USING (incident)
ORDER BY s.number;

-- name: last_event
-- Number of the newest step.
SELECT event FROM brain.event_head;

-- name: list_incidents
-- Incidents, newest first; every filter may be NULL.
SELECT incident, scene, event, level, state, departments, lon, lat, raised_at, updated_at, cleared_at, last_seq,
       engine_number, document, acknowledged_by, acknowledged_at, assigned_to, shelved_until, closed_at
FROM brain.incident
WHERE {conditions}
ORDER BY raised_at DESC, incident DESC LIMIT $1;

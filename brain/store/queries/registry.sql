-- name: load_sensor_types
-- All sensor types.
SELECT document FROM brain.sensor_type ORDER BY sensor_type;

-- name: load_devices
-- Devices after an id: all after 0.
SELECT device_id, sensor_type, name, lon, lat, site, simulated, extra FROM brain.device WHERE device_id > $1
ORDER BY device_id;

-- name: lock_registry
-- One changes the registry at a time; held until the transaction ends.
SELECT pg_advisory_xact_lock(hashtext('brain.registry'));

-- name: find_sensor_type
-- The sensor type whose id is this one, - and _ counting as the same.
SELECT sensor_type, document FROM brain.sensor_type WHERE folded = $1;

-- name: put_sensor_type
-- Keeps the document of a sensor type.
INSERT INTO brain.sensor_type (sensor_type, folded, version, document) VALUES ($1, $2, $3, $4)
ON CONFLICT (sensor_type) DO UPDATE SET version = excluded.version, document = excluded.document;

-- name: put_version
-- Keeps the document of a version.
INSERT INTO brain.sensor_type_version (sensor_type, version, source, samples) VALUES ($1, $2, $3, $4)
ON CONFLICT (sensor_type, version) DO UPDATE SET source = excluded.source, samples = excluded.samples;

-- name: versions
-- Versions of a sensor type, oldest first.
SELECT version, source, samples, added_at FROM brain.sensor_type_version WHERE sensor_type = $1 ORDER BY version;

-- name: setting
-- What a setting says.
SELECT value FROM brain.setting WHERE name = $1;

-- name: put_setting
-- Says what a setting is from now on.
INSERT INTO brain.setting AS s (name, value) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value RETURNING value;

-- name: next_revision
-- Counts a change of the sensor types.
INSERT INTO brain.setting AS s (name, value) VALUES ('registry_revision', '1')
ON CONFLICT (name) DO UPDATE SET value = (s.value::int8 + 1)::text RETURNING value::int8;

-- name: table_columns
-- Columns and their types of a table of observations, nothing when it is not there.
SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS kind
FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped;

-- name: admit
-- Devices of these names: the known ones, and new ones with the next free ids. Needs lock_registry.
WITH asked AS (
    SELECT sensor_type, name, min(n) AS n
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (sensor_type, name, n)
    GROUP BY sensor_type, name
), missing AS (
    SELECT a.sensor_type, a.name, row_number() OVER (ORDER BY a.n) AS k
    FROM asked a LEFT JOIN brain.device d USING (sensor_type, name) WHERE d.device_id IS NULL
)
INSERT INTO brain.device (device_id, sensor_type, name)
SELECT (SELECT coalesce(max(device_id), 0) FROM brain.device) + k, sensor_type, name FROM missing
RETURNING device_id;

-- name: put_devices
-- Inserts devices or updates them by (sensor type, name); answers which changed. Needs lock_registry.
WITH given AS (
    SELECT DISTINCT ON (sensor_type, name) *
    FROM unnest($1::text[], $2::text[], $3::float8[], $4::float8[], $5::text[], $6::boolean[], $7::text[])
        WITH ORDINALITY AS g (sensor_type, name, lon, lat, site, simulated, extra, n)
    ORDER BY sensor_type, name, n DESC
), numbered AS (
    SELECT g.*, d.device_id AS known, row_number() OVER (PARTITION BY d.device_id IS NULL ORDER BY g.n) AS k
    FROM given g LEFT JOIN brain.device d USING (sensor_type, name)
)
INSERT INTO brain.device AS d (device_id, sensor_type, name, lon, lat, site, simulated, extra)
SELECT coalesce(known, (SELECT coalesce(max(device_id), 0) FROM brain.device) + k),
       sensor_type, name, lon, lat, site, simulated, extra
FROM numbered
ON CONFLICT (sensor_type, name) DO UPDATE
SET lon = excluded.lon, lat = excluded.lat, site = excluded.site, simulated = excluded.simulated, extra = excluded.extra
WHERE (d.lon, d.lat, d.site, d.simulated, d.extra)
    IS DISTINCT FROM (excluded.lon, excluded.lat, excluded.site, excluded.simulated, excluded.extra)
RETURNING device_id;

-- name: find_devices
-- Devices of these names, in the order asked.
SELECT d.device_id, d.sensor_type, d.name, d.lon, d.lat, d.site, d.simulated, d.extra
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (sensor_type, name, n)
JOIN brain.device d USING (sensor_type, name) ORDER BY a.n;

-- name: device_names
-- Names of these devices.
SELECT device_id, name FROM brain.device WHERE device_id = ANY ($1::int[]);

-- name: put_city
-- Keeps the city model in force; answers nothing where it is the same.
INSERT INTO brain.city AS c (document) VALUES ($1)
ON CONFLICT (only_row) DO UPDATE SET document = excluded.document WHERE c.document <> excluded.document
RETURNING true;

-- name: load_city
-- The city model in force.
SELECT document FROM brain.city;

-- name: notify
-- Wakes up the listeners of a channel when the transaction commits.
SELECT pg_notify($1, '');

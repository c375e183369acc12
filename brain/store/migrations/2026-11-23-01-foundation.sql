-- The tables of the platform itself. Observations live in schema "observations", one table a sensor type, made when
-- the sensor type is registered. Times are timestamptz, so that people can read them; the code sees microseconds.

CREATE SCHEMA IF NOT EXISTS observations;
COMMENT ON SCHEMA observations IS 'One table per sensor type: what devices said, read it with any SQL tool';

-- What holds for the whole data base, e.g. the dialect it was made with.
CREATE TABLE brain.setting (
    name  text PRIMARY KEY,
    value text NOT NULL
);

-- ---- registry ------------------------------------------------------------------------------------------------------

CREATE TABLE brain.sensor_type (
    sensor_type text PRIMARY KEY,
    folded      text NOT NULL UNIQUE,               -- the id with _ for -: both spellings are one table
    version     int  NOT NULL,
    document    text NOT NULL                       -- JSON of brain.model.SensorType
);

CREATE TABLE brain.device (
    device_id   int PRIMARY KEY,                    -- dense: 1, 2, 3 ... without gaps
    sensor_type text NOT NULL,
    name        text NOT NULL,
    lon         float8,
    lat         float8,
    site        text,
    simulated   boolean NOT NULL DEFAULT false,
    extra       text NOT NULL DEFAULT '{}',         -- JSON, key order kept
    UNIQUE (sensor_type, name)
);
CREATE INDEX device_name ON brain.device (name);

CREATE TABLE brain.city (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    document bytea NOT NULL
);

-- ---- ingest --------------------------------------------------------------------------------------------------------

-- The end of the log. Its one row is locked by every flush: that orders flushes and fences former writers.
CREATE TABLE brain.head (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch       bigint NOT NULL DEFAULT 0,
    position    bigint NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL DEFAULT 'epoch',
    entry       bigint NOT NULL DEFAULT 0,
    token       bigint NOT NULL DEFAULT 0,          -- of the last flush: tells a repeated one after a lost connection
    ignored     bigint NOT NULL DEFAULT 0,
    since       timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 10);                           -- one row, changed all the time: leave room for in-page updates
INSERT INTO brain.head DEFAULT VALUES;

CREATE TABLE brain.log (
    entry       bigint PRIMARY KEY,
    received_at timestamptz NOT NULL,
    token       bigint NOT NULL,
    rows        int   NOT NULL,
    outcome     text  NOT NULL,                     -- JSON: ledger change per key, as told to the writer
    piece       bytea NOT NULL                      -- the stored rows, see brain/store/pieces.py
);
ALTER TABLE brain.log ALTER COLUMN piece SET STORAGE EXTERNAL;      -- packed already; spare the compressor
CREATE INDEX log_received_at ON brain.log USING brin (received_at) WITH (pages_per_range = 16, autosummarize = on);

-- Where in the order of positions a time of receipt lies: the head before the first flush of each minute.
CREATE TABLE brain.clock (
    minute   timestamptz PRIMARY KEY,
    position bigint NOT NULL
);

CREATE TABLE brain.ledger (
    key         text PRIMARY KEY,
    received    bigint NOT NULL,
    stored      bigint NOT NULL,
    duplicate   bigint NOT NULL,
    quarantined bigint NOT NULL,
    CHECK (received = stored + duplicate + quarantined)
) WITH (fillfactor = 50);

-- What the tables of observations cannot tell by counting.
CREATE TABLE brain.device_tally (
    device_id   int PRIMARY KEY,
    duplicate   bigint NOT NULL,
    quarantined bigint NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE brain.timeless (
    hash        bytea PRIMARY KEY,
    received_at timestamptz NOT NULL
);
CREATE INDEX timeless_received_at ON brain.timeless (received_at);

CREATE TABLE brain.quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at   timestamptz NOT NULL,
    topic         text  NOT NULL,
    sensor_type   text,
    device        text,
    reason        text  NOT NULL,
    detail        text  NOT NULL,
    payload       bytea NOT NULL,
    size          int   NOT NULL,
    retries       int   NOT NULL DEFAULT 0,
    mended_at     timestamptz                       -- a new try of it was stored without a refusal
);
CREATE INDEX quarantine_received_at ON brain.quarantine (received_at);
CREATE INDEX quarantine_reason ON brain.quarantine (reason, quarantine_id);

CREATE TABLE brain.inbox (
    inbox_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       text  NOT NULL,
    payload     bytea NOT NULL,
    retry_of    bigint,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    answered_at timestamptz,
    answer      text                                -- JSON
);
CREATE INDEX inbox_waiting ON brain.inbox (inbox_id) WHERE answer IS NULL;

-- ---- scenes --------------------------------------------------------------------------------------------------------

CREATE TABLE brain.lease (
    name  text PRIMARY KEY,
    epoch bigint NOT NULL,
    entry bigint NOT NULL DEFAULT 0                 -- log entry whose effects are committed
) WITH (fillfactor = 10);

CREATE TABLE brain.checkpoint (
    name  text PRIMARY KEY,
    entry bigint NOT NULL,
    state bytea  NOT NULL
);

-- Number of the newest step. Locked by whoever appends steps, so that numbers become visible in order.
CREATE TABLE brain.event_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    event    bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO brain.event_head DEFAULT VALUES;

CREATE TABLE brain.incident (
    incident        text PRIMARY KEY,
    scene           text NOT NULL,
    event           text NOT NULL,
    level           text NOT NULL,
    state           text NOT NULL,                  -- raised acknowledged cleared closed
    departments     text[] NOT NULL,                -- who acts and who is informed, for filters
    lon             float8,
    lat             float8,
    raised_at       timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    cleared_at      timestamptz,
    last_seq        int NOT NULL,
    engine_number   int NOT NULL,
    document        text NOT NULL,                  -- JSON: the last log object
    acknowledged_by text,
    acknowledged_at timestamptz,
    assigned_to     text,
    shelved_until   timestamptz,
    closed_at       timestamptz
) WITH (fillfactor = 80);
CREATE INDEX incident_raised_at ON brain.incident (raised_at DESC, incident DESC);
CREATE INDEX incident_open ON brain.incident (raised_at DESC, incident DESC) WHERE state IN ('raised', 'acknowledged');

CREATE TABLE brain.incident_log (
    event         bigint PRIMARY KEY,
    incident      text NOT NULL,
    seq           int  NOT NULL,
    engine_number int,                              -- NULL for steps by people
    op            text NOT NULL,
    at            timestamptz NOT NULL,
    document      text NOT NULL,                    -- JSON, key order kept: what the public log prints
    UNIQUE (incident, seq),
    UNIQUE (incident, engine_number)
);

CREATE TABLE brain.outbox (
    outbox_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident        text NOT NULL,
    seq             int  NOT NULL,
    department      text NOT NULL,
    role            text NOT NULL CHECK (role IN ('act', 'inform')),
    idempotency_key text NOT NULL UNIQUE,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at         timestamptz
);
CREATE INDEX outbox_waiting ON brain.outbox (outbox_id) WHERE done_at IS NULL;

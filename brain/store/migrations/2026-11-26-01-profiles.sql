-- What profiles remember between messages; written in the transaction of the flush whose messages say it.
CREATE TABLE brain.profile_state (
    sensor_type text  NOT NULL,
    key         text  NOT NULL,
    value       bytea NOT NULL,                         -- MessagePack
    changed_at  timestamptz NOT NULL,
    PRIMARY KEY (sensor_type, key)
);

-- Which reading of its message was refused: -1 for the whole message.
ALTER TABLE brain.quarantine ADD COLUMN place int NOT NULL DEFAULT -1;

-- Every version of a sensor type's document as it was handed in, with the samples that came with it.
CREATE TABLE brain.sensor_type_version (
    sensor_type text NOT NULL,
    version     int  NOT NULL,
    source      text NOT NULL,
    samples     text NOT NULL DEFAULT '[]',             -- JSON: [{"topic", "payload_base64", "rows", "refused"}]
    added_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (sensor_type, version)
);

-- Which record of the quarantine waits to be tried again.
CREATE INDEX inbox_retry ON brain.inbox (retry_of) WHERE retry_of IS NOT NULL AND answer IS NULL;

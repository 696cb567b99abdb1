-- What long-range history is read from: one row per signal, field, value of one dimension, and minute or hour.
-- `dimension` '' holds the totals. `histogram` is a sequence of (int2 bucket, int4 count) pairs, big-endian, buckets as in
-- OpenTelemetry's exponential histograms at scale 3, -32768 for values of zero and below: two histograms are added by
-- putting one behind the other. `sums` holds what else adds up, by name, so that a new measure needs no new column.
CREATE TABLE IF NOT EXISTS enterprise.rollup_minute (
    signal TEXT NOT NULL,
    field TEXT NOT NULL,
    dimension TEXT NOT NULL,
    bucket TIMESTAMPTZ NOT NULL,
    value TEXT NOT NULL,
    count BIGINT NOT NULL,
    sum FLOAT,
    min FLOAT,
    max FLOAT,
    histogram BYTEA,
    sums JSONB,
    PRIMARY KEY (signal, field, dimension, bucket, value)
);

CREATE TABLE IF NOT EXISTS enterprise.rollup_hour (LIKE enterprise.rollup_minute INCLUDING ALL);

-- How far the rollups of each signal are complete: everything before the watermarks is in them.
CREATE TABLE IF NOT EXISTS enterprise.nervecenter_rollup_state (
    signal TEXT PRIMARY KEY,
    minute_watermark TIMESTAMPTZ NOT NULL,
    hour_watermark TIMESTAMPTZ NOT NULL
);

-- The minutes that each stored batch touched, written in the batch's own transaction and taken by the next rollup.
-- No key: two batches of the same minute must not wait for each other.
CREATE TABLE IF NOT EXISTS enterprise.nervecenter_rollup_pending (
    signal TEXT NOT NULL,
    minutes TIMESTAMPTZ[] NOT NULL
);

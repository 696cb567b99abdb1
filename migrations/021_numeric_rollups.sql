-- Rollups as numbers: a third of the bytes, and of the time of a question. Until now a row of a rollup repeated the names of
-- its signal, field, dimension and value in text, in the table and in its key, and held its sums as JSON.
--
-- What was `rollup_minute`, `rollup_hour` and `rollup_day` is now `rollup_by_minute`, `rollup_by_hour` and `rollup_by_day`. The
-- old names are views of the same figures in the old shape, so that whoever reads them, a collector of the version before
-- among them, goes on reading. Nobody can write to a view: that collector says once that rollups cannot be kept, and the marks
-- that it leaves are for whoever runs this version.
--
-- Everything is carried over, because rollups may be of rows that are gone: a million old ones take about 15 seconds, during
-- which rows wait. They need as much free space again as the new ones take, until this commits.

-- "roll": a step of another collector that is under way ends first.
SELECT pg_advisory_xact_lock(1919904876);

-- Views of somebody else on the tables of before would go on reading what nobody writes any more: they are theirs to drop and
-- to make again, of the views that bear the old names from now on.
DO $migration$
DECLARE
    foreign_views CONSTANT TEXT := (
        SELECT string_agg(DISTINCT pg_rewrite.ev_class::regclass::text, ', ')
        FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = pg_depend.objid
        WHERE pg_depend.classid = 'pg_rewrite'::regclass AND pg_depend.refclassid = 'pg_class'::regclass
            AND pg_depend.refobjid IN ('enterprise.rollup_minute'::regclass, 'enterprise.rollup_hour'::regclass, 'enterprise.rollup_day'::regclass)
            AND pg_rewrite.ev_class <> pg_depend.refobjid);
BEGIN
    IF foreign_views IS NOT NULL THEN
        RAISE EXCEPTION 'These views read tables of rollups that migration 021 replaces: %. Drop them, migrate, and make them again: the names of those tables stay, as views.', foreign_views;
    END IF;
END
$migration$;

-- Not while anybody waits for us who has what we wait for: readers take these in an order of their own.
DO $migration$
DECLARE
    attempts INTEGER := 0;
BEGIN
    LOOP
        BEGIN
            LOCK TABLE enterprise.rollup_day, enterprise.nervecenter_rollup_state, enterprise.rollup_hour, enterprise.rollup_minute
                IN ACCESS EXCLUSIVE MODE NOWAIT;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            attempts := attempts + 1;
            IF attempts >= 1200 THEN
                RAISE EXCEPTION 'The tables of rollups were in use for a minute, so migration 021 was given up. End what reads them (pg_stat_activity says who does) and start again.';
            END IF;
            PERFORM pg_sleep(0.05);
        END;
    END LOOP;
END
$migration$;

ALTER TABLE enterprise.rollup_minute RENAME TO rollup_minute_text;
ALTER TABLE enterprise.rollup_hour RENAME TO rollup_hour_text;
ALTER TABLE enterprise.rollup_day RENAME TO rollup_day_text;

-- What rows are rolled up by: a distribution, and one dimension of it, none (''), or two.
CREATE TABLE IF NOT EXISTS enterprise.rollup_kind (
    id SMALLINT PRIMARY KEY,
    signal TEXT NOT NULL,
    field TEXT NOT NULL,
    dimension TEXT NOT NULL,
    second TEXT NOT NULL DEFAULT '',
    UNIQUE (signal, field, dimension, second)
);

-- In which column of a rollup a signal's named sum is: 1 is `sum_1`.
CREATE TABLE IF NOT EXISTS enterprise.rollup_sum (
    signal TEXT NOT NULL,
    name TEXT NOT NULL,
    place SMALLINT NOT NULL,
    PRIMARY KEY (signal, name),
    UNIQUE (signal, place)
);

-- The values of a rollup's dimensions, '' where there is none. Ids are given by whoever holds the lock "roll".
CREATE TABLE IF NOT EXISTS enterprise.rollup_value (
    id INTEGER PRIMARY KEY,
    value TEXT NOT NULL,
    second TEXT NOT NULL DEFAULT '',
    seen TIMESTAMPTZ NOT NULL,  -- no rollup of a later day has it
    UNIQUE (second, value)
);

-- One row per kind, values and minute. `histogram` is a sequence of int2, big-endian, each ((bucket - 160) * 16 + exponent) * 8 +
-- digit: digit * 8 ^ exponent values are in a bucket as of OpenTelemetry's exponential histograms at scale 3, those of zero
-- and below in -96. Two histograms are added by putting one behind the other. A sum of 0 is NULL, which takes no room.
CREATE TABLE IF NOT EXISTS enterprise.rollup_by_minute (
    bucket TIMESTAMPTZ NOT NULL,
    count BIGINT NOT NULL,
    sum FLOAT,
    min FLOAT,
    max FLOAT,
    value_id INTEGER NOT NULL,
    kind SMALLINT NOT NULL,
    histogram BYTEA,
    sum_1 NUMERIC, sum_2 NUMERIC, sum_3 NUMERIC, sum_4 NUMERIC, sum_5 NUMERIC, sum_6 NUMERIC, sum_7 NUMERIC, sum_8 NUMERIC,
    sum_9 NUMERIC, sum_10 NUMERIC, sum_11 NUMERIC, sum_12 NUMERIC, sum_13 NUMERIC, sum_14 NUMERIC, sum_15 NUMERIC, sum_16 NUMERIC
);
CREATE TABLE IF NOT EXISTS enterprise.rollup_by_hour (LIKE enterprise.rollup_by_minute INCLUDING ALL);
CREATE TABLE IF NOT EXISTS enterprise.rollup_by_day (LIKE enterprise.rollup_by_minute INCLUDING ALL);

-- Until when the day that is not over is rolled up (it counts only while that is the hour watermark), and the same of two
-- dimensions at a time, which are made from old rows in steps; questions read those rows meanwhile.
ALTER TABLE enterprise.nervecenter_rollup_state
    ADD COLUMN IF NOT EXISTS open_day_until TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS pair_hour_watermark TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS pair_day_watermark TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS pair_open_day_until TIMESTAMPTZ;
UPDATE enterprise.nervecenter_rollup_state AS state SET open_day_until = open.bucket
FROM enterprise.rollup_day_text AS open
WHERE open.signal = state.signal AND open.field = '' AND open.dimension = '' AND open.value = '';

INSERT INTO enterprise.rollup_sum (signal, name, place)
SELECT signal, name, place FROM (VALUES
    ('request', ARRAY['errors']),
    ('llm-call', ARRAY['errors', 'cost_usd', 'cache_savings_usd', 'tokens', 'tokens_in', 'tokens_out', 'tokens_cached',
        'tokens_reasoning', 'tokens_cache_write', 'unpriced', 'aborted', 'estimated', 'rate_limited']),
    ('rag-query', ARRAY['errors', 'cache_hits', 'cache_lookups', 'chunks', 'answered', 'answered_empty', 'top_scores',
        'top_scored', 'avg_scores', 'avg_scored']),
    ('cache', ARRAY['hits', 'misses', 'lookups']),
    ('ws-session', ARRAY['messages_in', 'messages_out', 'bytes_in', 'bytes_out']),
    ('span', ARRAY['errors'])
) AS known(signal, names) CROSS JOIN LATERAL unnest(names) WITH ORDINALITY AS each(name, place)
ON CONFLICT DO NOTHING;

INSERT INTO enterprise.rollup_kind (id, signal, field, dimension)
SELECT row_number() OVER (ORDER BY signal, field, dimension), signal, field, dimension FROM (
    SELECT signal, field, dimension FROM enterprise.rollup_minute_text
    UNION SELECT signal, field, dimension FROM enterprise.rollup_hour_text
    UNION SELECT signal, field, dimension FROM enterprise.rollup_day_text
) AS kinds WHERE field <> ''
ON CONFLICT DO NOTHING;

INSERT INTO enterprise.rollup_value (id, value, seen)
SELECT row_number() OVER (ORDER BY value), value, max(bucket) FROM (
    SELECT value, bucket FROM enterprise.rollup_minute_text
    UNION ALL SELECT value, bucket FROM enterprise.rollup_hour_text
    UNION ALL SELECT value, bucket FROM enterprise.rollup_day_text
) AS buckets WHERE isfinite(bucket) GROUP BY value
ON CONFLICT DO NOTHING;

DO $migration$
DECLARE
    -- A histogram was a sequence of (int2 bucket, int4 count).
    tokens CONSTANT TEXT := $sql$(
        SELECT string_agg(
            CASE WHEN n < 8 THEN int2send((base + n)::int2) ELSE (
                SELECT string_agg(int2send((base + e * 8 + ((n >> (3 * e)) & 7))::int2), ''::bytea)
                FROM generate_series(0, 10) AS e WHERE (n >> (3 * e)) & 7 > 0)
            END, ''::bytea)
        FROM (
            SELECT (get_byte(old.histogram, at + 2) << 24) + (get_byte(old.histogram, at + 3) << 16)
                + (get_byte(old.histogram, at + 4) << 8) + get_byte(old.histogram, at + 5) AS n,
                CASE WHEN get_byte(old.histogram, at) = 128 THEN -32768 ELSE
                    ((((get_byte(old.histogram, at) << 8) + get_byte(old.histogram, at + 1)) # 32768) - 32768 - 160) * 128 END AS base
            FROM generate_series(0, length(old.histogram) - 6, 6) AS at OFFSET 0
        ) AS pair)$sql$;
    -- And back again.
    pairs CONSTANT TEXT := $sql$(
        SELECT string_agg(int2send((CASE WHEN token < -32640 THEN -32768 ELSE (token >> 7) + 160 END)::int2)
            || int4send(least((token & 7)::bigint << (3 * ((token >> 3) & 15)), 2147483647)::int4), ''::bytea ORDER BY at)
        FROM generate_series(0, length(rolled.histogram) - 2, 2) AS at
        CROSS JOIN LATERAL (SELECT
            ((((get_byte(rolled.histogram, at) << 8) | get_byte(rolled.histogram, at + 1)) + 32768) % 65536) - 32768 AS token) AS int2)$sql$;
    columns CONSTANT TEXT := (SELECT string_agg('sum_' || place, ', ' ORDER BY place) FROM generate_series(1, 16) AS place);
    unit TEXT;
    privilege RECORD;
    relation TEXT;
    owner CONSTANT REGROLE := (SELECT relowner FROM pg_class WHERE oid = 'enterprise.rollup_hour_text'::regclass);
BEGIN
    FOREACH unit IN ARRAY ARRAY['minute', 'hour', 'day'] LOOP
        EXECUTE format('INSERT INTO enterprise.%I (bucket, count, sum, min, max, value_id, kind, histogram, %s)
            SELECT bucket, count, sum, min, max, named.id, kinds.id, %s, %s
            FROM enterprise.%I AS old
            JOIN enterprise.rollup_kind AS kinds USING (signal, field, dimension)
            JOIN enterprise.rollup_value AS named ON named.value = old.value AND named.second = ''''
            LEFT JOIN (SELECT signal, %s FROM enterprise.rollup_sum GROUP BY signal) AS placed USING (signal)
            WHERE isfinite(bucket)',
            'rollup_by_' || unit, columns, tokens,
            (SELECT string_agg(format('nullif((sums ->> place_%s)::numeric, 0)', place), ', ' ORDER BY place)
                FROM generate_series(1, 16) AS place),
            'rollup_' || unit || '_text',
            (SELECT string_agg(format('max(name) FILTER (WHERE place = %s) AS place_%s', place, place), ', ' ORDER BY place)
                FROM generate_series(1, 16) AS place));
        -- After the rows: building an index once is several times cheaper than growing it.
        EXECUTE format('ALTER TABLE enterprise.%I ADD PRIMARY KEY (kind, bucket, value_id)', 'rollup_by_' || unit);
        EXECUTE format('CREATE VIEW enterprise.%I AS
            SELECT kinds.signal, kinds.field, kinds.dimension, rolled.bucket, named.value, rolled.count, rolled.sum, rolled.min, rolled.max,
                %s AS histogram,
                CASE WHEN kinds.field = ''value'' THEN (
                    SELECT jsonb_object_agg(placed.name, coalesce((ARRAY[%s])[placed.place], 0))
                    FROM enterprise.rollup_sum AS placed WHERE placed.signal = kinds.signal)
                END AS sums
            FROM enterprise.%I AS rolled
            JOIN enterprise.rollup_kind AS kinds ON kinds.id = rolled.kind AND kinds.second = ''''
            JOIN enterprise.rollup_value AS named ON named.id = rolled.value_id',
            'rollup_' || unit, pairs,
            (SELECT string_agg('rolled.sum_' || place, ', ' ORDER BY place) FROM generate_series(1, 16) AS place),
            'rollup_by_' || unit);
    END LOOP;

    -- Who could use the tables of before can use those of now.
    FOR privilege IN
        SELECT DISTINCT a.privilege_type, a.is_grantable,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
        FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS a
        WHERE c.oid = 'enterprise.rollup_hour_text'::regclass AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT %s ON enterprise.rollup_by_minute, enterprise.rollup_by_hour, enterprise.rollup_by_day, '
            'enterprise.rollup_kind, enterprise.rollup_sum, enterprise.rollup_value, '
            'enterprise.rollup_minute, enterprise.rollup_hour, enterprise.rollup_day TO %s%s',
            privilege.privilege_type, privilege.grantee, CASE WHEN privilege.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
    -- Whose those were, theirs these are, whoever migrates.
    IF owner::oid <> current_user::regrole::oid THEN
        FOREACH relation IN ARRAY ARRAY['rollup_by_minute', 'rollup_by_hour', 'rollup_by_day', 'rollup_kind', 'rollup_sum', 'rollup_value'] LOOP
            EXECUTE format('ALTER TABLE enterprise.%I OWNER TO %s', relation, owner);
        END LOOP;
        FOREACH relation IN ARRAY ARRAY['rollup_minute', 'rollup_hour', 'rollup_day'] LOOP
            EXECUTE format('ALTER VIEW enterprise.%I OWNER TO %s', relation, owner);
        END LOOP;
    END IF;
END
$migration$;

DROP TABLE enterprise.rollup_minute_text;
DROP TABLE enterprise.rollup_hour_text;
DROP TABLE enterprise.rollup_day_text;

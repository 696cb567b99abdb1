-- The views have everything in the shape of the version before, but for the rollups by two dimensions, which it does not know.
SELECT pg_advisory_xact_lock(1919904876);

-- All at once, and not while anybody waits for us who has what we wait for.
DO $migration$
DECLARE
    attempts INTEGER := 0;
BEGIN
    LOOP
        BEGIN
            LOCK TABLE enterprise.rollup_by_day, enterprise.nervecenter_rollup_state, enterprise.rollup_by_hour,
                enterprise.rollup_by_minute, enterprise.rollup_kind, enterprise.rollup_sum, enterprise.rollup_value
                IN ACCESS EXCLUSIVE MODE NOWAIT;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            attempts := attempts + 1;
            IF attempts >= 1200 THEN
                RAISE EXCEPTION 'The tables of rollups were in use for a minute, so migration 021 was not undone. End what reads them (pg_stat_activity says who does) and start again.';
            END IF;
            PERFORM pg_sleep(0.05);
        END;
    END LOOP;
END
$migration$;

DO $migration$
DECLARE
    unit TEXT;
    privilege RECORD;
    owner CONSTANT REGROLE := (SELECT relowner FROM pg_class WHERE oid = 'enterprise.rollup_by_hour'::regclass);
BEGIN
    FOREACH unit IN ARRAY ARRAY['minute', 'hour', 'day'] LOOP
        EXECUTE format('CREATE TABLE enterprise.%I (
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
            sums JSONB)', 'rollup_' || unit || '_text');
        EXECUTE format('INSERT INTO enterprise.%I SELECT * FROM enterprise.%I', 'rollup_' || unit || '_text', 'rollup_' || unit);
        EXECUTE format('DROP VIEW enterprise.%I', 'rollup_' || unit);
        EXECUTE format('ALTER TABLE enterprise.%I RENAME TO %I', 'rollup_' || unit || '_text', 'rollup_' || unit);
        EXECUTE format('ALTER TABLE enterprise.%I ADD PRIMARY KEY (signal, field, dimension, bucket, value)', 'rollup_' || unit);
    END LOOP;
    FOR privilege IN
        SELECT DISTINCT a.privilege_type, a.is_grantable,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
        FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS a
        WHERE c.oid = 'enterprise.rollup_by_hour'::regclass AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT %s ON enterprise.rollup_minute, enterprise.rollup_hour, enterprise.rollup_day TO %s%s',
            privilege.privilege_type, privilege.grantee, CASE WHEN privilege.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
    IF owner::oid <> current_user::regrole::oid THEN
        FOREACH unit IN ARRAY ARRAY['minute', 'hour', 'day'] LOOP
            EXECUTE format('ALTER TABLE enterprise.%I OWNER TO %s', 'rollup_' || unit, owner);
        END LOOP;
    END IF;
END
$migration$;

-- The row by which that version knows how far the open day is.
INSERT INTO enterprise.rollup_day (signal, field, dimension, bucket, value, count)
SELECT signal, '', '', open_day_until, '', 0 FROM enterprise.nervecenter_rollup_state WHERE open_day_until IS NOT NULL;

DROP TABLE IF EXISTS enterprise.rollup_by_minute;
DROP TABLE IF EXISTS enterprise.rollup_by_hour;
DROP TABLE IF EXISTS enterprise.rollup_by_day;
DROP TABLE IF EXISTS enterprise.rollup_kind;
DROP TABLE IF EXISTS enterprise.rollup_sum;
DROP TABLE IF EXISTS enterprise.rollup_value;
ALTER TABLE enterprise.nervecenter_rollup_state
    DROP COLUMN IF EXISTS open_day_until,
    DROP COLUMN IF EXISTS pair_hour_watermark,
    DROP COLUMN IF EXISTS pair_day_watermark,
    DROP COLUMN IF EXISTS pair_open_day_until,
    DROP COLUMN IF EXISTS rows_from;

-- Daily partitions by `timestamp` (days in UTC) for every table of rows. Names, columns, defaults, privileges and rows stay.
-- Retention then drops whole days: 12 ms and the space back at once, where a DELETE of the same day writes 11 MB of WAL and
-- returns nothing to the file system. A late row lands in its own small day instead of scattering over one large index.
--
-- The primary key becomes (id, timestamp), because Postgres wants the partition key in it.
--
-- Of the indexes, the primary key and the b-tree on time stay. The others go (endpoint, status, model, user, department,
-- cache type): they cost three times the server's work per row and were of no use to a query over any length of time, which
-- still had to fetch every row. An index that somebody else made is made again.
--
-- The tables are locked meanwhile; a million rows take a few seconds.

-- A batch of rows is stored together with a row of this ledger, in one transaction. A writer that does not know what became
-- of a batch sends it again, and the primary key refuses the second.
CREATE TABLE IF NOT EXISTS enterprise.nervecenter_batches (
    writer UUID NOT NULL,
    seq BIGINT NOT NULL,
    stored_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    PRIMARY KEY (writer, seq)
);

-- All at once and in the order in which writers use them, so that a running writer and we cannot wait for each other.
LOCK TABLE enterprise.request_metrics, enterprise.llm_call_metrics, enterprise.rag_metrics,
    enterprise.cache_metrics, enterprise.system_metrics, enterprise.ws_session_metrics IN ACCESS EXCLUSIVE MODE;

DO $migration$
DECLARE
    -- A partition per day that has rows, but not for ever back: each takes locks until the end of this transaction. Rows
    -- older than the longest retention, or from the future, wait in the default partition.
    days_back CONSTANT INTEGER := 100;
    days_ahead CONSTANT INTEGER := 3;
    -- Spec's indexes that do not come back, and the one on time, which is made below under its old name.
    replaced CONSTANT TEXT[] := ARRAY[
        'idx_request_metrics_ts', 'idx_request_metrics_endpoint', 'idx_request_metrics_status',
        'idx_system_metrics_ts', 'idx_system_metrics_type',
        'idx_llm_metrics_ts', 'idx_llm_metrics_model', 'idx_llm_metrics_user', 'idx_llm_metrics_dept',
        'idx_rag_metrics_ts', 'idx_rag_metrics_dept', 'idx_rag_metrics_cache',
        'idx_cache_metrics_ts', 'idx_cache_metrics_type', 'idx_ws_session_metrics_ts'];
    -- For `date_trunc` and `to_char`, whatever the session's zone.
    today CONSTANT TIMESTAMP := date_trunc('day', now() AT TIME ZONE 'UTC');
    plain RECORD;
    attached TEXT;
    others TEXT[];
    statement TEXT;
    privilege RECORD;
    day TIMESTAMP;
BEGIN
    FOR plain IN
        SELECT c.oid, c.relname AS name, pg_get_userbyid(c.relowner) AS owner, time_index
        FROM (VALUES ('request_metrics', 'idx_request_metrics_ts'), ('llm_call_metrics', 'idx_llm_metrics_ts'),
                     ('rag_metrics', 'idx_rag_metrics_ts'), ('cache_metrics', 'idx_cache_metrics_ts'),
                     ('system_metrics', 'idx_system_metrics_ts'), ('ws_session_metrics', 'idx_ws_session_metrics_ts'))
             AS ours (table_name, time_index)
        JOIN pg_class c ON c.oid = format('enterprise.%I', table_name)::regclass AND c.relkind = 'r'
    LOOP
        -- What hangs on the old table would be lost with it, so whoever made it decides.
        SELECT string_agg(what, ', ' ORDER BY what) INTO attached FROM (
            SELECT DISTINCT 'view ' || r.ev_class::regclass AS what
            FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
            WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = plain.oid
            UNION SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgrelid = plain.oid AND NOT tgisinternal
            UNION SELECT 'policy ' || polname FROM pg_policy WHERE polrelid = plain.oid
            UNION SELECT 'constraint ' || conname FROM pg_constraint
            WHERE (conrelid = plain.oid AND contype IN ('f', 'x', 'u')) OR confrelid = plain.oid
        ) AS attachments;
        IF attached IS NOT NULL THEN
            RAISE EXCEPTION 'enterprise.% cannot be partitioned while it has: %', plain.name, attached
                USING HINT = 'Drop it, run the migration, and make it again.', ERRCODE = 'dependent_objects_still_exist';
        END IF;

        SELECT coalesce(array_agg(pg_get_indexdef(i.indexrelid)), '{}') INTO others
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = plain.oid AND NOT i.indisunique AND c.relname <> ALL (replaced);

        EXECUTE format('ALTER TABLE enterprise.%I RENAME TO %I', plain.name, plain.name || '_plain');
        EXECUTE format(
            'CREATE TABLE enterprise.%I (LIKE enterprise.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE '
            'INCLUDING COMMENTS) PARTITION BY RANGE (timestamp)', plain.name, plain.name || '_plain');
        EXECUTE format('ALTER TABLE enterprise.%I OWNER TO %I', plain.name, plain.owner);
        FOR privilege IN
            SELECT a.privilege_type, a.is_grantable,
                   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
            FROM pg_class c, aclexplode(c.relacl) AS a
            WHERE c.oid = plain.oid AND a.grantee <> c.relowner
        LOOP
            EXECUTE format('GRANT %s ON enterprise.%I TO %s%s', privilege.privilege_type, plain.name, privilege.grantee,
                CASE WHEN privilege.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
        END LOOP;

        EXECUTE format('CREATE TABLE enterprise.%I PARTITION OF enterprise.%I DEFAULT',
            plain.name || '_default', plain.name);
        EXECUTE format('ALTER TABLE enterprise.%I OWNER TO %I', plain.name || '_default', plain.owner);
        FOR day IN EXECUTE format(
            'SELECT DISTINCT date_trunc(''day'', timestamp AT TIME ZONE ''UTC'') FROM enterprise.%I '
            'WHERE timestamp >= $1 AT TIME ZONE ''UTC'' AND timestamp < $2 AT TIME ZONE ''UTC'' '
            'UNION SELECT generate_series($3, $2 - INTERVAL ''1 day'', INTERVAL ''1 day'')', plain.name || '_plain')
            USING today - make_interval(days => days_back), today + make_interval(days => days_ahead + 1), today
        LOOP
            statement := plain.name || to_char(day, '"_p"YYYYMMDD');
            EXECUTE format('CREATE TABLE enterprise.%I PARTITION OF enterprise.%I FOR VALUES FROM (%L) TO (%L)',
                statement, plain.name, day || '+00', (day + INTERVAL '1 day') || '+00');
            EXECUTE format('ALTER TABLE enterprise.%I OWNER TO %I', statement, plain.owner);
        END LOOP;

        EXECUTE format('INSERT INTO enterprise.%I SELECT * FROM enterprise.%I', plain.name, plain.name || '_plain');
        EXECUTE format('DROP TABLE enterprise.%I', plain.name || '_plain');
        -- After the rows: building an index once is several times cheaper than growing it.
        EXECUTE format('ALTER TABLE enterprise.%I ADD PRIMARY KEY (id, timestamp)', plain.name);
        EXECUTE format('CREATE INDEX %I ON enterprise.%I (timestamp DESC)', plain.time_index, plain.name);
        FOREACH statement IN ARRAY others LOOP
            EXECUTE statement;
        END LOOP;
    END LOOP;
END
$migration$;

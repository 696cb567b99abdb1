-- Plain tables again, with every row, with the primary key and all the indexes of the specification.
DROP TABLE IF EXISTS enterprise.nervecenter_batches;

LOCK TABLE enterprise.request_metrics, enterprise.llm_call_metrics, enterprise.rag_metrics,
    enterprise.cache_metrics, enterprise.system_metrics, enterprise.ws_session_metrics IN ACCESS EXCLUSIVE MODE;

DO $migration$
DECLARE
    parted RECORD;
    privilege RECORD;
BEGIN
    FOR parted IN
        SELECT c.oid, c.relname AS name, pg_get_userbyid(c.relowner) AS owner
        FROM (VALUES ('request_metrics'), ('llm_call_metrics'), ('rag_metrics'), ('cache_metrics'), ('system_metrics'),
                     ('ws_session_metrics')) AS ours (table_name)
        JOIN pg_class c ON c.oid = format('enterprise.%I', table_name)::regclass AND c.relkind = 'p'
    LOOP
        EXECUTE format('ALTER TABLE enterprise.%I RENAME TO %I', parted.name, parted.name || '_parted');
        EXECUTE format(
            'CREATE TABLE enterprise.%I (LIKE enterprise.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE '
            'INCLUDING COMMENTS)', parted.name, parted.name || '_parted');
        EXECUTE format('ALTER TABLE enterprise.%I OWNER TO %I', parted.name, parted.owner);
        FOR privilege IN
            SELECT a.privilege_type, a.is_grantable,
                   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
            FROM pg_class c, aclexplode(c.relacl) AS a
            WHERE c.oid = parted.oid AND a.grantee <> c.relowner
        LOOP
            EXECUTE format('GRANT %s ON enterprise.%I TO %s%s', privilege.privilege_type, parted.name, privilege.grantee,
                CASE WHEN privilege.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
        END LOOP;
        EXECUTE format('INSERT INTO enterprise.%I SELECT * FROM enterprise.%I', parted.name, parted.name || '_parted');
        EXECUTE format('DROP TABLE enterprise.%I', parted.name || '_parted');
        EXECUTE format('ALTER TABLE enterprise.%I ADD PRIMARY KEY (id)', parted.name);
    END LOOP;
END
$migration$;

CREATE INDEX IF NOT EXISTS idx_request_metrics_ts ON enterprise.request_metrics(timestamp DESC);
CREATE INDEX IF NOT EXISTS idx_request_metrics_endpoint ON enterprise.request_metrics(endpoint);
CREATE INDEX IF NOT EXISTS idx_request_metrics_status ON enterprise.request_metrics(status_code);
CREATE INDEX IF NOT EXISTS idx_system_metrics_ts ON enterprise.system_metrics(timestamp DESC);
CREATE INDEX IF NOT EXISTS idx_system_metrics_type ON enterprise.system_metrics(metric_type, metric_name);
CREATE INDEX IF NOT EXISTS idx_llm_metrics_ts ON enterprise.llm_call_metrics(timestamp DESC);
CREATE INDEX IF NOT EXISTS idx_llm_metrics_model ON enterprise.llm_call_metrics(model);
CREATE INDEX IF NOT EXISTS idx_llm_metrics_user ON enterprise.llm_call_metrics(user_email);
CREATE INDEX IF NOT EXISTS idx_llm_metrics_dept ON enterprise.llm_call_metrics(department);
CREATE INDEX IF NOT EXISTS idx_rag_metrics_ts ON enterprise.rag_metrics(timestamp DESC);
CREATE INDEX IF NOT EXISTS idx_rag_metrics_dept ON enterprise.rag_metrics(department);
CREATE INDEX IF NOT EXISTS idx_rag_metrics_cache ON enterprise.rag_metrics(cache_hit);
CREATE INDEX IF NOT EXISTS idx_cache_metrics_ts ON enterprise.cache_metrics(timestamp DESC);
CREATE INDEX IF NOT EXISTS idx_cache_metrics_type ON enterprise.cache_metrics(cache_type);
CREATE INDEX IF NOT EXISTS idx_ws_session_metrics_ts ON enterprise.ws_session_metrics(timestamp DESC);

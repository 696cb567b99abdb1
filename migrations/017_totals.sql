-- What the live view shows as totals, by construction: every batch says what it adds to them, and adds it in the transaction
-- of its rows. One row per series of a metric; `series` is a digest of its attributes, because an index holds no long ones.
CREATE TABLE IF NOT EXISTS enterprise.totals (
    metric TEXT NOT NULL,
    series TEXT NOT NULL,
    attributes JSONB NOT NULL,
    count FLOAT NOT NULL,       -- of a histogram, 0 of a counter
    sum FLOAT NOT NULL,
    zero_count FLOAT NOT NULL,  -- of a histogram: values of zero
    PRIMARY KEY (metric, series)
);

-- The last batch of every sending process that is stored: what it sends again after its collector died is recognised by it.
CREATE TABLE IF NOT EXISTS enterprise.nervecenter_senders (
    instance_id UUID PRIMARY KEY,
    batch BIGINT NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

-- What the batches of the last hour measured: a collector that starts has the window of the one before.
CREATE TABLE IF NOT EXISTS enterprise.nervecenter_window (
    at TIMESTAMPTZ NOT NULL,
    measured JSONB NOT NULL
);

-- What is stored already, once: from rollups as far as they reach, else from rows. An hour that has rows its rollup does not
-- know yet is counted from its rows.
INSERT INTO enterprise.totals (metric, series, attributes, count, sum, zero_count)
WITH reached AS MATERIALIZED (
    SELECT signal, greatest(hour_watermark, folded_until, 'epoch') AS hours, coalesce(folded_until, 'epoch') AS folded
    FROM (VALUES ('request'), ('llm-call'), ('rag-query'), ('cache'), ('ws-session')) AS wanted(signal)
    LEFT JOIN enterprise.nervecenter_rollup_state USING (signal)
), late AS MATERIALIZED (
    SELECT DISTINCT signal, date_bin('1 hour', minute, 'epoch'::timestamptz) AS hour
    FROM enterprise.nervecenter_rollup_pending CROSS JOIN LATERAL unnest(minutes) AS minute
    JOIN reached USING (signal)
    WHERE isfinite(minute) AND minute >= folded AND minute < hours
), since AS MATERIALIZED (
    -- Rows before are not looked at, so that their partitions are not opened.
    SELECT signal, hours, least(hours, (SELECT min(hour) FROM late WHERE late.signal = reached.signal)) AS first FROM reached
), rolled AS (
    SELECT signal, value, count, sums
    FROM enterprise.rollup_hour AS rollup JOIN reached USING (signal)
    WHERE field = 'value' AND bucket < hours
        AND (signal, dimension) IN (
            ('request', 'endpoint'), ('llm-call', 'provider_model'), ('rag-query', ''), ('cache', 'cache'), ('ws-session', ''))
        AND NOT EXISTS (SELECT FROM late WHERE late.signal = rollup.signal AND late.hour = rollup.bucket)
    UNION ALL
    SELECT signal, endpoint, count(*), jsonb_build_object('errors', count(*) FILTER (WHERE status_code >= 400))
    FROM enterprise.request_metrics JOIN since ON signal = 'request'
    WHERE timestamp >= (SELECT first FROM since WHERE signal = 'request') AND (timestamp >= hours
        OR (signal, date_bin('1 hour', timestamp, 'epoch'::timestamptz)) IN (SELECT signal, hour FROM late))
    GROUP BY 1, 2
    UNION ALL
    SELECT signal, json_build_array(provider, model)::text, count(*), jsonb_build_object(
        'errors', count(*) FILTER (WHERE coalesce(outcome, CASE WHEN success THEN 'ok' ELSE 'error' END) = 'error'),
        'aborted', count(*) FILTER (WHERE outcome = 'aborted'),
        'cost_usd', sum(coalesce(cost_exact_usd, cost_usd)),
        'cache_savings_usd', sum(cache_savings_usd),
        'tokens_in', sum(prompt_tokens),
        'tokens_out', sum(completion_tokens),
        'tokens_cached', sum(cached_tokens),
        'tokens_reasoning', sum(reasoning_tokens),
        'unpriced', count(*) FILTER (WHERE coalesce(cost_exact_usd, cost_usd) IS NULL AND (
            coalesce(outcome, CASE WHEN success THEN 'ok' ELSE 'error' END) = 'ok'
            OR total_tokens IS NOT NULL OR billed_units IS NOT NULL)),
        'estimated', count(*) FILTER (WHERE usage_source = 'estimated'),
        'rate_limited', count(*) FILTER (WHERE status_code = 429 OR lower(error_type) IN (
            'rate_limit_error', 'rate_limit_exceeded', 'rate_limit_reached', 'rate_limited', 'resource_exhausted',
            'too_many_requests', 'toomanyrequestsexception', 'throttlingexception')))
    FROM enterprise.llm_call_metrics JOIN since ON signal = 'llm-call'
    WHERE timestamp >= (SELECT first FROM since WHERE signal = 'llm-call') AND (timestamp >= hours
        OR (signal, date_bin('1 hour', timestamp, 'epoch'::timestamptz)) IN (SELECT signal, hour FROM late))
    GROUP BY 1, 2
    UNION ALL
    SELECT signal, '', count(*), jsonb_build_object(
        'errors', count(*) FILTER (WHERE outcome IS NOT DISTINCT FROM 'error'),
        'chunks', sum(chunks_retrieved) FILTER (WHERE outcome IS DISTINCT FROM 'error'),
        'answered', count(chunks_retrieved) FILTER (WHERE outcome IS DISTINCT FROM 'error'),
        'answered_empty', count(*) FILTER (WHERE chunks_retrieved = 0 AND outcome IS DISTINCT FROM 'error'))
    FROM enterprise.rag_metrics JOIN since ON signal = 'rag-query'
    WHERE timestamp >= (SELECT first FROM since WHERE signal = 'rag-query') AND (timestamp >= hours
        OR (signal, date_bin('1 hour', timestamp, 'epoch'::timestamptz)) IN (SELECT signal, hour FROM late))
    GROUP BY 1, 2
    UNION ALL
    SELECT signal, cache_type, count(*), jsonb_build_object('hits', sum(hits), 'misses', sum(misses))
    FROM enterprise.cache_metrics JOIN since ON signal = 'cache'
    WHERE timestamp >= (SELECT first FROM since WHERE signal = 'cache') AND (timestamp >= hours
        OR (signal, date_bin('1 hour', timestamp, 'epoch'::timestamptz)) IN (SELECT signal, hour FROM late))
    GROUP BY 1, 2
    UNION ALL
    SELECT signal, '', count(*), jsonb_build_object('messages_in', sum(messages_in), 'messages_out', sum(messages_out),
        'bytes_in', sum(bytes_in), 'bytes_out', sum(bytes_out))
    FROM enterprise.ws_session_metrics JOIN since ON signal = 'ws-session'
    WHERE timestamp >= (SELECT first FROM since WHERE signal = 'ws-session') AND (timestamp >= hours
        OR (signal, date_bin('1 hour', timestamp, 'epoch'::timestamptz)) IN (SELECT signal, hour FROM late))
    GROUP BY 1, 2
), groups AS (
    -- A rollup that was made before a sum was known has none of it.
    SELECT signal, coalesce(value, '') AS value, sum(count)::float8 AS count,
        coalesce(sum((sums->>'cost_usd')::numeric), 0)::float8 AS cost_usd,
        coalesce(sum((sums->>'cache_savings_usd')::numeric), 0)::float8 AS cache_savings_usd,
        coalesce(sum((sums->>'errors')::float8), 0) AS errors,
        coalesce(sum((sums->>'aborted')::float8), 0) AS aborted,
        coalesce(sum((sums->>'tokens_in')::float8), 0) AS tokens_in,
        coalesce(sum((sums->>'tokens_out')::float8), 0) AS tokens_out,
        coalesce(sum((sums->>'tokens_cached')::float8), 0) AS tokens_cached,
        coalesce(sum((sums->>'tokens_reasoning')::float8), 0) AS tokens_reasoning,
        coalesce(sum((sums->>'unpriced')::float8), 0) AS unpriced,
        coalesce(sum((sums->>'estimated')::float8), 0) AS estimated,
        coalesce(sum((sums->>'rate_limited')::float8), 0) AS rate_limited,
        coalesce(sum((sums->>'chunks')::float8), 0) AS chunks,
        coalesce(sum((sums->>'answered')::float8), 0) AS answered,
        coalesce(sum((sums->>'answered_empty')::float8), 0) AS answered_empty,
        coalesce(sum((sums->>'hits')::float8), 0) AS hits,
        coalesce(sum((sums->>'misses')::float8), 0) AS misses,
        coalesce(sum((sums->>'messages_in')::float8), 0) AS messages_in,
        coalesce(sum((sums->>'messages_out')::float8), 0) AS messages_out,
        coalesce(sum((sums->>'bytes_in')::float8), 0) AS bytes_in,
        coalesce(sum((sums->>'bytes_out')::float8), 0) AS bytes_out
    FROM rolled GROUP BY 1, 2
), named AS (
    -- A model's value is a list of provider and model; of others all that is known is that they are others.
    SELECT *, CASE WHEN signal <> 'llm-call' THEN '{}'::jsonb
        WHEN value LIKE '[%' THEN jsonb_build_object('gen_ai.provider.name', value::jsonb->0, 'gen_ai.request.model', value::jsonb->1)
        ELSE jsonb_build_object('gen_ai.provider.name', value, 'gen_ai.request.model', value) END AS model
    FROM groups
), measured (metric, attributes, count, sum, zero_count) AS (
    SELECT measured.* FROM named CROSS JOIN LATERAL (VALUES
        ('http.server.request.duration', jsonb_build_object('http.route', value), count - errors, 0, 0),
        ('http.server.request.duration', jsonb_build_object('http.route', value, 'http.response.status_code', 400), errors, 0, 0)
    ) AS measured WHERE signal = 'request'
    UNION ALL
    SELECT measured.* FROM named CROSS JOIN LATERAL (VALUES
        ('gen_ai.client.operation.duration', model, count - errors - aborted, 0, 0),
        ('gen_ai.client.operation.duration', model || '{"error.type": "_OTHER"}', errors, 0, 0),
        ('gen_ai.client.operation.duration', model || '{"error.type": "aborted"}', aborted, 0, 0),
        ('gen_ai.client.token.usage', model || '{"gen_ai.token.type": "input"}', 0, tokens_in, 0),
        ('gen_ai.client.token.usage', model || '{"gen_ai.token.type": "output"}', 0, tokens_out, 0),
        ('gen_ai.client.inference.usage.cache_read.input_tokens', model, 0, tokens_cached, 0),
        ('gen_ai.client.inference.usage.reasoning.output_tokens', model, 0, tokens_reasoning, 0),
        ('nervecenter.llm.cost', model, 0, cost_usd, 0),
        ('nervecenter.llm.cache_savings', model, 0, cache_savings_usd, 0),
        ('nervecenter.llm.unpriced_calls', model, 0, unpriced, 0),
        ('nervecenter.llm.estimated_calls', model, 0, estimated, 0),
        ('nervecenter.llm.rate_limited_calls', model, 0, rate_limited, 0)
    ) AS measured WHERE signal = 'llm-call'
    UNION ALL
    SELECT measured.* FROM named CROSS JOIN LATERAL (VALUES
        ('nervecenter.rag.query.duration', '{}'::jsonb, count - errors, 0, 0),
        ('nervecenter.rag.query.duration', '{"error.type": "_OTHER"}', errors, 0, 0),
        ('nervecenter.rag.chunks', '{}', answered, chunks, answered_empty)
    ) AS measured WHERE signal = 'rag-query'
    UNION ALL
    SELECT measured.* FROM named CROSS JOIN LATERAL (VALUES
        ('nervecenter.cache.requests', jsonb_build_object('cache.name', value, 'cache.result', 'hit'), 0, hits, 0),
        ('nervecenter.cache.requests', jsonb_build_object('cache.name', value, 'cache.result', 'miss'), 0, misses, 0)
    ) AS measured WHERE signal = 'cache'
    UNION ALL
    SELECT measured.* FROM named CROSS JOIN LATERAL (VALUES
        ('nervecenter.websocket.connections.opened', '{}'::jsonb, 0, count, 0),
        ('nervecenter.websocket.messages', '{"network.io.direction": "receive"}', 0, messages_in, 0),
        ('nervecenter.websocket.messages', '{"network.io.direction": "transmit"}', 0, messages_out, 0),
        ('nervecenter.websocket.bytes', '{"network.io.direction": "receive"}', 0, bytes_in, 0),
        ('nervecenter.websocket.bytes', '{"network.io.direction": "transmit"}', 0, bytes_out, 0)
    ) AS measured WHERE signal = 'ws-session'
)
SELECT metric, md5(attributes::text), attributes, sum(count), sum(sum), sum(zero_count)
FROM measured WHERE count > 0 OR sum > 0 GROUP BY metric, attributes
ON CONFLICT DO NOTHING;

-- What was kept for totals until now, and nothing reads any more.
DELETE FROM enterprise.rollup_hour WHERE bucket = '-infinity' OR dimension = 'provider_model';
DELETE FROM enterprise.rollup_minute WHERE dimension = 'provider_model';
DELETE FROM enterprise.rollup_day WHERE dimension = 'provider_model';
UPDATE enterprise.nervecenter_rollup_state SET folded_until = NULL;

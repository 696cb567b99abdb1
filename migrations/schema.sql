-- A freshly migrated database without its daily partitions. Made by `node scripts/dump-schema.ts`: change migrations,
-- never this file.

CREATE TABLE enterprise.cache_metrics (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL,
    cache_type character varying(50) NOT NULL,
    hits integer DEFAULT 0 NOT NULL,
    misses integer DEFAULT 0 NOT NULL,
    hit_rate double precision,
    memory_used_bytes bigint,
    keys_count integer,
    service character varying(255),
    instance_id uuid,
    CONSTRAINT cache_metrics_pkey PRIMARY KEY (id, "timestamp")
) PARTITION BY RANGE ("timestamp");
CREATE INDEX idx_cache_metrics_ts ON ONLY enterprise.cache_metrics USING btree ("timestamp" DESC);

CREATE TABLE enterprise.cache_metrics_default PARTITION OF enterprise.cache_metrics DEFAULT;

CREATE TABLE enterprise.llm_call_metrics (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL,
    model character varying(100) NOT NULL,
    provider character varying(50) NOT NULL,
    prompt_tokens integer,
    completion_tokens integer,
    total_tokens integer,
    elapsed_ms double precision NOT NULL,
    first_token_ms double precision,
    user_email character varying(255),
    department character varying(50),
    query_category character varying(50),
    trace_id character varying(32),
    cost_usd numeric(10,6),
    success boolean DEFAULT true,
    error_message text,
    cached_tokens integer,
    cache_write_tokens integer,
    reasoning_tokens integer,
    usage_source character varying(20),
    cost_source character varying(20),
    price_version character varying(50),
    outcome character varying(10),
    service character varying(255),
    instance_id uuid,
    cache_write_1h_tokens integer,
    audio_in_tokens integer,
    image_in_tokens integer,
    audio_out_tokens integer,
    image_out_tokens integer,
    operation character varying(30),
    response_model character varying(100),
    server_address character varying(255),
    streaming boolean,
    status_code integer,
    attempt integer,
    error_type character varying(100),
    rate_limit_reset_ms double precision,
    finish_reason character varying(50),
    chunk_gap_p95_ms double precision,
    tokens_per_second double precision,
    usage_mismatch boolean,
    service_tier character varying(30),
    billed_units jsonb,
    cache_savings_usd numeric,
    cost_exact_usd numeric,
    CONSTRAINT llm_call_metrics_pkey PRIMARY KEY (id, "timestamp")
) PARTITION BY RANGE ("timestamp");
CREATE INDEX idx_llm_metrics_trace ON ONLY enterprise.llm_call_metrics USING btree (trace_id varchar_pattern_ops) WHERE (trace_id IS NOT NULL);
CREATE INDEX idx_llm_metrics_ts ON ONLY enterprise.llm_call_metrics USING btree ("timestamp" DESC);

CREATE TABLE enterprise.llm_call_metrics_default PARTITION OF enterprise.llm_call_metrics DEFAULT;

CREATE TABLE enterprise.nervecenter_access_tokens (
    name text NOT NULL,
    role text NOT NULL,
    digest bytea NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT nervecenter_access_tokens_pkey PRIMARY KEY (name)
);

CREATE TABLE enterprise.nervecenter_alert_deliveries (
    id uuid NOT NULL,
    webhook jsonb NOT NULL,
    body text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT nervecenter_alert_deliveries_pkey PRIMARY KEY (id)
);

CREATE TABLE enterprise.nervecenter_alert_events (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    since timestamp with time zone NOT NULL,
    rule text NOT NULL,
    name text NOT NULL,
    severity text NOT NULL,
    group_value text NOT NULL,
    change text NOT NULL,
    level integer NOT NULL,
    value double precision,
    CONSTRAINT nervecenter_alert_events_pkey PRIMARY KEY (id)
);
CREATE INDEX idx_nervecenter_alert_events_at ON enterprise.nervecenter_alert_events USING btree (at DESC);

CREATE TABLE enterprise.nervecenter_alert_rules (
    id text NOT NULL,
    definition jsonb NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT nervecenter_alert_rules_pkey PRIMARY KEY (id)
);

CREATE TABLE enterprise.nervecenter_alert_seat (
    only_one boolean DEFAULT true NOT NULL,
    holder uuid NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    CONSTRAINT nervecenter_alert_seat_only_one_check CHECK (only_one),
    CONSTRAINT nervecenter_alert_seat_pkey PRIMARY KEY (only_one)
);

CREATE TABLE enterprise.nervecenter_alert_silences (
    rule text NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT nervecenter_alert_silences_pkey PRIMARY KEY (rule)
);

CREATE TABLE enterprise.nervecenter_alert_states (
    rule text NOT NULL,
    group_value text NOT NULL,
    state text NOT NULL,
    since timestamp with time zone NOT NULL,
    value double precision,
    level integer NOT NULL,
    peak integer NOT NULL,
    notified integer NOT NULL,
    CONSTRAINT nervecenter_alert_states_pkey PRIMARY KEY (rule, group_value)
);

CREATE TABLE enterprise.nervecenter_batches (
    writer uuid NOT NULL,
    seq bigint NOT NULL,
    stored_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT nervecenter_batches_pkey PRIMARY KEY (writer, seq)
);

CREATE TABLE enterprise.nervecenter_ended_sessions (
    id text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    ended_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT nervecenter_ended_sessions_pkey PRIMARY KEY (id)
);

CREATE TABLE enterprise.nervecenter_migrations (
    number integer NOT NULL,
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT nervecenter_migrations_pkey PRIMARY KEY (number)
);

CREATE TABLE enterprise.nervecenter_rollup_pending (
    signal text NOT NULL,
    minutes timestamp with time zone[] NOT NULL
);

CREATE TABLE enterprise.nervecenter_rollup_state (
    signal text NOT NULL,
    minute_watermark timestamp with time zone NOT NULL,
    hour_watermark timestamp with time zone NOT NULL,
    folded_until timestamp with time zone,
    day_watermark timestamp with time zone,
    open_day_until timestamp with time zone,
    pair_hour_watermark timestamp with time zone,
    pair_day_watermark timestamp with time zone,
    pair_open_day_until timestamp with time zone,
    rows_from timestamp with time zone,
    CONSTRAINT nervecenter_rollup_state_pkey PRIMARY KEY (signal)
);

CREATE TABLE enterprise.nervecenter_senders (
    instance_id uuid NOT NULL,
    batch bigint NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT nervecenter_senders_pkey PRIMARY KEY (instance_id)
);

CREATE TABLE enterprise.nervecenter_user_key (
    only_one boolean DEFAULT true NOT NULL,
    key text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT nervecenter_user_key_only_one_check CHECK (only_one),
    CONSTRAINT nervecenter_user_key_pkey PRIMARY KEY (only_one)
);

CREATE TABLE enterprise.nervecenter_window (
    at timestamp with time zone NOT NULL,
    measured jsonb NOT NULL
);

CREATE TABLE enterprise.rag_metrics (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL,
    trace_id character varying(32),
    user_email character varying(255),
    department character varying(50),
    query_hash character varying(64),
    total_ms double precision NOT NULL,
    embedding_ms double precision,
    vector_search_ms double precision,
    rerank_ms double precision,
    chunks_retrieved integer,
    chunks_used integer,
    cache_hit boolean DEFAULT false,
    embedding_cache_hit boolean DEFAULT false,
    top_score double precision,
    avg_score double precision,
    threshold_used double precision,
    outcome character varying(10),
    error_type character varying(100),
    stages jsonb,
    service character varying(255),
    instance_id uuid,
    CONSTRAINT rag_metrics_pkey PRIMARY KEY (id, "timestamp")
) PARTITION BY RANGE ("timestamp");
CREATE INDEX idx_rag_metrics_trace ON ONLY enterprise.rag_metrics USING btree (trace_id varchar_pattern_ops) WHERE (trace_id IS NOT NULL);
CREATE INDEX idx_rag_metrics_ts ON ONLY enterprise.rag_metrics USING btree ("timestamp" DESC);

CREATE TABLE enterprise.rag_metrics_default PARTITION OF enterprise.rag_metrics DEFAULT;

CREATE TABLE enterprise.request_metrics (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL,
    endpoint character varying(255) NOT NULL,
    method character varying(10) NOT NULL,
    status_code integer NOT NULL,
    response_time_ms double precision NOT NULL,
    user_email character varying(255),
    department character varying(50),
    request_size_bytes integer,
    response_size_bytes integer,
    trace_id character varying(32),
    service character varying(255),
    instance_id uuid,
    outcome character varying(20),
    CONSTRAINT request_metrics_pkey PRIMARY KEY (id, "timestamp")
) PARTITION BY RANGE ("timestamp");
CREATE INDEX idx_request_metrics_trace ON ONLY enterprise.request_metrics USING btree (trace_id varchar_pattern_ops) WHERE (trace_id IS NOT NULL);
CREATE INDEX idx_request_metrics_ts ON ONLY enterprise.request_metrics USING btree ("timestamp" DESC);

CREATE TABLE enterprise.request_metrics_default PARTITION OF enterprise.request_metrics DEFAULT;

CREATE TABLE enterprise.rollup_by_day (
    bucket timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    sum double precision,
    min double precision,
    max double precision,
    value_id integer NOT NULL,
    kind smallint NOT NULL,
    histogram bytea,
    sum_1 numeric,
    sum_2 numeric,
    sum_3 numeric,
    sum_4 numeric,
    sum_5 numeric,
    sum_6 numeric,
    sum_7 numeric,
    sum_8 numeric,
    sum_9 numeric,
    sum_10 numeric,
    sum_11 numeric,
    sum_12 numeric,
    sum_13 numeric,
    sum_14 numeric,
    sum_15 numeric,
    sum_16 numeric,
    CONSTRAINT rollup_by_day_pkey PRIMARY KEY (kind, bucket, value_id)
);

CREATE TABLE enterprise.rollup_by_hour (
    bucket timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    sum double precision,
    min double precision,
    max double precision,
    value_id integer NOT NULL,
    kind smallint NOT NULL,
    histogram bytea,
    sum_1 numeric,
    sum_2 numeric,
    sum_3 numeric,
    sum_4 numeric,
    sum_5 numeric,
    sum_6 numeric,
    sum_7 numeric,
    sum_8 numeric,
    sum_9 numeric,
    sum_10 numeric,
    sum_11 numeric,
    sum_12 numeric,
    sum_13 numeric,
    sum_14 numeric,
    sum_15 numeric,
    sum_16 numeric,
    CONSTRAINT rollup_by_hour_pkey PRIMARY KEY (kind, bucket, value_id)
);

CREATE TABLE enterprise.rollup_by_minute (
    bucket timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    sum double precision,
    min double precision,
    max double precision,
    value_id integer NOT NULL,
    kind smallint NOT NULL,
    histogram bytea,
    sum_1 numeric,
    sum_2 numeric,
    sum_3 numeric,
    sum_4 numeric,
    sum_5 numeric,
    sum_6 numeric,
    sum_7 numeric,
    sum_8 numeric,
    sum_9 numeric,
    sum_10 numeric,
    sum_11 numeric,
    sum_12 numeric,
    sum_13 numeric,
    sum_14 numeric,
    sum_15 numeric,
    sum_16 numeric,
    CONSTRAINT rollup_by_minute_pkey PRIMARY KEY (kind, bucket, value_id)
);

CREATE TABLE enterprise.rollup_kind (
    id smallint NOT NULL,
    signal text NOT NULL,
    field text NOT NULL,
    dimension text NOT NULL,
    second text DEFAULT ''::text NOT NULL,
    CONSTRAINT rollup_kind_pkey PRIMARY KEY (id),
    CONSTRAINT rollup_kind_signal_field_dimension_second_key UNIQUE (signal, field, dimension, second)
);

CREATE TABLE enterprise.rollup_sum (
    signal text NOT NULL,
    name text NOT NULL,
    place smallint NOT NULL,
    CONSTRAINT rollup_sum_pkey PRIMARY KEY (signal, name),
    CONSTRAINT rollup_sum_signal_place_key UNIQUE (signal, place)
);

CREATE TABLE enterprise.rollup_value (
    id integer NOT NULL,
    value text NOT NULL,
    second text DEFAULT ''::text NOT NULL,
    seen timestamp with time zone NOT NULL,
    CONSTRAINT rollup_value_pkey PRIMARY KEY (id),
    CONSTRAINT rollup_value_second_value_key UNIQUE (second, value)
);
CREATE INDEX rollup_value_value ON enterprise.rollup_value USING btree (value);

CREATE TABLE enterprise.spans (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL,
    trace_id character varying(32) NOT NULL,
    span_id character varying(16) NOT NULL,
    parent_span_id character varying(16),
    name character varying(255) NOT NULL,
    kind character varying(20) NOT NULL,
    duration_ms double precision NOT NULL,
    status character varying(10) NOT NULL,
    error_type character varying(100),
    scope character varying(255),
    attributes jsonb,
    events jsonb,
    service character varying(255),
    instance_id uuid,
    CONSTRAINT spans_pkey PRIMARY KEY (id, "timestamp")
) PARTITION BY RANGE ("timestamp");
CREATE INDEX idx_spans_trace ON ONLY enterprise.spans USING btree (trace_id varchar_pattern_ops);
CREATE INDEX idx_spans_ts ON ONLY enterprise.spans USING btree ("timestamp" DESC);

CREATE TABLE enterprise.spans_default PARTITION OF enterprise.spans DEFAULT;

CREATE TABLE enterprise.system_metrics (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL,
    metric_type character varying(50) NOT NULL,
    metric_name character varying(100) NOT NULL,
    value double precision NOT NULL,
    unit character varying(20),
    tags jsonb DEFAULT '{}'::jsonb,
    CONSTRAINT system_metrics_pkey PRIMARY KEY (id, "timestamp")
) PARTITION BY RANGE ("timestamp");
CREATE INDEX idx_system_metrics_ts ON ONLY enterprise.system_metrics USING btree ("timestamp" DESC);

CREATE TABLE enterprise.system_metrics_default PARTITION OF enterprise.system_metrics DEFAULT;

CREATE TABLE enterprise.totals (
    metric text NOT NULL,
    series text NOT NULL,
    attributes jsonb NOT NULL,
    count double precision NOT NULL,
    sum double precision NOT NULL,
    zero_count double precision NOT NULL,
    CONSTRAINT totals_pkey PRIMARY KEY (metric, series)
);

CREATE TABLE enterprise.ws_session_metrics (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    "timestamp" timestamp with time zone DEFAULT now() NOT NULL,
    path character varying(255) NOT NULL,
    duration_ms double precision NOT NULL,
    messages_in integer,
    messages_out integer,
    bytes_in bigint,
    bytes_out bigint,
    close_code integer,
    user_email character varying(255),
    department character varying(50),
    trace_id character varying(32),
    service character varying(255),
    instance_id uuid,
    CONSTRAINT ws_session_metrics_pkey PRIMARY KEY (id, "timestamp")
) PARTITION BY RANGE ("timestamp");
CREATE INDEX idx_ws_session_metrics_trace ON ONLY enterprise.ws_session_metrics USING btree (trace_id varchar_pattern_ops) WHERE (trace_id IS NOT NULL);
CREATE INDEX idx_ws_session_metrics_ts ON ONLY enterprise.ws_session_metrics USING btree ("timestamp" DESC);

CREATE TABLE enterprise.ws_session_metrics_default PARTITION OF enterprise.ws_session_metrics DEFAULT;

CREATE VIEW enterprise.rollup_day AS
 SELECT kinds.signal,
    kinds.field,
    kinds.dimension,
    rolled.bucket,
    named.value,
    rolled.count,
    rolled.sum,
    rolled.min,
    rolled.max,
    ( SELECT string_agg((int2send((
                CASE
                    WHEN (int2.token < '-32640'::integer) THEN '-32768'::integer
                    ELSE ((int2.token >> 7) + 160)
                END)::smallint) || int4send((LEAST((((int2.token & 7))::bigint << (3 * ((int2.token >> 3) & 15))), (2147483647)::bigint))::integer)), '\x'::bytea ORDER BY at.at) AS string_agg
           FROM (generate_series(0, (length(rolled.histogram) - 2), 2) at(at)
             CROSS JOIN LATERAL ( SELECT (((((get_byte(rolled.histogram, at.at) << 8) | get_byte(rolled.histogram, (at.at + 1))) + 32768) % 65536) - 32768) AS token) int2)) AS histogram,
        CASE
            WHEN (kinds.field = 'value'::text) THEN ( SELECT jsonb_object_agg(placed.name, COALESCE((ARRAY[rolled.sum_1, rolled.sum_2, rolled.sum_3, rolled.sum_4, rolled.sum_5, rolled.sum_6, rolled.sum_7, rolled.sum_8, rolled.sum_9, rolled.sum_10, rolled.sum_11, rolled.sum_12, rolled.sum_13, rolled.sum_14, rolled.sum_15, rolled.sum_16])[placed.place], (0)::numeric)) AS jsonb_object_agg
               FROM enterprise.rollup_sum placed
              WHERE (placed.signal = kinds.signal))
            ELSE NULL::jsonb
        END AS sums
   FROM ((enterprise.rollup_by_day rolled
     JOIN enterprise.rollup_kind kinds ON (((kinds.id = rolled.kind) AND (kinds.second = ''::text))))
     JOIN enterprise.rollup_value named ON ((named.id = rolled.value_id)));

CREATE VIEW enterprise.rollup_hour AS
 SELECT kinds.signal,
    kinds.field,
    kinds.dimension,
    rolled.bucket,
    named.value,
    rolled.count,
    rolled.sum,
    rolled.min,
    rolled.max,
    ( SELECT string_agg((int2send((
                CASE
                    WHEN (int2.token < '-32640'::integer) THEN '-32768'::integer
                    ELSE ((int2.token >> 7) + 160)
                END)::smallint) || int4send((LEAST((((int2.token & 7))::bigint << (3 * ((int2.token >> 3) & 15))), (2147483647)::bigint))::integer)), '\x'::bytea ORDER BY at.at) AS string_agg
           FROM (generate_series(0, (length(rolled.histogram) - 2), 2) at(at)
             CROSS JOIN LATERAL ( SELECT (((((get_byte(rolled.histogram, at.at) << 8) | get_byte(rolled.histogram, (at.at + 1))) + 32768) % 65536) - 32768) AS token) int2)) AS histogram,
        CASE
            WHEN (kinds.field = 'value'::text) THEN ( SELECT jsonb_object_agg(placed.name, COALESCE((ARRAY[rolled.sum_1, rolled.sum_2, rolled.sum_3, rolled.sum_4, rolled.sum_5, rolled.sum_6, rolled.sum_7, rolled.sum_8, rolled.sum_9, rolled.sum_10, rolled.sum_11, rolled.sum_12, rolled.sum_13, rolled.sum_14, rolled.sum_15, rolled.sum_16])[placed.place], (0)::numeric)) AS jsonb_object_agg
               FROM enterprise.rollup_sum placed
              WHERE (placed.signal = kinds.signal))
            ELSE NULL::jsonb
        END AS sums
   FROM ((enterprise.rollup_by_hour rolled
     JOIN enterprise.rollup_kind kinds ON (((kinds.id = rolled.kind) AND (kinds.second = ''::text))))
     JOIN enterprise.rollup_value named ON ((named.id = rolled.value_id)));

CREATE VIEW enterprise.rollup_minute AS
 SELECT kinds.signal,
    kinds.field,
    kinds.dimension,
    rolled.bucket,
    named.value,
    rolled.count,
    rolled.sum,
    rolled.min,
    rolled.max,
    ( SELECT string_agg((int2send((
                CASE
                    WHEN (int2.token < '-32640'::integer) THEN '-32768'::integer
                    ELSE ((int2.token >> 7) + 160)
                END)::smallint) || int4send((LEAST((((int2.token & 7))::bigint << (3 * ((int2.token >> 3) & 15))), (2147483647)::bigint))::integer)), '\x'::bytea ORDER BY at.at) AS string_agg
           FROM (generate_series(0, (length(rolled.histogram) - 2), 2) at(at)
             CROSS JOIN LATERAL ( SELECT (((((get_byte(rolled.histogram, at.at) << 8) | get_byte(rolled.histogram, (at.at + 1))) + 32768) % 65536) - 32768) AS token) int2)) AS histogram,
        CASE
            WHEN (kinds.field = 'value'::text) THEN ( SELECT jsonb_object_agg(placed.name, COALESCE((ARRAY[rolled.sum_1, rolled.sum_2, rolled.sum_3, rolled.sum_4, rolled.sum_5, rolled.sum_6, rolled.sum_7, rolled.sum_8, rolled.sum_9, rolled.sum_10, rolled.sum_11, rolled.sum_12, rolled.sum_13, rolled.sum_14, rolled.sum_15, rolled.sum_16])[placed.place], (0)::numeric)) AS jsonb_object_agg
               FROM enterprise.rollup_sum placed
              WHERE (placed.signal = kinds.signal))
            ELSE NULL::jsonb
        END AS sums
   FROM ((enterprise.rollup_by_minute rolled
     JOIN enterprise.rollup_kind kinds ON (((kinds.id = rolled.kind) AND (kinds.second = ''::text))))
     JOIN enterprise.rollup_value named ON ((named.id = rolled.value_id)));

-- Alert rules made in the dashboard or over HTTP, what became of them and of those of the file, and what is to be told.
-- `webhooks` in a definition and a delivery's `webhook` may hold secrets: whoever only reads figures needs neither table.
CREATE TABLE IF NOT EXISTS enterprise.nervecenter_alert_rules (
    id TEXT PRIMARY KEY,
    definition JSONB NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS enterprise.nervecenter_alert_silences (
    rule TEXT PRIMARY KEY,
    until TIMESTAMPTZ NOT NULL
);

CREATE TABLE IF NOT EXISTS enterprise.nervecenter_alert_states (
    rule TEXT NOT NULL,
    group_value TEXT NOT NULL,
    state TEXT NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    value FLOAT,
    level INTEGER NOT NULL,
    peak INTEGER NOT NULL,
    notified INTEGER NOT NULL,
    PRIMARY KEY (rule, group_value)
);

CREATE TABLE IF NOT EXISTS enterprise.nervecenter_alert_events (
    id UUID PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    rule TEXT NOT NULL,
    name TEXT NOT NULL,
    severity TEXT NOT NULL,
    group_value TEXT NOT NULL,
    change TEXT NOT NULL,
    level INTEGER NOT NULL,
    value FLOAT
);
CREATE INDEX IF NOT EXISTS idx_nervecenter_alert_events_at ON enterprise.nervecenter_alert_events (at DESC);

CREATE TABLE IF NOT EXISTS enterprise.nervecenter_alert_deliveries (
    id UUID PRIMARY KEY,
    webhook JSONB NOT NULL,
    body TEXT NOT NULL,
    made_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- Who looks at the rules: one collector of all that share the database.
CREATE TABLE IF NOT EXISTS enterprise.nervecenter_alert_seat (
    only_one BOOLEAN PRIMARY KEY DEFAULT true CHECK (only_one),
    holder UUID NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL
);

-- Named tokens, of which only the digest is kept, and browser sessions that ended before their cookies are too old: for all
-- collectors that share the database. Whoever may write the first decides who may look: a collector only reads it and says
-- when a token was used.
CREATE TABLE IF NOT EXISTS enterprise.nervecenter_access_tokens (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    digest BYTEA NOT NULL,
    made_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    used_at TIMESTAMPTZ
);

CREATE TABLE IF NOT EXISTS enterprise.nervecenter_ended_sessions (
    id TEXT PRIMARY KEY,
    opened_at TIMESTAMPTZ NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

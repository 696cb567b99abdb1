-- The key by which users are hidden (NERVECENTER_HASH_USERS), so that all collectors of one database call a user the same. No
-- row where the key is set by NERVECENTER_HASH_KEY, or nobody is hidden. Whoever can read it can try addresses: roles that only
-- read rows get no right to it.
CREATE TABLE IF NOT EXISTS enterprise.nervecenter_user_key (
    only_one BOOLEAN PRIMARY KEY DEFAULT true CHECK (only_one),
    key TEXT NOT NULL,
    made_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

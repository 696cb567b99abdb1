DROP TABLE IF EXISTS enterprise.nervecenter_access_tokens;
DROP TABLE IF EXISTS enterprise.nervecenter_ended_sessions;

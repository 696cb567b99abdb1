DROP TABLE IF EXISTS enterprise.nervecenter_user_key;

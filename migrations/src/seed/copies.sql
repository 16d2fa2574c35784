-- The catalogue in a tenant's schema: no foreign key leaves it.
INSERT INTO carriers (platform_carrier_id, key, name, config, status)
SELECT id, key, name, config, status FROM platform.carriers
ON CONFLICT (key) DO NOTHING;
INSERT INTO voices (system_voice_id, name, gender, description, avatar, tags, status, provider, provider_voice_id, language, audio_url)
SELECT id, name, gender, description, avatar, tags, status, provider, provider_voice_id, language, audio_url FROM platform.voices
ON CONFLICT (system_voice_id) DO NOTHING;

-- What an installation offers. Plans, system roles, retention policies and the standard prices come with
-- the migrations; this adds carriers and system voices, and copies both into the tenant schemas. A row
-- that is there is left as it is, whoever changed it.

INSERT INTO platform.carriers (key, name) VALUES
  ('sip', 'SIP trunk'), ('twilio', 'Twilio'), ('telnyx', 'Telnyx'), ('bandwidth', 'Bandwidth'), ('vonage', 'Vonage')
ON CONFLICT (key) DO NOTHING;

-- The voices of the embedded speech worker, which need no key and no network.
INSERT INTO platform.voices (name, gender, description, avatar, tags, provider, provider_voice_id, language) VALUES
  ('Susan', 'female', 'Embedded, clear at telephone quality', '#5b8def', '{english,american,female}', 'flite', 'slt', 'en-US'),
  ('Kal',   'male',   'Embedded, the smallest',               '#8d8d8d', '{english,american,male}',   'flite', 'kal', 'en-US'),
  ('Richard', 'male', 'Embedded',                             '#3f9e6e', '{english,american,male}',   'flite', 'rms', 'en-US'),
  ('Alan',  'male',   'Embedded',                             '#b3672b', '{english,scottish,male}',   'flite', 'awb', 'en-GB')
ON CONFLICT (name) DO NOTHING;

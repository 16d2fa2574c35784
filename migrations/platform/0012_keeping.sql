-- What is kept, how long, where, and under which key: retention classes, backups, archives, data keys.
--
-- No tenant reads any of it, and what must outlive a tenant refers to it without a foreign key.

CREATE TABLE platform.retention_policies (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  class platform.retention_class NOT NULL UNIQUE,
  hot_days integer NOT NULL DEFAULT 90 CHECK (hot_days >= 0),
  warm_days integer CHECK (warm_days >= hot_days),
  cold_days integer CHECK (cold_days >= hot_days),
  minimum_days integer NOT NULL DEFAULT 0 CHECK (minimum_days >= 0),
  delete_after_days integer CHECK (delete_after_days >= minimum_days),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.retention_policies IS 'retention=config encryption=E0 | ages in days since a row was made; the comment on every table names its class';
COMMENT ON COLUMN platform.retention_policies.minimum_days IS 'the law''s floor: no override of a tenant goes below';
COMMENT ON COLUMN platform.retention_policies.delete_after_days IS 'NULL is never by age';

CREATE TABLE platform.encryption_keys (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid,
  purpose text NOT NULL CHECK (purpose IN ('column', 'recording', 'archive')),
  version integer NOT NULL CHECK (version > 0),
  algorithm text NOT NULL DEFAULT 'AES-256-GCM' CHECK (algorithm = 'AES-256-GCM'),
  wrapped_key bytea NOT NULL,
  kek_ref text NOT NULL,
  status text NOT NULL DEFAULT 'active'
    CHECK (status IN ('pending', 'active', 'retiring', 'retired', 'shredded')),
  distributed_at timestamptz,
  activated_at timestamptz,
  sealing_at timestamptz,
  retired_at timestamptz,
  shredded_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (tenant_id, purpose, version),
  CONSTRAINT encryption_keys_shredded_is_empty
    CHECK ((status = 'shredded') = (shredded_at IS NOT NULL) AND (status = 'shredded') = (wrapped_key = ''))
);
COMMENT ON TABLE platform.encryption_keys IS 'retention=config encryption=E2 | kept until the last archive that needs it is gone';
COMMENT ON COLUMN platform.encryption_keys.tenant_id IS 'no foreign key: archives need the key after the tenant is gone; NULL is the installation''s';
COMMENT ON COLUMN platform.encryption_keys.wrapped_key IS 'encryption=E2 | under the key-encryption key that kek_ref names; empty once it is shredded';
COMMENT ON COLUMN platform.encryption_keys.status IS
  'pending: handed to readers, seals nothing yet; active: seals; retiring: opens while rows are sealed anew; retired: handed to nobody, kept for backups; shredded: gone for ever';
COMMENT ON COLUMN platform.encryption_keys.distributed_at IS 'when it was in the Secret that all readers read';
COMMENT ON COLUMN platform.encryption_keys.sealing_at IS
  'when that Secret said that it seals, which is later than activated_at: the key before it retires so much later';
CREATE INDEX ON platform.encryption_keys (status);
-- At most one seals, and at most one waits to.
CREATE UNIQUE INDEX encryption_keys_one_active ON platform.encryption_keys (tenant_id, purpose)
  NULLS NOT DISTINCT WHERE status = 'active';
CREATE UNIQUE INDEX encryption_keys_one_pending ON platform.encryption_keys (tenant_id, purpose)
  NULLS NOT DISTINCT WHERE status = 'pending';

CREATE TABLE platform.archive_manifests (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL,
  tenant_slug text NOT NULL,
  class platform.retention_class NOT NULL,
  source_table text NOT NULL,
  range_start timestamptz,
  range_end timestamptz,
  row_count bigint NOT NULL CHECK (row_count >= 0),
  object_url text NOT NULL,
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  encryption_key_id uuid REFERENCES platform.encryption_keys (id),
  retain_until timestamptz NOT NULL,
  audio_until timestamptz,
  removed_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE platform.archive_manifests IS 'retention=config encryption=E4 | what lies in object storage; kept until its own retain_until';
COMMENT ON COLUMN platform.archive_manifests.tenant_id IS 'no foreign key: archives outlive the tenant';
COMMENT ON COLUMN platform.archive_manifests.sha256 IS 'of the object as it lies there, enciphered';
COMMENT ON COLUMN platform.archive_manifests.audio_until IS 'of call_recordings: the latest retain_until of a row that left with it';
COMMENT ON COLUMN platform.archive_manifests.removed_at IS 'when its rows left the database, which they do in the transaction that says so';
CREATE INDEX ON platform.archive_manifests (retain_until) WHERE deleted_at IS NULL;
CREATE INDEX ON platform.archive_manifests (tenant_id, class);
CREATE INDEX ON platform.archive_manifests (encryption_key_id);
CREATE INDEX ON platform.archive_manifests (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE platform.backup_runs (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  database_cluster_id uuid REFERENCES platform.database_clusters (id) ON DELETE CASCADE,
  kind platform.backup_kind NOT NULL,
  status platform.backup_status NOT NULL DEFAULT 'running',
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  recovered_to timestamptz,
  restore_seconds integer CHECK (restore_seconds >= 0),
  location text,
  region text,
  sha256 bytea CHECK (length(sha256) = 32),
  size_bytes bigint CHECK (size_bytes >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (database_cluster_id, kind, location, started_at)
);
COMMENT ON TABLE platform.backup_runs IS 'retention=audit encryption=E0 | what proves that nothing would be lost, and how fast it would be back';
COMMENT ON COLUMN platform.backup_runs.database_cluster_id IS 'NULL is the server that holds this schema';
COMMENT ON COLUMN platform.backup_runs.started_at IS 'of a run of kind wal: the moment whose log its file completes';
COMMENT ON COLUMN platform.backup_runs.recovered_to IS 'the newest moment that can be restored after this run; of a drill, the one that was';
COMMENT ON COLUMN platform.backup_runs.restore_seconds IS 'of a drill';
COMMENT ON COLUMN platform.backup_runs.location IS 'where the object is: pgbackrest:STANZA/repoN/LABEL, pgbackrest:STANZA/FILE of the log';
COMMENT ON COLUMN platform.backup_runs.region IS 'where the repository is';
CREATE INDEX ON platform.backup_runs (kind, started_at DESC);
CREATE INDEX ON platform.backup_runs (status);

SELECT platform.guard_table(t)
  FROM unnest('{platform.retention_policies, platform.encryption_keys, platform.archive_manifests,
                platform.backup_runs}'::regclass[]) AS t;

-- Data model, section 9. Ages are days since the row was made: hot up to hot_days, warm up to warm_days,
-- then in object storage up to cold_days.
INSERT INTO platform.retention_policies (class, hot_days, warm_days, cold_days, minimum_days, delete_after_days) VALUES
  ('config',      90, NULL, NULL,    0, NULL),
  ('operational', 90, 1095, 2555,    0, 2555),
  ('recording',   90, 1095, 2555, 2555, 2555),
  ('audit',       90, 1095, 3650, 3650, 3650),
  ('billing',     90, 1095, 2555, 2555, 2555),
  ('metrics',     90, 1095, NULL,    0, 1095),
  ('session',     30, NULL, NULL,    0,   30),
  ('pii',         90, NULL, NULL,    0, NULL);

-- How many days recordings of the caller's tenant are kept, for media nodes, which delete what lies on
-- their disks. NULL is for ever. As the policies of callplane_store::retention have it.
CREATE FUNCTION platform.recording_days() RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN p.delete_after_days IS NOT NULL
              THEN CASE WHEN t.retention_overrides ->> 'recording' IS NULL THEN p.delete_after_days
                        ELSE greatest((t.retention_overrides ->> 'recording')::integer, p.minimum_days, 1) END
         END
    FROM platform.retention_policies p
    LEFT JOIN platform.tenants t ON t.id = platform.tenant_of_role(session_user)
   WHERE p.class = 'recording' $$;
REVOKE ALL ON FUNCTION platform.recording_days FROM PUBLIC;
GRANT EXECUTE ON FUNCTION platform.recording_days TO callplane_tenant_media;

-- Until when audio of the caller's tenant is wished to be kept whose rows are in the archive of a month; NULL
-- is no longer than its class. Media nodes do not read archives, so one wish keeps the audio of its month.
CREATE FUNCTION platform.audio_kept_until(month date) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT max(m.audio_until) FROM platform.archive_manifests m
   WHERE m.tenant_id = platform.tenant_of_role(session_user) AND m.source_table = 'call_recordings'
     AND m.range_start = audio_kept_until.month::timestamp AT TIME ZONE 'UTC' $$;
REVOKE ALL ON FUNCTION platform.audio_kept_until FROM PUBLIC;
GRANT EXECUTE ON FUNCTION platform.audio_kept_until TO callplane_tenant_media;

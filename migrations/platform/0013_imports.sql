-- How far an import from another platform has come, so that one that was killed goes on where it was.

CREATE TABLE platform.import_progress (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL REFERENCES platform.tenants (id) ON DELETE CASCADE,
  source_platform text NOT NULL,
  source_tenant text NOT NULL,
  source_database text NOT NULL,
  source_table text NOT NULL,
  last_key text,
  figures jsonb NOT NULL DEFAULT '{}',
  finished boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, source_platform, source_tenant, source_table)
);
COMMENT ON TABLE platform.import_progress IS 'retention=config encryption=E0 | one row a table of the other platform; gone when its import has ended';
COMMENT ON COLUMN platform.import_progress.source_database IS 'which database the source is, as it says of itself: another one has other rows after the same key';
COMMENT ON COLUMN platform.import_progress.last_key IS 'the last row that was committed, in the order of the source''s key';
COMMENT ON COLUMN platform.import_progress.figures IS 'counts, sums and the first refusals, as the report prints them: keys and reasons, no values';

SELECT platform.guard_table('platform.import_progress');

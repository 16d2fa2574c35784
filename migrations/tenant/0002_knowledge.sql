-- What agents look things up in: knowledge bases, their documents, and the chunks that are
-- searched.
--
-- A knowledge base is a custom resource (sources and settings), its documents and chunks are rows.
-- Added to the data model: the columns of the projection, because the model kept knowledge bases in
-- the database only.

CREATE TABLE knowledge_bases (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL,
  description text,
  file_count integer NOT NULL DEFAULT 0,
  website_count integer NOT NULL DEFAULT 0,
  text_count integer NOT NULL DEFAULT 0,
  status platform.kb_status NOT NULL DEFAULT 'empty',
  document_limit integer NOT NULL DEFAULT 100 CHECK (document_limit > 0),
  embedding_provider text,
  text_search text NOT NULL DEFAULT 'simple',
  k8s_namespace text,
  k8s_name text,
  k8s_uid uuid UNIQUE,
  k8s_generation bigint,
  spec_hash text,
  synced_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
COMMENT ON TABLE knowledge_bases IS
  'retention=config encryption=E0 | counters and status are kept by the trigger of kb_documents';
COMMENT ON COLUMN knowledge_bases.document_limit IS
  'most documents, enforced by a trigger; from the quota documents_per_kb';
COMMENT ON COLUMN knowledge_bases.embedding_provider IS
  'namespace/name of the Provider that embeds; NULL is found by words only';
COMMENT ON COLUMN knowledge_bases.text_search IS
  'name of the text search configuration that kb_chunks.words are made with';
CREATE UNIQUE INDEX knowledge_bases_name ON knowledge_bases (name) WHERE deleted_at IS NULL;
CREATE INDEX ON knowledge_bases (status);
CREATE INDEX ON knowledge_bases (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE UNIQUE INDEX knowledge_bases_object ON knowledge_bases (k8s_namespace, k8s_name)
  WHERE deleted_at IS NULL;

CREATE TABLE kb_documents (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  knowledge_base_id uuid NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
  name text NOT NULL,
  type platform.document_type NOT NULL,
  url text,
  content text,
  file_size bigint,
  mime_type text,
  source bytea CHECK (octet_length(source) <= 1048576),
  sha256 bytea,
  from_spec boolean NOT NULL DEFAULT false,
  refresh_seconds integer CHECK (refresh_seconds > 0),
  fetched_at timestamptz,
  status platform.document_status NOT NULL DEFAULT 'processing',
  error_message text,
  due_at timestamptz DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  abandoned integer NOT NULL DEFAULT 0,
  lease uuid,
  leased_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT kb_documents_source
    CHECK (CASE type WHEN 'text' THEN content IS NOT NULL ELSE url IS NOT NULL END)
);
COMMENT ON TABLE kb_documents IS 'retention=config encryption=E1 | a file, a web site or a text';
COMMENT ON COLUMN kb_documents.source IS
  'octets of a file of a ConfigMap, which is at most 1 MiB; a file elsewhere is fetched from url';
COMMENT ON COLUMN kb_documents.sha256 IS
  'of content, of source, or of what was fetched last: what is the same is not read again';
COMMENT ON COLUMN kb_documents.from_spec IS 'named by the custom resource, and removed with its name there';
COMMENT ON COLUMN kb_documents.due_at IS
  'when a worker may read it, or fetch it again; NULL when nothing is to be done';
COMMENT ON COLUMN kb_documents.abandoned IS
  'how many workers in a row took it and said nothing: it may be what ends them';
COMMENT ON COLUMN kb_documents.lease IS
  'who reads it writes its chunks only while this is theirs; after leased_until it is another''s';
CREATE UNIQUE INDEX kb_documents_name ON kb_documents (knowledge_base_id, name) WHERE from_spec;
CREATE INDEX ON kb_documents (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX ON kb_documents (status);
CREATE INDEX ON kb_documents (knowledge_base_id);

CREATE TABLE kb_chunks (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  document_id uuid NOT NULL REFERENCES kb_documents (id) ON DELETE CASCADE,
  chunk_no integer NOT NULL,
  content text NOT NULL,
  token_count integer,
  words tsvector,
  embedding real[],
  embedding_model text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (document_id, chunk_no)
);
COMMENT ON TABLE kb_chunks IS 'retention=config encryption=E1 | what retrieval finds';
COMMENT ON COLUMN kb_chunks.words IS
  'of the content and the name of its document, by text_search of the knowledge base';
COMMENT ON COLUMN kb_chunks.embedding IS 'an array until pgvector is there';
COMMENT ON COLUMN kb_chunks.embedding_model IS
  'name of the model at the provider; embeddings of another are not compared';
CREATE INDEX ON kb_chunks USING gin (words);

-- The lock on the knowledge base makes two documents that are added at once count each other.
CREATE FUNCTION kb_documents_limit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  most integer;
BEGIN
  SELECT document_limit INTO most FROM {{schema}}.knowledge_bases
   WHERE id = NEW.knowledge_base_id FOR UPDATE;
  IF (SELECT count(*) FROM {{schema}}.kb_documents
       WHERE knowledge_base_id = NEW.knowledge_base_id) >= most THEN
    RAISE EXCEPTION 'DOCUMENT_LIMIT % reached', most USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER kb_documents_limit BEFORE INSERT ON kb_documents
  FOR EACH ROW EXECUTE FUNCTION kb_documents_limit();

CREATE FUNCTION kb_documents_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  base uuid;
BEGIN
  FOREACH base IN ARRAY ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN OLD.knowledge_base_id END,
                              CASE WHEN TG_OP <> 'DELETE' THEN NEW.knowledge_base_id END] LOOP
    CONTINUE WHEN base IS NULL;
    UPDATE {{schema}}.knowledge_bases b
       SET file_count = d.files, website_count = d.websites, text_count = d.texts,
           status = (CASE WHEN d.total = 0 THEN 'empty'
                          WHEN d.processing > 0 THEN 'processing'
                          WHEN b.status = 'active' THEN 'active'
                          ELSE 'ready' END)::platform.kb_status
      FROM (SELECT count(*) AS total,
                   count(*) FILTER (WHERE type = 'file') AS files,
                   count(*) FILTER (WHERE type = 'website') AS websites,
                   count(*) FILTER (WHERE type = 'text') AS texts,
                   count(*) FILTER (WHERE status = 'processing') AS processing
              FROM {{schema}}.kb_documents WHERE knowledge_base_id = base) d
     WHERE b.id = base;
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER kb_documents_count AFTER INSERT OR UPDATE OR DELETE ON kb_documents
  FOR EACH ROW EXECUTE FUNCTION kb_documents_count();

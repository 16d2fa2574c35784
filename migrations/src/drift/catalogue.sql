-- Everything in schema $1 that a migration decides, as lines of kind, object and definition. Names of the
-- schema's own roles become {{app}}, {{media_a}}, ...; the caller sets the schema as search path, so that
-- the server leaves its name out. What depends on when a schema was made, its months, is left out.
WITH here AS (
  SELECT * FROM pg_namespace WHERE nspname = $1
), tenant AS (
  SELECT id FROM platform.tenants WHERE schema_name = $1
), role AS (
  SELECT r.*, t.role_name IS NOT NULL AS ours,
         CASE WHEN t.role_name IS NULL THEN r.rolname
              ELSE '{{' || substr(r.rolname, length($1) + 2) || '}}' END AS word
    FROM pg_roles r
    LEFT JOIN platform.tenant_roles t
      ON t.role_name = r.rolname AND t.tenant_id = (SELECT id FROM tenant)
), grantee AS (
  SELECT oid, word FROM role UNION ALL SELECT 0, 'PUBLIC'
), relation AS (
  SELECT c.* FROM pg_class c JOIN here ON here.oid = c.relnamespace
), tables AS (
  SELECT * FROM relation WHERE relkind IN ('r', 'p') AND NOT relispartition
), granted AS (
  -- As text: a union with a name would cut what is longer than 63 bytes.
  SELECT 'SCHEMA'::text AS object, nspowner AS owner, nspacl AS acl FROM here
  UNION ALL SELECT relname, relowner, relacl FROM relation WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
  UNION ALL
  SELECT r.relname || '.' || a.attname, r.relowner, a.attacl
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attacl IS NOT NULL
  UNION ALL
  SELECT format('FUNCTION %s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)), p.proowner,
         coalesce(p.proacl, acldefault('f', p.proowner))
    FROM pg_proc p JOIN here ON here.oid = p.pronamespace
  UNION ALL
  SELECT 'TYPE ' || t.typname, t.typowner, t.typacl
    FROM pg_type t JOIN here ON here.oid = t.typnamespace WHERE t.typtype = 'e'
), bootstrap AS (
  -- With the option to pass it on, both lines: one that has it too much shows as that.
  SELECT DISTINCT format('GRANT %s TO callplane_operator', g.rolname) || option.words AS statement
    FROM pg_auth_members x
    JOIN pg_roles g ON g.oid = x.roleid JOIN pg_roles m ON m.oid = x.member
    CROSS JOIN LATERAL (SELECT '' AS words
                        UNION ALL SELECT ' WITH ADMIN OPTION' WHERE x.admin_option) AS option
   WHERE m.rolname = 'callplane_operator'
     AND g.rolname IN ('callplane_tenant', 'callplane_tenant_media', 'callplane_tenant_people', 'pg_signal_backend')
  UNION ALL
  SELECT format('GRANT SET ON PARAMETER %s TO callplane_operator', p.parname)
    FROM pg_parameter_acl p, aclexplode(p.paracl) a JOIN pg_roles r ON r.oid = a.grantee
   WHERE p.parname = 'app.tenant_id' AND r.rolname = 'callplane_operator' AND a.privilege_type = 'SET'
  UNION ALL
  SELECT format('GRANT CONNECT ON DATABASE {{database}} TO %s', r.rolname)
    FROM pg_database d, aclexplode(d.datacl) a JOIN pg_roles r ON r.oid = a.grantee
   WHERE d.datname = current_database() AND a.privilege_type = 'CONNECT'
     AND r.rolname IN ('callplane_tenant', 'callplane_api')
  UNION ALL
  SELECT format('GRANT USAGE ON SCHEMA public TO %s', r.rolname)
    FROM pg_namespace n, aclexplode(n.nspacl) a JOIN pg_roles r ON r.oid = a.grantee
   WHERE n.nspname = 'public' AND a.privilege_type = 'USAGE'
     AND r.rolname IN ('callplane_operator', 'callplane_tenant', 'callplane_api')
  UNION ALL
  -- What everybody may do is in no list where nobody changed it.
  SELECT 'REVOKE ALL ON DATABASE {{database}} FROM PUBLIC'
    FROM pg_database d
   WHERE d.datname = current_database()
     AND NOT EXISTS (SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a WHERE a.grantee = 0)
  UNION ALL
  SELECT 'REVOKE ALL ON SCHEMA public FROM PUBLIC'
    FROM pg_namespace n
   WHERE n.nspname = 'public'
     AND NOT EXISTS (SELECT FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a WHERE a.grantee = 0)
), line (kind, object, definition) AS (
  SELECT 'schema', 'SCHEMA'::text, 'OWNER ' || o.word FROM here JOIN role o ON o.oid = here.nspowner
  UNION ALL
  SELECT 'table', t.relname, concat_ws(' ', 'OWNER ' || o.word,
         'PARTITION BY ' || pg_get_partkeydef(t.oid),
         CASE WHEN t.relpersistence = 'u' THEN 'UNLOGGED' END,
         CASE WHEN t.relrowsecurity THEN 'ROW LEVEL SECURITY' END,
         CASE WHEN t.relforcerowsecurity THEN 'FORCED' END)
    FROM tables t JOIN role o ON o.oid = t.relowner
  UNION ALL
  SELECT 'partition', c.relname, 'DEFAULT OF ' || parent.relname
    FROM relation c JOIN pg_inherits i ON i.inhrelid = c.oid JOIN tables parent ON parent.oid = i.inhparent
   WHERE pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'
  UNION ALL
  SELECT 'column', t.relname || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attcollation <> y.typcollation
              THEN 'COLLATE ' || (SELECT quote_ident(collname) FROM pg_collation WHERE oid = a.attcollation) END,
         CASE WHEN a.attnotnull THEN 'NOT NULL' END,
         CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
                            WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END,
         CASE a.attgenerated WHEN 's' THEN 'GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, t.oid, true) || ') STORED'
                             ELSE 'DEFAULT ' || pg_get_expr(d.adbin, t.oid, true) END)
    FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type y ON y.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
  UNION ALL
  SELECT 'constraint', t.relname || '.' || f.conname, pg_get_constraintdef(f.oid, true)
    FROM tables t JOIN pg_constraint f ON f.conrelid = t.oid
   WHERE f.contype IN ('p', 'u', 'f', 'c', 'x') AND f.conparentid = 0
  UNION ALL
  SELECT 'index', c.relname, concat_ws(' ', pg_get_indexdef(c.oid, 0, true),
         CASE WHEN NOT i.indisvalid THEN 'INVALID' END)
    FROM tables t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid
  UNION ALL
  SELECT 'trigger', t.relname || '.' || g.tgname, concat_ws(' ', pg_get_triggerdef(g.oid, true),
         CASE g.tgenabled WHEN 'O' THEN NULL WHEN 'D' THEN 'DISABLED' ELSE 'ENABLED ' || g.tgenabled::text END)
    FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid
   WHERE NOT g.tgisinternal AND g.tgparentid = 0
  UNION ALL
  -- Those of foreign keys, and those that partitions have from their table.
  SELECT 'trigger', r.relname || '.' || CASE WHEN g.tgisinternal THEN 'ALL' ELSE g.tgname END, 'DISABLED'
    FROM relation r JOIN pg_trigger g ON g.tgrelid = r.oid
   WHERE g.tgenabled <> 'O' AND (g.tgisinternal OR g.tgparentid <> 0)
  UNION ALL
  SELECT 'policy', t.relname || '.' || p.polname, concat_ws(' ',
         CASE WHEN NOT p.polpermissive THEN 'AS RESTRICTIVE' END,
         CASE p.polcmd WHEN 'r' THEN 'FOR SELECT' WHEN 'a' THEN 'FOR INSERT' WHEN 'w' THEN 'FOR UPDATE'
                       WHEN 'd' THEN 'FOR DELETE' ELSE 'FOR ALL' END,
         'TO ' || (SELECT string_agg(g.word, ', ' ORDER BY g.word) FROM grantee g WHERE g.oid = ANY (p.polroles)),
         'USING (' || pg_get_expr(p.polqual, t.oid, true) || ')',
         'WITH CHECK (' || pg_get_expr(p.polwithcheck, t.oid, true) || ')')
    FROM relation t JOIN pg_policy p ON p.polrelid = t.oid
  UNION ALL
  SELECT 'grant', g.object || ' TO ' || e.word,
         string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END,
                    ', ' ORDER BY x.privilege_type)
    FROM granted g CROSS JOIN aclexplode(g.acl) x JOIN grantee e ON e.oid = x.grantee
   WHERE x.grantee <> g.owner GROUP BY g.object, e.word
  UNION ALL
  SELECT 'function', format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)),
         concat_ws(' ', 'RETURNS ' || pg_get_function_result(p.oid), 'LANGUAGE ' || l.lanname,
         CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
         CASE p.proparallel WHEN 's' THEN 'PARALLEL SAFE' END,
         CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' END,
         CASE WHEN p.proisstrict THEN 'STRICT' END,
         'SET ' || array_to_string(p.proconfig, ', '),
         'BODY ' || left(encode(sha256(convert_to(
            replace(replace(p.prosrc, '"' || $1 || '"', '{{schema}}'),
                    coalesce((SELECT id::text FROM tenant), '{{tenant_id}}'), '{{tenant_id}}'), 'UTF8')), 'hex'), 12))
    FROM pg_proc p JOIN here ON here.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
  UNION ALL
  SELECT 'type', t.typname, 'ENUM ' || string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
    FROM pg_type t JOIN here ON here.oid = t.typnamespace JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY t.typname
  UNION ALL
  SELECT 'sequence', r.relname, format('%s START %s INCREMENT %s CACHE %s', format_type(s.seqtypid, NULL),
         s.seqstart, s.seqincrement, s.seqcache)
    FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
  UNION ALL
  SELECT 'view', r.relname, pg_get_viewdef(r.oid, true) FROM relation r WHERE r.relkind IN ('v', 'm')
  UNION ALL
  SELECT 'rule', r.relname || '.' || w.rulename, pg_get_ruledef(w.oid, true)
    FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE w.rulename <> '_RETURN'
  UNION ALL
  SELECT 'comment', concat_ws('.', t.relname, a.attname), d.description
    FROM tables t JOIN pg_description d ON d.objoid = t.oid AND d.classoid = 'pg_class'::regclass
    LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.objsubid AND d.objsubid > 0
  UNION ALL
  -- Whether a login is open is rotation's business.
  SELECT 'role', r.word, concat_ws(' ', CASE WHEN r.rolsuper THEN 'SUPERUSER' END,
         CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
         CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
         CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END, 'CONNECTIONS ' || r.rolconnlimit,
         'SET ' || replace(replace(array_to_string(r.rolconfig, ', '), '"', ''),
                           'search_path=' || $1 || ',', 'search_path={{schema}},'))
    FROM role r WHERE r.ours
  UNION ALL
  -- PostgreSQL 16 makes who creates a role a member of it.
  SELECT 'member', format('%s IN %s', m.word, r.word), CASE WHEN x.admin_option THEN 'ADMIN' ELSE '' END
    FROM pg_auth_members x JOIN role r ON r.oid = x.roleid JOIN role m ON m.oid = x.member
   WHERE ((r.ours OR m.ours) AND m.rolname <> 'callplane_operator')
      OR ($1 = 'platform' AND r.rolname = 'callplane_operator')
  UNION ALL
  -- What bootstrap.sql makes outside of any schema. The object is the statement that makes it.
  SELECT 'bootstrap', statement, 'done' FROM bootstrap WHERE $1 = 'platform'
  UNION ALL
  SELECT 'extension', e.extname, 'SCHEMA ' || n.nspname
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
   WHERE $1 = 'platform' AND e.extname IN ('citext', 'pg_trgm')
  UNION ALL
  SELECT 'group', rolname, CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END
    FROM pg_roles
   WHERE $1 = 'platform'
     AND rolname IN ('callplane_tenant', 'callplane_tenant_media', 'callplane_tenant_people', 'callplane_api')
  UNION ALL
  SELECT 'leakproof', p.oid::regprocedure::text, p.proleakproof::text
    FROM pg_proc p
   WHERE $1 = 'platform'
     AND p.proname IN ('enum_eq', 'arraycontains', 'arrayoverlap', 'jsonb_contains', 'citext_eq', 'word_similarity_op')
)
SELECT kind, object, regexp_replace(definition, '\s+', ' ', 'g') AS definition FROM line

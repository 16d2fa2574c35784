-- All that a tenant is, a line for each object and each table's rows, the same on two servers that have the same:
-- move-tenant.sh compares the lines. Variables: tenant; copied, the tables of platform. Reads all rows.
\set ON_ERROR_STOP on
select id as tenant_id, schema_name from platform.tenants where slug = :'tenant' \gset
select string_agg(quote_literal(n.nspname), ', ') as schemas, string_agg(n.oid::text, ', ') as schema_oids
  from pg_namespace n
 where n.nspname = :'schema_name' or starts_with(n.nspname, :'schema_name' || '__') \gset

-- === Roles ===
select format('object role %s login=%s super=%s bypass=%s limit=%s settings=%s', r.rolname, r.rolcanlogin, r.rolsuper,
              r.rolbypassrls, r.rolconnlimit,
              (select string_agg(s, ';' order by s) from pg_db_role_setting d, unnest(d.setconfig) s
                where d.setrole = r.oid and d.setdatabase = 0))
  from pg_roles r join platform.tenant_roles t on t.role_name = r.rolname
 where t.tenant_id = :'tenant_id' order by 1;
select format('object member %s of %s admin=%s', m.member::regrole, m.roleid::regrole, m.admin_option)
  from pg_auth_members m
 where exists (select from platform.tenant_roles t
                where t.tenant_id = :'tenant_id' and to_regrole(quote_ident(t.role_name)) in (m.member, m.roleid)) order by 1;

-- === Schemas and what is in them ===
select format('object schema %s owner=%s acl=%s comment=%s', n.nspname, n.nspowner::regrole,
              (select string_agg(a::text, ';' order by a::text) from unnest(n.nspacl) a), obj_description(n.oid, 'pg_namespace'))
  from pg_namespace n where n.oid in (:schema_oids) order by 1;
select format('object relation %s kind=%s owner=%s rls=%s,%s acl=%s bound=%s key=%s options=%s comment=%s view=%s',
              c.oid::regclass, c.relkind, c.relowner::regrole, c.relrowsecurity, c.relforcerowsecurity,
              -- What the owner has anyway is written or not; pg_dump leaves it out.
              (select string_agg(a::text, ';' order by a::text)
                 from unnest(nullif(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))) a),
              pg_get_expr(c.relpartbound, c.oid), case c.relkind when 'p' then pg_get_partkeydef(c.oid) end,
              c.reloptions, obj_description(c.oid, 'pg_class'),
              case c.relkind when 'v' then md5(pg_get_viewdef(c.oid)) end)
  from pg_class c where c.relnamespace in (:schema_oids) and c.relkind in ('r', 'p', 'v', 'S') order by 1;
select format('object column %s.%s type=%s collation=%s notnull=%s default=%s generated=%s acl=%s comment=%s', c.oid::regclass,
              a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation, a.attnotnull,
              pg_get_expr(d.adbin, d.adrelid), a.attgenerated,
              (select string_agg(i::text, ';' order by i::text) from unnest(a.attacl) i), col_description(c.oid, a.attnum))
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
 where c.relnamespace in (:schema_oids) and c.relkind in ('r', 'p', 'v') order by 1;
select format('object constraint %s.%s %s valid=%s', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated)
  from pg_constraint where connamespace in (:schema_oids) order by 1;
select format('object index %s valid=%s', pg_get_indexdef(i.indexrelid), i.indisvalid)
  from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace in (:schema_oids) order by 1;
select format('object policy %s.%s.%s %s %s roles=%s using=%s check=%s', schemaname, tablename, policyname, permissive, cmd,
              roles, qual, with_check)
  from pg_policies where schemaname in (:schemas) order by 1;
select format('object trigger %s enabled=%s', pg_get_triggerdef(t.oid), t.tgenabled)
  from pg_trigger t join pg_class c on c.oid = t.tgrelid
 where c.relnamespace in (:schema_oids) and not t.tgisinternal order by 1;
select format('object function %s owner=%s acl=%s body=%s', p.oid::regprocedure, p.proowner::regrole,
              (select string_agg(a::text, ';' order by a::text) from unnest(p.proacl) a), md5(pg_get_functiondef(p.oid)))
  from pg_proc p where p.pronamespace in (:schema_oids) order by 1;
select format('object sequence %s.%s last=%s', schemaname, sequencename, last_value)
  from pg_sequences where schemaname in (:schemas) order by 1;

-- === Rows: how many, and the sum of their hashes, which does not depend on the order ===
select format('select format(''rows %%s %%s %%s'', %L, count(*), sum((''x'' || left(md5(%s), 15))::bit(60)::bigint)) from %s t;',
              c.oid::regclass,
              -- Each server numbers its tenants.
              case c.relname when 'tenant' then '(to_jsonb(t) - ''row_no'' - ''updated_at'')::text' else 't::text' end,
              c.oid::regclass)
  from pg_class c where c.relnamespace = :'schema_name'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
 order by c.relname \gexec
-- What the operator goes on writing is left out of the rows of platform.
select format('select format(''rows %%s %%s %%s'', %L, count(*), sum((''x'' || left(md5((to_jsonb(t) - ''row_no'')::text), 15))::bit(60)::bigint)) from platform.%I t where %I = %L;',
              'platform.' || name, name, case name when 'tenants' then 'id' else 'tenant_id' end, :'tenant_id')
  from regexp_split_to_table(:'copied', '\s+') as name order by name \gexec

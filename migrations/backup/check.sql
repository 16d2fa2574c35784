-- Whether a restored database is one that Callplane can work with: psql -f check.sql DATABASE, as superuser.
-- It ends at the first thing that is missing, with a sentence; else it tells what is there.
\set ON_ERROR_STOP on

do $$
declare
  missing text;
begin
  -- bootstrap.sql
  select string_agg(f, ', ') into missing
    from unnest(array['pg_catalog.enum_eq(anyenum, anyenum)', 'pg_catalog.arraycontains(anyarray, anyarray)',
                      'pg_catalog.arrayoverlap(anyarray, anyarray)', 'pg_catalog.jsonb_contains(jsonb, jsonb)',
                      'public.citext_eq(public.citext, public.citext)',
                      'public.word_similarity_op(text, text)']) as f
   where not (select proleakproof from pg_proc where oid = f::regprocedure);
  if missing is not null then
    raise exception 'not marked leakproof: %', missing using hint = 'Run bootstrap.sql for this database.';
  end if;

  select string_agg(r, ', ') into missing
    from unnest(array['callplane_operator', 'callplane_tenant', 'callplane_tenant_media', 'callplane_tenant_people',
                      'callplane_api']) as r
   where to_regrole(r) is null;
  if missing is not null then
    raise exception 'no such roles: %', missing using hint = 'Run bootstrap.sql for this database.';
  end if;

  select string_agg(t.slug, ', ') into missing
    from platform.tenants t where to_regnamespace(quote_ident(t.schema_name)) is null;
  if missing is not null then
    raise exception 'tenants without a schema: %', missing;
  end if;

  -- Roles are of the server, not of the database: a dump of a database does not have them.
  select string_agg(r.role_name, ', ') into missing
    from platform.tenant_roles r where to_regrole(quote_ident(r.role_name)) is null;
  if missing is not null then
    raise exception 'no such roles: %', missing using hint = 'Restore the server, not a dump of the database.';
  end if;

  -- What ties a login to its tenant.
  select string_agg(r.role_name, ', ') into missing
    from platform.tenant_roles r
   where r.role_name ~ '_[ab]$' and r.kind <> 'owner'
     and not exists (select from pg_db_role_setting s
                      where s.setrole = to_regrole(quote_ident(r.role_name))
                        and 'app.tenant_id=' || r.tenant_id = any (s.setconfig));
  if missing is not null then
    raise exception 'logins without their tenant: %', missing;
  end if;

  select string_agg(c.oid::regclass::text, ', ') into missing
    from pg_class c
    join platform.tenants t on c.relnamespace = to_regnamespace(quote_ident(t.schema_name))
   where c.relkind in ('r', 'p') and not c.relispartition and not (c.relrowsecurity and c.relforcerowsecurity);
  if missing is not null then
    raise exception 'tables without row-level security: %', missing;
  end if;

  select string_agg(format('%s lacks %s', t.slug, m.version), ', ') into missing
    from platform.tenants t
    join (select distinct version from platform.schema_migrations
           where tenant_id is not null and status in ('applied', 'marked_applied')) m on true
   where not exists (select from platform.schema_migrations s
                      where s.tenant_id = t.id and s.version = m.version
                        and s.status in ('applied', 'marked_applied'));
  if missing is not null then
    raise warning 'tenants that are behind in their migrations: %; the operator brings them up to date', missing;
  end if;
end $$;

select count(*) || ' tenants, ' || count(*) filter (where status = 'active') || ' of them active' from platform.tenants;
select 'newest file of the migrations: ' || max(name) from platform.schema_migrations where tenant_id is null;
-- How much of each tenant's calls is there.
select format('select %L, count(*) || '' calls'', ''the newest of '' || max(initiated_at) from %I.calls', slug, schema_name)
  from platform.tenants order by slug \gexec

-- The statements that make the roles of a tenant as they are here, closed: move-tenant.sh runs them elsewhere.
-- Variable: tenant.
with own as (
  select r.* from pg_roles r
  join platform.tenant_roles t on t.role_name = r.rolname
  join platform.tenants n on n.id = t.tenant_id
  where n.slug = :'tenant'
), statements as (
  select 1 as step, rolname as name,
         format('create role %I nologin connection limit %s;', rolname, rolconnlimit) as statement
    from own
  union all
  -- Among themselves, in the groups of bootstrap.sql, and the operator in them.
  select 2, m.roleid::regrole::text || ' ' || m.member::regrole::text,
         format('grant %s to %s%s;', m.roleid::regrole, m.member::regrole,
                case when m.admin_option then ' with admin option' else '' end)
    from pg_auth_members m
   where m.member in (select oid from own) or m.roleid in (select oid from own)
  union all
  select 3, format('%s %3s', o.rolname, place), -- in their order
         -- A list of schemas is a list of identifiers already; the rest is one value.
         format('alter role %I set %s = %s;', o.rolname, split_part(setting, '=', 1),
                case split_part(setting, '=', 1)
                  when 'search_path' then substring(setting from position('=' in setting) + 1)
                  else quote_literal(substring(setting from position('=' in setting) + 1)) end)
    from own o join pg_db_role_setting s on s.setrole = o.oid and s.setdatabase = 0, unnest(s.setconfig) with ordinality as x (setting, place)
)
select statement from statements order by step, name;

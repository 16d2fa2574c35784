-- What a database administrator runs once, as superuser, before the operator is installed:
--   psql -v password=SECRET -v database=callplane -f bootstrap.sql postgres
-- Afterwards the operator creates every schema and role by itself and needs no superuser.
--
-- callplane_operator  login; owns the database, creates roles; has no BYPASSRLS, so that even its own
--                     statements see a tenant's rows only through that tenant's policies.
-- callplane_tenant    group of all tenants' roles: what every tenant may read of schema `platform`.
-- callplane_tenant_media   those of them that media nodes log in with: they hold quotas and tell how they are.
-- callplane_tenant_people  those of them that people work through: they read their tenant's people too.
-- callplane_api       what the API does before it knows the tenant: log people in, find API keys.

select format('create role callplane_operator login createrole nobypassrls password %L', :'password')
where not exists (select from pg_roles where rolname = 'callplane_operator') \gexec

select 'create role callplane_tenant nologin'
where not exists (select from pg_roles where rolname = 'callplane_tenant') \gexec

select format('create role %I nologin', name)
from unnest(array['callplane_tenant_media', 'callplane_tenant_people']) as name
where not exists (select from pg_roles where rolname = name) \gexec

select 'create role callplane_api nologin'
where not exists (select from pg_roles where rolname = 'callplane_api') \gexec

-- Makes the roles of new tenants members of the groups.
grant callplane_tenant, callplane_tenant_media, callplane_tenant_people to callplane_operator with admin option;
-- Ends the sessions of a login that is closed; superusers' sessions are out of its reach.
grant pg_signal_backend to callplane_operator;
-- Ties a login to its tenant: ALTER ROLE ... SET app.tenant_id.
grant set on parameter app.tenant_id to callplane_operator;

select format('create database %I owner callplane_operator', :'database')
where not exists (select from pg_database where datname = :'database') \gexec

select format('revoke all on database %I from public', :'database') \gexec
select format('grant connect on database %I to callplane_tenant, callplane_api', :'database') \gexec
select format('alter database %I set timezone to ''UTC''', :'database') \gexec

\connect :database
revoke all on schema public from public;
grant usage on schema public to callplane_operator, callplane_tenant, callplane_api;
create extension if not exists citext schema public;
create extension if not exists pg_trgm schema public;

-- Behind row-level security an index serves only operators that are marked leakproof, which these are
-- not: without the marks, filters by status, e-mail, tags and jsonb read whole tables. They tell nothing
-- of a value but their result. LIKE is not among them and must not be: its error about a pattern that
-- ends in a backslash depends on the value, which would tell a tenant of rows that the policies of
-- `platform` hide. A dump does not carry the marks: run this file again for a restored database.
alter function pg_catalog.enum_eq(anyenum, anyenum) leakproof;
alter function pg_catalog.arraycontains(anyarray, anyarray) leakproof;
alter function pg_catalog.arrayoverlap(anyarray, anyarray) leakproof;
alter function pg_catalog.jsonb_contains(jsonb, jsonb) leakproof;
alter function public.citext_eq(public.citext, public.citext) leakproof;
-- The search in transcripts: how similar words are to a part of a text, which has no error of its own.
alter function public.word_similarity_op(text, text) leakproof;

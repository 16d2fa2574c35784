-- What the mappings share, in the importing session only. {{tenant}} and {{platform}} are replaced. Those
-- that PostgreSQL cannot inline are in PL/pgSQL, which keeps its plans: in SQL a call would cost several
-- times as much, and a row takes dozens.

-- A word of another platform as the enums of `platform` write it.
CREATE OR REPLACE FUNCTION pg_temp.word(w text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT replace(replace(lower(btrim(w)), '-', '_'), ' ', '_') $$;

-- 128 bits of tenant, platform, table and key: the same row has the same identifier at every import.
CREATE OR REPLACE FUNCTION pg_temp.digest_of(kind text, key text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN substring(sha256(convert_to('{{tenant}}:{{platform}}:' || kind || ':' || key, 'UTF8')) FOR 16);
END $$;

-- The identifier of a row: its own where it is a UUID, else a UUIDv8 (RFC 9562 section 5.8) of its digest.
CREATE OR REPLACE FUNCTION pg_temp.uid(kind text, key text) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  d bytea;
BEGIN
  IF key ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' THEN
    RETURN key::uuid;
  END IF;
  d := pg_temp.digest_of(kind, key);
  RETURN encode(set_byte(set_byte(d, 6, get_byte(d, 6) & 15 | 128), 8, get_byte(d, 8) & 63 | 128), 'hex')::uuid;
END $$;

-- A UUIDv7 of a moment whose random bits are the row's digest, for tables that are partitioned by their
-- identifier and for rows that are listed by time.
CREATE OR REPLACE FUNCTION pg_temp.uid_at(kind text, key text, at timestamptz) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  d bytea := pg_temp.digest_of(kind, key);
BEGIN
  RETURN encode(overlay(set_byte(set_byte(d, 6, get_byte(d, 6) & 15 | 112), 8, get_byte(d, 8) & 63 | 128)
         PLACING substring(int8send(floor(extract(epoch FROM at) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 'hex')::uuid;
END $$;

-- When a key was made that is a UUIDv7 (RFC 9562 section 5.7); NULL of any other.
CREATE OR REPLACE FUNCTION pg_temp.uid_time(key text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN key ~* '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'
              THEN platform.uuid_v7_time(key::uuid) END $$;

-- The identifier of a call: its own where it is a UUIDv7 of the day of the call, else one made of both.
CREATE OR REPLACE FUNCTION pg_temp.call_uid(key text, at timestamptz) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF abs(extract(epoch FROM at - pg_temp.uid_time(key))) < 80000 THEN
    RETURN key::uuid;
  END IF;
  RETURN pg_temp.uid_at('calls', key, at);
END $$;

-- Moments that a UUIDv7 can carry and that a call can have.
CREATE OR REPLACE FUNCTION pg_temp.is_time_of_call(at timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(at BETWEEN '1970-01-02Z' AND '9999-12-30Z', false) $$;

-- metadata with the note where the row is from, and what has no column of its own; NULLs are left out.
CREATE OR REPLACE FUNCTION pg_temp.noted(metadata jsonb, key text, rest jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE coalesce(jsonb_typeof(metadata), 'null') WHEN 'object' THEN metadata WHEN 'null' THEN '{}'
              ELSE jsonb_build_object('value', metadata) END
         || jsonb_build_object('import', jsonb_build_object('from', '{{platform}}', 'id', key)
                                         || jsonb_strip_nulls(rest));
END $$;

CREATE OR REPLACE FUNCTION pg_temp.is_e164(number text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(number ~ '^\+[1-9][0-9]{1,14}$', false) $$;

-- Words without repetition, in order. Most rows have none.
CREATE OR REPLACE FUNCTION pg_temp.tag_set(tags text[]) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF tags IS NULL OR tags = '{}' THEN
    RETURN '{}';
  END IF;
  RETURN coalesce((SELECT array_agg(DISTINCT t ORDER BY t) FROM unnest(tags) AS t WHERE t <> ''), '{}');
END $$;

-- Millionths of an amount; an amount that is no number is none.
CREATE OR REPLACE FUNCTION pg_temp.micros(amount numeric) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT round(nullif(amount, 'NaN') * 1000000)::bigint $$;

-- A hash that logging in can check; others are useless, and their owners ask for a new password.
CREATE OR REPLACE FUNCTION pg_temp.password(hash text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT hash WHERE hash ~ '^\$2[aby]\$[0-9]{2}\$.{53}$' OR hash LIKE '$argon2id$%' $$;

-- A zone that the server knows, else UTC.
CREATE OR REPLACE FUNCTION pg_temp.zone(name text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT z.name FROM pg_timezone_names z WHERE z.name = $1 AND z.name LIKE '%/%'), 'UTC') $$;

-- Who in this installation a person of the source is: the same identifier, or the same e-mail.
CREATE OR REPLACE FUNCTION pg_temp.person(id uuid, mail text) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN coalesce((SELECT u.id FROM platform.users u WHERE u.id = $1 AND u.email = mail::public.citext),
                  (SELECT u.id FROM platform.users u WHERE u.email = mail::public.citext AND u.deleted_at IS NULL));
END $$;

-- The member of this tenant that a person of the source became.
CREATE OR REPLACE FUNCTION pg_temp.member(id uuid, mail text) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF id IS NULL AND mail IS NULL THEN
    RETURN NULL;
  END IF;
  RETURN (SELECT m.id FROM members m WHERE m.id = pg_temp.person($1, mail));
END $$;

-- Whether this installation knows a person otherwise than from imports into this tenant: the address is
-- confirmed, somebody added them by hand, or they belong to another tenant too. A session of such a person
-- would let whoever wrote the source be that person. What it answers holds until the batch is written: the
-- person confirms before or after.
CREATE OR REPLACE FUNCTION pg_temp.is_known(person uuid) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM FROM platform.users u WHERE u.id = person FOR SHARE;
  RETURN EXISTS (SELECT FROM platform.users u
                  WHERE u.id = person AND (u.status <> 'pending' OR u.email_verified))
      OR EXISTS (SELECT FROM platform.memberships m
                  WHERE m.user_id = person AND m.tenant_id <> (SELECT t.id FROM tenant t));
END $$;

-- Whether a person of the source is asked to join this tenant: is here already, and no member of it yet.
CREATE OR REPLACE FUNCTION pg_temp.is_asked(id uuid, mail text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (SELECT FROM platform.users u
                   LEFT JOIN platform.memberships m
                     ON m.user_id = u.id AND m.tenant_id = (SELECT t.id FROM tenant t)
                  WHERE u.id = pg_temp.person($1, $2) AND coalesce(m.status = 'pending', true));
END $$;

-- Whether the address of a person of the source is confirmed here.
CREATE OR REPLACE FUNCTION pg_temp.is_confirmed(id uuid, mail text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN EXISTS (SELECT FROM platform.users u WHERE u.id = pg_temp.person($1, $2) AND u.email_verified);
END $$;

-- What an object may be called that stands for a row: a label of DNS.
CREATE OR REPLACE FUNCTION pg_temp.object_name(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(nullif(btrim(left(btrim(regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g'), '-'), 50), '-'), ''), 'imported') $$;

-- The number of this tenant, and nobody else's.
CREATE OR REPLACE FUNCTION pg_temp.number(e164 text) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT n.id FROM phone_numbers n WHERE n.e164 = $1 $$;

CREATE OR REPLACE FUNCTION pg_temp.uuid_or_null(key text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN key ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' THEN key::uuid END $$;

-- The member that a person of the source became, by its identifier there.
CREATE OR REPLACE FUNCTION pg_temp.member_of(key text) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT m.id FROM members m WHERE m.id = pg_temp.uid('users', key)),
                  (SELECT m.id FROM members m WHERE m.metadata #>> '{import,from}' = '{{platform}}'
                      AND m.metadata #>> '{import,id}' = key LIMIT 1)) $$;

-- The calls that were imported, by their identifier in the source: filled before each table that refers
-- to calls, when it has none of the time that their identifiers are made of.
CREATE TEMP TABLE IF NOT EXISTS imported_calls (key text PRIMARY KEY, id uuid NOT NULL);

CREATE OR REPLACE FUNCTION pg_temp.call_of(key text) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT c.id FROM pg_temp.imported_calls c WHERE c.key = $1 $$;

-- The identifier of a conversation, which carries the month of its call.
CREATE OR REPLACE FUNCTION pg_temp.conversation_uid(key text, call text, started timestamptz) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN key ~* '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'
               AND (c.at IS NULL OR platform.uuid_v7_month(key::uuid) = platform.uuid_v7_month(c.id)) THEN key::uuid
              ELSE pg_temp.uid_at('conversations', key, coalesce(c.at, started)) END
    FROM (SELECT i.id, platform.uuid_v7_time(i.id) AS at FROM (SELECT pg_temp.call_of(call) AS id) i) c $$;

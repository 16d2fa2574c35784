-- What the generators of all platforms share. {{seed}} and {{calls}} are replaced. A row that must not
-- arrive is marked `bad`, one of which some fields cannot arrive as they are names them in `odd`.
SET session_replication_role = replica;

-- A number from 0 to 2^31 - 1 that follows from the seed, a row and a word.
CREATE FUNCTION r(n bigint, salt text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT ('x' || substr(md5('{{seed}}' || salt || n), 1, 8))::bit(32)::bigint & 2147483647 $$;

CREATE FUNCTION pick(n bigint, salt text, VARIADIC words text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT words[1 + r(n, salt) % cardinality(words)] $$;

-- Of version 4: an identifier of version 7 says when it was made, and then a call has a time.
CREATE FUNCTION uuid_of(n bigint, salt text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT overlay(overlay(md5('{{seed}}uuid' || salt || n) PLACING '4' FROM 13) PLACING '8' FROM 17)::uuid $$;

-- Names as people have them, and as they should not be.
CREATE FUNCTION a_name(n bigint, salt text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT pick(n, salt, 'Ada', 'Zoë', '漢字かな交じり文', repeat('ü', 100), 'O''Brien"; DROP TABLE calls; --',
              '\u0000', E'two\nlines', '', NULL, 'a\\b', '{{schema}}', '🙂👍🏽', ' blank ') $$;

-- Moments over two years, the gap and the fold of a clock change among them, to the microsecond.
CREATE FUNCTION a_time(n bigint, salt text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE r(n, salt || 'kind') % 10
    WHEN 0 THEN timestamptz '2024-03-31 02:30:00 Europe/Berlin' + make_interval(secs => r(n, salt) % 60)
    WHEN 1 THEN timestamptz '2024-11-03 01:30:00 America/New_York' + make_interval(secs => r(n, salt) % 60)
    WHEN 2 THEN timestamptz '2024-02-29 23:59:59.999999Z'
    ELSE timestamptz '2023-12-31 23:00:00Z' + make_interval(secs => r(n, salt) % 63072000)
         + r(n, salt || 'us') % 1000000 * interval '1 microsecond' END $$;

CREATE FUNCTION a_number(n bigint, salt text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT pick(n, salt || 'kind', '+1555' || lpad((r(n, salt) % 10000000)::text, 7, '0'),
              '+49' || (1000000 + r(n, salt) % 9000000), 'anonymous') $$;

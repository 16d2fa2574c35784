//! What several platforms share.

/// A status of a call that none of our words is.
pub(super) const UNKNOWN_CALL_STATUS: &str = "coalesce(pg_temp.word(s.status)
    <> ALL (enum_range(NULL::platform.call_status)::text[]), true)";

/// Counts the tenant's numbers into its quota, as assigning one does. What is imported is never
/// refused: a tenant with more numbers than its limit gets no further ones.
pub(super) const COUNT_NUMBERS: &str = "UPDATE platform.usage_quotas q
    SET used_value = n.numbers
   FROM (SELECT count(*) AS numbers FROM platform.phone_numbers p
          WHERE p.tenant_id = (SELECT id FROM tenant)) n
  WHERE q.tenant_id = (SELECT id FROM tenant) AND q.resource = 'phone_numbers'
    AND q.used_value <> n.numbers";

/// The tags of new calls, which are in `s.tags`. The calls have them already.
pub(super) const TAGS: &str = "INSERT INTO tags (name)
    SELECT DISTINCT w.word FROM source s, unnest(pg_temp.tag_set(s.tags)) AS w (word) WHERE s.is_new
    ON CONFLICT (name) DO NOTHING";

/// Ties them to the calls.
pub(super) const CALL_TAGS: &str = "INSERT INTO call_tags (call_id, tag_id)
    SELECT s.call_id, t.id
      FROM source s, unnest(pg_temp.tag_set(s.tags)) AS w (word)
      JOIN tags t ON t.name = w.word
     WHERE s.is_new";

/// What a step of people stages in [`crate::import::step::Step::scratch`], whatever the source calls it;
/// its first statement fills it. `own` is the identifier that the source gives.
pub(super) const PERSON: &str = "own uuid, mail text, password text, verified_at timestamptz,
    first text, last text, tel text, avatar text, zone text, person_status text,
    role_here text, seen timestamptz, made timestamptz, changed timestamptz, gone timestamptz";

/// The person, unless the installation knows the identifier or the e-mail: what is known of somebody,
/// and the password above all, is never replaced by an import.
pub(super) const USERS: &str = "INSERT INTO platform.users (id, email, password_hash,
       email_verified, email_verified_at, first_name, last_name, phone, avatar_url, time_zone,
       status, last_login_at, created_at, updated_at, deleted_at)
    SELECT s.own, s.mail, pg_temp.password(s.password), s.verified_at IS NOT NULL, s.verified_at,
           s.first, s.last, s.tel, s.avatar, coalesce(z.name, 'UTC'),
           s.person_status::platform.user_status, s.seen,
           coalesce(s.made, now()), coalesce(s.changed, s.made, now()), s.gone
      FROM source s LEFT JOIN pg_timezone_names z ON z.name = s.zone
     WHERE pg_temp.person(s.own, s.mail) IS NULL";

/// The person in this tenant.
pub(super) const MEMBERSHIPS: &str = "INSERT INTO platform.memberships (user_id, tenant_id, role,
       status, metadata, created_at, updated_at, deleted_at)
    SELECT pg_temp.person(s.own, s.mail), t.id, s.role_here::platform.member_role,
           s.person_status::platform.user_status, pg_temp.noted(NULL, s.source_key),
           coalesce(s.made, now()), coalesce(s.changed, s.made, now()), s.gone
      FROM source s, tenant t
    ON CONFLICT (user_id, tenant_id) DO NOTHING";

/// The copy of both in the tenant's schema.
pub(super) const MEMBERS: &str = "INSERT INTO members (id, row_no, email, first_name, last_name,
       phone, avatar_url, time_zone, role, permissions, status, metadata, created_at, updated_at,
       deleted_at)
    SELECT u.id, u.row_no, u.email, u.first_name, u.last_name, u.phone, u.avatar_url, u.time_zone,
           p.role, p.permissions, p.status, p.metadata, p.created_at, p.updated_at, p.deleted_at
      FROM source s
      JOIN platform.users u ON u.id = pg_temp.person(s.own, s.mail)
      JOIN platform.memberships p ON p.user_id = u.id AND p.tenant_id = (SELECT id FROM tenant)
    ON CONFLICT (id) DO NOTHING";

/// The rows of [`MEMBERS`].
pub(super) const FOUND_MEMBERS: &str =
    "FROM members t JOIN source s ON t.id = pg_temp.person(s.own, s.mail)";

/// Why a session is refused: it would be one of the other tenant too.
pub(super) const SESSION_ELSEWHERE: &str =
    "user_id: the person belongs to another tenant too and logs in again";

/// Refuses the second row of an e-mail; `$mail` and `$live` are expressions over the staged row.
macro_rules! another_has_the_email {
    ($mail:literal, $live:literal) => {
        (
            "email: another person of the tenant has it; what refers to this one refers to that one",
            concat!(
                $live,
                " AND (row_number() OVER (PARTITION BY (",
                $mail,
                ")::public.citext, ",
                $live,
                " ORDER BY s.source_key) > 1
                   OR EXISTS (SELECT FROM members m
                               WHERE m.email = (",
                $mail,
                ")::public.citext AND m.deleted_at IS NULL
                                 AND m.metadata #>> '{import,id}' <> s.source_key))"
            ),
        )
    };
}
pub(super) use another_has_the_email;

/// Fills `s.object_name`: what the object is called that takes the row over, told apart by some digits
/// where that name is another row's.
macro_rules! object_names {
    ($table:literal, $name:literal) => {
        concat!(
            "UPDATE source s
                SET object_name = CASE WHEN o.nth = 1 AND NOT EXISTS (
                      SELECT FROM ",
            $table,
            " a WHERE a.k8s_name = o.name AND a.id <> pg_temp.uid('",
            $table,
            "', s.source_key))
                    THEN o.name
                    ELSE o.name || '-' || left(encode(pg_temp.digest_of('object', s.source_key), 'hex'), 8)
                    END
               FROM (SELECT s.source_key, pg_temp.object_name(",
            $name,
            ") AS name, row_number() OVER (PARTITION BY pg_temp.object_name(",
            $name,
            ") ORDER BY s.source_key) AS nth FROM source s) o
              WHERE o.source_key = s.source_key"
        )
    };
}
pub(super) use object_names;

/// Fills `s.unique_name` where a table allows a name once: the second gets some digits of its key.
macro_rules! unique_names {
    ($table:literal, $name:literal, $also:literal) => {
        concat!(
            "UPDATE source s
                SET unique_name = CASE WHEN o.nth = 1 AND NOT EXISTS (
                      SELECT FROM ",
            $table,
            " a WHERE a.name = o.name AND a.id <> pg_temp.uid('",
            $table,
            "', s.source_key)",
            $also,
            ") THEN o.name
                    ELSE o.name || ' ' || left(encode(pg_temp.digest_of('object', s.source_key), 'hex'), 8)
                    END
               FROM (SELECT s.source_key, coalesce(",
            $name,
            ", '') AS name, row_number() OVER (PARTITION BY ",
            $name,
            " ORDER BY s.source_key) AS nth FROM source s) o
              WHERE o.source_key = s.source_key"
        )
    };
}
pub(super) use unique_names;

/// The tenant's account, for balances and what else needs one.
pub(super) const BILLING_ACCOUNT: &str = "INSERT INTO billing_accounts (id, name)
    SELECT pg_temp.uid('billing_accounts', 'default'), 'default' FROM source LIMIT 1
    ON CONFLICT (name) DO NOTHING";

/// Refuses the number of a neighbour.
pub(super) const NUMBER_OF_ANOTHER_TENANT_BY_PHONE_NUMBER: (&str, &str) = (
    "phoneNumber: another tenant of this installation has it",
    "EXISTS (SELECT FROM platform.phone_numbers n
              WHERE n.e164 = s.\"phoneNumber\" AND n.tenant_id <> (SELECT id FROM tenant))",
);

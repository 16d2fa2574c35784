//! What several platforms share.

/// A status of a call that none of our words is. The words are read once and not for every row.
pub(super) const UNKNOWN_CALL_STATUS: &str = "coalesce(pg_temp.word(s.status)
    <> ALL ((SELECT enum_range(NULL::platform.call_status)::text[])::text[]), true)";

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
/// its first statement fills it, but for `known`. `own` is the identifier that the source gives.
pub(super) const PERSON: &str =
    "own uuid, mail text, password text, first text, last text, tel text,
    avatar text, zone text, person_status text, role_here text, seen timestamptz, made timestamptz,
    changed timestamptz, gone timestamptz, known boolean";

/// Whether the installation knew the person before.
pub(super) const KNOWN: &str =
    "UPDATE source s SET known = pg_temp.person(s.own, s.mail) IS NOT NULL";

/// The person, unless the installation knows the identifier or the e-mail: what is known of somebody,
/// and the password above all, is never replaced by an import. Whoever writes a source could claim any
/// address, so **a person of an import is `pending` whatever the source says**: nobody until the
/// address is confirmed ([`crate::people::users::confirm`]).
pub(super) const USERS: &str = "INSERT INTO platform.users (id, email, password_hash, first_name,
       last_name, phone, avatar_url, time_zone, status, last_login_at, created_at, updated_at,
       deleted_at)
    SELECT s.own, s.mail, pg_temp.password(s.password), s.first, s.last, s.tel, s.avatar,
           coalesce(z.name, 'UTC'), 'pending', s.seen, coalesce(s.made, now()),
           coalesce(s.changed, s.made, now()), s.gone
      FROM source s LEFT JOIN pg_timezone_names z ON z.name = s.zone
     WHERE NOT s.known";

/// The person in this tenant. Whoever is known here is asked first, `pending`: a tenant sees of them what
/// its own source says, until they accept ([`crate::people::memberships::accept`]). Who had left the other
/// platform is not asked.
pub(super) const MEMBERSHIPS: &str = "INSERT INTO platform.memberships (user_id, tenant_id, role,
       status, metadata, created_at, updated_at, deleted_at)
    SELECT pg_temp.person(s.own, s.mail), t.id, s.role_here::platform.member_role,
           CASE WHEN s.known THEN 'pending' WHEN s.person_status = 'pending' THEN 'active'
                ELSE s.person_status END::platform.user_status,
           pg_temp.noted(NULL, s.source_key), coalesce(s.made, now()),
           coalesce(s.changed, s.made, now()), s.gone
      FROM source s, tenant t
     WHERE NOT s.known OR (s.person_status IN ('active', 'pending') AND s.gone IS NULL)
    ON CONFLICT (user_id, tenant_id) DO NOTHING";

/// The person in the tenant's schema, as the source describes them: the profile of somebody whom other
/// tenants know is not this tenant's.
pub(super) const MEMBERS: &str = "INSERT INTO members (id, row_no, email, first_name, last_name,
       phone, avatar_url, time_zone, role, permissions, status, metadata, created_at, updated_at,
       deleted_at)
    SELECT u.id, u.row_no, s.mail, s.first, s.last, s.tel, s.avatar, coalesce(z.name, 'UTC'),
           coalesce(p.role, s.role_here::platform.member_role), coalesce(p.permissions, '[]'),
           coalesce(p.status, s.person_status::platform.user_status),
           coalesce(p.metadata, pg_temp.noted(NULL, s.source_key)),
           coalesce(p.created_at, s.made, now()), coalesce(p.updated_at, s.changed, s.made, now()),
           CASE WHEN p.id IS NULL THEN s.gone ELSE p.deleted_at END
      FROM source s
      JOIN platform.users u ON u.id = pg_temp.person(s.own, s.mail)
      LEFT JOIN platform.memberships p
        ON p.user_id = u.id AND p.tenant_id = (SELECT id FROM tenant)
      LEFT JOIN pg_timezone_names z ON z.name = s.zone
    ON CONFLICT (id) DO NOTHING";

/// The rows of [`MEMBERS`].
pub(super) const FOUND_MEMBERS: &str =
    "FROM members t JOIN source s ON t.id = pg_temp.person(s.own, s.mail)";

/// Why a session is refused: whoever wrote the source would be that person.
pub(super) const SESSION_OF_KNOWN: &str =
    "user_id: the person is known here otherwise than from this source, and logs in again";

/// Why a role is refused: whoever wrote the source would give themselves what this tenant did not give.
pub(super) const ROLE_OF_KNOWN: &str = "user_id: the person is known here otherwise than from this source, and has the roles given here";

/// Notes what an e-mail of the source is worth here; `$id` and `$mail` are expressions over the staged row.
macro_rules! unconfirmed {
    ($id:literal, $mail:literal) => {
        (
            "e-mail: nobody logs in with it until the person confirms it here, whatever the source says",
            concat!("NOT pg_temp.is_confirmed(", $id, ", ", $mail, ")"),
        )
    };
}
pub(super) use unconfirmed;

/// Notes who is known here already.
macro_rules! asked {
    ($id:literal, $mail:literal) => {
        (
            "e-mail: the person is known here, keeps password and profile, and is no member before they accept",
            concat!("pg_temp.is_asked(", $id, ", ", $mail, ")"),
        )
    };
}
pub(super) use asked;

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

/// Refuses an amount that cannot be kept: infinite, no number, or more than `$bound`, whose millionths are
/// the greatest of our `bigint`. To PostgreSQL NaN is the greatest number.
macro_rules! no_amount {
    ($name:literal, $column:literal, $bound:literal) => {
        (
            concat!($name, ": it is no amount that can be kept"),
            concat!("abs(", $column, ") > ", $bound),
        )
    };
    ($name:literal, $column:literal) => {
        common::no_amount!($name, $column, "9223372036854")
    };
}
pub(super) use no_amount;

/// [`no_amount`] of one in hundredths.
macro_rules! no_cents {
    ($name:literal, $column:literal) => {
        common::no_amount!($name, $column, "922337203685477")
    };
}
pub(super) use no_cents;

/// Refuses a duration or count that is no whole number of our `integer`.
macro_rules! no_whole {
    ($name:literal, $column:literal) => {
        (
            concat!($name, ": it is no whole number that can be kept"),
            concat!(
                "abs(",
                $column,
                ") > 2147483647 OR ",
                $column,
                " <> trunc(",
                $column,
                ")"
            ),
        )
    };
}
pub(super) use no_whole;

/// An amount of the source in millionths, for a sum. One that cannot be kept could stop the query there: it
/// counts as nothing, and its row is refused.
macro_rules! millionths {
    ($column:literal) => {
        concat!(
            "CASE WHEN abs(",
            $column,
            ") <= 9223372036854 THEN round((",
            $column,
            ")::numeric * 1000000) END"
        )
    };
}
pub(super) use millionths;

/// [`millionths`] of one in hundredths.
macro_rules! millionths_of_cents {
    ($column:literal) => {
        concat!(
            "CASE WHEN abs(",
            $column,
            ") <= 922337203685477 THEN round((",
            $column,
            ")::numeric * 10000) END"
        )
    };
}
pub(super) use millionths_of_cents;

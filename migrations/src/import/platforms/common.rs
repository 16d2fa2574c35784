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

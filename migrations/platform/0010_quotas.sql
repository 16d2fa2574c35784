-- Limits, their use, and the calls that hold a part of one.
--
-- used_value of a concurrent quota changes together with the rows of quota_holds, under the lock of
-- the quota's row, which every function here takes first.

CREATE TABLE platform.usage_quotas (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL REFERENCES platform.tenants (id) ON DELETE CASCADE,
  resource text NOT NULL,
  period platform.quota_period NOT NULL DEFAULT 'total',
  limit_value bigint CHECK (limit_value >= 0),
  used_value bigint NOT NULL DEFAULT 0 CHECK (used_value >= 0),
  enforcement platform.quota_enforcement NOT NULL DEFAULT 'hard',
  period_start timestamptz,
  source text NOT NULL DEFAULT 'plan' CHECK (source IN ('plan', 'cr', 'override')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, resource, period)
);
COMMENT ON TABLE platform.usage_quotas IS 'retention=config encryption=E0 | limits of a tenant and how much of them is used';
COMMENT ON COLUMN platform.usage_quotas.limit_value IS 'NULL is unlimited';

-- One row for each call that holds a slot. By node and epoch, so that what a lost node held is found.
CREATE TABLE platform.quota_holds (
  tenant_id uuid NOT NULL REFERENCES platform.tenants (id) ON DELETE CASCADE,
  resource text NOT NULL,
  call_id uuid NOT NULL,
  media_node text NOT NULL,
  media_node_epoch bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, call_id, resource)
);
COMMENT ON TABLE platform.quota_holds IS 'retention=config encryption=E0 | goes with its call';
CREATE INDEX ON platform.quota_holds (tenant_id, media_node, media_node_epoch);

SELECT platform.guard_table('platform.usage_quotas'), platform.guard_table('platform.quota_holds');
CREATE POLICY own ON platform.usage_quotas FOR SELECT TO callplane_tenant
  USING (tenant_id = (SELECT platform.current_tenant_id()));
GRANT SELECT ON platform.usage_quotas TO callplane_tenant;

-- The functions below run as their owner and so past the policies. They take the tenant from the
-- login (session_user), which SET ROLE does not change, and from no argument.

CREATE FUNCTION platform.quota_try_acquire(p_resource text, p_call uuid, p_node text, p_epoch bigint)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t uuid := platform.tenant_of_role(session_user);
  quota platform.usage_quotas;
BEGIN
  -- Only a tenant in service gets new calls, inbound or outbound. A login that is no tenant's has
  -- nothing.
  PERFORM FROM platform.tenants WHERE id = t AND status = 'active';
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  SELECT * INTO quota FROM platform.usage_quotas
   WHERE tenant_id = t AND resource = p_resource AND period = 'concurrent' FOR UPDATE;
  IF NOT FOUND THEN
    -- A tenant without the quota has no limit.
    RETURN true;
  END IF;
  IF EXISTS (SELECT FROM platform.quota_holds
              WHERE tenant_id = t AND call_id = p_call AND resource = p_resource) THEN
    RETURN true;
  END IF;
  IF quota.enforcement = 'hard' AND quota.used_value >= quota.limit_value THEN
    RETURN false;
  END IF;
  INSERT INTO platform.quota_holds (tenant_id, resource, call_id, media_node, media_node_epoch)
  VALUES (t, p_resource, p_call, p_node, p_epoch);
  UPDATE platform.usage_quotas SET used_value = used_value + 1 WHERE id = quota.id;
  RETURN true;
END $$;

-- Holds for calls that are carried already: they were taken while nobody answered, or what they held
-- was given back while their node was silent. So no limit is asked.
CREATE FUNCTION platform.quota_hold(p_resource text, p_calls uuid[], p_node text, p_epoch bigint)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t uuid := platform.tenant_of_role(session_user);
BEGIN
  PERFORM FROM platform.usage_quotas
   WHERE tenant_id = t AND resource = p_resource AND period = 'concurrent' FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  WITH held AS (
    INSERT INTO platform.quota_holds (tenant_id, resource, call_id, media_node, media_node_epoch)
    SELECT t, p_resource, carried.id, p_node, p_epoch FROM unnest(p_calls) AS carried(id)
    ON CONFLICT (tenant_id, call_id, resource) DO NOTHING
    RETURNING call_id
  )
  UPDATE platform.usage_quotas SET used_value = used_value + (SELECT count(*) FROM held)
   WHERE tenant_id = t AND resource = p_resource AND period = 'concurrent';
END $$;

CREATE FUNCTION platform.quota_release(p_call uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t uuid := platform.tenant_of_role(session_user);
BEGIN
  PERFORM FROM platform.usage_quotas
    WHERE tenant_id = t AND period = 'concurrent' ORDER BY resource FOR UPDATE;
  WITH given_back AS (
    DELETE FROM platform.quota_holds WHERE tenant_id = t AND call_id = p_call RETURNING resource
  )
  UPDATE platform.usage_quotas q SET used_value = greatest(0, q.used_value - 1)
    FROM given_back g
   WHERE q.tenant_id = t AND q.period = 'concurrent' AND q.resource = g.resource;
END $$;

-- Gives back what a living epoch of a node holds longer than p_age for calls that it does not know.
CREATE FUNCTION platform.quota_release_strays(p_node text, p_epoch bigint, p_live uuid[], p_age interval)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT platform.quota_release(h.call_id) FROM platform.quota_holds h
   WHERE h.tenant_id = platform.tenant_of_role(session_user)
     AND h.media_node = p_node AND h.media_node_epoch = p_epoch
     AND h.created_at < now() - p_age AND h.call_id <> ALL (p_live) $$;

-- Which epochs of the caller's nodes hold something: a node may be lost between the hold and the
-- first row of its call.
CREATE FUNCTION platform.quota_holders() RETURNS TABLE (media_node text, media_node_epoch bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT DISTINCT h.media_node, h.media_node_epoch FROM platform.quota_holds h
   WHERE h.tenant_id = platform.tenant_of_role(session_user) $$;

-- Gives back what lost epochs of nodes held. Which they are is the caller's finding (see sweep in
-- media_nodes.rs); it concerns only the caller's own tenant.
CREATE FUNCTION platform.quota_forfeit(p_nodes text[], p_epochs bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t uuid := platform.tenant_of_role(session_user);
BEGIN
  PERFORM FROM platform.usage_quotas
    WHERE tenant_id = t AND period = 'concurrent' ORDER BY resource FOR UPDATE;
  DELETE FROM platform.quota_holds h
   USING unnest(p_nodes, p_epochs) AS lost(name, epoch)
   WHERE h.tenant_id = t AND h.media_node = lost.name AND h.media_node_epoch = lost.epoch;
  UPDATE platform.usage_quotas q
     SET used_value = (SELECT count(*) FROM platform.quota_holds h
                        WHERE h.tenant_id = t AND h.resource = q.resource)
   WHERE q.tenant_id = t AND q.period = 'concurrent';
END $$;

-- For the operator: drops holds of nodes that are gone, or silent for four leases, and makes
-- used_value agree with the rows. Says whether anything was wrong. After an outage every node has been
-- silent: those that live take their holds again when they are next heard (quota_hold).
CREATE FUNCTION platform.quota_recount(p_tenant uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  changed bigint;
BEGIN
  PERFORM FROM platform.usage_quotas WHERE tenant_id = p_tenant ORDER BY resource FOR UPDATE;
  DELETE FROM platform.quota_holds h
   WHERE h.tenant_id = p_tenant
     AND h.created_at < now() - 4 * platform.media_node_lease()
     AND NOT EXISTS (
       SELECT FROM platform.media_nodes n
        WHERE n.tenant_id = p_tenant AND n.pod_name = h.media_node AND n.epoch = h.media_node_epoch
          AND n.status <> 'gone'
          AND n.last_heartbeat_at > now() - 4 * platform.media_node_lease());
  UPDATE platform.usage_quotas q SET used_value = actual.used
    FROM (SELECT u.id,
                 CASE WHEN u.resource = 'phone_numbers'
                      THEN (SELECT count(*) FROM platform.phone_numbers n WHERE n.tenant_id = p_tenant)
                      ELSE (SELECT count(*) FROM platform.quota_holds h
                             WHERE h.tenant_id = p_tenant AND h.resource = u.resource) END AS used
            FROM platform.usage_quotas u
           WHERE u.tenant_id = p_tenant
             AND (u.period = 'concurrent' OR u.resource = 'phone_numbers')) actual
   WHERE q.id = actual.id AND q.used_value <> actual.used;
  GET DIAGNOSTICS changed = ROW_COUNT;
  RETURN changed > 0;
END $$;

REVOKE ALL ON FUNCTION platform.quota_try_acquire, platform.quota_hold, platform.quota_release,
  platform.quota_release_strays, platform.quota_holders, platform.quota_forfeit,
  platform.quota_recount FROM PUBLIC;
GRANT EXECUTE ON FUNCTION platform.quota_try_acquire, platform.quota_hold, platform.quota_release,
  platform.quota_release_strays, platform.quota_holders, platform.quota_forfeit TO callplane_tenant_media;

-- Last of all: the months of the tables that are partitioned by month, the two walls of every
-- table, and who may do what in this schema. A later file that makes a table calls
-- platform.finish_table for it, and grants what each role needs of it.

-- === Months ===

-- Creates `months` partitions from the month of `first` on, of the tables that every tenant has by
-- month (data model, D26); what exists already is left alone. Called here for a new schema; later
-- months come from the operator, table by table. Run by the owner of the tables: for others it fails.
CREATE FUNCTION ensure_months(first date, months integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM platform.ensure_month(t.name, (first + make_interval(months => n))::date, t.by)
     FROM platform.partitioned_tables('{{schema}}') AS t, generate_series(0, months - 1) AS n
    WHERE t.always;
END $$;

-- Everything else of a schema is the same whenever it is made; which months it has is not. Whoever
-- compares schemas leaves partitions out.
SELECT ensure_months((now() AT TIME ZONE 'UTC')::date, 4);

-- === Walls ===

-- Partitions get neither policy nor grant: their rows are reachable only through the parent.
SELECT platform.finish_table(c.oid, '{{tenant_id}}', '{{owner}}', '{{media}}', '{{app}}', '{{ro}}')
  FROM pg_class c
 WHERE c.relnamespace = '{{schema}}'::regnamespace AND c.relkind IN ('r', 'p')
   AND NOT c.relispartition
 ORDER BY c.relname;

GRANT USAGE ON SCHEMA {{schema}} TO {{media}}, {{app}}, {{ro}};

-- === What custom resources own: the operator writes, everybody reads ===

GRANT SELECT ON tenant, agents, agent_versions, agent_knowledge_bases, agent_tools, agent_flows,
  flows, flow_versions, flow_nodes, flow_edges, knowledge_bases, providers, trunks,
  phone_numbers, number_routes, campaigns, campaign_dnc_lists TO {{media}}, {{app}}, {{ro}};
-- Figures that are rolled up into them.
GRANT UPDATE (total_calls, successful_calls) ON agents TO {{app}};
GRANT UPDATE (status, total_calls, completed_calls, failed_calls, started_at, completed_at)
  ON campaigns TO {{app}};
-- By the triggers of kb_documents, with the rights of whoever adds a document.
GRANT UPDATE (file_count, website_count, text_count, status) ON knowledge_bases TO {{app}};
-- A claim locks its campaign, and a lock needs the right to update some column; this one is theirs.
GRANT UPDATE (metadata) ON campaigns TO {{media}};

-- === What people and the API own ===

GRANT SELECT ON members, teams, team_members, schedules, schedule_rules, queues, queue_members,
  carriers, caller_id_pools, caller_id_pool_numbers, emergency_locations, voices, tools,
  kb_documents, kb_chunks, publishers, buyers, buyer_endpoints, target_groups,
  target_group_members, contacts, contact_lists, contact_list_members, campaign_recipients,
  dnc_lists, dnc_list_entries, consent_tokens, tags TO {{media}}, {{app}}, {{ro}};
GRANT INSERT, UPDATE, DELETE ON teams, team_members, schedules, schedule_rules, queues,
  queue_members, carriers, caller_id_pools, caller_id_pool_numbers, emergency_locations, voices,
  tools, kb_documents, kb_chunks, publishers, buyers, buyer_endpoints, target_groups,
  target_group_members, contacts, contact_lists, contact_list_members, campaign_recipients,
  dnc_lists, dnc_list_entries, consent_tokens, tags TO {{app}};
-- People are anonymised, never deleted.
GRANT INSERT, UPDATE ON members TO {{app}};
-- What the control API of a media node takes in: recipients, people, opt-outs; and the words that
-- a flow tags its call with.
GRANT INSERT, UPDATE ON campaign_recipients, contacts, dnc_lists, dnc_list_entries TO {{media}};
GRANT INSERT ON tags TO {{media}};

-- === The call family, samples of quality and the outbox ===

GRANT SELECT, INSERT, UPDATE ON calls, call_legs, call_segments, call_recordings, transcriptions,
  call_analyses, call_costs, call_tags, stir_shaken_statuses, conversations TO {{media}}, {{app}};
GRANT SELECT, INSERT ON call_keys, call_events, cdrs, messages, events, voice_quality_metrics
  TO {{media}}, {{app}};
-- Only a tag is taken off again. A call goes with all that was recorded of it, what is append-only or
-- under legal hold included, so calls leave by the owner: with their month, or by an erasure.
GRANT DELETE ON call_tags TO {{app}};
-- The worker that drains the outbox.
GRANT UPDATE (published_at) ON events TO {{app}};
GRANT SELECT ON calls, call_keys, call_legs, call_segments, call_events, cdrs, call_recordings,
  transcriptions, call_analyses, call_costs, call_tags, stir_shaken_statuses, conversations,
  messages, events, voice_quality_metrics TO {{ro}};

-- === Erasures: the operator orders them, nodes carry them out on their disks ===

GRANT SELECT ON erasures, erasure_nodes TO {{media}}, {{app}}, {{ro}};
GRANT INSERT, UPDATE ON erasure_nodes TO {{media}};

-- === What media nodes have no business with ===

GRANT SELECT ON webhooks, webhook_deliveries, dashboards, sms_messages, emails, billing_accounts,
  subscriptions, rate_cards, invoices, invoice_lines, payment_methods, payments, balances,
  balance_transactions, payouts, billing_events, call_metrics, agent_metrics, usage_metrics,
  audit_logs TO {{app}}, {{ro}};
GRANT INSERT, UPDATE, DELETE ON webhook_deliveries, dashboards, sms_messages, emails,
  billing_accounts, subscriptions, rate_cards, invoices, invoice_lines, payment_methods, payments,
  balances, payouts, call_metrics, agent_metrics, usage_metrics TO {{app}};
-- Append-only; rows leave with their months, by the owner.
GRANT INSERT ON audit_logs, balance_transactions, billing_events TO {{app}};
GRANT INSERT ON audit_logs TO {{media}};
-- A Webhook is a custom resource; its deliveries count themselves, and pause one that always fails.
GRANT UPDATE (status, total_deliveries, successful_deliveries, failed_deliveries, trigger_count,
  last_delivery_at, last_success_at, last_failure_at) ON webhooks TO {{app}};

-- === Sealed columns: who has to open a secret may read it ===

-- Of these, whoever may read the table may read its other columns. A later file that adds a column to one
-- grants it by name.
SELECT platform.hide_sealed_columns(t, ARRAY['{{media}}', '{{app}}', '{{ro}}']::name[])
  FROM unnest('{carriers, payment_methods, providers, tools, trunks, webhooks}'::regclass[]) AS t;
-- A node registers with carriers, asks models and calls tools.
GRANT SELECT (password_enc) ON trunks TO {{media}};
GRANT SELECT (key_enc) ON providers TO {{media}}, {{app}};
GRANT SELECT (credentials_enc) ON tools TO {{media}};
-- The worker signs deliveries, orders numbers and charges; and it has documents embedded, above.
GRANT SELECT (secret_enc) ON webhooks TO {{app}};
GRANT SELECT (credentials_enc) ON carriers TO {{app}};
GRANT SELECT (token_enc) ON payment_methods TO {{app}};
-- What was said: a node writes it, node and API show it to people who may know; reports do not.
SELECT platform.hide_sealed_columns(t, ARRAY['{{ro}}']::name[])
  FROM unnest('{calls, transcriptions, call_analyses, conversations, messages}'::regclass[]) AS t;

-- === Numbers of rows ===

GRANT USAGE ON SEQUENCE calls_row_no_seq, call_events_row_no_seq, contacts_row_no_seq
  TO {{media}}, {{app}};
GRANT USAGE ON SEQUENCE queues_row_no_seq, contact_lists_row_no_seq, webhook_deliveries_row_no_seq
  TO {{app}};

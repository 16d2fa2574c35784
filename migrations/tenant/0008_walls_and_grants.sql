-- Who may do what in this schema. A later file that makes a table calls platform.finish_table for it
-- and grants what {{media}} needs of it.

-- Partitions get neither policy nor grant: their rows are reachable only through the parent.
SELECT platform.finish_table(c.oid, '{{tenant_id}}', '{{owner}}', '{{media}}', '{{app}}', '{{ro}}')
  FROM pg_class c
 WHERE c.relnamespace = '{{schema}}'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
 ORDER BY c.relname;

GRANT USAGE ON SCHEMA {{schema}} TO {{media}};

-- Configuration: read. Media nodes never write what a custom resource owns.
GRANT SELECT ON tenant, flows, flow_versions, flow_nodes, flow_edges, agents, agent_versions, agent_flows,
  carriers, trunks, phone_numbers, number_routes, campaigns, campaign_dnc_lists TO {{media}};
-- A claim locks its campaign, and a lock needs the right to update some column; this one is theirs.
GRANT UPDATE (metadata) ON campaigns TO {{media}};

-- The call family.
GRANT SELECT, INSERT, UPDATE ON calls, call_legs, call_segments, call_recordings, transcriptions, call_costs,
  conversations TO {{media}};
GRANT SELECT, INSERT ON call_keys, call_events, cdrs, messages, events TO {{media}};

-- What the control API of a media node takes in: recipients, people, opt-outs.
GRANT SELECT, INSERT, UPDATE ON campaign_recipients, contacts, dnc_lists, dnc_list_entries TO {{media}};
GRANT USAGE ON SEQUENCE calls_row_no_seq, call_events_row_no_seq, contacts_row_no_seq TO {{media}};

-- A row about the first caller in every table that no call fills.
CREATE TEMP TABLE person AS SELECT id AS call FROM calls WHERE customer_number = '+15557000001';
INSERT INTO contacts (first_name, phone, email, do_not_call) VALUES ('Jo', '+15557000001', 'jo@example.com', true);
INSERT INTO contact_lists (name) VALUES ('all');
INSERT INTO contact_list_members (contact_list_id, contact_id) SELECT l.id, c.id FROM contact_lists l, contacts c;
INSERT INTO campaigns (name, k8s_name) VALUES ('spring', 'spring');
INSERT INTO campaign_recipients (campaign_id, name, phone_number) SELECT id, 'Jo', '+15557000001' FROM campaigns;
INSERT INTO dnc_lists (name) VALUES ('internal');
INSERT INTO dnc_list_entries (dnc_list_id, phone_number) SELECT id, '+15557000001' FROM dnc_lists;
INSERT INTO consent_tokens (provider, token, phone_number) VALUES ('trustedform', 't', '+15557000001');
INSERT INTO sms_messages (direction, from_number, to_number, body)
VALUES ('inbound', '+15557000001', '+15550000001', 'hi');
INSERT INTO emails (direction, from_address, to_addresses, body_text)
VALUES ('inbound', 'jo@example.com', '{desk@example.com}', 'hi, jo@example.com');
INSERT INTO events (event_type, subject_kind, subject_id) SELECT 'call.ended', 'call', call FROM person;
INSERT INTO webhooks (name, url, secret_enc) VALUES ('crm', 'https://example.com', 'x');
INSERT INTO webhook_deliveries (webhook_id, event_type, event_id, request_url)
SELECT w.id, 'call.ended', call, 'https://example.com' FROM person, webhooks w;
INSERT INTO audit_logs (actor_kind, action, entity_type, entity_id) VALUES ('user', 'read', 'contact', 'x');
INSERT INTO dashboards (name) VALUES ('calls');
INSERT INTO members (id, row_no, email, role) VALUES (platform.uuid_v7(), 1, 'desk@example.com', 'owner');
INSERT INTO knowledge_bases (name) VALUES ('faq');
INSERT INTO kb_documents (knowledge_base_id, name, type, content) SELECT id, 'a', 'text', 'b' FROM knowledge_bases;
INSERT INTO publishers (name) VALUES ('p');
INSERT INTO buyers (name) VALUES ('b');

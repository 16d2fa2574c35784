-- voice-core: the key fields of its document, and the times that its tables have. No constraint but the
-- keys: the document names no other, and what breaks them must not stop an import.
CREATE TABLE tenants (
  tenant_id UUID PRIMARY KEY, business_name VARCHAR, phone_number VARCHAR, state VARCHAR, timezone VARCHAR, locale VARCHAR,
  status VARCHAR, metadata JSONB);
CREATE TABLE objective_configs (
  config_id UUID PRIMARY KEY, tenant_id UUID REFERENCES tenants, version INTEGER, objective_graph JSONB, active BOOLEAN, schema_version VARCHAR);
CREATE TABLE users (
  user_id UUID PRIMARY KEY, tenant_id UUID REFERENCES tenants, email VARCHAR UNIQUE, password_hash VARCHAR, role VARCHAR, last_login TIMESTAMP);
CREATE TABLE sessions (
  session_id UUID PRIMARY KEY, user_id UUID REFERENCES users, session_hash VARCHAR, expires_at TIMESTAMP, last_accessed_at TIMESTAMP,
  user_agent VARCHAR, ip_address VARCHAR);
CREATE TABLE call_logs (
  call_log_id UUID PRIMARY KEY, call_id VARCHAR, tenant_id UUID REFERENCES tenants, status VARCHAR, transcript TEXT, summary TEXT, outcome VARCHAR,
  captured_data JSON, stt_cost_usd NUMERIC(12, 6), llm_cost_usd NUMERIC(12, 6), tts_cost_usd NUMERIC(12, 6), total_cost_usd NUMERIC(12, 6),
  created_at TIMESTAMP);
CREATE TABLE system_errors (
  error_id UUID PRIMARY KEY, tenant_id UUID REFERENCES tenants, call_id VARCHAR, error_type VARCHAR, error_message TEXT, stack_trace TEXT,
  severity VARCHAR, context JSONB, resolved BOOLEAN);

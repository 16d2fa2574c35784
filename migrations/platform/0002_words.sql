-- The words of all tables: enum types, shared by all tenants, so that a new word is one ALTER TYPE.
--
-- Words are added, never removed or renamed (data model, D8); section 4 of the data model says which
-- words of other platforms they stand for. Vocabularies that users and carriers extend (types of
-- events, causes of a hangup, kinds of flow nodes, resources of a quota) are text.

-- === Tenants and what they are sold ===

CREATE TYPE platform.tenant_status AS ENUM (
  'provisioning', 'active', 'inactive', 'suspended', 'cancelled', 'terminating', 'deleted');
CREATE TYPE platform.config_scope AS ENUM ('platform', 'plan', 'tenant');
CREATE TYPE platform.quota_period AS ENUM ('concurrent', 'minute', 'day', 'month', 'total');
CREATE TYPE platform.quota_enforcement AS ENUM ('hard', 'soft');
CREATE TYPE platform.billing_cycle AS ENUM ('monthly', 'quarterly', 'yearly', 'payg');

-- === People and access ===

CREATE TYPE platform.member_role AS ENUM (
  'owner', 'admin', 'manager', 'agent', 'viewer', 'api', 'customer', 'operator', 'publisher', 'buyer');
CREATE TYPE platform.user_status AS ENUM ('pending', 'active', 'inactive', 'suspended');
CREATE TYPE platform.presence AS ENUM ('online', 'busy', 'away', 'offline');
CREATE TYPE platform.session_status AS ENUM ('active', 'expired', 'revoked');
CREATE TYPE platform.device_type AS ENUM ('web', 'mobile', 'api', 'sip', 'other');
CREATE TYPE platform.api_key_env AS ENUM ('live', 'test');
CREATE TYPE platform.api_key_status AS ENUM ('active', 'revoked');

-- === Telephony ===

CREATE TYPE platform.entity_status AS ENUM ('active', 'inactive', 'archived');
CREATE TYPE platform.number_status AS ENUM ('available', 'active', 'porting', 'suspended', 'released');
CREATE TYPE platform.number_type AS ENUM ('local', 'toll_free', 'mobile', 'national', 'short_code', 'sip');
CREATE TYPE platform.trunk_protocol AS ENUM ('sip', 'iax2', 'webrtc');
CREATE TYPE platform.endpoint_kind AS ENUM ('sip', 'pstn', 'webrtc');
CREATE TYPE platform.direction_scope AS ENUM ('inbound', 'outbound', 'both');
CREATE TYPE platform.emergency_system AS ENUM ('e911', 'e112');
CREATE TYPE platform.validation_status AS ENUM ('pending', 'valid', 'corrected', 'invalid');
CREATE TYPE platform.schedule_rule_kind AS ENUM ('weekly', 'holiday', 'override');
CREATE TYPE platform.queue_strategy AS ENUM ('longest_idle', 'round_robin', 'ring_all', 'least_calls', 'weighted');

-- === Agents, knowledge, flows ===

CREATE TYPE platform.voice_status AS ENUM ('ready', 'processing', 'error');
CREATE TYPE platform.agent_status AS ENUM ('active', 'inactive');
CREATE TYPE platform.kb_status AS ENUM ('empty', 'processing', 'ready', 'active');
CREATE TYPE platform.document_type AS ENUM ('file', 'website', 'text');
CREATE TYPE platform.document_status AS ENUM ('processing', 'ready', 'error');
CREATE TYPE platform.flow_kind AS ENUM ('conversation', 'routing', 'ivr', 'objective');
CREATE TYPE platform.flow_version_status AS ENUM ('draft', 'published', 'archived');

-- === Campaigns and contacts ===

CREATE TYPE platform.campaign_kind AS ENUM ('outbound', 'call_tracking');
CREATE TYPE platform.campaign_desired AS ENUM ('draft', 'run', 'pause', 'stop');
CREATE TYPE platform.campaign_status AS ENUM ('draft', 'scheduled', 'running', 'paused', 'completed', 'stopped', 'failed');
CREATE TYPE platform.recipient_status AS ENUM (
  'ready', 'error', 'queued', 'dialing', 'retry_wait', 'completed', 'failed', 'suppressed');
-- How the last attempt to reach a recipient ended. Ours: the data model has no word for it.
CREATE TYPE platform.recipient_outcome AS ENUM ('answered', 'busy', 'no_answer', 'failed', 'cancelled', 'unknown', 'suppressed');
CREATE TYPE platform.contact_status AS ENUM ('active', 'unsubscribed', 'bounced');

-- === Calls and conversations ===

CREATE TYPE platform.call_direction AS ENUM ('inbound', 'outbound', 'internal');
CREATE TYPE platform.call_type AS ENUM ('voice', 'voicemail', 'conference');
CREATE TYPE platform.call_status AS ENUM (
  'queued', 'initiated', 'ringing', 'in_progress', 'completed', 'busy', 'no_answer', 'failed',
  'cancelled', 'blocked');
CREATE TYPE platform.hangup_party AS ENUM ('caller', 'callee', 'system');
CREATE TYPE platform.leg_kind AS ENUM ('caller', 'agent', 'human', 'buyer', 'transfer', 'conference', 'monitor');
CREATE TYPE platform.segment_kind AS ENUM (
  'ivr', 'queue', 'agent', 'human', 'hold', 'transfer', 'conference', 'voicemail', 'ring', 'wrap_up');
CREATE TYPE platform.recording_status AS ENUM ('recording', 'processing', 'available', 'archived', 'deleted', 'failed');
CREATE TYPE platform.storage_tier AS ENUM ('hot', 'warm', 'cold');
CREATE TYPE platform.transcription_status AS ENUM ('pending', 'processing', 'completed', 'failed');
CREATE TYPE platform.sentiment AS ENUM ('positive', 'neutral', 'negative', 'mixed');
CREATE TYPE platform.cost_component AS ENUM ('stt', 'llm', 'tts', 'telephony', 'recording', 'platform', 'other');
CREATE TYPE platform.stir_attestation AS ENUM ('A', 'B', 'C');
CREATE TYPE platform.stir_verification AS ENUM ('not_checked', 'passed', 'failed', 'no_signature');
CREATE TYPE platform.conversation_status AS ENUM ('active', 'completed', 'abandoned', 'handed_over');
CREATE TYPE platform.message_role AS ENUM ('system', 'user', 'assistant', 'tool', 'human_agent');
CREATE TYPE platform.message_status AS ENUM ('queued', 'sent', 'delivered', 'failed', 'undelivered', 'received');

-- === Compliance ===

CREATE TYPE platform.dnc_kind AS ENUM ('internal', 'federal', 'state', 'wireless', 'custom');
CREATE TYPE platform.consent_provider AS ENUM ('trustedform', 'jornaya', 'other');
CREATE TYPE platform.consent_status AS ENUM ('pending', 'valid', 'invalid', 'expired');

-- === Webhooks ===

CREATE TYPE platform.webhook_status AS ENUM ('active', 'paused', 'failed');
CREATE TYPE platform.delivery_status AS ENUM ('pending', 'success', 'failed');

-- === Money ===

CREATE TYPE platform.billing_mode AS ENUM ('prepaid', 'postpaid');
CREATE TYPE platform.subscription_status AS ENUM ('trialing', 'active', 'past_due', 'paused', 'cancelled', 'expired');
CREATE TYPE platform.invoice_status AS ENUM ('draft', 'open', 'paid', 'void', 'uncollectible');
CREATE TYPE platform.payment_method_kind AS ENUM ('card', 'bank_transfer', 'sepa_debit', 'ach', 'wallet', 'credit');
CREATE TYPE platform.payment_status AS ENUM ('pending', 'processing', 'succeeded', 'failed', 'refunded');
CREATE TYPE platform.ledger_kind AS ENUM ('topup', 'usage', 'hold', 'release', 'refund', 'adjustment', 'payout');
CREATE TYPE platform.payout_status AS ENUM ('pending', 'processing', 'paid', 'failed', 'cancelled');

-- === Metrics, errors, audit, keeping ===

CREATE TYPE platform.metric_granularity AS ENUM ('minute', 'hour', 'day', 'week', 'month');
CREATE TYPE platform.error_severity AS ENUM ('warning', 'error', 'critical');
CREATE TYPE platform.actor_kind AS ENUM ('user', 'api_key', 'operator', 'system', 'media_node');
CREATE TYPE platform.audit_action AS ENUM (
  'create', 'update', 'delete', 'read', 'export', 'login', 'logout', 'login_failed', 'key_issued',
  'key_revoked', 'provision', 'suspend', 'resume', 'archive', 'restore', 'config_rollback');
CREATE TYPE platform.backup_kind AS ENUM ('full', 'incremental', 'wal', 'drill');
CREATE TYPE platform.backup_status AS ENUM ('running', 'succeeded', 'failed');
CREATE TYPE platform.retention_class AS ENUM (
  'config', 'operational', 'recording', 'audit', 'billing', 'metrics', 'session', 'pii');

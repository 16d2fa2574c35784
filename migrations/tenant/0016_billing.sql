-- Money: accounts, subscriptions, prices, invoices, payments, balances and their ledger, payouts,
-- and the log of it all.
--
-- Amounts are millionths of the currency's unit. An account with invoices, payments or ledger rows
-- cannot be deleted; its foreign keys are checked at the end of the transaction, so that the
-- removal of the whole tenant passes.

CREATE TABLE billing_accounts (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  name text NOT NULL DEFAULT 'default' UNIQUE,
  mode platform.billing_mode NOT NULL DEFAULT 'prepaid',
  currency text NOT NULL DEFAULT 'USD',
  billing_email public.citext,
  stripe_customer_id text,
  tax_id text,
  tax_rate_percent numeric(6, 3) NOT NULL DEFAULT 0,
  status platform.entity_status NOT NULL DEFAULT 'active',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE billing_accounts IS
  'retention=billing encryption=E1 | who pays; the first one comes with the tenant';
COMMENT ON COLUMN billing_accounts.mode IS 'prepaid: from a balance; postpaid: by invoice';
CREATE INDEX ON billing_accounts (status);

CREATE TABLE subscriptions (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  billing_account_id uuid NOT NULL REFERENCES billing_accounts (id) DEFERRABLE INITIALLY DEFERRED,
  plan_key text NOT NULL,
  status platform.subscription_status NOT NULL DEFAULT 'trialing',
  billing_cycle platform.billing_cycle NOT NULL DEFAULT 'monthly',
  price_micros bigint NOT NULL DEFAULT 0,
  current_period_start timestamptz NOT NULL,
  current_period_end timestamptz NOT NULL,
  cancel_at timestamptz,
  external_ref text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT subscriptions_period CHECK (current_period_end > current_period_start)
);
COMMENT ON TABLE subscriptions IS
  'retention=billing encryption=E0 | which plan an account pays for';
COMMENT ON COLUMN subscriptions.plan_key IS 'platform.plans.key; no foreign key leaves the schema';
CREATE INDEX ON subscriptions (status);
CREATE INDEX ON subscriptions (billing_account_id);

CREATE TABLE rate_cards (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  billing_account_id uuid REFERENCES billing_accounts (id) ON DELETE CASCADE,
  name text NOT NULL,
  currency text NOT NULL DEFAULT 'USD',
  rates jsonb NOT NULL DEFAULT '{}',
  effective_from timestamptz NOT NULL DEFAULT now(),
  effective_to timestamptz,
  status platform.entity_status NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE rate_cards IS
  'retention=billing encryption=E0 | prices of this tenant, before those of platform.rate_cards';
COMMENT ON COLUMN rate_cards.billing_account_id IS 'NULL holds for all accounts';
CREATE INDEX ON rate_cards (billing_account_id);
CREATE INDEX ON rate_cards (status);

CREATE TABLE invoices (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  billing_account_id uuid NOT NULL REFERENCES billing_accounts (id) DEFERRABLE INITIALLY DEFERRED,
  subscription_id uuid REFERENCES subscriptions (id) ON DELETE SET NULL,
  invoice_number text NOT NULL UNIQUE,
  status platform.invoice_status NOT NULL DEFAULT 'draft',
  currency text NOT NULL DEFAULT 'USD',
  period_start timestamptz,
  period_end timestamptz,
  subtotal_micros bigint NOT NULL DEFAULT 0,
  tax_micros bigint NOT NULL DEFAULT 0,
  total_micros bigint GENERATED ALWAYS AS (subtotal_micros + tax_micros) STORED,
  paid_micros bigint NOT NULL DEFAULT 0,
  issued_at timestamptz,
  due_at timestamptz,
  paid_at timestamptz,
  tax_details jsonb NOT NULL DEFAULT '[]',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE invoices IS 'retention=billing encryption=E1 | one row an invoice';
CREATE INDEX ON invoices (status);
CREATE INDEX ON invoices (billing_account_id);
CREATE INDEX ON invoices (subscription_id);

CREATE TABLE invoice_lines (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  invoice_id uuid NOT NULL REFERENCES invoices (id) ON DELETE CASCADE,
  line_no integer NOT NULL,
  description text NOT NULL,
  resource text,
  quantity numeric(20, 6) NOT NULL DEFAULT 1,
  unit_price numeric(20, 10) NOT NULL DEFAULT 0,
  amount_micros bigint NOT NULL,
  tax_micros bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (invoice_id, line_no)
);
COMMENT ON TABLE invoice_lines IS 'retention=billing encryption=E0 | what an invoice is made of';

CREATE TABLE payment_methods (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  billing_account_id uuid NOT NULL REFERENCES billing_accounts (id) ON DELETE CASCADE,
  kind platform.payment_method_kind NOT NULL,
  processor text NOT NULL DEFAULT 'stripe',
  token_enc bytea,
  has_token boolean GENERATED ALWAYS AS (token_enc IS NOT NULL) STORED,
  display text,
  is_default boolean NOT NULL DEFAULT false,
  status platform.entity_status NOT NULL DEFAULT 'active',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE payment_methods IS
  'retention=billing encryption=E1 | tokens of the payment processor; never a card number';
COMMENT ON COLUMN payment_methods.token_enc IS 'encryption=E2 | token of the processor';
COMMENT ON COLUMN payment_methods.display IS 'for people: visa **** 4242';
CREATE UNIQUE INDEX payment_methods_default ON payment_methods (billing_account_id)
  WHERE is_default;
CREATE INDEX ON payment_methods (billing_account_id);
CREATE INDEX ON payment_methods (status);

CREATE TABLE payments (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  billing_account_id uuid NOT NULL REFERENCES billing_accounts (id) DEFERRABLE INITIALLY DEFERRED,
  invoice_id uuid REFERENCES invoices (id) ON DELETE SET NULL,
  payment_method_id uuid REFERENCES payment_methods (id) ON DELETE SET NULL,
  amount_micros bigint NOT NULL,
  currency text NOT NULL DEFAULT 'USD',
  status platform.payment_status NOT NULL DEFAULT 'pending',
  processor_ref text UNIQUE,
  failure_reason text,
  reconciled_at timestamptz,
  paid_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE payments IS
  'retention=billing encryption=E1 | payments, and refunds as negative amounts';
COMMENT ON COLUMN payments.processor_ref IS 'unique: the same payment is not booked twice';
CREATE INDEX ON payments (status);
CREATE INDEX ON payments (billing_account_id);
CREATE INDEX ON payments (invoice_id);
CREATE INDEX ON payments (payment_method_id);

CREATE TABLE balances (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  billing_account_id uuid NOT NULL REFERENCES billing_accounts (id) ON DELETE CASCADE,
  currency text NOT NULL DEFAULT 'USD',
  available_micros bigint NOT NULL DEFAULT 0,
  pending_micros bigint NOT NULL DEFAULT 0,
  held_micros bigint NOT NULL DEFAULT 0 CHECK (held_micros >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (billing_account_id, currency)
);
COMMENT ON TABLE balances IS 'retention=billing encryption=E0 | what the ledger comes to';
COMMENT ON COLUMN balances.currency IS 'ISO 4217, or CREDIT';
COMMENT ON COLUMN balances.held_micros IS 'reserved for calls that go on';

CREATE TABLE balance_transactions (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  balance_id uuid NOT NULL REFERENCES balances (id) DEFERRABLE INITIALLY DEFERRED,
  kind platform.ledger_kind NOT NULL,
  amount_micros bigint NOT NULL,
  call_id uuid,
  invoice_id uuid REFERENCES invoices (id) ON DELETE SET NULL,
  payment_id uuid REFERENCES payments (id) ON DELETE SET NULL,
  idempotency_key text NOT NULL UNIQUE,
  note text,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE balance_transactions IS
  'retention=billing encryption=E0 | the ledger: every movement of a balance';
COMMENT ON COLUMN balance_transactions.amount_micros IS 'signed change of available_micros';
CREATE INDEX ON balance_transactions (balance_id);
CREATE INDEX ON balance_transactions (invoice_id);
CREATE INDEX ON balance_transactions (payment_id);
CREATE TRIGGER balance_transactions_append_only BEFORE UPDATE OR DELETE ON balance_transactions
  FOR EACH ROW EXECUTE FUNCTION platform.forbid_change();

CREATE TABLE payouts (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  billing_account_id uuid NOT NULL REFERENCES billing_accounts (id) DEFERRABLE INITIALLY DEFERRED,
  publisher_id uuid REFERENCES publishers (id) ON DELETE SET NULL,
  amount_micros bigint NOT NULL CHECK (amount_micros >= 0),
  currency text NOT NULL DEFAULT 'USD',
  status platform.payout_status NOT NULL DEFAULT 'pending',
  period_start timestamptz,
  period_end timestamptz,
  external_ref text,
  paid_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE payouts IS 'retention=billing encryption=E1 | what publishers are paid';
CREATE INDEX ON payouts (status);
CREATE INDEX ON payouts (billing_account_id);
CREATE INDEX ON payouts (publisher_id);

CREATE TABLE billing_events (
  id uuid PRIMARY KEY DEFAULT platform.uuid_v7(),
  tenant_id uuid NOT NULL DEFAULT '{{tenant_id}}' REFERENCES tenant (id) ON DELETE CASCADE,
  billing_account_id uuid NOT NULL REFERENCES billing_accounts (id) DEFERRABLE INITIALLY DEFERRED,
  sequence bigint NOT NULL,
  event_type text NOT NULL,
  payload jsonb NOT NULL DEFAULT '{}',
  actor text,
  occurred_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (billing_account_id, sequence)
);
COMMENT ON TABLE billing_events IS
  'retention=billing encryption=E1 | what happened to an account, without gaps in sequence';
CREATE TRIGGER billing_events_append_only BEFORE UPDATE OR DELETE ON billing_events
  FOR EACH ROW EXECUTE FUNCTION platform.forbid_change();

-- What leaves the house under the tenant's guardrails, how much of it there was on each day, and when accounts of suppliers
-- changed.

-- One row for each act: a write by the key that the ledger recognises it by, a payment by its run. `reserved` and `done` count;
-- each act is counted at most once, on `day`, whatever becomes of its attempts.
CREATE TABLE guardrail_act (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    lane integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('posting', 'payment')),
    run_id uuid NOT NULL,
    day date NOT NULL,
    supplier text NOT NULL CHECK (octet_length(supplier) <= 1024),
    -- Null when the amount cannot be told; then nothing is counted.
    currency text,
    amount_minor bigint CHECK (amount_minor >= 0),
    state text NOT NULL CHECK (state IN ('bound', 'reserved', 'done', 'returned')),
    -- The act as it was judged last, and what bound it last; an empty list when nothing ever did.
    facts jsonb NOT NULL,
    bound jsonb NOT NULL,
    -- What people said: which rules they signed past, for which facts.
    verdict jsonb,
    at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK ((currency IS NULL) = (amount_minor IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX guardrail_act_at ON guardrail_act (tenant_id, at, id);
CREATE INDEX guardrail_act_run ON guardrail_act (tenant_id, run_id);

-- The sums of what counts; the row with no supplier is the sum of the day.
CREATE TABLE guardrail_total (
    tenant_id uuid NOT NULL REFERENCES scope,
    kind text NOT NULL CHECK (kind IN ('posting', 'payment')),
    day date NOT NULL,
    currency text NOT NULL,
    supplier text NOT NULL,
    lane integer NOT NULL,
    amount_minor numeric(38, 0) NOT NULL CHECK (amount_minor >= 0),
    PRIMARY KEY (tenant_id, kind, day, currency, supplier)
) WITH (fillfactor = 70);

-- A fingerprint of the accounts that a supplier had when the ledger was last asked, and when it was seen to differ.
CREATE TABLE supplier_account (
    tenant_id uuid NOT NULL REFERENCES scope,
    supplier text NOT NULL CHECK (octet_length(supplier) <= 1024),
    connection text NOT NULL,
    lane integer NOT NULL,
    fingerprint text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    -- Null until the first change.
    changed_at timestamptz,
    PRIMARY KEY (tenant_id, supplier, connection)
);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
    by_lane constant text := 'lane = nullif(current_setting(''app.lane'', true), '''')::integer';
BEGIN
    FOREACH name IN ARRAY ARRAY['guardrail_act', 'guardrail_total', 'supplier_account'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
        EXECUTE format('CREATE POLICY lane ON %I FOR ALL TO countersign_engine USING (%s) WITH CHECK (%s)',
                       name, by_lane, by_lane);
    END LOOP;
END $$;

GRANT SELECT ON guardrail_act, guardrail_total, supplier_account TO countersign_app;
GRANT SELECT, INSERT, UPDATE ON guardrail_act, guardrail_total, supplier_account TO countersign_engine;

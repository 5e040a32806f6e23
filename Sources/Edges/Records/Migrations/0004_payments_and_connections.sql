-- One row for each invoice whose payment somebody asked to release: the run that is at it, and what was released. The key makes
-- a second release impossible, whoever asks and however many ask at once.
CREATE TABLE payment_release (
    tenant_id uuid NOT NULL REFERENCES scope,
    invoice_id uuid NOT NULL,
    lane integer NOT NULL,
    run_id uuid NOT NULL,
    posted_run_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'released', 'withheld')),
    asked_by uuid NOT NULL,
    asked_at timestamptz NOT NULL,
    settled_at timestamptz,
    record jsonb,
    PRIMARY KEY (tenant_id, invoice_id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoice,
    FOREIGN KEY (tenant_id, asked_by) REFERENCES person,
    CHECK ((settled_at IS NULL) = (state = 'asked')),
    CHECK ((record IS NOT NULL) = (state = 'released'))
) WITH (fillfactor = 80);

-- What may be paid is asked of what was posted.
CREATE INDEX run_posted ON run (tenant_id, finished_at, id) WHERE outcome = 'posted';

-- What workers told of their connections last. What was spent of a day's budget outlives the worker that spent it.
CREATE TABLE connection_status (
    tenant_id uuid NOT NULL REFERENCES scope,
    connection text NOT NULL,
    circuit text NOT NULL CHECK (circuit IN ('closed', 'open', 'probing')),
    code text,
    since timestamptz,
    retry_at timestamptz,
    spent_day date NOT NULL,
    spent integer NOT NULL CHECK (spent >= 0),
    per_day integer NOT NULL CHECK (per_day >= 0),
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, connection)
) WITH (fillfactor = 80);

ALTER TABLE payment_release ENABLE ROW LEVEL SECURITY;
ALTER TABLE payment_release FORCE ROW LEVEL SECURITY;
ALTER TABLE connection_status ENABLE ROW LEVEL SECURITY;
ALTER TABLE connection_status FORCE ROW LEVEL SECURITY;
DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
    by_lane constant text := 'lane = nullif(current_setting(''app.lane'', true), '''')::integer';
BEGIN
    FOREACH name IN ARRAY ARRAY['payment_release', 'connection_status'] LOOP
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
    END LOOP;
    EXECUTE format('CREATE POLICY lane ON payment_release FOR ALL TO countersign_engine USING (%s) WITH CHECK (%s)',
                   by_lane, by_lane);
END $$;

GRANT SELECT, INSERT, UPDATE ON payment_release, connection_status TO countersign_app;
-- Only the lane settles; it never asks.
GRANT SELECT, UPDATE ON payment_release TO countersign_engine;

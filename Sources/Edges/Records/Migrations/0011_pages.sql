-- A page is one message to one person by one channel. It is written in the transaction that decided it, and every attempt to
-- deliver it is written beside it: who was told when, by what, and what was answered.
CREATE TABLE page (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    lane integer NOT NULL,
    -- None for a test page.
    incident_id uuid,
    -- One of the operator's people, whatever tenant the trouble is in.
    person_id uuid NOT NULL,
    person_name text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('console', 'mail', 'webhook', 'chat', 'pagerduty')),
    kind text NOT NULL CHECK (kind IN ('page', 'notice', 'answered', 'over', 'test')),
    layer text NOT NULL,
    reason text NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'delivered', 'failed', 'withdrawn')),
    attempts_used integer NOT NULL DEFAULT 0,
    decided_at timestamptz NOT NULL,
    -- When it was to be sent: later than decided for what waits for the end of quiet hours.
    due_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incident,
    CHECK ((ended_at IS NULL) = (state = 'queued')),
    CHECK ((incident_id IS NULL) = (kind = 'test'))
) WITH (fillfactor = 80);
CREATE INDEX page_incident ON page (tenant_id, incident_id, decided_at, id);
CREATE INDEX page_decided ON page (tenant_id, decided_at, id);

CREATE TABLE page_attempt (
    tenant_id uuid NOT NULL,
    page_id uuid NOT NULL,
    attempt integer NOT NULL,
    lane integer NOT NULL,
    at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('accepted', 'refused', 'unreached')),
    -- The other side's words, cut; never a body, an address or a secret of ours.
    answer text NOT NULL,
    milliseconds integer NOT NULL,
    PRIMARY KEY (tenant_id, page_id, attempt),
    FOREIGN KEY (tenant_id, page_id) REFERENCES page
);

-- Pages that are still to be sent, and when next.
CREATE TABLE queue.page (
    lane integer NOT NULL,
    due_at timestamptz NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid NOT NULL,
    page_id uuid NOT NULL,
    PRIMARY KEY (lane, id)
);
CREATE INDEX page_due ON queue.page (due_at);
CREATE INDEX page_one ON queue.page (page_id);

-- Engineers who change shifts between themselves: asked by one, agreed to by the other, and in force from then on.
CREATE TABLE on_call_swap (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    rota text NOT NULL,
    layer integer NOT NULL CHECK (layer >= 0),
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    giver_id uuid NOT NULL,
    taker_id uuid NOT NULL,
    reason text NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'agreed', 'declined', 'withdrawn')),
    asked_at timestamptz NOT NULL,
    answered_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, giver_id) REFERENCES person,
    FOREIGN KEY (tenant_id, taker_id) REFERENCES person,
    CHECK (from_at < to_at),
    CHECK (giver_id <> taker_id),
    CHECK ((answered_at IS NULL) = (state = 'asked'))
);
CREATE INDEX on_call_swap_ends ON on_call_swap (tenant_id, to_at, id);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
    by_lane constant text := 'lane = nullif(current_setting(''app.lane'', true), '''')::integer';
BEGIN
    FOREACH name IN ARRAY ARRAY['page', 'page_attempt', 'on_call_swap'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['page', 'page_attempt'] LOOP
        EXECUTE format('CREATE POLICY lane ON %I FOR ALL TO countersign_engine USING (%s) WITH CHECK (%s)',
                       name, by_lane, by_lane);
    END LOOP;
END $$;

GRANT SELECT, INSERT ON page TO countersign_app;
GRANT SELECT ON page_attempt TO countersign_app;
GRANT SELECT, INSERT, UPDATE ON on_call_swap TO countersign_app;
GRANT INSERT ON queue.page TO countersign_app;
GRANT SELECT, INSERT, UPDATE ON page TO countersign_engine;
GRANT SELECT, INSERT ON page_attempt TO countersign_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON queue.page TO countersign_engine;

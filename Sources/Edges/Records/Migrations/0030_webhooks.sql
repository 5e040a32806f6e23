-- Addresses of a tenant's own systems, to which its events are sent, signed. The secret is sealed; during a rotation the one
-- before signs as well.
CREATE TABLE webhook_endpoint (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    lane integer NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    url text NOT NULL CHECK (length(url) BETWEEN 1 AND 1000),
    events text[] NOT NULL CHECK (cardinality(events) > 0),
    state text NOT NULL CHECK (state IN ('active', 'paused', 'disabled', 'removed')),
    -- Why it is not active: `asked`, `failing` or `gone`.
    reason text NOT NULL DEFAULT '',
    failing_since timestamptz,
    failures integer NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    secret_version integer NOT NULL,
    secret bytea NOT NULL,
    previous bytea,
    previous_until timestamptz,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK ((previous IS NULL) = (previous_until IS NULL)),
    CHECK ((failing_since IS NULL) = (failures = 0)),
    CHECK ((reason = '') = (state = 'active'))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX webhook_endpoint_name ON webhook_endpoint (tenant_id, name) WHERE state <> 'removed';

-- One event for one endpoint, written in the transaction of what it tells. Its id is that of the event, at every attempt and at
-- every endpoint.
CREATE TABLE webhook_message (
    tenant_id uuid NOT NULL REFERENCES scope,
    endpoint_id uuid NOT NULL,
    id uuid NOT NULL,
    -- Of the event, for all endpoints the same; grows within a subject.
    sequence bigint NOT NULL,
    lane integer NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    at timestamptz NOT NULL,
    data jsonb NOT NULL,
    -- Held while the endpoint is not active.
    state text NOT NULL CHECK (state IN ('queued', 'held', 'delivered', 'failed')),
    -- All attempts, and those since it was last put on its way.
    attempts integer NOT NULL DEFAULT 0,
    attempts_used integer NOT NULL DEFAULT 0,
    next_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, endpoint_id, id),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoint,
    CHECK ((ended_at IS NULL) = (state IN ('queued', 'held')))
) WITH (fillfactor = 80);
CREATE INDEX webhook_message_at ON webhook_message (tenant_id, endpoint_id, at, id);

CREATE TABLE webhook_attempt (
    tenant_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    message_id uuid NOT NULL,
    attempt integer NOT NULL,
    lane integer NOT NULL,
    at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('delivered', 'failed', 'gone', 'unreached', 'refused')),
    -- None when nothing was answered.
    status integer,
    milliseconds integer NOT NULL,
    -- The beginning of what was answered, on one line.
    answer text NOT NULL CHECK (length(answer) <= 1000),
    PRIMARY KEY (tenant_id, endpoint_id, message_id, attempt),
    FOREIGN KEY (tenant_id, endpoint_id, message_id) REFERENCES webhook_message ON DELETE CASCADE
);

-- Events that are on their way, and when they are tried next.
CREATE TABLE queue.webhook (
    lane integer NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    due_at timestamptz NOT NULL,
    tenant_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    message_id uuid NOT NULL,
    PRIMARY KEY (lane, id)
);
-- Endpoints are found one after the other, and of each what is due first.
CREATE INDEX webhook_due ON queue.webhook (endpoint_id, due_at, id);
CREATE UNIQUE INDEX webhook_one ON queue.webhook (endpoint_id, message_id);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
    by_lane constant text := 'lane = nullif(current_setting(''app.lane'', true), '''')::integer';
BEGIN
    FOREACH name IN ARRAY ARRAY['webhook_endpoint', 'webhook_message', 'webhook_attempt'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
        EXECUTE format('CREATE POLICY lane ON %I FOR ALL TO countersign_engine USING (%s) WITH CHECK (%s)',
                       name, by_lane, by_lane);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON webhook_endpoint TO countersign_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_message TO countersign_app;
GRANT SELECT ON webhook_attempt TO countersign_app;
GRANT SELECT, INSERT, DELETE ON queue.webhook TO countersign_app;
GRANT SELECT, UPDATE ON webhook_endpoint TO countersign_engine;
GRANT SELECT, INSERT, UPDATE ON webhook_message TO countersign_engine;
GRANT SELECT, INSERT ON webhook_attempt TO countersign_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON queue.webhook TO countersign_engine;

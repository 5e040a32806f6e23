-- Who wants to be told when a status page says something new, by mail or by webhook, and what became of each word sent to them.
-- An address is personal: it is sealed, found again by a keyed fingerprint, and erased when its time is over.
CREATE TABLE status_subscriber (
    tenant_id uuid NOT NULL REFERENCES status_page ON DELETE CASCADE,
    id uuid NOT NULL,
    channel text NOT NULL CHECK (channel IN ('mail', 'webhook')),
    -- Address, links and secrets, sealed for this row; `version` counts how often.
    sealed bytea NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    fingerprint text NOT NULL,
    -- Ids of components; none for the whole page.
    components jsonb NOT NULL,
    -- What the next confirmation makes of them; null when nothing is asked.
    wanted jsonb,
    state text NOT NULL CHECK (state IN ('asked', 'active', 'stopped')),
    -- Why it was stopped.
    why text NOT NULL CHECK (why IN ('', 'unsubscribed', 'removed', 'failing', 'left')),
    made_at timestamptz NOT NULL,
    -- Who of the desk entered it; null where readers did.
    made_by uuid,
    -- The person it is, where the page is for people who are signed in.
    person_id uuid,
    -- Only hashes of what opens the links; who reads the table opens none.
    confirm_hash bytea,
    confirm_until timestamptz,
    stop_hash bytea NOT NULL,
    -- How often it was asked since then, so that nobody's letter box is filled by others.
    asks integer NOT NULL,
    asks_from timestamptz NOT NULL,
    asked_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    ended_at timestamptz,
    -- Deliveries in a row that the other side would not have.
    failures integer NOT NULL,
    -- Of a webhook: until then the secret before signs beside the new one.
    overlap_until timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, channel, fingerprint),
    CHECK ((confirm_hash IS NULL) = (confirm_until IS NULL)),
    CHECK ((confirm_hash IS NULL) = (wanted IS NULL)),
    CHECK ((state = 'stopped') = (ended_at IS NOT NULL)),
    CHECK ((state = 'stopped') = (why <> ''))
) WITH (fillfactor = 80);
CREATE INDEX status_subscriber_made ON status_subscriber (tenant_id, made_at, id);
CREATE UNIQUE INDEX status_subscriber_confirm ON status_subscriber (confirm_hash) WHERE confirm_hash IS NOT NULL;
CREATE UNIQUE INDEX status_subscriber_stop ON status_subscriber (stop_hash);

-- One word to one subscriber. The key makes repetitions one.
CREATE TABLE status_delivery (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    subscriber_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('confirm', 'update', 'reminder', 'test')),
    key text NOT NULL,
    notice_id uuid,
    number integer,
    state text NOT NULL CHECK (state IN ('due', 'delivered', 'failed', 'withdrawn')),
    attempts_used integer NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL,
    -- Hidden from the other servers until then while one is at it.
    next_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, subscriber_id, key),
    FOREIGN KEY (tenant_id, subscriber_id) REFERENCES status_subscriber ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, notice_id) REFERENCES status_notice,
    CHECK ((ended_at IS NULL) = (state = 'due'))
) WITH (fillfactor = 70);
CREATE INDEX status_delivery_due ON status_delivery (tenant_id, next_at) WHERE state = 'due';
CREATE INDEX status_delivery_made ON status_delivery (tenant_id, made_at, id);

-- The proof of each try: when, what came of it and the other side's number; never an address.
CREATE TABLE status_attempt (
    tenant_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    attempt integer NOT NULL CHECK (attempt > 0),
    at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('accepted', 'refused', 'unreached')),
    code text NOT NULL,
    milliseconds integer NOT NULL,
    PRIMARY KEY (tenant_id, delivery_id, attempt),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES status_delivery ON DELETE CASCADE
);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['status_subscriber', 'status_delivery', 'status_attempt'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['status_subscriber', 'status_delivery'] LOOP
        EXECUTE format('CREATE POLICY gate ON %I FOR SELECT TO countersign_gate USING (true)', name);
        EXECUTE format('CREATE POLICY keeper ON %I FOR ALL TO countersign_keeper USING (true)', name);
        EXECUTE format('GRANT DELETE ON %I TO countersign_keeper', name);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON status_subscriber, status_delivery TO countersign_app;
GRANT SELECT, INSERT ON status_attempt TO countersign_app;
-- Whose subscription a link is, and who has something to send.
GRANT SELECT (tenant_id, id, confirm_hash, stop_hash) ON status_subscriber TO countersign_gate;
GRANT SELECT (tenant_id, state, next_at) ON status_delivery TO countersign_gate;
-- The keeper sees when they ended, and not whose they are.
GRANT SELECT (tenant_id, id, state, ended_at, confirm_until) ON status_subscriber TO countersign_keeper;
GRANT SELECT (tenant_id, id, ended_at) ON status_delivery TO countersign_keeper;
GRANT SELECT (tenant_id, audience, changed_at) ON status_page TO countersign_keeper;
CREATE POLICY keeper ON status_page FOR SELECT TO countersign_keeper USING (true);

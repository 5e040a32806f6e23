-- Events that reach a tenant from its runs or from outside, and what its runs wait for.

-- An event may be taken until `expires_at`, and a second delivery of it is known until `forget_at`, when its row goes.
CREATE TABLE received_event (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    lane integer NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    source text NOT NULL CHECK (octet_length(source) <= 1024),
    event_id text NOT NULL CHECK (octet_length(event_id) <= 1024),
    type text NOT NULL CHECK (octet_length(type) <= 1024),
    content jsonb NOT NULL,
    -- The run that sent it.
    run_id uuid,
    received_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    forget_at timestamptz NOT NULL,
    -- How many runs took it, and the one that took it for itself.
    taken integer NOT NULL DEFAULT 0,
    consumed_by uuid,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, source, event_id)
) WITH (fillfactor = 80);
CREATE INDEX received_event_kept ON received_event (tenant_id, expires_at);
CREATE INDEX received_event_page ON received_event (tenant_id, received_at, id);
CREATE INDEX received_event_type ON received_event (tenant_id, type, position);

-- Which values of events of a type are read to find who waits for them; one row for each way of reading.
CREATE TABLE event_reading (
    tenant_id uuid NOT NULL REFERENCES scope,
    -- Hash of the type and of what is read.
    id text NOT NULL,
    lane integer NOT NULL,
    type text NOT NULL,
    content jsonb NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX event_reading_type ON event_reading (tenant_id, type);

-- What the readings of an event gave, so that a run that begins to listen finds what is kept for it.
CREATE TABLE event_key (
    tenant_id uuid NOT NULL,
    reading text NOT NULL,
    key text NOT NULL,
    event_id uuid NOT NULL,
    lane integer NOT NULL,
    PRIMARY KEY (tenant_id, reading, key, event_id),
    FOREIGN KEY (tenant_id, event_id) REFERENCES received_event ON DELETE CASCADE
);
CREATE INDEX event_key_event ON event_key (tenant_id, event_id);

-- A filter of a step of a run that waits for events.
CREATE TABLE event_subscription (
    tenant_id uuid NOT NULL REFERENCES scope,
    run_id uuid NOT NULL,
    step text NOT NULL,
    place integer NOT NULL CHECK (place >= 0),
    lane integer NOT NULL,
    type text NOT NULL,
    reading text NOT NULL,
    key text NOT NULL,
    -- As people are shown it.
    sought jsonb NOT NULL,
    takes text NOT NULL CHECK (takes IN ('one', 'all')),
    since timestamptz NOT NULL,
    looks_from timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, run_id, step, place)
);
CREATE INDEX event_subscription_found ON event_subscription (tenant_id, reading, key, since, run_id, step, place);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
    by_lane constant text := 'lane = nullif(current_setting(''app.lane'', true), '''')::integer';
BEGIN
    FOREACH name IN ARRAY ARRAY['received_event', 'event_reading', 'event_key', 'event_subscription'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
        EXECUTE format('CREATE POLICY lane ON %I FOR ALL TO countersign_engine USING (%s) WITH CHECK (%s)',
                       name, by_lane, by_lane);
    END LOOP;
END $$;

GRANT SELECT ON received_event, event_reading, event_key, event_subscription TO countersign_app;
GRANT SELECT, INSERT, DELETE ON received_event, event_key, event_subscription TO countersign_engine;
GRANT UPDATE (taken, consumed_by) ON received_event TO countersign_engine;
GRANT SELECT, INSERT ON event_reading TO countersign_engine;

ALTER TABLE queue.timer DROP CONSTRAINT timer_subject_check;
ALTER TABLE queue.timer
    ADD CONSTRAINT timer_subject_check CHECK (subject IN ('run', 'task', 'lease', 'clock', 'incident', 'event'));

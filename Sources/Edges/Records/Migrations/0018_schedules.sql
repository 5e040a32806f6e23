-- Times at which workflows of a tenant begin by themselves.

-- One row for each workflow with a schedule. What the configuration says stays in its assets; here is how far it has been kept.
CREATE TABLE schedule (
    tenant_id uuid NOT NULL REFERENCES scope,
    -- Made from the tenant and the workflow's name.
    id uuid NOT NULL,
    lane integer NOT NULL,
    workflow text NOT NULL,
    version text NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'paused', 'retired')),
    -- As it was written when it was planned, so that times up to a change are kept by the rule before it.
    rule jsonb NOT NULL,
    -- Of the rule, its calendar and the zone data.
    fingerprint text NOT NULL,
    zone_version text NOT NULL,
    -- Every time up to this instant has its row below, or stands in one.
    settled_through timestamptz NOT NULL,
    -- Times so far.
    number bigint NOT NULL,
    next_at timestamptz,
    -- Why it cannot be planned.
    trouble text NOT NULL,
    reason text NOT NULL,
    -- Who paused or resumed it.
    changed_by uuid,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, workflow)
) WITH (fillfactor = 80);

-- What became of each time. The nominal time is the key, so that nothing begins twice; of times that were left out together the
-- last is named, with the first and how many.
CREATE TABLE schedule_time (
    tenant_id uuid NOT NULL,
    schedule_id uuid NOT NULL,
    nominal timestamptz NOT NULL,
    lane integer NOT NULL,
    number bigint NOT NULL,
    first_nominal timestamptz NOT NULL,
    count integer NOT NULL CHECK (count >= 1),
    outcome text NOT NULL CHECK (outcome IN ('started', 'waiting', 'skipped', 'missed', 'refused')),
    reason text NOT NULL,
    version text NOT NULL,
    zone_version text NOT NULL,
    settled_at timestamptz NOT NULL,
    run_id uuid,
    -- When the run was seen to have ended.
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, schedule_id, nominal),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES schedule
) WITH (fillfactor = 80);
CREATE INDEX schedule_time_open ON schedule_time (tenant_id, schedule_id, nominal)
    WHERE outcome = 'waiting' OR outcome = 'started' AND ended_at IS NULL;

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
    by_lane constant text := 'lane = nullif(current_setting(''app.lane'', true), '''')::integer';
BEGIN
    FOREACH name IN ARRAY ARRAY['schedule', 'schedule_time'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
        EXECUTE format('CREATE POLICY lane ON %I FOR ALL TO countersign_engine USING (%s) WITH CHECK (%s)',
                       name, by_lane, by_lane);
    END LOOP;
END $$;

GRANT SELECT ON schedule, schedule_time TO countersign_app;
GRANT SELECT, INSERT, UPDATE ON schedule TO countersign_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON schedule_time TO countersign_engine;

ALTER TABLE queue.timer DROP CONSTRAINT timer_subject_check;
ALTER TABLE queue.timer
    ADD CONSTRAINT timer_subject_check CHECK (subject IN ('run', 'task', 'lease', 'clock', 'incident', 'event', 'schedule'));

-- How versions of workflows come into use. What the configuration says stays in its assets; here is where each rollout of a
-- tenant stands, which runs it is about, what live runs with a shadow were told, and what the comparisons found.
CREATE TABLE rollout (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    lane integer NOT NULL,
    workflow text NOT NULL,
    version text NOT NULL,
    stage text NOT NULL CHECK (stage IN ('shadow', 'pilot', 'live', 'rolled-back')),
    -- A person wants the stage kept for a while.
    is_held boolean NOT NULL,
    -- The last verdict, with the figures that it was made from.
    verdict jsonb NOT NULL,
    reason text NOT NULL,
    -- Null where a verdict did it.
    changed_by uuid,
    started_at timestamptz NOT NULL,
    stage_since timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, workflow, version)
) WITH (fillfactor = 80);

-- Runs that began while a rollout was in its shadow or its pilot, by the version that they went by.
CREATE TABLE rollout_run (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    lane integer NOT NULL,
    rollout_id uuid NOT NULL,
    arm text NOT NULL CHECK (arm IN ('live', 'candidate')),
    started_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, run_id),
    FOREIGN KEY (tenant_id, rollout_id) REFERENCES rollout
);
CREATE INDEX rollout_run_arm ON rollout_run (tenant_id, rollout_id, arm, started_at);

-- What live runs with a shadow were told, until the two have been compared.
CREATE TABLE shadow_event (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    lane integer NOT NULL,
    at timestamptz NOT NULL,
    event jsonb NOT NULL,
    PRIMARY KEY (tenant_id, run_id, id)
);

CREATE TABLE shadow_comparison (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    lane integer NOT NULL,
    rollout_id uuid NOT NULL,
    at timestamptz NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('same', 'different', 'unknown', 'incomparable')),
    subject text NOT NULL,
    amount_minor bigint,
    currency text,
    -- Kinds of difference in it, each once, for the counts.
    kinds text[] NOT NULL,
    report jsonb NOT NULL,
    PRIMARY KEY (tenant_id, run_id),
    FOREIGN KEY (tenant_id, rollout_id) REFERENCES rollout
);
CREATE INDEX shadow_comparison_at ON shadow_comparison (tenant_id, rollout_id, at, run_id);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
    by_lane constant text := 'lane = nullif(current_setting(''app.lane'', true), '''')::integer';
BEGIN
    FOREACH name IN ARRAY ARRAY['rollout', 'rollout_run', 'shadow_event', 'shadow_comparison'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
        EXECUTE format('CREATE POLICY lane ON %I FOR ALL TO countersign_engine USING (%s) WITH CHECK (%s)',
                       name, by_lane, by_lane);
    END LOOP;
END $$;

GRANT SELECT ON rollout, rollout_run, shadow_event, shadow_comparison TO countersign_app;
GRANT SELECT, INSERT, UPDATE ON rollout TO countersign_engine;
GRANT SELECT, INSERT ON rollout_run, shadow_comparison TO countersign_engine;
GRANT SELECT, INSERT, DELETE ON shadow_event TO countersign_engine;

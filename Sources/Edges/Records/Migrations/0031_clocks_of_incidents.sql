-- Clocks of what is no run: incidents, and the setting up of a tenant. Which of them a clock is of, exactly one column says.
ALTER TABLE clock ALTER COLUMN run_id DROP NOT NULL;
ALTER TABLE clock ADD COLUMN incident_id uuid;
ALTER TABLE clock ADD COLUMN onboarding_id uuid;
ALTER TABLE clock ADD FOREIGN KEY (tenant_id, incident_id) REFERENCES incident;
ALTER TABLE clock ADD CONSTRAINT clock_subject CHECK (num_nonnulls(run_id, incident_id, onboarding_id) = 1);
CREATE UNIQUE INDEX clock_incident ON clock (tenant_id, incident_id, objective) WHERE incident_id IS NOT NULL;
CREATE UNIQUE INDEX clock_onboarding ON clock (tenant_id, onboarding_id, objective) WHERE onboarding_id IS NOT NULL;
ALTER TABLE clock_correction ALTER COLUMN run_id DROP NOT NULL;

-- How the run was touched first; null while nobody has touched it. Written with the rows that the engine writes anyway.
ALTER TABLE run ADD COLUMN touched text CHECK (octet_length(touched) BETWEEN 1 AND 100);
ALTER TABLE run NO FORCE ROW LEVEL SECURITY;
ALTER TABLE task NO FORCE ROW LEVEL SECURITY;
UPDATE run r SET touched = 'request'
WHERE r.finished_at IS NULL
    AND EXISTS (SELECT FROM task t WHERE t.tenant_id = r.tenant_id AND t.run_id = r.id AND t.class = 'person');
ALTER TABLE run FORCE ROW LEVEL SECURITY;
ALTER TABLE task FORCE ROW LEVEL SECURITY;

-- Runs that an objective without a clock has judged: whether anybody touched them. Written in the transaction that ends the run,
-- and once: what comes after its end changes nothing of it.
CREATE TABLE judged_run (
    tenant_id uuid NOT NULL REFERENCES scope,
    run_id uuid NOT NULL,
    objective text NOT NULL,
    lane integer NOT NULL,
    contract_asset uuid NOT NULL,
    contract_version text NOT NULL,
    is_good boolean NOT NULL,
    -- What decided it: `untouched`, or how it was touched.
    cause text NOT NULL CHECK (octet_length(cause) BETWEEN 1 AND 100),
    judged_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, run_id, objective),
    FOREIGN KEY (tenant_id, run_id) REFERENCES run,
    CHECK (is_good = (cause = 'untouched'))
);
CREATE INDEX judged_run_month ON judged_run (tenant_id, contract_asset, judged_at, run_id);

ALTER TABLE judged_run ENABLE ROW LEVEL SECURITY;
ALTER TABLE judged_run FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON judged_run FOR ALL TO countersign_app
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
CREATE POLICY lane ON judged_run FOR ALL TO countersign_engine
    USING (lane = nullif(current_setting('app.lane', true), '')::integer)
    WITH CHECK (lane = nullif(current_setting('app.lane', true), '')::integer);
GRANT SELECT ON judged_run TO countersign_app;
GRANT SELECT, INSERT ON judged_run TO countersign_engine;

-- How far a report has read the runs that were judged without a clock.
ALTER TABLE sla_report ADD COLUMN last_run uuid;

-- A runbook while it is followed. The steps, what was shown and what became of each are the state of a pure machine; what a step
-- did is stored with it in one transaction.
CREATE TABLE runbook_execution (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    -- Only a drill has none.
    incident_id uuid,
    alert text NOT NULL,
    is_drill boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'finished', 'abandoned')),
    machine jsonb NOT NULL,
    started_by uuid NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incident,
    CHECK (is_drill = (incident_id IS NULL)),
    CHECK ((ended_at IS NULL) = (state = 'running'))
);
-- Two who follow one runbook for one trouble follow it together.
CREATE UNIQUE INDEX runbook_execution_open ON runbook_execution (tenant_id, incident_id)
    WHERE state = 'running' AND NOT is_drill;
CREATE INDEX runbook_execution_started ON runbook_execution (tenant_id, started_at, id);
CREATE INDEX runbook_execution_drills ON runbook_execution (tenant_id, alert, ended_at) WHERE is_drill AND state = 'finished';

ALTER TABLE runbook_execution ENABLE ROW LEVEL SECURITY;
ALTER TABLE runbook_execution FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON runbook_execution FOR ALL TO countersign_app
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON runbook_execution TO countersign_app;

-- A worker that was started before this instant is to be replaced; the process that keeps it looks every few seconds.
ALTER TABLE worker_status ADD COLUMN restart_asked_at timestamptz;

-- Lists and counts ask for what is open, a small part of what there is, and must not slow down with what has ended. A row enters and
-- leaves these indexes once, so its other updates stay cheap.
CREATE INDEX run_open ON run (tenant_id) WHERE finished_at IS NULL;
CREATE INDEX run_finished ON run (tenant_id, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX task_open ON task (tenant_id, class, kind, created_at, id) WHERE finished_at IS NULL;
CREATE INDEX task_dead ON task (tenant_id, created_at, id) WHERE state = 'dead';
CREATE INDEX clock_open ON clock (tenant_id) WHERE stopped_at IS NULL;

-- The page of one run shows its audit entries.
CREATE INDEX audit_run ON audit_entry (tenant_id, run_id, number) WHERE run_id IS NOT NULL;

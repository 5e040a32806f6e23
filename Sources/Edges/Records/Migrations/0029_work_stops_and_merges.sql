-- Work that somebody has stopped: of a whole tenant, of its worker, or of one connection. While a row is open, what it covers is
-- not handed to workers; it waits in its place and goes on when the row is closed.
CREATE TABLE work_stop (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    lane integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('tenant', 'worker', 'connection')),
    connection text,
    reason text NOT NULL,
    placed_by uuid NOT NULL,
    placed_at timestamptz NOT NULL,
    released_by uuid,
    released_at timestamptz,
    release_reason text,
    PRIMARY KEY (tenant_id, id),
    CHECK ((connection IS NOT NULL) = (kind = 'connection')),
    CHECK ((released_at IS NULL) = (released_by IS NULL)),
    CHECK ((released_at IS NULL) = (release_reason IS NULL))
);
-- Stopping what is stopped is nothing.
CREATE UNIQUE INDEX work_stop_open ON work_stop (tenant_id, kind, coalesce(connection, '')) WHERE released_at IS NULL;
CREATE INDEX work_stop_placed ON work_stop (tenant_id, placed_at, id);

ALTER TABLE work_stop ENABLE ROW LEVEL SECURITY;
ALTER TABLE work_stop FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON work_stop FOR ALL TO countersign_app
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
CREATE POLICY lane ON work_stop FOR ALL TO countersign_engine
    USING (lane = nullif(current_setting('app.lane', true), '')::integer)
    WITH CHECK (lane = nullif(current_setting('app.lane', true), '')::integer);
-- Whoever keeps the workers has to know of all tenants which may have one.
CREATE POLICY report ON work_stop FOR SELECT TO countersign_report USING (true);
GRANT SELECT, INSERT, UPDATE ON work_stop TO countersign_app;
GRANT SELECT ON work_stop TO countersign_engine;
GRANT SELECT (tenant_id, kind, released_at) ON work_stop TO countersign_report;

-- An incident that was found to be part of another is at rest and names the one that goes on.
ALTER TABLE incident ADD COLUMN merged_into uuid;
ALTER TABLE incident ADD FOREIGN KEY (tenant_id, merged_into) REFERENCES incident;
ALTER TABLE incident ADD CHECK (merged_into IS NULL OR (state = 'resolved' AND merged_into <> id));
CREATE INDEX incident_merged ON incident (tenant_id, merged_into) WHERE merged_into IS NOT NULL;
-- By which merged incident a run came to another; none for its own.
ALTER TABLE incident_run ADD COLUMN via uuid;
GRANT INSERT, DELETE ON incident_run TO countersign_app;
GRANT UPDATE (via) ON incident_run TO countersign_engine;

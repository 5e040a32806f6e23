-- What is done to many runs, or to many tasks that were given up, in one go: what was shown before, who confirmed it, and each
-- item with the command that carries it out. Progress and results are read from the commands, so nothing has to be taken up
-- again after a restart.
CREATE TABLE operation (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('pause', 'resume', 'cancel', 'migrate', 'retry', 'discard')),
    state text NOT NULL CHECK (state IN ('previewed', 'confirmed', 'withdrawn')),
    -- The reason, and for a migration the version and the mapping.
    parameters jsonb NOT NULL,
    selection jsonb NOT NULL,
    -- Binds the confirmation to what was shown.
    hash text NOT NULL,
    preview jsonb NOT NULL,
    needs_second boolean NOT NULL,
    made_by uuid NOT NULL,
    made_by_natural uuid NOT NULL,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    settled_by uuid,
    settled_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK ((settled_at IS NULL) = (state = 'previewed')),
    CHECK ((settled_by IS NULL) = (state = 'previewed'))
);
CREATE INDEX operation_made ON operation (tenant_id, made_at, id);

CREATE TABLE operation_item (
    tenant_id uuid NOT NULL,
    operation_id uuid NOT NULL,
    ordinal integer NOT NULL CHECK (ordinal >= 0),
    run_id uuid,
    task_id uuid,
    subject text NOT NULL,
    risk text NOT NULL,
    -- Why it will not be done, as the preview found; null where it will be.
    obstacle jsonb,
    -- The command that carries it out once the operation is confirmed.
    command_id uuid NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (tenant_id, operation_id, ordinal),
    FOREIGN KEY (tenant_id, operation_id) REFERENCES operation,
    CHECK (run_id IS NOT NULL OR task_id IS NOT NULL)
);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['operation', 'operation_item'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
    END LOOP;
END $$;

GRANT SELECT, INSERT ON operation, operation_item TO countersign_app;
GRANT UPDATE (state, settled_by, settled_at) ON operation TO countersign_app;

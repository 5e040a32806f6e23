-- The beginning of a tenant: registered by the operator before there are files, and from then on a list of steps that are settled
-- one by one until the first governed case is completed.

-- A tenant that is to come; it lies with the operator, since the tenant itself is not there yet. Whether it has come is seen by
-- its scope.
CREATE TABLE registration (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    slug text NOT NULL CHECK (slug ~ '^[a-z][a-z0-9-]{1,62}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    partner text NOT NULL,
    registered_by uuid NOT NULL,
    registered_at timestamptz NOT NULL,
    withdrawn_by uuid,
    withdrawn_at timestamptz,
    withdrawn_reason text,
    PRIMARY KEY (tenant_id, id),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL))
);
CREATE UNIQUE INDEX registration_open ON registration (tenant_id, slug) WHERE withdrawn_at IS NULL;

CREATE TABLE onboarding (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    -- When it was registered, or first applied without that.
    started_at timestamptz NOT NULL,
    -- Null where nobody signed in applied it.
    started_by uuid,
    completed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK (completed_at IS NULL OR completed_at >= started_at)
);
CREATE UNIQUE INDEX onboarding_one ON onboarding (tenant_id);

CREATE TABLE onboarding_step (
    tenant_id uuid NOT NULL,
    onboarding_id uuid NOT NULL,
    step text NOT NULL,
    how text NOT NULL CHECK (how IN ('fact', 'confirmed', 'skipped')),
    at timestamptz NOT NULL,
    by uuid,
    reason text NOT NULL DEFAULT '' CHECK ((reason = '') = (how = 'fact')),
    PRIMARY KEY (tenant_id, onboarding_id, step),
    FOREIGN KEY (tenant_id, onboarding_id) REFERENCES onboarding,
    CHECK (by IS NOT NULL OR how = 'fact')
);

-- When a connection last passed a test by a person, and first did.
CREATE TABLE connection_test (
    tenant_id uuid NOT NULL REFERENCES scope,
    connection text NOT NULL,
    passed_first_at timestamptz NOT NULL,
    passed_last_at timestamptz NOT NULL,
    passed_last_by uuid NOT NULL,
    PRIMARY KEY (tenant_id, connection)
);

-- Tenants of before have begun when they were first applied; what they have settled is seen by itself.
ALTER TABLE scope NO FORCE ROW LEVEL SECURITY;
INSERT INTO onboarding (tenant_id, id, started_at)
SELECT tenant_id, gen_random_uuid(), created_at FROM scope WHERE kind = 'tenant';
ALTER TABLE scope FORCE ROW LEVEL SECURITY;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['registration', 'onboarding', 'onboarding_step', 'connection_test'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app '
            'USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)', name);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON registration, onboarding, onboarding_step, connection_test TO countersign_app;

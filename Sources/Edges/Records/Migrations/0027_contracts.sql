-- Contracts as two sides agree on them: who handed a version in, who signed which text, and when each version governs. The text
-- itself stays an asset. Two versions cannot govern the same runs at the same instant; the database itself says so.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE contract_version (
    tenant_id uuid NOT NULL REFERENCES scope,
    asset_id uuid NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    -- The workflow that it is about; empty for every one without a contract of its own.
    workflow text NOT NULL,
    -- Of the canonical document without its signatures, in hexadecimal.
    hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    phase text NOT NULL CHECK (phase IN ('drafted', 'in-review', 'signed', 'rejected', 'ended')),
    signatures jsonb NOT NULL,
    -- One side's wish that it end, until the other side agrees.
    ending jsonb,
    rejection text NOT NULL DEFAULT '',
    drafted_at timestamptz NOT NULL,
    -- Null where nobody signed in applied it.
    drafted_by uuid,
    submitted_at timestamptz,
    submitted_by uuid,
    -- Counts changes; whoever acts names the one they saw.
    revision integer NOT NULL CHECK (revision > 0),
    PRIMARY KEY (tenant_id, asset_id),
    UNIQUE (tenant_id, name, version)
);

CREATE TABLE contract_period (
    tenant_id uuid NOT NULL REFERENCES scope,
    asset_id uuid NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    workflow text NOT NULL,
    force tstzrange NOT NULL CHECK (NOT isempty(force) AND NOT lower_inf(force)),
    PRIMARY KEY (tenant_id, asset_id, force),
    FOREIGN KEY (tenant_id, asset_id) REFERENCES contract_version,
    CONSTRAINT contract_period_one EXCLUDE USING gist (tenant_id WITH =, workflow WITH =, force WITH &&)
);

-- A tenant whose runs have no contract, or soon none: a row while that is so.
CREATE TABLE contract_gap (
    tenant_id uuid NOT NULL REFERENCES scope,
    workflow text NOT NULL,
    since timestamptz NOT NULL,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, workflow)
);

-- Maintenance as it was announced to a tenant, or by a partner or the operator to all of theirs. A change that goes beyond what
-- was told before counts as told when it was made. Rows stay: clocks of that time are read with them.
CREATE TABLE maintenance (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    title text NOT NULL CHECK (octet_length(title) BETWEEN 1 AND 800),
    announced_at timestamptz NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    announced_by uuid NOT NULL,
    changed_at timestamptz NOT NULL,
    -- Set when it was taken back before it began; one that was ended early has another end.
    cancelled_at timestamptz,
    reason text NOT NULL DEFAULT '',
    revision integer NOT NULL CHECK (revision > 0),
    PRIMARY KEY (tenant_id, id),
    CHECK (starts_at < ends_at),
    CHECK (announced_at <= starts_at)
);
CREATE INDEX maintenance_end ON maintenance (tenant_id, ends_at);

-- The only door by which a clock's past changes: asked for by one person, confirmed by another, with what was there before.
CREATE TABLE clock_correction (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    clock_id uuid NOT NULL,
    run_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'confirmed', 'withdrawn')),
    -- The events before and after, and what the clock said and is to say.
    original jsonb NOT NULL,
    corrected jsonb NOT NULL,
    hash text NOT NULL,
    reason text NOT NULL CHECK (octet_length(reason) > 0),
    asked_by uuid NOT NULL,
    asked_natural uuid NOT NULL,
    asked_at timestamptz NOT NULL,
    settled_by uuid,
    settled_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK ((state = 'asked') = (settled_at IS NULL)),
    CHECK ((settled_at IS NULL) = (settled_by IS NULL))
);
CREATE INDEX clock_correction_clock ON clock_correction (tenant_id, clock_id, asked_at);
CREATE UNIQUE INDEX clock_correction_open ON clock_correction (tenant_id, clock_id) WHERE state = 'asked';

-- What was in force before there were signatures stays in force; the newest where two were.
ALTER TABLE asset NO FORCE ROW LEVEL SECURITY;
ALTER TABLE asset_current NO FORCE ROW LEVEL SECURITY;
INSERT INTO contract_version (tenant_id, asset_id, name, version, workflow, hash, phase, signatures, drafted_at, drafted_by,
    revision)
SELECT a.tenant_id, a.id, a.name, a.version, '', encode(a.content_hash, 'hex'), 'signed', '[]'::jsonb, a.published_at,
    a.published_by, 1
FROM asset_current c JOIN asset a ON a.tenant_id = c.tenant_id AND a.id = c.asset_id
WHERE c.kind = 'contract' AND c.retired_at IS NULL;
INSERT INTO contract_period (tenant_id, asset_id, name, version, workflow, force)
SELECT a.tenant_id, a.id, a.name, a.version, '',
    tstzrange((a.content ->> 'effectiveFrom')::timestamptz, (a.content ->> 'effectiveTo')::timestamptz)
FROM asset_current c JOIN asset a ON a.tenant_id = c.tenant_id AND a.id = c.asset_id
WHERE c.kind = 'contract' AND c.retired_at IS NULL
ORDER BY a.published_at DESC, a.name
ON CONFLICT DO NOTHING;
ALTER TABLE asset FORCE ROW LEVEL SECURITY;
ALTER TABLE asset_current FORCE ROW LEVEL SECURITY;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['contract_version', 'contract_period', 'contract_gap', 'maintenance', 'clock_correction'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app '
            'USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)', name);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON contract_version, maintenance, clock_correction TO countersign_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON contract_period, contract_gap TO countersign_app;

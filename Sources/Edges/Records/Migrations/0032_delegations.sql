-- Decisions that somebody has given to a deputy for a time: at most 90 days, nothing of it changes but that it is taken back.
CREATE TABLE delegation (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    giver uuid NOT NULL,
    deputy uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    -- Every workflow when empty.
    workflows text[] NOT NULL DEFAULT '{}',
    -- The highest amount of one document; the giver's own limit when null.
    cap_minor bigint CHECK (cap_minor > 0),
    cap_currency text,
    reason text NOT NULL,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    revoked_by uuid,
    revoked_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, giver) REFERENCES person,
    FOREIGN KEY (tenant_id, deputy) REFERENCES person,
    CHECK (giver <> deputy),
    CHECK (starts_at < ends_at AND ends_at <= starts_at + interval '2160 hours'),
    CHECK ((cap_minor IS NULL) = (cap_currency IS NULL)),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX delegation_giver ON delegation (tenant_id, giver, ends_at);
CREATE INDEX delegation_deputy ON delegation (tenant_id, deputy, ends_at);
CREATE INDEX delegation_made ON delegation (tenant_id, made_at, id);

ALTER TABLE delegation ENABLE ROW LEVEL SECURITY;
ALTER TABLE delegation FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON delegation FOR ALL TO countersign_app
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON delegation TO countersign_app;
GRANT UPDATE (revoked_by, revoked_at) ON delegation TO countersign_app;

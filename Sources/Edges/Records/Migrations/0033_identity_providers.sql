-- People who sign in with their tenant's own identity provider. Who somebody is there is (issuer, subject) and never an address;
-- one person has one such identity at an issuer, and one identity is one person.
CREATE TABLE identity_link (
    tenant_id uuid NOT NULL REFERENCES scope,
    issuer text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 300),
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    person_id uuid NOT NULL,
    linked_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, issuer, subject),
    UNIQUE (tenant_id, issuer, person_id),
    FOREIGN KEY (tenant_id, person_id) REFERENCES person
);

-- Somebody was sent to the provider and is to come back once, in the same browser. The nonce and the code verifier are made from
-- what that browser keeps, so they are not here.
CREATE TABLE provider_visit (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    state_hash bytea NOT NULL CHECK (octet_length(state_hash) = 32),
    browser_hash bytea NOT NULL CHECK (octet_length(browser_hash) = 32),
    issuer text NOT NULL,
    -- Set when an open session is to be proved anew.
    session_id uuid,
    next text NOT NULL CHECK (length(next) <= 1000),
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, state_hash)
);
CREATE INDEX provider_visit_end ON provider_visit (tenant_id, expires_at);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['identity_link', 'provider_visit'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO countersign_app', name);
    END LOOP;
END $$;

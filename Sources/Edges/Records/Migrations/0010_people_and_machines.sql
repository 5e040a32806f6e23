-- Second factors, one-time links, known devices, and what a session and a key tell of themselves.

-- What a person is shown of their sessions. A pending one has proved the password and waits for the second factor: it opens
-- nothing. `proved_at` is when the person last proved to be there, for acts that ask for a fresh proof.
ALTER TABLE session
    ADD COLUMN agent text NOT NULL DEFAULT '',
    ADD COLUMN address text NOT NULL DEFAULT '',
    ADD COLUMN is_pending boolean NOT NULL DEFAULT false,
    ADD COLUMN proved_at timestamptz,
    ADD COLUMN tries integer NOT NULL DEFAULT 0;
CREATE INDEX session_person ON session (tenant_id, person_id, created_at, id);

-- An empty list of roles or tenants limits nothing. `replaces` is the key that this one takes over from.
ALTER TABLE api_key
    ADD COLUMN environment text NOT NULL DEFAULT 'prod',
    ADD COLUMN roles text[] NOT NULL DEFAULT '{}',
    ADD COLUMN tenants text[] NOT NULL DEFAULT '{}',
    ADD COLUMN made_by uuid,
    ADD COLUMN used_at timestamptz,
    ADD COLUMN replaces uuid;
CREATE INDEX api_key_person ON api_key (tenant_id, person_id, created_at, id);

-- The secret of an authenticator app, sealed. A new one waits beside the one in force until it is confirmed by a code.
CREATE TABLE second_factor (
    tenant_id uuid NOT NULL,
    person_id uuid NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    -- The step of the last code taken: a code works once.
    last_step bigint,
    failures integer NOT NULL DEFAULT 0,
    failed_at timestamptz,
    PRIMARY KEY (tenant_id, person_id, version),
    FOREIGN KEY (tenant_id, person_id) REFERENCES person
);

CREATE TABLE recovery_code (
    tenant_id uuid NOT NULL,
    person_id uuid NOT NULL,
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    made_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (tenant_id, person_id, code_hash),
    FOREIGN KEY (tenant_id, person_id) REFERENCES person
);

-- A link by which a person sets a password, once. Whoever made it hands it over.
CREATE TABLE sign_in_link (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    person_id uuid NOT NULL,
    made_by uuid,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, person_id) REFERENCES person
);
CREATE INDEX sign_in_link_token ON sign_in_link (token_hash);

-- Browsers in which a person has signed in before: their attempts are counted apart from those of strangers.
CREATE TABLE known_device (
    tenant_id uuid NOT NULL,
    person_id uuid NOT NULL,
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, person_id, token_hash),
    FOREIGN KEY (tenant_id, person_id) REFERENCES person
);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['second_factor', 'recovery_code', 'sign_in_link', 'known_device'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO countersign_app', name);
    END LOOP;
END $$;

-- Whoever is named without sign-in has no account any more.
GRANT DELETE ON account TO countersign_app;
GRANT SELECT (tenant_id, id, token_hash) ON sign_in_link TO countersign_gate;
CREATE POLICY gate ON sign_in_link FOR SELECT TO countersign_gate USING (true);

-- The first schema. Conventions:
--   * tenant_id leads every key, index and foreign key of a tenant table; row security is enabled and forced on each.
--   * the role app sees one tenant (app.tenant), the role engine sees one lane (app.lane), gate looks up exact keys,
--     report reads counts. The queue.* tables hold ids only and are led by the lane.
--   * money is bigint minor units with its currency; what a document says stays text inside jsonb.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['countersign_owner', 'countersign_app', 'countersign_engine', 'countersign_gate',
                                  'countersign_sealer', 'countersign_report', 'countersign_backup'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;   -- another database of this cluster was migrated at the same moment
            END;
        END IF;
    END LOOP;
    -- A role that another migration committed meanwhile is remembered here as missing; locking a catalogue that this transaction
    -- has not touched yet makes the session take note of what others committed.
    PERFORM 1 FROM pg_db_role_setting LIMIT 1;
    FOREACH wanted IN ARRAY ARRAY['countersign_owner', 'countersign_app', 'countersign_engine', 'countersign_gate',
                                  'countersign_sealer', 'countersign_report', 'countersign_backup'] LOOP
        BEGIN
            EXECUTE format('GRANT %I TO current_user', wanted);
        EXCEPTION WHEN unique_violation THEN
            NULL;   -- granted by that other migration
        END;
    END LOOP;
END $$;

CREATE SCHEMA queue;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO countersign_app, countersign_engine, countersign_gate, countersign_sealer, countersign_report;
GRANT USAGE ON SCHEMA queue TO countersign_app, countersign_engine;

-- ---------------------------------------------------------------------------------------------------------------------
-- Scopes and people

-- The operator, its partners and their tenants; the directory that routing needs, no finance data.
CREATE TABLE scope (
    tenant_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('operator', 'partner', 'tenant')),
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]{1,62}$'),
    name text NOT NULL,
    parent_id uuid REFERENCES scope,
    lane integer NOT NULL CHECK (lane >= 0),
    locale text NOT NULL DEFAULT 'en',
    time_zone text NOT NULL DEFAULT 'UTC',
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended')),
    created_at timestamptz NOT NULL,
    CHECK ((kind = 'operator') = (parent_id IS NULL))
);

CREATE TABLE person (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    -- One natural person across accounts, keys and delegations; duty separation looks at this and not at the account.
    natural_id uuid NOT NULL,
    roles jsonb NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, slug)
);

CREATE TABLE account (
    tenant_id uuid NOT NULL,
    person_id uuid NOT NULL,
    email_folded text NOT NULL,
    password_hash text,
    failures integer NOT NULL DEFAULT 0,
    failed_at timestamptz,
    PRIMARY KEY (tenant_id, person_id),
    FOREIGN KEY (tenant_id, person_id) REFERENCES person
);
CREATE INDEX account_email ON account (email_folded);

CREATE TABLE session (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    token_hash bytea NOT NULL,
    person_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, person_id) REFERENCES person
);
CREATE INDEX session_token ON session (token_hash);

CREATE TABLE api_key (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    key_id text NOT NULL,
    secret_hash bytea NOT NULL,
    person_id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, key_id),
    FOREIGN KEY (tenant_id, person_id) REFERENCES person
);
CREATE INDEX api_key_lookup ON api_key (key_id);

-- ---------------------------------------------------------------------------------------------------------------------
-- Configuration: every version of every asset, immutable once here

CREATE TABLE asset (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    content_hash bytea NOT NULL,
    content jsonb NOT NULL,
    published_at timestamptz NOT NULL,
    published_by uuid,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, kind, name, version)
);

CREATE TABLE asset_current (
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    asset_id uuid NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, kind, name),
    FOREIGN KEY (tenant_id, asset_id) REFERENCES asset
);

CREATE TABLE connection_secret (
    tenant_id uuid NOT NULL REFERENCES scope,
    name text NOT NULL,
    version integer NOT NULL,
    sealed bytea NOT NULL,
    fingerprint text NOT NULL,
    set_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Documents and invoices

CREATE TABLE document (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    sha256 bytea NOT NULL,
    file_name text NOT NULL,
    size_bytes integer NOT NULL CHECK (size_bytes BETWEEN 0 AND 26214400),
    channel text NOT NULL CHECK (channel IN ('upload', 'api', 'drop-folder')),
    received_at timestamptz NOT NULL,
    recorded_by uuid,
    kind text,
    state text NOT NULL CHECK (state IN ('received', 'canonical', 'unreadable')),
    reason text,
    invoice_id uuid,
    run_id uuid,
    traceparent text,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, sha256),
    FOREIGN KEY (tenant_id, recorded_by) REFERENCES person
);
CREATE INDEX document_received ON document (tenant_id, received_at, id);

CREATE TABLE document_chunk (
    tenant_id uuid NOT NULL,
    document_id uuid NOT NULL,
    ordinal integer NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (tenant_id, document_id, ordinal),
    FOREIGN KEY (tenant_id, document_id) REFERENCES document
);

CREATE TABLE invoice (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    document_id uuid NOT NULL,
    entity_code text,
    supplier_name text NOT NULL,
    supplier_vat text,
    supplier_iban text,
    number text NOT NULL,
    number_normal text NOT NULL,
    kind text NOT NULL,
    issue_date date,
    currency text NOT NULL,
    gross_minor bigint,
    content jsonb NOT NULL,
    findings jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, document_id),
    FOREIGN KEY (tenant_id, document_id) REFERENCES document
);
CREATE INDEX invoice_number ON invoice (tenant_id, number_normal);
CREATE INDEX invoice_amount ON invoice (tenant_id, currency, gross_minor);

-- ---------------------------------------------------------------------------------------------------------------------
-- Runs and their work; the engine reaches these by lane

CREATE TABLE run (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    lane integer NOT NULL,
    workflow text NOT NULL,
    workflow_version text NOT NULL,
    -- The versions this run is pinned to: workflow, policies, contract, calendar, each as scope and asset id.
    pinned jsonb NOT NULL,
    document_id uuid,
    invoice_id uuid,
    subject text NOT NULL,
    counterparty text NOT NULL,
    amount_minor bigint,
    currency text,
    phase text NOT NULL CHECK (phase IN ('pending', 'running', 'waiting', 'completed', 'faulted', 'cancelled')),
    step text NOT NULL DEFAULT '',
    waiting_on text NOT NULL DEFAULT '',
    outcome text,
    state jsonb NOT NULL,
    history_count integer NOT NULL,
    started_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz,
    traceparent text,
    PRIMARY KEY (tenant_id, id),
    CHECK ((finished_at IS NOT NULL) = (phase IN ('completed', 'faulted', 'cancelled')))
) WITH (fillfactor = 80);
CREATE INDEX run_started ON run (tenant_id, started_at, id);
CREATE INDEX run_invoice ON run (tenant_id, invoice_id);

CREATE TABLE history (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    seq integer NOT NULL,
    lane integer NOT NULL,
    at timestamptz NOT NULL,
    type text NOT NULL,
    step text NOT NULL,
    summary text NOT NULL,
    person_id uuid,
    data jsonb NOT NULL,
    PRIMARY KEY (tenant_id, run_id, seq)
);

-- Work leased to a worker (class worker) or asked of a person (class person).
CREATE TABLE task (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    lane integer NOT NULL,
    class text NOT NULL CHECK (class IN ('worker', 'person')),
    kind text NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    run_id uuid,
    document_id uuid,
    connection text,
    idempotency_key text NOT NULL,
    -- worker: input of the call; person: the request as shown, with rounds, resolutions and evidence
    request jsonb NOT NULL,
    -- worker: attempts machine; person: signatures so far
    progress jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('ready', 'leased', 'waiting', 'open', 'done', 'dead', 'withdrawn')),
    attempts_used integer NOT NULL DEFAULT 0,
    object_hash text,
    claimed_by uuid,
    claimed_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz,
    outcome text,
    last_error text,
    PRIMARY KEY (tenant_id, id),
    CHECK ((finished_at IS NOT NULL) = (state IN ('done', 'dead', 'withdrawn')))
) WITH (fillfactor = 80);
CREATE INDEX task_run ON task (tenant_id, run_id, key);
CREATE INDEX task_created ON task (tenant_id, class, created_at, id);

-- One live lease per task; the rows are the only source of running counts.
CREATE TABLE lease (
    tenant_id uuid NOT NULL,
    task_id uuid NOT NULL,
    lane integer NOT NULL,
    attempt integer NOT NULL,
    token_hash bytea NOT NULL,
    epoch bigint NOT NULL,
    worker text NOT NULL,
    kind text NOT NULL,
    connection text,
    phase text NOT NULL,
    leased_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, task_id),
    FOREIGN KEY (tenant_id, task_id) REFERENCES task
);

-- One writing worker per ERP connection.
CREATE TABLE connection_writer (
    tenant_id uuid NOT NULL,
    connection text NOT NULL,
    lane integer NOT NULL,
    worker text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, connection)
);

CREATE TABLE command (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    lane integer NOT NULL,
    idempotency_key text NOT NULL,
    kind text NOT NULL,
    run_id uuid,
    task_id uuid,
    payload jsonb NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL,
    applied_at timestamptz,
    answer jsonb,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, idempotency_key),
    CHECK ((applied_at IS NULL) = (answer IS NULL))
) WITH (fillfactor = 80);

CREATE TABLE clock (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    lane integer NOT NULL,
    run_id uuid NOT NULL,
    objective text NOT NULL,
    contract_asset uuid NOT NULL,
    contract_version text NOT NULL,
    calendar_asset uuid NOT NULL,
    zone_version text NOT NULL,
    target_seconds bigint NOT NULL,
    events jsonb NOT NULL,
    state text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('open', 'met', 'breached')),
    elapsed_seconds bigint NOT NULL,
    started_at timestamptz NOT NULL,
    due_at timestamptz,
    warned_at timestamptz,
    breached_at timestamptz,
    stopped_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, run_id, objective),
    FOREIGN KEY (tenant_id, run_id) REFERENCES run
) WITH (fillfactor = 80);
CREATE INDEX clock_started ON clock (tenant_id, started_at, id);

CREATE TABLE incident (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    lane integer NOT NULL,
    number bigint NOT NULL,
    alert text NOT NULL,
    fingerprint text NOT NULL,
    title text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('sev1', 'sev2', 'sev3', 'sev4')),
    state text NOT NULL CHECK (state IN ('triggered', 'acknowledged', 'mitigated', 'resolved')),
    facts jsonb NOT NULL,
    machine jsonb NOT NULL,
    occurrences integer NOT NULL DEFAULT 1,
    run_id uuid,
    opened_at timestamptz NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by uuid,
    resolved_at timestamptz,
    resolved_by uuid,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, number),
    CHECK ((resolved_at IS NOT NULL) = (state = 'resolved'))
);
CREATE UNIQUE INDEX incident_open ON incident (tenant_id, fingerprint) WHERE state <> 'resolved';
CREATE INDEX incident_opened ON incident (tenant_id, opened_at, id);

CREATE TABLE incident_entry (
    tenant_id uuid NOT NULL,
    incident_id uuid NOT NULL,
    seq integer NOT NULL,
    lane integer NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    person_id uuid,
    text text NOT NULL,
    PRIMARY KEY (tenant_id, incident_id, seq),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incident
);

-- Written in the transaction it describes; app and engine may only add.
CREATE TABLE audit_entry (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    lane integer NOT NULL,
    at timestamptz NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('person', 'worker', 'engine', 'system')),
    actor_id text NOT NULL,
    action text NOT NULL,
    object_type text NOT NULL,
    object_id text NOT NULL,
    run_id uuid,
    content jsonb NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_at ON audit_entry (tenant_id, at, id);
CREATE INDEX audit_object ON audit_entry (tenant_id, object_type, object_id, at);

-- What happened, for live views and notifications; readers stop at the oldest running transaction, not at the last id.
CREATE TABLE outbox (
    tenant_id uuid NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    lane integer NOT NULL,
    at timestamptz NOT NULL,
    topic text NOT NULL,
    run_id uuid,
    facts jsonb NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (tenant_id, id)
);

-- Counts for pages that span tenants; written in the tenant's own transactions, no payload.
CREATE TABLE tenant_summary (
    tenant_id uuid PRIMARY KEY REFERENCES scope,
    runs_open integer NOT NULL,
    waiting_on_people integer NOT NULL,
    exceptions_open integer NOT NULL,
    incidents_open integer NOT NULL,
    worst_severity text,
    clocks_at_risk integer NOT NULL,
    clocks_breached integer NOT NULL,
    posted_today integer NOT NULL,
    tasks_ready integer NOT NULL,
    oldest_ready_at timestamptz,
    dead_tasks integer NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE idempotency (
    tenant_id uuid NOT NULL,
    principal uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer,
    answer jsonb,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, principal, route, key)
);

-- The worker processes as last seen, for pages; truth about leases is in lease.
CREATE TABLE worker_status (
    tenant_id uuid PRIMARY KEY REFERENCES scope,
    state text NOT NULL,
    pid integer,
    level text,
    resident_bytes bigint,
    restarts integer NOT NULL,
    started_at timestamptz,
    seen_at timestamptz NOT NULL,
    detail text NOT NULL DEFAULT ''
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Queues: ids only, led by the lane, inserted and deleted, never updated in place (but for the lane's own row)

CREATE TABLE queue.lane (
    lane integer PRIMARY KEY,
    owner text,
    epoch bigint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

CREATE TABLE queue.command (
    lane integer NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid NOT NULL,
    command_id uuid NOT NULL,
    PRIMARY KEY (lane, id)
);

CREATE TABLE queue.ready (
    lane integer NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid NOT NULL,
    task_id uuid NOT NULL,
    priority integer NOT NULL,
    ready_at timestamptz NOT NULL,
    PRIMARY KEY (lane, tenant_id, priority, id)
);

CREATE TABLE queue.timer (
    lane integer NOT NULL,
    due_at timestamptz NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid NOT NULL,
    subject text NOT NULL CHECK (subject IN ('run', 'task', 'lease', 'clock')),
    subject_id uuid NOT NULL,
    key text NOT NULL,
    PRIMARY KEY (lane, due_at, id)
);
CREATE INDEX timer_subject ON queue.timer (subject_id, key);

-- ---------------------------------------------------------------------------------------------------------------------
-- Row security and rights

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
    by_lane constant text := 'lane = nullif(current_setting(''app.lane'', true), '''')::integer';
BEGIN
    FOREACH name IN ARRAY ARRAY['scope', 'person', 'account', 'session', 'api_key', 'asset', 'asset_current',
                                'connection_secret', 'document', 'document_chunk', 'invoice', 'run', 'history', 'task',
                                'lease', 'connection_writer', 'command', 'clock', 'incident', 'incident_entry',
                                'audit_entry', 'outbox', 'tenant_summary', 'idempotency', 'worker_status'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['run', 'history', 'task', 'lease', 'connection_writer', 'command', 'clock', 'incident',
                                'incident_entry', 'audit_entry', 'outbox'] LOOP
        EXECUTE format('CREATE POLICY lane ON %I FOR ALL TO countersign_engine USING (%s) WITH CHECK (%s)',
                       name, by_lane, by_lane);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON scope, person, account, session, api_key, asset_current, connection_secret, document,
    invoice, tenant_summary, idempotency, worker_status, command, incident TO countersign_app;
GRANT SELECT, INSERT ON asset, document_chunk, audit_entry, outbox, incident_entry TO countersign_app;
GRANT SELECT ON run, history, task, lease, clock, connection_writer TO countersign_app;
GRANT UPDATE (claimed_by, claimed_at) ON task TO countersign_app;
GRANT DELETE ON session, idempotency TO countersign_app;
GRANT INSERT ON queue.command TO countersign_app;

GRANT SELECT, INSERT, UPDATE ON run, task, command, clock, incident, lease, connection_writer TO countersign_engine;
GRANT DELETE ON lease, connection_writer TO countersign_engine;
GRANT SELECT, INSERT ON history, audit_entry, outbox, incident_entry TO countersign_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON queue.lane, queue.command, queue.ready, queue.timer TO countersign_engine;

-- gate: exact-key look-ups before a tenant is known, and nothing else.
GRANT SELECT (tenant_id, kind, slug, name, parent_id, lane, locale, time_zone, state) ON scope TO countersign_gate;
GRANT SELECT (tenant_id, person_id, email_folded) ON account TO countersign_gate;
GRANT SELECT (tenant_id, id, token_hash) ON session TO countersign_gate;
GRANT SELECT (tenant_id, id, key_id) ON api_key TO countersign_gate;
CREATE POLICY gate ON scope FOR SELECT TO countersign_gate USING (true);
CREATE POLICY gate ON account FOR SELECT TO countersign_gate USING (true);
CREATE POLICY gate ON session FOR SELECT TO countersign_gate USING (true);
CREATE POLICY gate ON api_key FOR SELECT TO countersign_gate USING (true);

-- report: the directory and counts over all scopes.
GRANT SELECT ON scope, tenant_summary, worker_status TO countersign_report;
CREATE POLICY report ON scope FOR SELECT TO countersign_report USING (true);
CREATE POLICY report ON tenant_summary FOR SELECT TO countersign_report USING (true);
CREATE POLICY report ON worker_status FOR SELECT TO countersign_report USING (true);

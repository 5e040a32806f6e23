-- What the owner of a page tells its readers: components with what they were over time, notices of disruptions and of planned
-- work, and each update with every wording that it had. A page is a partner's, a tenant's or the operator's own.
CREATE TABLE status_page (
    tenant_id uuid NOT NULL PRIMARY KEY REFERENCES scope,
    -- The unguessable part of its address.
    address text NOT NULL CHECK (address ~ '^[0-9A-Za-z]{32}$'),
    audience text NOT NULL CHECK (audience IN ('off', 'anybody', 'signed-in')),
    title text NOT NULL,
    intro text NOT NULL,
    language text NOT NULL CHECK (language IN ('en', 'de', 'fr')),
    -- Null: nothing is published without a person.
    rule jsonb,
    -- Whether maintenance that the contract announces is shown beside what is written here.
    shows_announced boolean NOT NULL,
    -- Counts changes; whoever saves names the one they saw.
    revision integer NOT NULL CHECK (revision > 0),
    made_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by uuid NOT NULL
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX status_page_address ON status_page (address);

CREATE TABLE status_component (
    tenant_id uuid NOT NULL REFERENCES status_page,
    id uuid NOT NULL,
    position integer NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    source text NOT NULL CHECK (source IN ('hand', 'connection', 'workflow', 'platform')),
    subject text NOT NULL,
    -- What somebody says instead of what the machine finds, and until when.
    set_state text CHECK (set_state IN ('operational', 'degraded', 'partial-outage', 'major-outage', 'maintenance')),
    set_until timestamptz,
    set_by uuid,
    set_by_name text,
    set_at timestamptz,
    made_at timestamptz NOT NULL,
    retired_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK ((set_state IS NULL) = (set_by IS NULL)),
    CHECK ((set_state IS NULL) = (set_at IS NULL)),
    CHECK ((set_state IS NULL) = (set_by_name IS NULL)),
    CHECK (set_state IS NOT NULL OR set_until IS NULL),
    CHECK (source IN ('hand', 'platform') OR subject <> '')
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX status_component_name ON status_component (tenant_id, lower(name)) WHERE retired_at IS NULL;

-- What a component was, without gaps where it was looked at. Time in which nobody looked has no row.
CREATE TABLE status_span (
    tenant_id uuid NOT NULL,
    component_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('operational', 'degraded', 'partial-outage', 'major-outage', 'maintenance')),
    PRIMARY KEY (tenant_id, component_id, from_at),
    FOREIGN KEY (tenant_id, component_id) REFERENCES status_component,
    CHECK (from_at <= to_at)
) WITH (fillfactor = 70);
CREATE INDEX status_span_ends ON status_span (tenant_id, to_at);

CREATE TABLE status_notice (
    tenant_id uuid NOT NULL REFERENCES status_page,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('incident', 'maintenance')),
    title text NOT NULL,
    impact text NOT NULL CHECK (impact IN ('none', 'minor', 'major', 'critical')),
    -- Ids of components.
    components jsonb NOT NULL,
    -- What it is about inside; never shown to readers.
    incident_id uuid,
    -- Of planned work.
    starts_at timestamptz,
    ends_at timestamptz,
    made_at timestamptz NOT NULL,
    -- Null where the owner's rule made it.
    made_by uuid,
    published_at timestamptz,
    resolved_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incident,
    CHECK ((kind = 'maintenance') = (starts_at IS NOT NULL)),
    CHECK ((kind = 'maintenance') = (ends_at IS NOT NULL)),
    CHECK (starts_at < ends_at),
    CHECK (resolved_at IS NULL OR published_at IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX status_notice_made ON status_notice (tenant_id, made_at, id);
CREATE INDEX status_notice_open ON status_notice (tenant_id, made_at, id) WHERE resolved_at IS NULL;
-- An incident has one notice, so that the rule, a runbook and a person at once make one and not three.
CREATE UNIQUE INDEX status_notice_incident ON status_notice (tenant_id, incident_id);

CREATE TABLE status_update (
    tenant_id uuid NOT NULL,
    notice_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    phase text NOT NULL CHECK (phase IN ('investigating', 'identified', 'monitoring', 'resolved', 'scheduled', 'in-progress',
                                         'completed')),
    made_at timestamptz NOT NULL,
    made_by uuid,
    published_at timestamptz,
    PRIMARY KEY (tenant_id, notice_id, number),
    FOREIGN KEY (tenant_id, notice_id) REFERENCES status_notice
) WITH (fillfactor = 80);

-- Each wording of an update; the highest number is shown, the others are what was said before.
CREATE TABLE status_wording (
    tenant_id uuid NOT NULL,
    notice_id uuid NOT NULL,
    number integer NOT NULL,
    wording integer NOT NULL CHECK (wording > 0),
    text text NOT NULL,
    at timestamptz NOT NULL,
    by_id uuid,
    PRIMARY KEY (tenant_id, notice_id, number, wording),
    FOREIGN KEY (tenant_id, notice_id, number) REFERENCES status_update
);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['status_page', 'status_component', 'status_span', 'status_notice', 'status_update',
                                'status_wording'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON status_page, status_component, status_notice, status_update TO countersign_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON status_span TO countersign_app;
GRANT SELECT, INSERT ON status_wording TO countersign_app;
-- Whose page an address is, asked before anybody is known.
GRANT SELECT (tenant_id, address, audience) ON status_page TO countersign_gate;
CREATE POLICY gate ON status_page FOR SELECT TO countersign_gate USING (true);

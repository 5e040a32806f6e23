-- What is written after trouble, who has promised what, and when they were reminded.
CREATE TABLE postmortem (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('draft', 'in-review', 'published')),
    machine jsonb NOT NULL,
    drafted_by uuid NOT NULL,
    drafted_at timestamptz NOT NULL,
    published_at timestamptz,
    -- The day on which the next open action is due.
    next_due date,
    PRIMARY KEY (tenant_id, id),
    CHECK ((published_at IS NULL) = (state <> 'published'))
);
CREATE INDEX postmortem_drafted ON postmortem (tenant_id, drafted_at, id);
CREATE INDEX postmortem_next_due ON postmortem (tenant_id, next_due) WHERE next_due IS NOT NULL;

-- An incident is told in one post-mortem, and one post-mortem may tell several.
CREATE TABLE postmortem_incident (
    tenant_id uuid NOT NULL,
    incident_id uuid NOT NULL,
    postmortem_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, incident_id),
    FOREIGN KEY (tenant_id, postmortem_id) REFERENCES postmortem,
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incident
);
CREATE INDEX postmortem_incident_of ON postmortem_incident (tenant_id, postmortem_id);

-- Who was reminded of what, so that several servers remind once.
CREATE TABLE postmortem_reminder (
    tenant_id uuid NOT NULL,
    incident_id uuid NOT NULL,
    -- 0 is the post-mortem itself, otherwise the number of the action.
    action integer NOT NULL CHECK (action >= 0),
    reminded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, incident_id, action),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incident
);

-- The runs that the alerts of an incident were about.
CREATE TABLE incident_run (
    tenant_id uuid NOT NULL,
    incident_id uuid NOT NULL,
    run_id uuid NOT NULL,
    lane integer NOT NULL,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, incident_id, run_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incident
);
ALTER TABLE incident NO FORCE ROW LEVEL SECURITY;
INSERT INTO incident_run (tenant_id, incident_id, run_id, lane, linked_at)
SELECT tenant_id, id, run_id, lane, opened_at FROM incident WHERE run_id IS NOT NULL;
ALTER TABLE incident FORCE ROW LEVEL SECURITY;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['postmortem', 'postmortem_incident', 'postmortem_reminder', 'incident_run'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app '
            'USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)', name);
    END LOOP;
END $$;
CREATE POLICY lane ON incident_run FOR ALL TO countersign_engine
    USING (lane = nullif(current_setting('app.lane', true), '')::integer)
    WITH CHECK (lane = nullif(current_setting('app.lane', true), '')::integer);

GRANT SELECT, INSERT, UPDATE ON postmortem, postmortem_reminder TO countersign_app;
GRANT SELECT, INSERT ON postmortem_incident TO countersign_app;
GRANT SELECT ON incident_run TO countersign_app;
GRANT SELECT, INSERT ON incident_run TO countersign_engine;

-- What can wait, for one of the operator's people: told together at the times that the rota says. A row tells of one incident and
-- goes into one digest.
CREATE TABLE digest_item (
    tenant_id uuid NOT NULL REFERENCES scope,
    incident_id uuid NOT NULL,
    person_id uuid NOT NULL,
    noted_at timestamptz NOT NULL,
    lane integer NOT NULL,
    why text NOT NULL,
    digest_id uuid,
    PRIMARY KEY (tenant_id, incident_id, person_id, noted_at),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incident
);
CREATE INDEX digest_item_waiting ON digest_item (tenant_id, person_id, noted_at) WHERE digest_id IS NULL;
CREATE INDEX digest_item_told ON digest_item (tenant_id, digest_id) WHERE digest_id IS NOT NULL;

-- One mail with what waited for a person; it is the operator's. Nothing is made for nothing.
CREATE TABLE digest (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    rota text NOT NULL,
    person_id uuid NOT NULL,
    person_name text NOT NULL,
    -- The time of the rota at which it is due; one a person.
    due_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('due', 'delivered', 'failed')),
    items integer NOT NULL DEFAULT 0,
    attempts_used integer NOT NULL DEFAULT 0,
    -- Hidden from the other servers until then while one is at it.
    next_at timestamptz NOT NULL,
    answer text NOT NULL DEFAULT '',
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, person_id, due_at),
    CHECK ((ended_at IS NULL) = (state = 'due'))
);
CREATE INDEX digest_due ON digest (tenant_id, next_at) WHERE state = 'due';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['digest_item', 'digest'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app '
            'USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)', name);
    END LOOP;
END $$;
CREATE POLICY lane ON digest_item FOR ALL TO countersign_engine
    USING (lane = nullif(current_setting('app.lane', true), '')::integer)
    WITH CHECK (lane = nullif(current_setting('app.lane', true), '')::integer);

GRANT SELECT ON digest_item TO countersign_app;
GRANT UPDATE (digest_id) ON digest_item TO countersign_app;
GRANT SELECT, INSERT ON digest_item TO countersign_engine;
GRANT SELECT, INSERT, UPDATE ON digest TO countersign_app;

-- Evidence packs: complete lists for auditors. What was asked for and by whom, and once it is read the signed manifest, stay for
-- good; the rows, in pieces, go after some months.
CREATE TABLE evidence_pack (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    -- Where it waits; no lane's engine reads or writes it.
    queue_lane integer NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    state text NOT NULL CHECK (state IN ('building', 'ready', 'failed')),
    -- A pack about one instant has it twice.
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    asked_by uuid NOT NULL,
    asked_name text NOT NULL,
    asked_at timestamptz NOT NULL,
    -- Each try writes pieces of its own, so that two processes never mix theirs.
    attempt integer NOT NULL DEFAULT 0,
    rows_seen bigint NOT NULL DEFAULT 0,
    built_at timestamptz,
    manifest text,
    manifest_hash bytea CHECK (octet_length(manifest_hash) = 32),
    note text,
    problem text NOT NULL DEFAULT '',
    -- When the rows went; the manifest tells their hashes on.
    emptied_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK (from_at <= to_at),
    CHECK ((built_at IS NULL) = (state = 'building')),
    CHECK ((manifest IS NOT NULL) = (state = 'ready')),
    CHECK ((manifest IS NULL) = (manifest_hash IS NULL) AND (manifest IS NULL) = (note IS NULL)),
    CHECK ((problem <> '') = (state = 'failed'))
) WITH (fillfactor = 80);
CREATE INDEX evidence_pack_asked ON evidence_pack (tenant_id, asked_at, id);
CREATE INDEX evidence_pack_full ON evidence_pack (tenant_id, built_at) WHERE emptied_at IS NULL;

CREATE TABLE evidence_piece (
    tenant_id uuid NOT NULL,
    pack_id uuid NOT NULL,
    attempt integer NOT NULL,
    list text NOT NULL,
    seq integer NOT NULL CHECK (seq > 0),
    -- Lines of NDJSON, each with its line feed.
    content text NOT NULL,
    PRIMARY KEY (tenant_id, pack_id, attempt, list, seq),
    FOREIGN KEY (tenant_id, pack_id) REFERENCES evidence_pack
);

CREATE TABLE queue.evidence (
    lane integer NOT NULL,
    due_at timestamptz NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid NOT NULL,
    pack_id uuid NOT NULL,
    PRIMARY KEY (lane, id)
);
CREATE INDEX evidence_due ON queue.evidence (due_at);

-- A search for acts begins with the acts that there are.
CREATE INDEX audit_action ON audit_entry (tenant_id, action, at, id);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['evidence_pack', 'evidence_piece'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON evidence_pack TO countersign_app;
GRANT SELECT, INSERT, DELETE ON evidence_piece TO countersign_app;
GRANT INSERT ON queue.evidence TO countersign_app;
GRANT SELECT, UPDATE, DELETE ON queue.evidence TO countersign_engine;

-- Answers kept for repetitions go after a day.
CREATE INDEX idempotency_age ON idempotency (tenant_id, created_at);
CREATE POLICY keeper ON idempotency FOR ALL TO countersign_keeper USING (true);
GRANT SELECT (tenant_id, principal, route, key, created_at), DELETE ON idempotency TO countersign_keeper;

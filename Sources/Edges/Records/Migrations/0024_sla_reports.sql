-- Monthly service-level reports: one of each contract version and month, numbered per tenant without a gap. What people wrote may
-- change until the review; from then on the document stands as it was hashed, and a revision beside it tells of mistakes.
CREATE TABLE sla_report (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    -- Where its work is queued; no engine reads reports.
    queue_lane integer NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    revision integer NOT NULL CHECK (revision > 0),
    contract_asset uuid NOT NULL,
    contract text NOT NULL,
    contract_version text NOT NULL,
    month text NOT NULL CHECK (month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    language text NOT NULL,
    phase text NOT NULL CHECK (phase IN ('building', 'draft', 'in-review', 'signed-off', 'sent', 'archived')),
    -- Human beings who wrote on it.
    authors uuid[] NOT NULL,
    -- What the month is computed from besides its rows.
    terms jsonb NOT NULL,
    -- The build: clocks looked at, those there were at its start, the last one, and what has been counted.
    clocks_seen bigint NOT NULL DEFAULT 0,
    clocks_total bigint NOT NULL DEFAULT 0,
    last_clock uuid,
    calendars uuid[] NOT NULL DEFAULT '{}',
    tally jsonb NOT NULL,
    incidents jsonb NOT NULL DEFAULT '[]',
    trend jsonb NOT NULL DEFAULT '[]',
    data_hash bytea NOT NULL,
    data_lines bigint NOT NULL DEFAULT 0,
    data_chunks integer NOT NULL DEFAULT 0,
    built_at timestamptz,
    texts jsonb NOT NULL DEFAULT '{}',
    -- Figures in short, for lists over tenants: no payload.
    standing jsonb NOT NULL DEFAULT '{}',
    -- Frozen with the review.
    document text,
    document_hash bytea,
    -- Of a later revision.
    reason text,
    changes jsonb,
    drafted_by uuid,
    drafted_at timestamptz NOT NULL,
    submitted_by uuid,
    submitted_at timestamptz,
    signed_by uuid,
    signed_name text,
    signed_at timestamptz,
    sent_by uuid,
    sent_at timestamptz,
    archived_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, number, revision),
    UNIQUE (tenant_id, contract_asset, month, revision),
    CHECK ((document IS NOT NULL) = (phase IN ('in-review', 'signed-off', 'sent', 'archived'))),
    CHECK ((document IS NULL) = (document_hash IS NULL)),
    CHECK ((signed_at IS NOT NULL) = (phase IN ('signed-off', 'sent', 'archived'))),
    CHECK ((built_at IS NULL) = (phase = 'building')),
    CHECK ((reason IS NULL) = (revision = 1))
);
CREATE INDEX sla_report_month ON sla_report (tenant_id, month, id);

-- The attached data, in pieces that were stored one by one.
CREATE TABLE sla_report_chunk (
    tenant_id uuid NOT NULL,
    report_id uuid NOT NULL,
    seq integer NOT NULL,
    lines integer NOT NULL,
    -- Whole lines; the pieces in their order are the file.
    content text NOT NULL,
    PRIMARY KEY (tenant_id, report_id, seq),
    FOREIGN KEY (tenant_id, report_id) REFERENCES sla_report
);

-- One report to one address, and every try.
CREATE TABLE sla_report_delivery (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    report_id uuid NOT NULL,
    address text NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'delivered', 'failed')),
    attempts_used integer NOT NULL DEFAULT 0,
    decided_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, report_id) REFERENCES sla_report,
    CHECK ((ended_at IS NULL) = (state = 'queued'))
);
CREATE INDEX sla_report_delivery_report ON sla_report_delivery (tenant_id, report_id, decided_at, id);

CREATE TABLE sla_report_attempt (
    tenant_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    attempt integer NOT NULL,
    at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('accepted', 'refused', 'unreached')),
    -- The other side's words, cut.
    answer text NOT NULL,
    milliseconds integer NOT NULL,
    PRIMARY KEY (tenant_id, delivery_id, attempt),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES sla_report_delivery
);

-- Reports that are to be built, and deliveries that are to be tried.
CREATE TABLE queue.report (
    lane integer NOT NULL,
    due_at timestamptz NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid NOT NULL,
    report_id uuid NOT NULL,
    -- None for a build.
    delivery_id uuid,
    PRIMARY KEY (lane, id)
);
CREATE INDEX report_due ON queue.report (due_at);
CREATE INDEX report_one ON queue.report (report_id);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['sla_report', 'sla_report_chunk', 'sla_report_delivery', 'sla_report_attempt'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON sla_report, sla_report_delivery TO countersign_app;
GRANT SELECT, INSERT ON sla_report_chunk, sla_report_attempt TO countersign_app;
GRANT INSERT ON queue.report TO countersign_app;
GRANT SELECT, UPDATE, DELETE ON queue.report TO countersign_engine;

-- Over all tenants: where each month's report stands, and its figures in short.
GRANT SELECT (tenant_id, id, number, revision, contract, contract_version, month, phase, standing, signed_at, sent_at)
    ON sla_report TO countersign_report;
CREATE POLICY report ON sla_report FOR SELECT TO countersign_report USING (true);

-- Credits of signed reports as things of their own: proposed by the signature, approved by somebody who had no part in the report,
-- put on a bill or waived by the customer. Sums are those that were signed, and no statement changes them.
CREATE TABLE credit_note (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    report_id uuid NOT NULL,
    contract_asset uuid NOT NULL,
    contract text NOT NULL,
    month text NOT NULL CHECK (month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    -- Of the month's fee; nothing in the difference of two revisions may be negative.
    percent numeric NOT NULL CHECK (percent >= 0),
    amount_minor bigint CHECK (amount_minor > 0),
    currency text,
    phase text NOT NULL CHECK (phase IN ('proposed', 'approved', 'applied', 'waived', 'replaced')),
    -- Human beings who wrote on the report or signed it: none of them approves.
    involved uuid[] NOT NULL,
    proposed_at timestamptz NOT NULL,
    approved_by uuid,
    approved_name text,
    approved_at timestamptz,
    -- Who put it on a bill or waived it.
    settled_by uuid,
    settled_name text,
    settled_at timestamptz,
    -- The bill that it lowers.
    reference text,
    -- Why it was waived.
    reason text,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, number),
    FOREIGN KEY (tenant_id, report_id) REFERENCES sla_report,
    CHECK ((amount_minor IS NULL) = (currency IS NULL)),
    CHECK (amount_minor IS NOT NULL OR percent > 0),
    CHECK (phase NOT IN ('approved', 'applied') OR approved_at IS NOT NULL),
    CHECK ((approved_at IS NULL) = (approved_by IS NULL)),
    CHECK ((settled_at IS NOT NULL) = (phase IN ('applied', 'waived'))),
    CHECK ((reference IS NOT NULL) = (phase = 'applied')),
    CHECK ((reason IS NOT NULL) = (phase = 'waived'))
);
-- A signature proposes once.
CREATE UNIQUE INDEX credit_note_report ON credit_note (tenant_id, report_id);
CREATE INDEX credit_note_month ON credit_note (tenant_id, contract_asset, month);

ALTER TABLE credit_note ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_note FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON credit_note FOR ALL TO countersign_app
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON credit_note TO countersign_app;
GRANT UPDATE (phase, approved_by, approved_name, approved_at, settled_by, settled_name, settled_at, reference, reason)
    ON credit_note TO countersign_app;

-- Over all tenants: what is still to be given, and no names.
CREATE INDEX credit_note_open ON credit_note (tenant_id, proposed_at, id) WHERE phase IN ('proposed', 'approved');
GRANT SELECT (tenant_id, id, number, report_id, contract, month, percent, amount_minor, currency, phase, proposed_at)
    ON credit_note TO countersign_report;
CREATE POLICY report ON credit_note FOR SELECT TO countersign_report USING (true);

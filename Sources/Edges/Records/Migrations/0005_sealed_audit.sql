-- The audit log is sealed: each entry is a leaf of its tenant's Merkle tree, and signed checkpoints of the trees leave the
-- database. Entries are written unsealed in the transaction they describe; the sealer follows in batches, so that no business
-- transaction waits for another tenant or for a hash.

-- The person for whom a deputy acted.
ALTER TABLE audit_entry ADD COLUMN on_behalf_of uuid;

-- What waits to be sealed, in the order in which transactions became final.
CREATE INDEX audit_unsealed ON audit_entry (tenant_id, xid, number);
-- Who did what.
CREATE INDEX audit_actor ON audit_entry (tenant_id, actor_id, at, id);
CREATE INDEX audit_behalf ON audit_entry (tenant_id, on_behalf_of, at, id) WHERE on_behalf_of IS NOT NULL;

-- The right edge of a tenant's tree, and how far the sealer has read. `cluster` is the database cluster that `xid` counts in:
-- after a restore into another one, the numbers of transactions begin anew, and the sealer goes through all entries once
-- more.
CREATE TABLE audit_head (
    tenant_id uuid PRIMARY KEY REFERENCES scope,
    lane integer NOT NULL,
    size bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
    frontier bytea NOT NULL DEFAULT '',
    cluster text NOT NULL,
    is_catching_up boolean NOT NULL DEFAULT true,
    xid xid8 NOT NULL,
    number bigint NOT NULL DEFAULT 0,
    sealed_at timestamptz,
    -- Where the watch over sealed entries goes on.
    watched bigint NOT NULL DEFAULT 0
);
CREATE INDEX audit_head_lane ON audit_head (tenant_id, lane);

-- One row per sealed entry. No foreign key to the entry: retention may remove entries, and the leaf stays.
CREATE TABLE audit_seal (
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq >= 0),
    entry_id uuid NOT NULL,
    leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
    sealed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, entry_id)
);

-- Hashes of full subtrees of 256, 65536, … leaves: what a proof needs without reading the whole log.
CREATE TABLE audit_subtree (
    tenant_id uuid NOT NULL,
    height smallint NOT NULL CHECK (height > 0 AND height % 8 = 0),
    index bigint NOT NULL CHECK (index >= 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (tenant_id, height, index)
);

-- Signed notes; `published_at` is set when every sink has it.
CREATE TABLE audit_checkpoint (
    tenant_id uuid NOT NULL,
    size bigint NOT NULL CHECK (size > 0),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    at timestamptz NOT NULL,
    note text NOT NULL,
    published_at timestamptz,
    PRIMARY KEY (tenant_id, size)
);
CREATE INDEX audit_checkpoint_waiting ON audit_checkpoint (tenant_id, size) WHERE published_at IS NULL;

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_head', 'audit_seal', 'audit_subtree', 'audit_checkpoint'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
        -- The sealer seals many tenants in one transaction.
        EXECUTE format('CREATE POLICY sealer ON %I FOR ALL TO countersign_sealer USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;
CREATE POLICY sealer ON scope FOR SELECT TO countersign_sealer USING (true);
CREATE POLICY sealer ON audit_entry FOR SELECT TO countersign_sealer USING (true);

GRANT SELECT ON audit_head, audit_seal, audit_subtree, audit_checkpoint TO countersign_app;
GRANT SELECT (tenant_id, lane) ON scope TO countersign_sealer;
GRANT SELECT ON audit_entry TO countersign_sealer;
GRANT SELECT, INSERT ON audit_seal, audit_subtree, audit_checkpoint TO countersign_sealer;
GRANT SELECT, INSERT, UPDATE ON audit_head TO countersign_sealer;
GRANT UPDATE (published_at) ON audit_checkpoint TO countersign_sealer;

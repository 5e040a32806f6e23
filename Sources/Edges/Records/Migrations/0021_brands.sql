-- Brands as people make them: numbered versions of a scope's brand from the draft to what is published, and the pictures that
-- they name. What is published is an asset as well, so that resolution, plans and folders know one brand and not two.
CREATE TABLE brand_version (
    tenant_id uuid NOT NULL REFERENCES scope,
    number integer NOT NULL CHECK (number > 0),
    state text NOT NULL CHECK (state IN ('draft', 'validated', 'published', 'superseded', 'discarded')),
    content jsonb NOT NULL,
    -- Counts changes of the draft; whoever saves or publishes names the one they saw.
    revision integer NOT NULL CHECK (revision > 0),
    -- Null where a folder was applied.
    made_by uuid,
    made_by_natural uuid,
    made_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    -- Who asked for the publication that waits for a second person.
    asked_by uuid,
    asked_by_natural uuid,
    published_at timestamptz,
    published_by uuid,
    -- The version whose content was taken again.
    restores integer,
    PRIMARY KEY (tenant_id, number),
    CHECK ((published_at IS NULL) = (state IN ('draft', 'validated', 'discarded'))),
    CHECK ((asked_by IS NULL) = (asked_by_natural IS NULL))
);
-- One draft at a time, and one brand.
CREATE UNIQUE INDEX brand_version_open ON brand_version (tenant_id) WHERE state IN ('draft', 'validated');
CREATE UNIQUE INDEX brand_version_live ON brand_version (tenant_id) WHERE state = 'published';

-- Pictures as they are served: made anew from what was sent, named by the hash of their own bytes. They are shown to whoever
-- signs in and to whoever gets a mail, so they are no secret.
CREATE TABLE brand_file (
    tenant_id uuid NOT NULL REFERENCES scope,
    name text NOT NULL CHECK (name ~ '^[0-9a-f]{64}\.(png|svg)$'),
    width integer NOT NULL,
    height integer NOT NULL,
    bytes bytea NOT NULL CHECK (octet_length(bytes) <= 2097152),
    stored_at timestamptz NOT NULL,
    stored_by uuid,
    PRIMARY KEY (tenant_id, name)
);
CREATE INDEX brand_file_name ON brand_file (name);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['brand_version', 'brand_file'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE ON brand_version TO countersign_app;
GRANT SELECT, INSERT ON brand_file TO countersign_app;
GRANT SELECT (tenant_id, name) ON brand_file TO countersign_gate;
CREATE POLICY gate ON brand_file FOR SELECT TO countersign_gate USING (true);

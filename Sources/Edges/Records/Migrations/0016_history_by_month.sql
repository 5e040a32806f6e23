-- History is kept by the month in which its run began, so that what is past its time goes by dropping a table and not row by
-- row. A run's id begins with the instant at which it was made, so the id alone says the month: statements stay as they were,
-- all lines of a run lie together, and (tenant, run, number) is unique over all months. Times are in UTC.

DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'countersign_keeper') THEN
        BEGIN
            CREATE ROLE countersign_keeper NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;   -- another database of this cluster was migrated at the same moment
        END;
    END IF;
    PERFORM 1 FROM pg_db_role_setting LIMIT 1;
    BEGIN
        GRANT countersign_keeper TO current_user;
    EXCEPTION WHEN unique_violation THEN
        NULL;
    END;
END $$;
GRANT USAGE ON SCHEMA public TO countersign_keeper;

-- ---------------------------------------------------------------------------------------------------------------------
-- Months

ALTER TABLE history RENAME TO history_before;
ALTER INDEX history_pkey RENAME TO history_before_pkey;

CREATE TABLE history (
    LIKE history_before INCLUDING DEFAULTS INCLUDING COMPRESSION,
    PRIMARY KEY (tenant_id, run_id, seq)
) PARTITION BY RANGE (run_id);

-- The lowest id that can be made at an instant.
CREATE FUNCTION history_bound(instant timestamptz) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT rpad(lpad(to_hex(floor(extract(epoch FROM instant) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- The instant that an id begins with.
CREATE FUNCTION history_instant(id uuid) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT to_timestamp((('x' || lpad(replace(left(id::text, 13), '-', ''), 16, '0'))::bit(64)::bigint) / 1000.0)
$$;

-- Row security of one part, so that it may be reached by its own name no more than through the whole. No role has rights on it.
CREATE FUNCTION history_guard(part text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%2$s)', part,
                   'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid');
    EXECUTE format('CREATE POLICY lane ON %I FOR ALL TO countersign_engine USING (%s) WITH CHECK (%2$s)', part,
                   'lane = nullif(current_setting(''app.lane'', true), '''')::integer');
    EXECUTE format('CREATE POLICY keeper ON %I FOR ALL TO countersign_keeper USING (true)', part);
END $$;

SELECT history_guard('history');
GRANT SELECT ON history TO countersign_app;
GRANT SELECT, INSERT ON history TO countersign_engine;
GRANT SELECT, DELETE ON history TO countersign_keeper;

-- What belongs to no month that there is. Rows here are an alarm; the next look of the maintenance gives them their month.
CREATE TABLE history_rest PARTITION OF history DEFAULT;
SELECT history_guard('history_rest');
GRANT SELECT ON history_rest TO countersign_keeper;

-- Makes the month that an instant lies in, with what lay in the rest of it; false when it is there already. The rest is locked
-- for as long as this takes, and the whole is not.
CREATE FUNCTION history_make(instant timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    starts timestamptz := date_trunc('month', instant, 'UTC');
    ends timestamptz := (starts AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    part text := 'history_' || to_char(starts AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    IF to_regclass('public.' || part) IS NOT NULL THEN RETURN false; END IF;
    LOCK TABLE history_rest IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE %I (LIKE history INCLUDING ALL)', part);
    -- The owner of a table is held to its rows' security too, and is let off it for this move, which nobody else sees.
    ALTER TABLE history_rest NO FORCE ROW LEVEL SECURITY;
    EXECUTE format('WITH moved AS (DELETE FROM history_rest WHERE run_id >= $1 AND run_id < $2 RETURNING *)
                    INSERT INTO %I SELECT * FROM moved', part) USING history_bound(starts), history_bound(ends);
    ALTER TABLE history_rest FORCE ROW LEVEL SECURITY;
    PERFORM history_guard(part);
    EXECUTE format('ALTER TABLE history ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part, history_bound(starts),
                   history_bound(ends));
    RETURN true;
END $$;

-- Takes a month away; false when it is gone already. Everybody waits for the moment that this takes, so the caller sets a short
-- lock_timeout and comes again.
CREATE FUNCTION history_drop(month text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    part text := 'history_' || replace(month, '-', '_');
BEGIN
    IF month !~ '^[0-9]{4}-[0-9]{2}$' THEN RAISE EXCEPTION 'a month is YYYY-MM, and not %', month; END IF;
    IF to_regclass('public.' || part) IS NULL THEN RETURN false; END IF;
    EXECUTE format('ALTER TABLE history DETACH PARTITION %I', part);
    EXECUTE format('DROP TABLE %I', part);
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION history_bound(timestamptz), history_instant(uuid), history_guard(text), history_make(timestamptz),
    history_drop(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION history_instant(uuid) TO countersign_keeper;

-- What there was goes to its months: those that its runs began in, as far as their ids are of times that can be.
ALTER TABLE history_before NO FORCE ROW LEVEL SECURITY;
DO $$
DECLARE
    started timestamptz;
BEGIN
    FOR started IN
        SELECT DISTINCT date_trunc('month', history_instant(run_id), 'UTC') FROM history_before
        WHERE run_id >= history_bound('2020-01-01Z') AND run_id < history_bound(now() + interval '4 months')
    LOOP
        PERFORM history_make(started);
    END LOOP;
    -- This month and the three to come; the maintenance goes on from there.
    FOR ahead IN 0..3 LOOP
        PERFORM history_make((now() AT TIME ZONE 'UTC' + make_interval(months => ahead)) AT TIME ZONE 'UTC');
    END LOOP;
    ALTER TABLE history NO FORCE ROW LEVEL SECURITY;
    INSERT INTO history SELECT * FROM history_before;
    ALTER TABLE history FORCE ROW LEVEL SECURITY;
END $$;
DROP TABLE history_before;

-- ---------------------------------------------------------------------------------------------------------------------
-- Legal holds, and how far retention has come

-- What must not be removed, whatever its time: one run, or all of a tenant's when no run is named.
CREATE TABLE legal_hold (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    run_id uuid,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    placed_by uuid NOT NULL,
    placed_at timestamptz NOT NULL,
    released_by uuid,
    released_at timestamptz,
    release_reason text CHECK (length(release_reason) BETWEEN 1 AND 500),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES run,
    CHECK ((released_at IS NULL) = (released_by IS NULL)),
    CHECK ((released_at IS NULL) = (release_reason IS NULL))
);
CREATE INDEX legal_hold_open ON legal_hold (tenant_id, run_id) WHERE released_at IS NULL;
CREATE INDEX legal_hold_placed ON legal_hold (tenant_id, placed_at, id);

-- The last finished run whose lines were removed, or left because it is held.
CREATE TABLE retention_mark (
    tenant_id uuid PRIMARY KEY REFERENCES scope,
    finished_at timestamptz NOT NULL,
    run_id uuid NOT NULL
) WITH (fillfactor = 50);

DO $$
DECLARE
    name text;
    by_tenant constant text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['legal_hold', 'retention_mark'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app USING (%s) WITH CHECK (%s)',
                       name, by_tenant, by_tenant);
    END LOOP;
    -- The keeper goes through many tenants in one transaction: it reads what decides, and removes history and old feeds.
    FOREACH name IN ARRAY ARRAY['scope', 'run', 'legal_hold', 'audit_seal', 'audit_checkpoint'] LOOP
        EXECUTE format('CREATE POLICY keeper ON %I FOR SELECT TO countersign_keeper USING (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['retention_mark', 'outbox', 'audit_entry'] LOOP
        EXECUTE format('CREATE POLICY keeper ON %I FOR ALL TO countersign_keeper USING (true)', name);
    END LOOP;
END $$;

GRANT SELECT, INSERT ON legal_hold TO countersign_app;
GRANT UPDATE (released_by, released_at, release_reason) ON legal_hold TO countersign_app;
GRANT SELECT, UPDATE ON retention_mark TO countersign_app;
GRANT SELECT (tenant_id, kind, slug, lane) ON scope TO countersign_keeper;
GRANT SELECT (tenant_id, id, finished_at) ON run TO countersign_keeper;
GRANT SELECT ON legal_hold, audit_seal, audit_checkpoint TO countersign_keeper;
GRANT SELECT, INSERT, UPDATE ON retention_mark TO countersign_keeper;
GRANT SELECT, DELETE ON outbox TO countersign_keeper;
GRANT SELECT (tenant_id, id, run_id), INSERT ON audit_entry TO countersign_keeper;

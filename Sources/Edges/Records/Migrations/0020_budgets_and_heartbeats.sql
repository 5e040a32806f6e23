-- Error budgets of objectives, and the signs of life that parts, workers, connections and jobs promise.

-- How many clocks of an objective were decided in a minute, and how: written in the transaction that decides them. A decision that
-- is taken back (a clock that met its target is opened again) is subtracted where it was counted, so a row may be below zero only
-- where its minute was removed.
CREATE TABLE slo_minute (
    tenant_id uuid NOT NULL REFERENCES scope,
    objective text NOT NULL,
    minute timestamptz NOT NULL,
    lane integer NOT NULL,
    good bigint NOT NULL,
    bad bigint NOT NULL,
    PRIMARY KEY (tenant_id, objective, minute)
) WITH (fillfactor = 80);

-- What was decided before there was a count.
ALTER TABLE clock NO FORCE ROW LEVEL SECURITY;
INSERT INTO slo_minute (tenant_id, objective, minute, lane, good, bad)
SELECT tenant_id, objective, date_trunc('minute', CASE outcome WHEN 'met' THEN stopped_at ELSE breached_at END), max(lane),
    count(*) FILTER (WHERE outcome = 'met'), count(*) FILTER (WHERE outcome = 'breached')
FROM clock
WHERE outcome = 'met' AND stopped_at IS NOT NULL OR outcome = 'breached' AND breached_at IS NOT NULL
GROUP BY 1, 2, 3;
ALTER TABLE clock FORCE ROW LEVEL SECURITY;

-- A row for each alarm of a budget while it stands.
CREATE TABLE slo_alarm (
    tenant_id uuid NOT NULL REFERENCES scope,
    objective text NOT NULL,
    alarm text NOT NULL CHECK (alarm IN ('slo-fast-burn', 'slo-slow-burn', 'slo-budget-spent')),
    since timestamptz NOT NULL,
    -- When engineers were told last.
    told_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, objective, alarm)
) WITH (fillfactor = 80);

-- Who promised to show that it lives, how often, and when it did last. Rows of parts, lanes, workers and connections come and go by
-- themselves; jobs are made and ended by people.
CREATE TABLE heartbeat (
    tenant_id uuid NOT NULL REFERENCES scope,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('part', 'lane', 'worker', 'connection', 'job')),
    subject text NOT NULL CHECK (octet_length(subject) BETWEEN 1 AND 200),
    every_seconds integer NOT NULL CHECK (every_seconds BETWEEN 1 AND 2678400),
    grace_seconds integer NOT NULL CHECK (grace_seconds BETWEEN 0 AND 2678400),
    -- From when on it is promised.
    since timestamptz NOT NULL,
    beaten_at timestamptz,
    -- Set while a beat is missed, with the instant at which engineers were told last.
    missed_at timestamptz,
    told_at timestamptz,
    -- Of a job: the hash of its token, who made it, and when it was ended.
    token_hash bytea CHECK (octet_length(token_hash) = 32),
    made_by uuid,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK ((kind = 'job') = (token_hash IS NOT NULL)),
    CHECK ((kind = 'job') = (made_by IS NOT NULL)),
    CHECK ((missed_at IS NULL) = (told_at IS NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX heartbeat_subject ON heartbeat (tenant_id, kind, subject) WHERE ended_at IS NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['slo_minute', 'slo_alarm', 'heartbeat'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO countersign_app '
            'USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)', name);
    END LOOP;
END $$;
CREATE POLICY lane ON slo_minute FOR ALL TO countersign_engine
    USING (lane = nullif(current_setting('app.lane', true), '')::integer)
    WITH CHECK (lane = nullif(current_setting('app.lane', true), '')::integer);
-- Who looks after everybody's reads all of them at once; tokens are not theirs to see.
CREATE POLICY report ON heartbeat FOR SELECT TO countersign_report USING (true);
CREATE POLICY report ON slo_alarm FOR SELECT TO countersign_report USING (true);

GRANT SELECT, INSERT, UPDATE ON slo_minute TO countersign_engine;
GRANT SELECT, DELETE ON slo_minute TO countersign_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON slo_alarm, heartbeat TO countersign_app;
GRANT SELECT ON slo_alarm TO countersign_report;
GRANT SELECT (tenant_id, id, kind, subject, every_seconds, grace_seconds, since, beaten_at, missed_at, ended_at)
    ON heartbeat TO countersign_report;

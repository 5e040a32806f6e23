internal import Kernel

/// The statements of the engine's measurement, run as the database's owner.
struct BenchEngineScripts {
    let runs: Int
    /// Rows that one transition adds on average.
    let history: ExactDecimal
    let audit: ExactDecimal
    let outbox: ExactDecimal

    var words: String { "1 run changed; \(history) lines of history, \(audit) audit entries, \(outbox) events added" }

    /// So many rows on average: the whole part always, one more as often as the rest says.
    private func rows(_ mean: ExactDecimal) -> String { "generate_series(1, floor(\(mean) + random())::integer)" }

    /// A start per tenant as a model, and a procedure that hands copies of it in. An id begins with its time, as ours do, since
    /// indexes fare better with these.
    static let prepare = """
        DROP SCHEMA IF EXISTS bench CASCADE;
        CREATE SCHEMA bench;
        CREATE TABLE bench.model AS
            SELECT DISTINCT ON (c.tenant_id) c.tenant_id, c.lane, c.payload::text AS payload, c.traceparent, r.subject
            FROM command c JOIN run r ON r.tenant_id = c.tenant_id AND r.id = c.run_id
            WHERE c.kind = 'run.start' AND r.phase = 'completed' ORDER BY c.tenant_id, c.created_at DESC;
        CREATE SEQUENCE bench.serial;
        CREATE FUNCTION bench.id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
            SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
                || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
        $$;
        CREATE PROCEDURE bench.feed(wanted integer, seconds integer) LANGUAGE plpgsql AS $$
        DECLARE
            ends constant timestamptz := clock_timestamp() + make_interval(secs => seconds);
            model record;
            missing integer;
        BEGIN
            WHILE clock_timestamp() < ends LOOP
                FOR model IN SELECT * FROM bench.model LOOP
                    SELECT wanted - (SELECT count(*) FROM run WHERE tenant_id = model.tenant_id AND finished_at IS NULL)
                        - (SELECT count(*) FROM queue.command q JOIN command c ON c.id = q.command_id
                            AND c.tenant_id = q.tenant_id WHERE q.lane = model.lane AND c.kind = 'run.start'
                            AND q.tenant_id = model.tenant_id) INTO missing;
                    WITH numbered AS (SELECT nextval('bench.serial') AS n, bench.id() AS id FROM generate_series(1, missing)),
                    added AS (
                        INSERT INTO command (tenant_id, id, lane, idempotency_key, kind, run_id, payload, traceparent, created_at)
                        SELECT model.tenant_id, id, model.lane, 'bench/' || n, 'run.start', bench.id(),
                            replace(model.payload, model.subject, model.subject || '-' || n)::jsonb, model.traceparent,
                            clock_timestamp()
                        FROM numbered RETURNING id
                    )
                    INSERT INTO queue.command (lane, tenant_id, command_id, begins)
                        SELECT model.lane, model.tenant_id, id, true FROM added;
                    COMMIT;
                END LOOP;
                PERFORM pg_sleep(0.1);
            END LOOP;
        END $$;
        """

    /// Finished runs, rows written, place in the write-ahead log; rows added to history, audit and outbox.
    static let reading = """
        SELECT (SELECT count(*) FROM run WHERE finished_at IS NOT NULL), sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint,
            (pg_current_wal_lsn() - '0/0')::bigint, sum(n_tup_ins) FILTER (WHERE relname LIKE 'history\\_%')::bigint,
            sum(n_tup_ins) FILTER (WHERE relname = 'audit_entry')::bigint,
            sum(n_tup_ins) FILTER (WHERE relname = 'outbox')::bigint
        FROM pg_stat_user_tables WHERE schemaname IN ('public', 'queue');
        """

    /// Microseconds from a command's insertion to the batch that applied it: the median and the 99th percentile.
    static func waits(from: Moment, to: Moment, without slug: String?) -> String {
        """
        SELECT (extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY applied_at - created_at)) * 1000000)::bigint,
            (extract(epoch FROM percentile_disc(0.99) WITHIN GROUP (ORDER BY applied_at - created_at)) * 1000000)::bigint
        FROM command c WHERE kind = 'task.report' AND applied_at BETWEEN '\(from)' AND '\(to)'
            AND NOT EXISTS (SELECT FROM scope s WHERE s.tenant_id = c.tenant_id AND s.slug = '\(slug ?? "")');
        """
    }

    /// Open runs and commands that wait.
    static let unfinished = """
        SELECT (SELECT count(*) FROM run WHERE finished_at IS NULL) + (SELECT count(*) FROM queue.command);
        """

    /// Starts of runs, more than the engine gets to in the time of a measurement, all for one tenant.
    static func backlog(_ count: Int, slug: String) -> String {
        """
        WITH model AS (SELECT m.* FROM bench.model m JOIN scope s USING (tenant_id) WHERE s.slug = '\(slug)'),
        numbered AS (SELECT nextval('bench.serial') AS n, bench.id() AS id FROM generate_series(1, \(count))),
        added AS (
            INSERT INTO command (tenant_id, id, lane, idempotency_key, kind, run_id, payload, traceparent, created_at)
            SELECT m.tenant_id, r.id, m.lane, 'backlog/' || r.n, 'run.start', bench.id(),
                replace(m.payload, m.subject, m.subject || '-' || r.n)::jsonb, m.traceparent, clock_timestamp()
            FROM numbered r, model m RETURNING id, lane, tenant_id
        )
        INSERT INTO queue.command (lane, tenant_id, command_id, begins) SELECT lane, tenant_id, id, true FROM added;
        SELECT count(*) FROM queue.command;
        """
    }

    /// Takes back what of the backlog has not begun; what has begun runs to its end.
    static let clearBacklog = """
        WITH waiting AS (
            SELECT c.tenant_id, c.id FROM command c WHERE c.idempotency_key LIKE 'backlog/%' AND c.applied_at IS NULL),
        taken AS (DELETE FROM queue.command q USING waiting w WHERE q.tenant_id = w.tenant_id AND q.command_id = w.id
            RETURNING q.tenant_id, q.command_id)
        DELETE FROM command c USING taken t WHERE c.tenant_id = t.tenant_id AND c.id = t.command_id;
        """

    /// Hands in so many runs a second, tenant after tenant, whatever becomes of them.
    static let pace = """
        CREATE PROCEDURE bench.pace(rate numeric, seconds integer) LANGUAGE plpgsql AS $$
        DECLARE
            began constant timestamptz := clock_timestamp();
            given bigint := 0;
            due bigint;
            model record;
            models constant integer := (SELECT count(*) FROM bench.model);
        BEGIN
            WHILE clock_timestamp() < began + make_interval(secs => seconds) LOOP
                due := floor(extract(epoch FROM clock_timestamp() - began) * rate);
                WHILE given < due LOOP
                    SELECT * INTO model FROM bench.model ORDER BY tenant_id OFFSET given % models LIMIT 1;
                    given := given + 1;
                    WITH one AS (SELECT nextval('bench.serial') AS n, bench.id() AS id),
                    added AS (
                        INSERT INTO command (tenant_id, id, lane, idempotency_key, kind, run_id, payload, traceparent, created_at)
                        SELECT model.tenant_id, id, model.lane, 'bench/' || n, 'run.start', bench.id(),
                            replace(model.payload, model.subject, model.subject || '-' || n)::jsonb, model.traceparent,
                            clock_timestamp()
                        FROM one RETURNING id
                    )
                    INSERT INTO queue.command (lane, tenant_id, command_id, begins)
                        SELECT model.lane, model.tenant_id, id, true FROM added;
                END LOOP;
                COMMIT;
                PERFORM pg_sleep(0.1);
            END LOOP;
        END $$;
        """

    /// The models for tenants that are copies of one: its run, with the rows that it refers to. References are not checked while
    /// copying, since every copy brings what it refers to.
    static func spread(model slug: String) -> String {
        """
        BEGIN;
        SET LOCAL session_replication_role = replica;
        CREATE TEMP TABLE origin ON COMMIT DROP AS
            SELECT m.*, r.document_id, r.invoice_id FROM bench.model m JOIN scope s USING (tenant_id)
            JOIN command c ON c.tenant_id = m.tenant_id AND c.kind = 'run.start' AND c.payload::text = m.payload
            JOIN run r ON r.tenant_id = c.tenant_id AND r.id = c.run_id WHERE s.slug = '\(slug)' LIMIT 1;
        CREATE TEMP TABLE copy ON COMMIT DROP AS
            SELECT s.tenant_id, s.lane FROM scope s WHERE s.kind = 'tenant' AND s.slug LIKE 'fleet-%';
        INSERT INTO document SELECT (jsonb_populate_record(d, jsonb_build_object('tenant_id', c.tenant_id))).*
            FROM copy c, origin o JOIN document d ON d.tenant_id = o.tenant_id AND d.id = o.document_id;
        INSERT INTO invoice SELECT (jsonb_populate_record(i, jsonb_build_object('tenant_id', c.tenant_id))).*
            FROM copy c, origin o JOIN invoice i ON i.tenant_id = o.tenant_id AND i.id = o.invoice_id;
        INSERT INTO bench.model
            SELECT c.tenant_id, c.lane, replace(o.payload, o.tenant_id::text, c.tenant_id::text), o.traceparent, o.subject
            FROM copy c, origin o;
        COMMIT;
        SELECT count(*) FROM bench.model;
        """
    }

    /// Lanes that each server holds.
    static let lanes = """
        SELECT string_agg(n::text, '|') FROM (SELECT count(*) AS n FROM queue.lane WHERE owner IS NOT NULL GROUP BY owner) s;
        """

    /// Tenants that had a run finished.
    static func served(from: Moment, to: Moment) -> String {
        "SELECT count(DISTINCT tenant_id) FROM run WHERE finished_at BETWEEN '\(from)' AND '\(to)';"
    }

    /// Bytes of tables and indexes of what comes and goes, and their dead rows.
    static let hot = """
        SELECT sum(pg_relation_size(relid))::bigint, sum(pg_indexes_size(relid))::bigint, sum(n_dead_tup)::bigint
        FROM pg_stat_user_tables WHERE schemaname = 'queue' OR relname = 'lease';
        """

    /// Tables like the engine's, with its indexes and its row sizes, of which nobody but pgbench knows.
    static func baselineTables(runs: Int) -> String {
        """
        CREATE TABLE bench.run (LIKE run INCLUDING ALL) WITH (fillfactor = 80);
        CREATE TABLE bench.history (LIKE history INCLUDING ALL);
        CREATE TABLE bench.audit_entry (LIKE audit_entry INCLUDING ALL);
        CREATE TABLE bench.outbox (LIKE outbox INCLUDING ALL);
        CREATE TABLE bench.place (n integer PRIMARY KEY, tenant_id uuid NOT NULL, id uuid NOT NULL);
        INSERT INTO bench.run SELECT m.tenant_id, bench.id(), m.lane, m.workflow, m.workflow_version, m.pinned, m.document_id,
            m.invoice_id, m.subject, m.counterparty, m.amount_minor, m.currency, m.phase, m.step, m.waiting_on, m.outcome,
            m.state, m.history_count, m.started_at, m.updated_at, m.finished_at, m.traceparent
            FROM (SELECT * FROM run WHERE phase = 'completed' ORDER BY finished_at DESC LIMIT 1) m, generate_series(1, \(runs));
        INSERT INTO bench.place SELECT row_number() OVER (), tenant_id, id FROM bench.run;
        CREATE TABLE bench.line AS SELECT data::text, summary, type, step FROM history
            ORDER BY abs(length(data::text) - (SELECT avg(length(data::text)) FROM history)) LIMIT 1;
        CREATE TABLE bench.entry AS SELECT content::text FROM audit_entry
            ORDER BY abs(length(content::text) - (SELECT avg(length(content::text)) FROM audit_entry)) LIMIT 1;
        ANALYZE;
        CHECKPOINT;
        """
    }

    /// One transition: a run's state, and its lines of history, audit entries and events, each of the engine's average size.
    var oneByOne: String {
        """
        \\set n random(1, \(runs))
        BEGIN;
        \(transition(of: "SELECT * FROM bench.place WHERE n = :n"))
        COMMIT;
        """
    }

    func batches(of size: Int) -> String {
        """
        \\set n random(1, \(runs - size))
        BEGIN;
        \(transition(of: "SELECT * FROM bench.place WHERE n BETWEEN :n AND :n + \(size - 1) ORDER BY n"))
        COMMIT;
        """
    }

    /// The number of a line of history is drawn, so that it is free: the key is that of the engine's table.
    private func transition(of places: String) -> String {
        """
        UPDATE bench.run r SET state = jsonb_set(r.state, '{bench}', to_jsonb(clock_timestamp()::text)), updated_at = now(),
            history_count = r.history_count + 1
            FROM (\(places)) p WHERE r.tenant_id = p.tenant_id AND r.id = p.id;
        INSERT INTO bench.history (tenant_id, run_id, seq, lane, at, type, step, summary, data)
            SELECT p.tenant_id, p.id, (random() * 2000000000)::integer, 1, now(), l.type, l.step, l.summary, l.data::jsonb
            FROM (\(places)) p, bench.line l, \(rows(history)) ON CONFLICT DO NOTHING;
        INSERT INTO bench.audit_entry (tenant_id, id, lane, at, actor_kind, actor_id, action, object_type, object_id, run_id,
                content)
            SELECT p.tenant_id, gen_random_uuid(), 1, now(), 'engine', 'lane 1 epoch 1', 'run.changed', 'run', p.id::text, p.id,
                e.content::jsonb
            FROM (\(places)) p, bench.entry e, \(rows(audit));
        INSERT INTO bench.outbox (tenant_id, lane, at, topic, run_id, facts)
            SELECT p.tenant_id, 1, now(), 'run.changed', p.id, '{"phase": "running", "step": "Post the bill"}'
            FROM (\(places)) p, \(rows(outbox));
        """
    }
}

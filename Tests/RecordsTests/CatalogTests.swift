import Kernel
import Postgres
import TestKit
import Testing

@testable import Records

/// What the catalogue of a database says against the rules of tenancy; empty when it keeps them all.
struct CatalogGuard {
    /// Indexes and keys that do not start with the tenant, and why they may.
    static let notLedByTenant: Set<String> = [
        // Exact-key look-ups before a tenant is known: address, session token, key id.
        "account_email", "session_token", "api_key_lookup", "sign_in_link_token",
        // A picture by the hash of its bytes, before anybody is known.
        "brand_file_name",
        // A status page by its address, likewise.
        "status_page_address",
        // A link to a subscription, by the hash of its token.
        "status_subscriber_confirm", "status_subscriber_stop",
        // The directory: host and path name a scope by its slug.
        "scope_slug_key",
    ]
    /// Text in the queues: who owns a lane, and what a timer is about. Everything else there is an id, a number or an instant.
    static let queueText: Set<String> = ["lane.owner", "replica.owner", "timer.subject", "timer.key"]

    let connection: PGConnection

    func violations() async throws -> [String] {
        var found: [String] = []
        for (rule, sql) in Self.rules {
            for row in try await connection.query(sql) { found.append("\(rule): \(try row.get(0, as: String.self))") }
        }
        for row in try await connection.query(Self.indexes) {
            let name = try row.get(0, as: String.self)
            if !Self.notLedByTenant.contains(name) { found.append("index not led by tenant_id: \(name)") }
        }
        for row in try await connection.query(Self.queueColumns) {
            let name = try row.get(0, as: String.self)
            if !Self.queueText.contains(name) { found.append("payload in a queue: \(name)") }
        }
        return found
    }

    private static let tables: SQL = """
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname <> 'schema_migration'
        """

    private static let rules: [(String, SQL)] = [
        (
            "tenant_id is missing or may be null",
            """
            SELECT c.relname::text \(tables) AND NOT EXISTS (
                SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnotnull
                  AND a.atttypid = 'uuid'::regtype AND NOT a.attisdropped)
            """
        ),
        (
            "row security is not enabled and forced",
            "SELECT c.relname::text \(tables) AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        ),
        (
            "app has no policy for reading and writing its own rows only",
            """
            SELECT c.relname::text \(tables) AND NOT EXISTS (
                SELECT 1 FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname AND p.cmd = 'ALL'
                  AND p.roles = ARRAY['countersign_app']::name[] AND p.permissive = 'PERMISSIVE'
                  AND p.qual = '(tenant_id = (NULLIF(current_setting(''app.tenant''::text, true), ''''::text))::uuid)'
                  AND p.with_check = p.qual)
            """
        ),
        (
            "app has a second policy",
            """
            SELECT p.tablename::text FROM pg_policies p WHERE p.schemaname = 'public' AND 'countersign_app' = ANY(p.roles)
            GROUP BY p.tablename HAVING count(*) > 1
            """
        ),
        (
            "a policy for everybody, or for a role that is none of ours",
            """
            SELECT p.tablename || '.' || p.policyname FROM pg_policies p WHERE p.schemaname = 'public'
              AND NOT p.roles <@ ARRAY['countersign_app', 'countersign_engine', 'countersign_gate', 'countersign_report',
                'countersign_sealer', 'countersign_keeper']::name[]
            """
        ),
        (
            "the engine reaches rows of other lanes",
            """
            SELECT p.tablename::text FROM pg_policies p WHERE p.schemaname = 'public' AND 'countersign_engine' = ANY(p.roles)
              AND (p.qual IS DISTINCT FROM '(lane = (NULLIF(current_setting(''app.lane''::text, true), ''''::text))::integer)'
                   OR p.with_check IS DISTINCT FROM p.qual)
            """
        ),
        (
            "the sealer reaches more than the audit log and the directory of lanes",
            """
            SELECT p.tablename::text FROM pg_policies p WHERE p.schemaname = 'public' AND 'countersign_sealer' = ANY(p.roles)
              AND NOT (p.tablename IN ('audit_head', 'audit_seal', 'audit_subtree', 'audit_checkpoint')
                OR p.tablename IN ('audit_entry', 'scope') AND p.cmd = 'SELECT')
            """
        ),
        (
            "the keeper reaches more than what decides on removal, or changes more than it removes",
            """
            SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname IN ('public', 'queue') AND c.relkind IN ('r', 'p') AND (
                has_any_column_privilege('countersign_keeper', c.oid, 'SELECT') AND c.relname NOT IN ('history', 'history_rest',
                    'outbox', 'run', 'scope', 'legal_hold', 'retention_mark', 'audit_entry', 'audit_seal', 'audit_checkpoint',
                    'session', 'sign_in_link', 'shadow_comparison', 'operation', 'operation_item', 'guardrail_act',
                    'status_subscriber', 'status_delivery', 'status_page', 'idempotency')
                OR has_any_column_privilege('countersign_keeper', c.oid, 'SELECT') AND c.relname IN ('session', 'sign_in_link',
                    'shadow_comparison', 'operation', 'operation_item', 'guardrail_act', 'status_subscriber', 'status_delivery',
                    'status_page', 'idempotency')
                  AND has_table_privilege('countersign_keeper', c.oid, 'SELECT')
                OR has_table_privilege('countersign_keeper', c.oid, 'DELETE') AND c.relname NOT IN ('history', 'outbox',
                    'session', 'sign_in_link', 'shadow_comparison', 'operation', 'operation_item', 'guardrail_act',
                    'status_subscriber', 'status_delivery', 'status_page', 'idempotency')
                OR has_any_column_privilege('countersign_keeper', c.oid, 'UPDATE') AND c.relname <> 'retention_mark'
                OR has_any_column_privilege('countersign_keeper', c.oid, 'INSERT')
                  AND c.relname NOT IN ('retention_mark', 'audit_entry'))
            """
        ),
        (
            "a month of history can be reached by its own name",
            """
            SELECT r.rolname || ' on ' || c.relname FROM pg_class c, pg_roles r
            WHERE c.relispartition AND c.relkind = 'r' AND r.rolname LIKE 'countersign\\_%' AND r.rolname NOT LIKE '%test'
              AND has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE')
              AND NOT (r.rolname = 'countersign_keeper' AND c.relname = 'history_rest')
            """
        ),
        (
            "a policy holds a sub-query",
            """
            SELECT p.tablename || '.' || p.policyname FROM pg_policies p
            WHERE coalesce(p.qual, '') || coalesce(p.with_check, '') ILIKE '%select%'
            """
        ),
        (
            "the primary key is not led by tenant_id",
            """
            SELECT c.relname::text \(tables) AND NOT EXISTS (
                SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                WHERE i.indrelid = c.oid AND i.indisprimary AND a.attname = 'tenant_id')
            """
        ),
        (
            "a foreign key does not carry the tenant",
            """
            SELECT f.conrelid::regclass || '.' || f.conname FROM pg_constraint f
            WHERE f.contype = 'f' AND f.confrelid <> 'public.scope'::regclass AND NOT EXISTS (
                SELECT 1 FROM unnest(f.conkey, f.confkey) AS pair(own, other)
                JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = pair.own
                JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = pair.other
                WHERE a.attname = 'tenant_id' AND b.attname = 'tenant_id')
            """
        ),
        (
            "a function runs with its owner's rights",
            """
            SELECT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname IN ('public', 'queue') AND p.prosecdef
            """
        ),
        (
            "a view does not ask as its caller",
            """
            SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname IN ('public', 'queue')
              AND (c.relkind = 'm' OR c.relkind = 'v' AND NOT coalesce(c.reloptions, '{}') @> ARRAY['security_invoker=true'])
            """
        ),
        (
            "a role of the program owns something",
            """
            SELECT c.relname::text FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
            WHERE r.rolname IN ('countersign_app', 'countersign_engine', 'countersign_gate', 'countersign_report',
              'countersign_sealer', 'countersign_keeper')
            """
        ),
        (
            "a role of the program may truncate",
            """
            SELECT r.rolname || ' on ' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_roles r
            WHERE n.nspname IN ('public', 'queue') AND c.relkind IN ('r', 'p')
              AND has_table_privilege(r.oid, c.oid, 'TRUNCATE')
              AND r.rolname IN ('countersign_app', 'countersign_engine', 'countersign_gate', 'countersign_report',
                'countersign_sealer', 'countersign_keeper')
            """
        ),
        (
            "a role of the program passes row security, may create, or is a superuser",
            """
            SELECT r.rolname::text FROM pg_roles r WHERE r.rolname LIKE 'countersign\\_%' AND r.rolname NOT LIKE '%test' AND
              (r.rolsuper OR r.rolbypassrls OR r.rolcanlogin OR has_schema_privilege(r.oid, 'public', 'CREATE')
                  AND r.rolname <> 'countersign_owner')
            """
        ),
        (
            "what is written once can be changed",
            """
            SELECT r.rolname || ' on ' || c.relname FROM pg_class c, pg_roles r
            WHERE c.oid IN ('audit_entry'::regclass, 'history'::regclass, 'incident_entry'::regclass, 'outbox'::regclass,
                'asset'::regclass, 'page_attempt'::regclass, 'audit_seal'::regclass, 'audit_subtree'::regclass)
              AND r.rolname IN ('countersign_app', 'countersign_engine', 'countersign_gate', 'countersign_report',
                'countersign_sealer')
              AND (has_table_privilege(r.oid, c.oid, 'UPDATE') OR has_table_privilege(r.oid, c.oid, 'DELETE'))
            """
        ),
        (
            "a queue is not led by its lane",
            """
            SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'queue' AND c.relkind = 'r' AND c.relname <> 'replica' AND NOT EXISTS (
                SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                WHERE i.indrelid = c.oid AND i.indisprimary AND a.attname = 'lane')
            """
        ),
    ]

    private static let indexes: SQL = """
        SELECT x.relname::text FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
        WHERE n.nspname = 'public' AND c.relname <> 'schema_migration' AND a.attname IS DISTINCT FROM 'tenant_id'
        """

    private static let queueColumns: SQL = """
        SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE n.nspname = 'queue' AND c.relkind = 'r'
          AND a.atttypid NOT IN ('integer'::regtype, 'bigint'::regtype, 'uuid'::regtype, 'timestamptz'::regtype,
            'boolean'::regtype)
        """
}

@Suite("the catalogue")
struct CatalogTests {
    private func violations(after change: String = "") async throws -> [String] {
        try await TestDatabase.with(template: .migrated) { database in
            let connection = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
            if !change.isEmpty { try await connection.script(change) }
            let found = try await CatalogGuard(connection: connection).violations()
            await connection.close()
            return found
        }
    }

    @Test("every table keeps tenants apart by key, index, reference, right and policy")
    func keepsTheRules() async throws {
        let found = try await violations()
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test(
        "a change that opens a door between tenants is seen",
        arguments: [
            ("CREATE TABLE note (id bigint PRIMARY KEY)", "tenant_id is missing"),
            ("CREATE TABLE note (tenant_id uuid NOT NULL, id bigint, PRIMARY KEY (tenant_id, id))", "row security"),
            ("ALTER TABLE invoice DISABLE ROW LEVEL SECURITY", "row security"),
            ("ALTER TABLE invoice NO FORCE ROW LEVEL SECURITY", "row security"),
            ("DROP POLICY tenant ON task", "app has no policy"),
            ("CREATE POLICY wide ON task FOR SELECT TO countersign_app USING (true)", "second policy"),
            ("CREATE POLICY wide ON task USING (true)", "for everybody"),
            ("ALTER POLICY lane ON run USING (true)", "other lanes"),
            ("CREATE INDEX run_subject ON run (subject)", "index not led by tenant_id"),
            ("ALTER TABLE person ADD CONSTRAINT note_key UNIQUE (email)", "index not led by tenant_id"),
            (
                "ALTER TABLE task ADD UNIQUE (tenant_id, key, id); CREATE UNIQUE INDEX person_only ON person (id); "
                    + "ALTER TABLE lease ADD COLUMN person_id uuid REFERENCES person (id)", "does not carry the tenant"
            ),
            (
                "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM invoice'",
                "owner's rights"
            ),
            ("CREATE VIEW everything AS SELECT * FROM invoice", "does not ask as its caller"),
            ("CREATE MATERIALIZED VIEW copied AS SELECT * FROM invoice", "does not ask as its caller"),
            ("ALTER TABLE outbox OWNER TO countersign_app", "owns something"),
            ("GRANT TRUNCATE ON history TO countersign_app", "may truncate"),
            ("GRANT UPDATE ON audit_entry TO countersign_engine", "written once"),
            ("GRANT DELETE ON audit_seal TO countersign_sealer", "written once"),
            ("GRANT DELETE ON audit_entry TO countersign_keeper", "the keeper reaches more"),
            ("GRANT SELECT ON invoice TO countersign_keeper", "the keeper reaches more"),
            ("GRANT SELECT ON history_rest TO countersign_app", "by its own name"),
            ("CREATE POLICY sealer ON invoice TO countersign_sealer USING (true)", "more than the audit log"),
            ("ALTER TABLE queue.ready ADD COLUMN input jsonb", "payload in a queue"),
        ])
    func seesTheChange(change: String, expected: String) async throws {
        let found = try await violations(after: change)
        #expect(found.contains { $0.contains(expected) }, "\(found)")
    }
}

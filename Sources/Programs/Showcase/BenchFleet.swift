internal import Glibc
internal import Kernel

/// A provider's installation after some years, for measuring pages: fifty tenants with ten thousand finished runs each.
///
/// The tenants are made by the product's own `apply`. Their runs are copies, made inside the database, of runs that the product
/// carried through before; handing in half a million invoices would measure the patience of whoever waits.
struct BenchFleet: Sendable {
    static let tenants = 50
    static let runsEach = 10_000
    /// One run in so many keeps its state, history and audit entries; lists read none of these, and a run's page is measured on
    /// a run that was really carried through.
    static let wholeOneIn = 10
    /// All copies began within the month that the page of service levels looks back on.
    static let minutesApart = 4

    static let model = "kestrel-labs"
    private static let modelName = "Kestrel Labs"

    /// The configuration with tenants added, each a copy of one of the samples under another name; its path.
    static func configuration(from tenants: String, below folder: String, count: Int = tenants) throws -> String {
        let target = folder + "/source/Tenants"
        Folder.remove(folder + "/source")
        try Folder.copy(tenants, to: target) { _, text in text }
        let runbooks = Folder.parent(of: Folder.absolute(tenants)) + "/Runbooks"
        try Folder.copy(runbooks, to: folder + "/source/Runbooks") { _, text in text }
        for number in 1...(count - SampleTenant.all.count) {
            try Folder.copy("\(tenants)/tenants/\(model)", to: "\(target)/tenants/fleet-\(number)") { _, text in
                let renamed = replacing(model, with: "fleet-\(number)", in: text)
                return replacing(
                    "  - id: ", with: "  - id: f\(number)-", in: replacing(modelName, with: "Fleet \(number)", in: renamed))
            }
        }
        return target
    }

    let installation: Installation

    /// Fills all tenants up; answers how many rows were written.
    func fill() async throws -> String {
        let script = "\(installation.settings.folder)/fleet.sql"
        try Folder.write(Array(BenchFleet.script.utf8), to: script)
        return try await installation.processes.run(
            try installation.databaseProgram("psql"),
            [
                "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--host",
                installation.databaseSocket, "--username", "postgres", "--dbname", "countersign", "--file", script,
            ])
    }

    /// References are not checked while copying: every copy brings the rows that it refers to.
    private static let script = """
        BEGIN;
        SET LOCAL session_replication_role = replica;
        CREATE TEMP TABLE model ON COMMIT DROP AS
            SELECT row_number() OVER (ORDER BY r.started_at) AS place, r.* FROM run r JOIN scope s USING (tenant_id)
            WHERE s.slug = '\(SampleTenant.brightwater.slug)' AND r.phase = 'completed' ORDER BY r.started_at LIMIT 50;
        CREATE TEMP TABLE fresh ON COMMIT DROP AS
            SELECT t.tenant_id, t.lane, n, 1 + n % (SELECT count(*) FROM model) AS place, n % \(wholeOneIn) = 0 AS whole,
                -- An id begins with the time of birth, by which history has its months.
                (lpad(to_hex((extract(epoch FROM now() - n * interval '\(minutesApart) minutes') * 1000)::bigint), 12, '0') || '7'
                    || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid AS run_id,
                gen_random_uuid() AS document_id, gen_random_uuid() AS invoice_id,
                n * interval '\(minutesApart) minutes' AS age
            FROM scope t, generate_series(1, \(runsEach)) n WHERE t.kind = 'tenant';
        INSERT INTO document SELECT f.tenant_id, f.document_id, sha256(f.document_id::text::bytea), d.file_name, d.size_bytes,
                d.channel, d.received_at - f.age, NULL, d.kind, d.state, d.reason, f.invoice_id, f.run_id, d.traceparent
            FROM fresh f JOIN model m USING (place) JOIN document d ON d.tenant_id = m.tenant_id AND d.id = m.document_id;
        INSERT INTO invoice SELECT f.tenant_id, f.invoice_id, f.document_id, v.entity_code, v.supplier_name, v.supplier_vat,
                v.supplier_iban, v.number || '-' || f.n, v.number_normal || f.n, v.kind, v.issue_date, v.currency, v.gross_minor,
                CASE WHEN f.whole THEN v.content ELSE '{}' END, v.findings, v.created_at - f.age
            FROM fresh f JOIN model m USING (place) JOIN invoice v ON v.tenant_id = m.tenant_id AND v.id = m.invoice_id;
        INSERT INTO run SELECT f.tenant_id, f.run_id, f.lane, m.workflow, m.workflow_version, m.pinned, f.document_id,
                f.invoice_id, m.subject || '-' || f.n, m.counterparty, m.amount_minor, m.currency, m.phase, m.step, m.waiting_on,
                m.outcome, CASE WHEN f.whole THEN m.state ELSE '{}' END, m.history_count, m.started_at - f.age,
                m.updated_at - f.age, m.finished_at - f.age, m.traceparent
            FROM fresh f JOIN model m USING (place);
        INSERT INTO task SELECT f.tenant_id, gen_random_uuid(), f.lane, k.class, k.kind, k.key, k.title, f.run_id, NULL,
                k.connection, gen_random_uuid()::text, CASE WHEN f.whole THEN k.request ELSE '{}' END,
                CASE WHEN f.whole THEN k.progress ELSE '{}' END, k.state, k.attempts_used, k.object_hash, NULL, NULL,
                k.created_at - f.age, k.updated_at - f.age, k.finished_at - f.age, k.outcome, k.last_error
            FROM fresh f JOIN model m USING (place) JOIN task k ON k.tenant_id = m.tenant_id AND k.run_id = m.id;
        INSERT INTO clock SELECT f.tenant_id, gen_random_uuid(), f.lane, f.run_id, c.objective, c.contract_asset,
                c.contract_version, c.calendar_asset, c.zone_version, c.target_seconds, c.events, c.state, c.outcome,
                c.elapsed_seconds, c.started_at - f.age, c.due_at - f.age, c.warned_at - f.age, c.breached_at - f.age,
                c.stopped_at - f.age
            FROM fresh f JOIN model m USING (place) JOIN clock c ON c.tenant_id = m.tenant_id AND c.run_id = m.id;
        INSERT INTO history SELECT f.tenant_id, f.run_id, h.seq, f.lane, h.at - f.age, h.type, h.step, h.summary, NULL, h.data
            FROM fresh f JOIN model m USING (place) JOIN history h ON h.tenant_id = m.tenant_id AND h.run_id = m.id
            WHERE f.whole;
        INSERT INTO audit_entry (tenant_id, id, lane, at, actor_kind, actor_id, action, object_type, object_id, run_id, content)
            SELECT f.tenant_id, gen_random_uuid(), f.lane, a.at - f.age, a.actor_kind, a.actor_id, a.action, a.object_type,
                a.object_id, f.run_id, a.content
            FROM fresh f JOIN model m USING (place) JOIN audit_entry a ON a.tenant_id = m.tenant_id AND a.run_id = m.id
            WHERE f.whole;
        COMMIT;
        VACUUM ANALYZE;
        SELECT (SELECT count(*) FROM run) || ' runs, ' || (SELECT count(*) FROM task) || ' tasks, '
            || (SELECT count(*) FROM clock) || ' clocks, ' || (SELECT count(*) FROM history) || ' lines of history, '
            || (SELECT count(*) FROM audit_entry) || ' audit entries, ' || pg_size_pretty(pg_database_size(current_database()));
        """
}

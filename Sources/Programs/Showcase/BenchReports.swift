internal import Kernel

/// Builds the report of a month of a million runs: how long it takes, what memory the server needs, how fast its pages are read.
struct BenchReports: Sendable {
    static let tenant = SampleTenant.brightwater
    /// A build that takes longer has stopped.
    static let buildSeconds: Int64 = 3600
    /// What the month may add to the server's memory: some pages of clocks, whatever their number.
    static let memoryBar: Int64 = 128 * 1024 * 1024

    let installation: Installation
    /// Two clocks each, as the workflow starts them.
    let runs: Int
    let say: @Sendable (String) -> Void

    func measure() async throws -> [BenchResult] {
        let meter = EngineMeter(installation)
        let month = BenchReports.lastMonth(WallClock.system.now)
        say("writing \(runs) runs' clocks into \(month)")
        let size = try await meter.sql(BenchReports.script(runs: runs, month: month))
        guard let pid = installation.serverPid else {
            throw Fault("measuring a report", "the server is gone", isRetryable: false)
        }
        let api = try await installation.tenant(BenchReports.tenant, as: SampleTenant.operatorAdmin)
        let before = Int64(ProcessTable.residentBytes(of: pid) ?? 0)
        let began = WallClock.system.now
        let drafted = try await api.post("sla-reports", ["month": .string(month)])
        guard let id = drafted["items"]?[0]?["id"]?.string else {
            throw Fault("measuring a report", "none was drafted", isRetryable: false)
        }
        var highest = before
        let built = try await Patience.wait(seconds: BenchReports.buildSeconds, for: "the report of \(month)") {
            () -> JSONValue? in
            highest = max(highest, Int64(ProcessTable.residentBytes(of: pid) ?? 0))
            let shown = try await api.get("sla-reports/\(id)")
            guard shown["state"]?.string == "draft" else { return Optional.none }
            return shown
        }
        let milliseconds = WallClock.system.now.milliseconds(since: began)
        let clocks = built["clocksSeen"]?.int64 ?? 0
        guard clocks > runs else {
            throw Fault("measuring a report", "it saw \(clocks) clocks of \(runs) runs", isRetryable: false)
        }
        let lines = built["document"]?["dataLines"]?.int64 ?? 0
        let pressed = WallClock.system.now
        // Without WeasyPrint there is no PDF, and no figure about it.
        let file = try? await api.file("sla-reports/\(id)/pdf")
        var results = [
            BenchResult(
                "sla report build", milliseconds, "ms",
                note: "\(clocks) clocks of \(runs) runs, \(lines) lines of data; clocks in the database: \(size)"),
            BenchResult(
                "sla report clocks", clocks * 1_000_000 / max(1, milliseconds), BenchResult.perThousandSeconds,
                note: "read, computed, hashed and stored"),
            BenchResult(
                "sla report memory", highest - before, "bytes", bar: BenchReports.memoryBar,
                note: "highest resident size of the server during the build, \(highest), over the one before it, \(before)"),
        ]
        if let file {
            results.append(
                BenchResult(
                    "sla report pdf", WallClock.system.now.milliseconds(since: pressed), "ms",
                    note: "\(file.count) bytes; \(built["document"]?["breaches"]?.array?.count ?? 0) misses listed"))
        }
        return results
    }

    private static func lastMonth(_ now: Moment) -> String {
        let today = CivilDate(utc: now)
        let (year, month) = today.month == 1 ? (today.year - 1, 12) : (today.year, today.month - 1)
        return "\(year)-\(month < 10 ? "0" : "")\(month)"
    }

    /// Clocks as the engine leaves them, over the working days of the month: one in twenty waits for a supplier on the way, one
    /// in fifty runs over. References are not checked while writing: nothing asks for the runs.
    private static func script(runs: Int, month: String) -> String {
        """
        BEGIN;
        SET LOCAL session_replication_role = replica;
        INSERT INTO clock (tenant_id, id, lane, run_id, objective, contract_asset, contract_version, calendar_asset, zone_version,
                           target_seconds, events, state, outcome, elapsed_seconds, started_at, stopped_at)
        SELECT s.tenant_id,
               (lpad(to_hex((extract(epoch FROM made.at) * 1000)::bigint), 12, '0') || '7'
                   || substr(md5(n::text || o.name), 14))::uuid,
               s.lane, md5(n::text)::uuid, o.name, c.asset_id, a.version, d.asset_id, 'bench', o.target,
               CASE WHEN n % 20 = 0 THEN jsonb_build_array(
                   jsonb_build_object('at', \(instant("made.at")), 'type', 'start'),
                   jsonb_build_object('at', \(instant("made.at + interval '2 minutes'")), 'type', 'pause',
                                      'reason', 'waiting_on_supplier'),
                   jsonb_build_object('at', \(instant("made.at + interval '1 hour'")), 'type', 'resume',
                                      'reason', 'waiting_on_supplier'),
                   jsonb_build_object('at', \(instant("made.ended")), 'type', 'stop'))
               ELSE jsonb_build_array(jsonb_build_object('at', \(instant("made.at")), 'type', 'start'),
                   jsonb_build_object('at', \(instant("made.ended")), 'type', 'stop')) END,
               'stopped', 'met', 0, made.at, made.ended
        FROM generate_series(1, \(runs)) n
        CROSS JOIN (VALUES ('approval-cycle', 72000), ('posting', 7200)) o(name, target)
        CROSS JOIN LATERAL (
            SELECT date '\(month)-01' + make_interval(days => n % 20, secs => 21600 + n % 30000) AS at,
                   date '\(month)-01' + make_interval(days => n % 20 + CASE WHEN n % 50 = 0 THEN 7 ELSE 0 END,
                                                      secs => 21600 + n % 30000 + 1200 + n % 1000) AS ended) made
        JOIN scope s ON s.slug = '\(tenant.slug)'
        JOIN asset_current c ON c.tenant_id = s.tenant_id AND c.kind = 'contract'
        JOIN asset a ON a.tenant_id = c.tenant_id AND a.id = c.asset_id
        JOIN LATERAL (SELECT asset_id FROM asset_current WHERE kind = 'calendar' AND name = a.content->>'calendar' LIMIT 1) d
            ON true;
        COMMIT;
        ANALYZE clock;
        SELECT pg_size_pretty(pg_total_relation_size('clock'));
        """
    }

    private static func instant(_ expression: String) -> String {
        "to_char((\(expression)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    }
}

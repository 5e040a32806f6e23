internal import Curl
internal import Kernel

/// What promises cost and whom a flood hurts: ten thousand open clocks whose wake-ups fall into one minute, and one tenant's
/// flood of alerts beside another's.
///
/// An alert is answered when its incident and its page are committed, so the time of that answer is the time to the page. The lag
/// of timers is the age of the oldest that is due and still waits, sampled inside the database every 20 ms.
package struct BenchAlerts: Sendable {
    static let clocks = 10_000
    static let clockSpreadSeconds = 60
    /// Quiet and flooded take turns, so that what else the machine does meets both.
    static let floodRounds = 5
    static let alertsPerRound = 200
    /// Between two of the alerts whose pages are timed: slower than any tenant's pace is limited.
    static let quietGapMilliseconds: Int64 = 40
    /// Senders of the flood, each with a message at a time; a refused one is sent again when the server has answered, which
    /// holds such answers back for a second.
    static let flooders = 110
    static let alertsPerMessage = 100
    /// The design's bar: another tenant's flood may slow a page by a fifth.
    static let floodBar: Int64 = 1_200
    static let key = "0123456789abcdef0123456789abcdef"

    private let installation: Installation

    package init(_ installation: Installation) { self.installation = installation }

    package func run() async throws -> [BenchResult] {
        for tenant in [SampleTenant.kestrel, .solara] {
            try await installation.processes.run(
                "countersignd",
                [
                    "secret", "--data", installation.dataFolder, "--tenant", tenant.slug, "--name", "inbound-alerts", "--log",
                    "error",
                ], input: BenchAlerts.key)
        }
        return try await floods() + timers()
    }

    // MARK: Floods

    private func floods() async throws -> [BenchResult] {
        let server = ServerAPI(installation.address)
        _ = try await pages(server, SampleTenant.solara, count: BenchAlerts.warmAlerts, prefix: "warm")
        var (quiet, flooded): ([Int64], [Int64]) = ([], [])
        var total = BenchFlood.Count()
        var milliseconds: Int64 = 0
        for round in 1...BenchAlerts.floodRounds {
            quiet += try await pages(server, SampleTenant.solara, count: BenchAlerts.alertsPerRound, prefix: "quiet-\(round)")
            let flood = BenchFlood(address: installation.address, tenant: SampleTenant.kestrel)
            let task = Task { try await flood.run() }
            _ = try await pages(server, SampleTenant.solara, count: BenchAlerts.warmAlerts, prefix: "begun-\(round)")
            let (begun, before) = (WallClock.system.now, flood.count)
            flooded += try await pages(
                server, SampleTenant.solara, count: BenchAlerts.alertsPerRound, prefix: "flooded-\(round)")
            total.add(flood.count, since: before)
            milliseconds += WallClock.system.now.milliseconds(since: begun)
            task.cancel()
            // Its requests are cancelled with it.
            _ = try? await task.value
            _ = try await pages(server, SampleTenant.solara, count: BenchAlerts.warmAlerts, prefix: "ended-\(round)")
        }
        let offered = total.offered * 1000 / max(1, milliseconds)
        let samples = BenchAlerts.floodRounds * BenchAlerts.alertsPerRound
        let (calm, slow) = (BenchAlerts.percentile(99, of: quiet), BenchAlerts.percentile(99, of: flooded))
        return [
            BenchResult(
                "page decided, quiet, p99", calm, "us",
                note: "\(samples) alerts in \(BenchAlerts.floodRounds) rounds, one every \(BenchAlerts.quietGapMilliseconds) ms"),
            BenchResult(
                "page decided, beside a flood, p99", slow, "us",
                note: "as many, each round after a quiet one; another tenant is sent \(offered) alerts a second in "
                    + "\(BenchAlerts.flooders) messages at a time, \(total.taken * 1000 / max(1, milliseconds)) are taken"),
            BenchResult("flood, offered", offered, "/s", note: "\(BenchAlerts.alertsPerMessage) alerts a message"),
            BenchResult(
                "flood, slowdown", slow * 1000 / max(1, calm), BenchResult.thousandths, bar: BenchAlerts.floodBar,
                note: "the second over the first"),
            BenchResult(
                "flood, slowdown of the median",
                BenchAlerts.percentile(50, of: flooded) * 1000 / max(1, BenchAlerts.percentile(50, of: quiet)),
                BenchResult.thousandths, note: "the same alerts"),
        ]
    }

    /// Alerts whose times are thrown away, while the load changes.
    private static let warmAlerts = 40

    /// By nearest rank; 0 of nothing.
    private static func percentile(_ percent: Int, of times: [Int64]) -> Int64 {
        let sorted = times.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * percent / 100)]
    }

    /// Microseconds from each alert to its committed page.
    private func pages(_ server: ServerAPI, _ tenant: SampleTenant, count: Int, prefix: String) async throws -> [Int64] {
        var times: [Int64] = []
        for number in 0..<count {
            try await Task.sleep(for: .milliseconds(BenchAlerts.quietGapMilliseconds))
            let begun = WallClock.system.now
            let status = try await BenchAlerts.alert(server, tenant, key: "\(prefix)-\(number)", text: "Trouble \(number)")
            guard status == 202 else { throw Fault("measuring pages", "status \(status)", isRetryable: false) }
            times.append(WallClock.system.now.microseconds - begun.microseconds)
        }
        return times
    }

    private static func alert(
        _ server: ServerAPI, _ tenant: SampleTenant, key: String, text: String
    ) async throws -> Int {
        let body: JSONValue = [
            "routing_key": .string(BenchAlerts.key), "event_action": "trigger", "dedup_key": .string(key),
            "payload": ["summary": .string(text), "source": "bench", "severity": "error"],
        ]
        return try await server.exchange(
            .post, "/api/v1/inbound/\(tenant.slug)/v2/enqueue", headers: [HTTPHeader("Content-Type", "application/json")],
            body: body.bytes
        ).status
    }

    // MARK: Clocks

    /// A waiting invoice is copied ten thousand times with its clock, and all copies' clocks are to be looked at within a minute.
    private func timers() async throws -> [BenchResult] {
        let person = try await installation.tenant(SampleTenant.solara, as: SampleTenant.solara.clerk)
        let trade = try SampleTrade(
            SampleTenant.solara, number: 9_900, size: .large, fit: .agrees,
            today: CivilDate(utc: WallClock.system.now))
        try await installation.order([trade])
        let document = try await person.submit(try trade.invoice.bytes(fault: nil), fileName: trade.fileName, traceparent: nil)
        let run = try await person.started(document, seconds: 60)
        _ = try await person.request("approvals", of: run, seconds: 60)
        let answer = try await installation.sql(BenchAlerts.script(run: run.id))
        let parts = answer.split(separator: "|").compactMap { Int64($0) }
        guard parts.count == 4 else { throw Fault("measuring timers", "the database answered \(answer)", isRetryable: false) }
        return [
            BenchResult(
                "timer lag, p99", parts[0], "ms",
                note: "\(parts[3]) open clocks, \(BenchAlerts.clocks) wake-ups in "
                    + "\(BenchAlerts.clockSpreadSeconds) s, sampled \(parts[2]) times"),
            BenchResult("timer lag, most", parts[1], "ms", note: "the same samples"),
        ]
    }

    private static func script(run: String) -> String {
        """
        CREATE TEMP TABLE copy AS SELECT r.tenant_id, r.lane, r.id AS original,
            (substring(r.id::text, 1, 24) || substring(md5(n::text || clock_timestamp()::text), 1, 12))::uuid AS id,
            gen_random_uuid() AS clock
        FROM run r, generate_series(1, \(clocks)) AS n WHERE r.id = '\(run)';
        INSERT INTO run SELECT (jsonb_populate_record(r, jsonb_build_object('id', c.id))).*
        FROM copy c JOIN run r ON r.id = c.original;
        INSERT INTO clock SELECT (jsonb_populate_record(k, jsonb_build_object('id', c.clock, 'run_id', c.id))).*
        FROM copy c JOIN clock k ON k.run_id = c.original AND k.stopped_at IS NULL;
        INSERT INTO queue.timer (lane, due_at, tenant_id, subject, subject_id, key)
        SELECT lane, clock_timestamp() + make_interval(secs => 3 + random() * \(clockSpreadSeconds)), tenant_id, 'clock', clock,
            'clock' FROM copy;
        CREATE TEMP TABLE lag (ms double precision);
        DO $$ BEGIN
            FOR turn IN 1..\((clockSpreadSeconds + 6) * 50) LOOP
                INSERT INTO lag SELECT coalesce(1000 * extract(epoch FROM clock_timestamp() - min(t.due_at)), 0)
                FROM queue.timer t WHERE t.subject = 'clock' AND t.due_at <= clock_timestamp();
                PERFORM pg_sleep(0.02);
            END LOOP;
        END $$;
        SELECT round(percentile_cont(0.99) WITHIN GROUP (ORDER BY ms))::bigint || '|' || round(max(ms))::bigint || '|'
            || count(*) || '|' || (SELECT count(*) FROM clock WHERE stopped_at IS NULL) FROM lag;
        """
    }
}

/// One tenant's flood: many senders, each with messages of a hundred alerts, as a monitor sends them whose whole site is gone.
private final class BenchFlood: Sendable {
    struct Count: Sendable {
        var offered: Int64 = 0
        var taken: Int64 = 0

        mutating func add(_ now: Count, since before: Count) {
            offered += now.offered - before.offered
            taken += now.taken - before.taken
        }
    }

    private let counted = Locked(Count())
    /// A client has few connections to one host, and the flood shares none with the pages that are timed.
    private let servers: [ServerAPI]
    private let tenant: SampleTenant

    init(address: String, tenant: SampleTenant) {
        servers = (0..<BenchAlerts.flooders / BenchFlood.sendersPerClient).map { _ in ServerAPI(address) }
        self.tenant = tenant
    }

    private static let sendersPerClient = 5

    var count: Count { counted.withLock { $0 } }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sender in 0..<BenchAlerts.flooders {
                group.addTask {
                    var number = 0
                    while !Task.isCancelled {
                        try await self.send(sender, number)
                        number += 1
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func send(_ sender: Int, _ number: Int) async throws {
        let alerts = (0..<BenchAlerts.alertsPerMessage).map { place -> JSONValue in
            [
                "status": "firing", "fingerprint": .string("flood-\(sender)-\(place)"),
                "labels": ["alertname": "SiteGone", "severity": "critical"],
                "annotations": ["summary": .string("Host \(place) of site \(sender) does not answer, check \(number)")],
            ]
        }
        let body: JSONValue = ["version": "4", "alerts": .array(alerts)]
        let size = Int64(alerts.count)
        let answer = try await servers[sender % servers.count].exchange(
            .post, "/api/v1/inbound/\(tenant.slug)/alertmanager",
            headers: [
                HTTPHeader("Content-Type", "application/json"), HTTPHeader("Authorization", "Bearer \(BenchAlerts.key)"),
            ], body: body.bytes)
        counted.withLock { count in
            count.offered += size
            if answer.status == 202 { count.taken += size }
        }
    }
}

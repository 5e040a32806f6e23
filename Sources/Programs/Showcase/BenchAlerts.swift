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
    static let quietAlerts = 300
    static let flooders = 16
    static let floodSeconds: Int64 = 20
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
        _ = try await pages(server, SampleTenant.solara, count: 40, prefix: "warm")
        let quiet = try await pages(server, SampleTenant.solara, count: BenchAlerts.quietAlerts, prefix: "quiet")
        let sent = Locked(0)
        let flood = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<BenchAlerts.flooders {
                    group.addTask {
                        var number = 0
                        while !Task.isCancelled {
                            // A hundred troubles, each over and over: what a broken monitor sends.
                            _ = try await BenchAlerts.alert(
                                server, SampleTenant.kestrel, key: "flood-\(lane)-\(number % 100)", text: "Flood \(number)")
                            number += 1
                            sent.withLock { $0 += 1 }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        let begun = WallClock.system.now
        let flooded = try await pages(server, SampleTenant.solara, count: BenchAlerts.quietAlerts, prefix: "flooded")
        let seconds = max(1, WallClock.system.now.milliseconds(since: begun)) / 1000 + 1
        let count = sent.withLock { $0 }
        flood.cancel()
        // Its requests are cancelled with it.
        _ = try? await flood.value
        return [
            BenchResult(
                "page decided, quiet, p99", quiet, "us",
                note: "\(BenchAlerts.quietAlerts) alerts one after the other, no other load"),
            BenchResult(
                "page decided, beside a flood, p99", flooded, "us",
                note: "another tenant sends \(Int64(count) / seconds) alerts a second, \(BenchAlerts.flooders) at once"),
            BenchResult(
                "flood, slowdown", flooded * 1000 / max(1, quiet), BenchResult.thousandths, bar: BenchAlerts.floodBar,
                note: "the second over the first"),
        ]
    }

    /// The 99th percentile of the microseconds from an alert to its committed page.
    private func pages(_ server: ServerAPI, _ tenant: SampleTenant, count: Int, prefix: String) async throws -> Int64 {
        var times: [Int64] = []
        for number in 0..<count {
            let begun = WallClock.system.now
            let status = try await BenchAlerts.alert(server, tenant, key: "\(prefix)-\(number)", text: "Trouble \(number)")
            guard status == 202 else { throw Fault("measuring pages", "status \(status)", isRetryable: false) }
            times.append(WallClock.system.now.microseconds - begun.microseconds)
        }
        times.sort()
        return times.isEmpty ? 0 : times[min(times.count - 1, times.count * 99 / 100)]
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

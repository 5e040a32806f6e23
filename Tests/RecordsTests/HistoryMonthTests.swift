import Glibc
import Kernel
import Postgres
import TestKit
import Testing

@testable import Records

@Suite("history by month")
struct HistoryMonthTests {
    private static let july = Moment("2026-07-14T08:30:00Z") ?? Moment(seconds: 0)

    private func run(at moment: Moment) -> RunID { RunID(at: moment, entropy: .system) }

    @Test("a month takes the ids that were made in it and no others, over the turn of the year too")
    func bounds() throws {
        let december = try #require(HistoryMonth("2026-12"))
        #expect(december.adding(months: 1).description == "2027-01")
        #expect(december.adding(months: -12).description == "2025-12")
        #expect(HistoryMonth(of: december.starts) == december)
        #expect(HistoryMonth(of: december.ends) == december.adding(months: 1))
        #expect(HistoryMonth("2026-13") == nil && HistoryMonth("26-1") == nil && HistoryMonth("") == nil)
        for _ in 0..<200 {
            #expect(run(at: december.starts).text >= december.lowest.text)
            #expect(run(at: december.ends.adding(milliseconds: -1)).text < december.beyond.text)
            #expect(run(at: december.ends).text >= december.beyond.text)
        }
    }

    @Test("what there was before goes to the months in which its runs began, line for line")
    func moved() async throws {
        try await TestDatabase.with { database in
            let before = try HistoryMonthTests.folder(below: 16)
            _ = try await Migrator(database.store, directory: before).migrate()
            let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
            let tenant = SampleTenant(number: 1, lane: 1)
            let runs = [
                run(at: HistoryMonthTests.july), run(at: HistoryMonthTests.july.adding(seconds: -40 * 86_400)),
                RunID(high: 0x0123_4567_89AB_4CDE, low: 0x8000_0000_0000_0001), RunID(high: 7, low: 7),
            ]
            for run in runs {
                try await admin.script(
                    """
                    INSERT INTO history SELECT '\(tenant.id.text)', '\(run.text)', s, 1, now(), 'run.started', '', 'It began.',
                        NULL, jsonb_build_object('n', s) FROM generate_series(1, 250) s
                    """)
            }
            let text = "SELECT md5(string_agg(h::text, '' ORDER BY run_id, seq)) FROM history h"
            let digest = try await admin.query("\(unescaped: text)").only().get(0, as: String.self)
            let applied = try await Migrator(database.store).migrate()
            #expect(applied.contains { $0.hasPrefix("0016") })
            #expect(try await admin.query("\(unescaped: text)").only().get(0, as: String.self) == digest)
            let parts = try await admin.query(
                "SELECT tableoid::regclass::text, count(*) FROM history GROUP BY 1 ORDER BY 1")
            var counts: [String: Int64] = [:]
            for row in parts { counts[try row.get(0, as: String.self)] = try row.get(1, as: Int64.self) }
            // What bears no time that can be stays outside the months, and is told of.
            #expect(counts == ["history_2026_06": 250, "history_2026_07": 250, "history_rest": 500], "\(counts)")
            let ahead = try await admin.query("SELECT count(*) FROM pg_inherits WHERE inhparent = 'history'::regclass")
            #expect(try ahead.only().get(0, as: Int64.self) >= 6)
            await admin.close()
        }
    }

    /// The migrations before a number, as they lie in the sources.
    private static func folder(below number: Int32, from file: String = #filePath) throws -> String {
        let sources = "/" + file.split(separator: "/").dropLast(3).joined(separator: "/") + "/Sources/Edges/Records/Migrations"
        var template = Array("/tmp/countersign-before-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Fault("making a folder", isRetryable: false) }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for name in try FileBytes.names(in: sources) where name.hasSuffix(".sql") {
            guard let its = Int32(name.prefix(4)), its < number else { continue }
            guard symlink("\(sources)/\(name)", "\(folder)/\(name)") == 0 else {
                throw Fault("linking \(name)", isRetryable: false)
            }
        }
        return folder
    }

    @Test("every reader of a run's history looks into one month, by its key")
    func readers() async throws {
        try await TestDatabase.with(template: .migrated) { database in
            let tenant = SampleTenant(number: 1, lane: 1)
            try await tenant.fill(database.store)
            let months = (0..<4).map { HistoryMonth(of: Self.july).adding(months: $0) }
            for month in months {
                try await database.store.withSchema { _ = try await $0.query(KeepingQueries.make(month)) }
            }
            let run = run(at: Self.july)
            try await database.store.withLane(1) { [months] tx in
                for month in months {
                    for other in 0..<40 {
                        let id = other == 0 && month == months[0] ? run : RunID(at: month.starts, entropy: .system)
                        let rows = (1...50).map { seq in
                            HistoryRow(
                                tenant: tenant.id, run: id, seq: Int32(seq), at: month.starts, type: "attempt.completed",
                                step: "s",
                                summary: "It was done.", person: nil, data: ["task": .string(tenant.task.text)])
                        }
                        _ = try await tx.execute(RunQueries.insertHistory(lane: 1, rows))
                    }
                }
            }
            let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
            try await admin.script("ANALYZE")
            await admin.close()
            let readers = [
                RunQueries.history(tenant: tenant.id, run: run, after: 0, limit: 100),
                RunQueries.history(tenant: tenant.id, run: run, type: "run.started", limit: 5),
                TaskQueries.attempts(tenant: tenant.id, run: run, task: tenant.task, limit: 100),
            ]
            for reader in readers {
                let plan = try await database.store.withTenant(tenant.id) {
                    try await $0.query("EXPLAIN (COSTS OFF) \(reader)").column(as: String.self).joined(separator: "\n")
                }
                #expect(plan.contains("history_2026_07_pkey"), "\(plan)")
                #expect(plan.components(of: " on history_") == 1, "\(plan)")
                #expect(!plan.contains("Seq Scan"), "\(plan)")
                let lines = try await database.store.withTenant(tenant.id) { try await $0.query(reader).count }
                #expect(lines <= 50)
            }
        }
    }

    @Test("lines that came before their month was there are given it, and one writer's number stays one line")
    func rest() async throws {
        try await TestDatabase.with(template: .migrated) { database in
            let tenant = SampleTenant(number: 1, lane: 1)
            try await tenant.fill(database.store)
            let run = run(at: Self.july)
            @Sendable func row(_ seq: Int32) -> HistoryRow {
                HistoryRow(
                    tenant: tenant.id, run: run, seq: seq, at: Self.july, type: "run.started", step: "", summary: "It began.",
                    person: nil, data: [:])
            }
            try await database.store.withLane(1) {
                _ = try await $0.execute(RunQueries.insertHistory(lane: 1, [row(1), row(2)]))
            }
            let before = try await database.store.withKeeper { try await $0.query(KeepingQueries.unplaced(limit: 100)) }
            #expect(try before.map { HistoryMonth(of: try $0.get("starts", as: Moment.self)).description }.contains("2026-07"))
            let month = HistoryMonth(of: Self.july)
            for isNew in [true, false] {
                let made = try await database.store.withSchema { try await $0.query(KeepingQueries.make(month)) }
                #expect(try made.only().get("made", as: Bool.self) == isNew)
            }
            let after = try await database.store.withKeeper { try await $0.query(KeepingQueries.unplaced(limit: 100)) }
            #expect(try !after.map { HistoryMonth(of: try $0.get("starts", as: Moment.self)).description }.contains("2026-07"))
            try await database.store.withLane(1) { _ = try await $0.execute(RunQueries.insertHistory(lane: 1, [row(3)])) }
            let failure = await #expect(throws: PostgresFailure.self) {
                try await database.store.withLane(1) { _ = try await $0.execute(RunQueries.insertHistory(lane: 1, [row(2)])) }
            }
            #expect(failure?.isUniqueViolation == true)
            let told = try await database.store.withTenant(tenant.id) {
                try await $0.query(RunQueries.history(tenant: tenant.id, run: run, after: 0, limit: 9)).map(HistoryRow.init)
            }
            #expect(told.map(\.seq) == [1, 2, 3])
        }
    }
}

extension String {
    /// How often `part` occurs.
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let found = rest.firstRange(of: part) {
            count += 1
            rest = rest[found.upperBound...]
        }
        return count
    }
}

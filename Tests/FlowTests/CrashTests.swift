import Handoff
import Kernel
import Postgres
import Records
import TestKit
import Testing

@testable import Flow

/// One thing that goes wrong once in a story.
enum Mishap: Sendable, CustomStringConvertible {
    /// The server ends at its n-th transaction, before or after the commit.
    case server(CuttingLine.Cut, commit: Int)
    /// The worker ends in its n-th call: before the effect, or after it and before the report.
    case worker(CuttingLine.Cut, call: Int)
    /// The n-th report is delivered twice.
    case twice(report: Int)

    var description: String {
        switch self {
        case .server(let cut, let number): "the server ends \(cut) commit \(number)"
        case .worker(let cut, let number): "the worker ends \(cut) the effect of call \(number)"
        case .twice(let number): "report \(number) is delivered twice"
        }
    }
}

/// What everybody around the server does until an invoice is posted, however often the server or the worker ends.
struct Endeavour {
    let stage: Stage
    let line: CuttingLine
    let document: SampleDocument
    let mishap: Mishap?
    /// Reports without a verdict: the worker repeats them until it has one.
    private var unreported: [WorkReport] = []
    private var isReceived = false
    private(set) var calls = 0
    private(set) var reports = 0
    private(set) var crashes = 0

    init(stage: Stage, line: CuttingLine, document: SampleDocument, mishap: Mishap?) {
        self.stage = stage
        self.line = line
        self.document = document
        self.mishap = mishap
    }

    mutating func carryOn(roundsMax: Int = 120) async throws {
        if case .server(let cut, let commit) = mishap { line.plan(cut, at: commit) } else { line.plan() }
        for _ in 0..<roundsMax {
            do {
                if try await round() { return }
            } catch is Fault {
                crashes += 1
                try await stage.restart()
            }
        }
        Issue.record("never finished: \(mishap?.description ?? "undisturbed")")
    }

    /// True when the run has ended and nothing is left to do.
    private mutating func round() async throws -> Bool {
        if !isReceived {
            try await stage.receive(document)
            isReceived = true
        }
        while let report = unreported.first {
            reports += 1
            let verdict = try await stage.report(report)
            if case .twice(let number) = mishap, number == reports {
                let again = try await stage.report(report)
                #expect(again == .accepted || again == .stale, "\(verdict), then \(again)")
            }
            unreported.removeFirst()
        }
        let leases = try await stage.lease()
        for lease in leases { try await call(lease) }
        guard leases.isEmpty else { return false }
        if let request = try await stage.requests("approval").first {
            _ = try await stage.decide("approve", on: request, by: "jonas", key: "signed-once")
            return false
        }
        let books = try await stage.books()
        if !books.runs.isEmpty, books.unfinished == [0, 0, 0] { return true }
        try await stage.rest(atMost: 60)
        return false
    }

    private mutating func call(_ lease: WorkLease) async throws {
        calls += 1
        if case .worker(let cut, let number) = mishap, number == calls {
            if cut == .after { _ = try await stage.attempt(lease) }
            await stage.replaceWorker()
            return
        }
        unreported.append(try await stage.attempt(lease))
    }
}

@Suite("whatever ends at whatever instant")
struct CrashTests {
    /// Plays the story on a line of its own, any number of times.
    private struct Player {
        private static let document = SampleDocument(gross: "4800.00", order: "PO-4800.00")

        let database: TestDatabase
        let line: CuttingLine
        let through: Store

        init(_ database: TestDatabase) async throws {
            self.database = database
            let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
            line = try await CuttingLine(to: database.dsn, by: admin)
            await admin.close()
            through = Store(Store.Settings(directDSN: line.dsn, direct: ConnectionPool.Limits(connectionsMax: 4)))
        }

        func play(_ mishap: Mishap?) async throws -> (books: Books, endeavour: Endeavour) {
            let stage = Stage(store: database.store, through: through)
            try await stage.open()
            var endeavour = Endeavour(stage: stage, line: line, document: Self.document, mishap: mishap)
            try await endeavour.carryOn()
            return (try await stage.books().withoutRepetitions, endeavour)
        }

        func end() async {
            await through.close()
            line.close()
        }
    }

    /// Every instant of the undisturbed story at which something can go wrong.
    private static func mishaps(commits: Int, _ endeavour: Endeavour) -> [Mishap] {
        var out: [Mishap] = []
        for commit in 1...commits { out += CuttingLine.Cut.allCases.map { .server($0, commit: commit) } }
        for call in 1...endeavour.calls { out += CuttingLine.Cut.allCases.map { .worker($0, call: call) } }
        for report in 1...endeavour.reports { out.append(.twice(report: report)) }
        return out
    }

    @Test("the books come out the same when server or worker end at any point, or say things twice")
    func everyPoint() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let first = try await Player(database)
            let (books, endeavour) = try await first.play(nil)
            let commits = first.line.commits
            #expect(books.runs == ["R-1 completed posted"])
            #expect(books.bills == ["R-1"])
            #expect(endeavour.crashes == 0)
            let mishaps = CrashTests.mishaps(commits: commits, endeavour)
            let players = [first, try await Player(database)]
            let cuts = try await withThrowingTaskGroup(of: Int.self) { group in
                for (which, player) in players.enumerated() {
                    let share = mishaps.enumerated().filter { $0.offset % players.count == which }.map(\.element)
                    group.addTask {
                        var cuts = 0
                        for mishap in share {
                            let (after, endeavour) = try await player.play(mishap)
                            #expect(after == books, "\(mishap)")
                            guard case .server = mishap else { continue }
                            // A cut where a lease is only completed for its worker ends nothing: that lease runs out and is
                            // given again.
                            #expect(endeavour.crashes <= 1, "\(mishap)")
                            cuts += player.line.hasCut ? 1 : 0
                        }
                        return cuts
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(cuts >= 2 * (commits - 6), "\(cuts) cuts for \(commits) transactions")
            print("crash points: \(commits) transactions, \(endeavour.calls) calls, \(mishaps.count) mishaps, \(cuts) cuts")
            for player in players { await player.end() }
        }
    }
}

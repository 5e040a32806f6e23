import Glibc
import Kernel
import Postgres
import Records
import TestBasics
import TestKit
import Testing

@testable import Flow

/// Every effect of every library workflow is disturbed: the server ends before or after a commit, the worker before or after a
/// call, things come twice, late, in another order, or at once. Whatever happens, the account is that of the undisturbed passage.
@Suite("whatever ends at whatever instant")
struct CrashTests {
    /// Disturbances of one kind that each passage gets when only a sample is run.
    private static let sampleOfEach = 1
    /// `COUNTERSIGN_CRASH_POINTS` is `all`, or so many of each kind and passage.
    private static let wanted: Int? = {
        guard let text = getenv("COUNTERSIGN_CRASH_POINTS").map({ String(cString: $0) }) else { return sampleOfEach }
        return text == "all" ? nil : Int(text) ?? sampleOfEach
    }()

    /// Plays passages on a line of its own, one after the other.
    private struct Player {
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

        func play(_ passage: Passage, _ mishap: Mishap?) async throws -> (account: Account, endeavour: Endeavour) {
            let stage = Stage(store: database.store, through: through)
            try await stage.open()
            var endeavour = Endeavour(stage: stage, line: line, passage: passage, mishap: mishap)
            try await endeavour.carryOn()
            return (try await Account.of(stage), endeavour)
        }

        func end() async {
            await through.close()
            line.close()
        }
    }

    /// A passage as it goes when nothing disturbs it, and every point at which something can.
    private struct Course: Sendable {
        let passage: Passage
        let account: Account
        let points: [Mishap.Kind: Int]

        init(_ passage: Passage, account: Account, _ endeavour: Endeavour, commits: Int) {
            self.passage = passage
            self.account = account
            let hasRivals = passage.replies.contains { $0.rival != nil }
            var points: [Mishap.Kind: Int] = [:]
            for kind in Mishap.Kind.allCases {
                points[kind] =
                    switch kind {
                    case .serverBefore, .serverAfter: commits
                    case .workerBefore, .workerAfter: endeavour.calls
                    case .reportTwice, .reportLate, .reportSwapped, .twoOwners: endeavour.reports
                    case .startTwice: 1
                    case .decisionTwice, .decisionLate: endeavour.decisions
                    case .decisionRace: hasRivals ? endeavour.decisions : 0
                    case .timerTwice, .timerLate: endeavour.rests
                    }
            }
            self.points = points
        }

        var pointsInAll: Int { points.values.reduce(0, +) }

        func mishaps(_ wanted: Int?, by dice: inout Seeded) -> [Mishap] {
            var out: [Mishap] = []
            for kind in Mishap.Kind.allCases {
                let numbers = Array(1..<(1 + (points[kind] ?? 0)))
                let isWhole = wanted == nil || (passage.isWhole && (kind == .serverBefore || kind == .serverAfter))
                let chosen = isWhole ? numbers : Array(numbers.shuffled(using: &dice).prefix(wanted ?? 0))
                out += chosen.map { Mishap(kind: kind, number: $0) }
            }
            return out
        }
    }

    @Test("every workflow of the library is on a passage")
    func everyWorkflow() throws {
        #expect(Set(Passage.all.map(\.workflow)).sorted() == (try Passage.library()))
    }

    @Test("books, audit, clocks and runs come out the same whatever ends, comes twice, late or in another order")
    func everyPoint() async throws {
        var dice = Seeded("crash points of the library workflows")
        try await TestDatabase.with(template: .flow) { database in
            let players = [try await Player(database), try await Player(database)]
            var courses: [Course] = []
            var work: [(course: Course, mishap: Mishap)] = []
            for passage in Passage.all {
                let (account, endeavour) = try await players[0].play(passage, nil)
                #expect(account.books.runs.contains { $0.hasSuffix("completed \(passage.outcome)") }, "\(passage)")
                #expect(account.gaps.isEmpty)
                #expect(endeavour.crashes == 0)
                let course = Course(passage, account: account, endeavour, commits: players[0].line.commits)
                courses.append(course)
                work += course.mishaps(CrashTests.wanted, by: &dice).map { (course, $0) }
            }
            let struck = try await CrashTests.disturb(work, by: players)
            CrashTests.tell(courses, work, struck)
            for player in players { await player.end() }
        }
    }

    /// Answers how many mishaps of each kind really happened.
    private static func disturb(
        _ work: [(course: Course, mishap: Mishap)], by players: [Player]
    ) async throws -> [Mishap.Kind: Int] {
        try await withThrowingTaskGroup(of: [Mishap.Kind: Int].self) { group in
            for (which, player) in players.enumerated() {
                let share = work.enumerated().filter { $0.offset % players.count == which }.map(\.element)
                group.addTask {
                    var struck: [Mishap.Kind: Int] = [:]
                    for (course, mishap) in share {
                        let (account, endeavour) = try await player.play(course.passage, mishap)
                        let differences = account.differences(from: course.account)
                        #expect(differences.isEmpty, "\(course.passage): \(mishap)")
                        let isServer = mishap.kind == .serverBefore || mishap.kind == .serverAfter
                        // A cut where a lease is only completed for its worker ends nothing: that lease runs out.
                        if isServer { #expect(endeavour.crashes <= 1, "\(mishap)") }
                        let hasHappened = isServer ? player.line.hasCut : endeavour.hasStruck
                        struck[mishap.kind, default: 0] += hasHappened ? 1 : 0
                    }
                    return struck
                }
            }
            return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
        }
    }

    private static func tell(
        _ courses: [Course], _ work: [(course: Course, mishap: Mishap)], _ struck: [Mishap.Kind: Int]
    ) {
        for course in courses {
            let run = work.count { $0.course.passage.name == course.passage.name }
            print("crash points: \(course.passage): \(run) of \(course.pointsInAll) disturbances")
        }
        for kind in Mishap.Kind.allCases {
            let planned = work.count { $0.mishap.kind == kind }
            print("crash points: \(kind.rawValue): \(struck[kind] ?? 0) of \(planned) happened")
            // The last commits of a passage may be its end being looked at; everything else has to happen as planned.
            #expect((struck[kind] ?? 0) * 10 >= planned * 8, "\(kind.rawValue) hardly ever happened")
        }
    }
}

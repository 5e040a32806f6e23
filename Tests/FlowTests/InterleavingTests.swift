import Handoff
import Kernel
import Postgres
import Records
import TestBasics
import TestKit
import Testing

@testable import Flow

@Suite("any order of things")
struct InterleavingTests {
    private static let invoicesOfEach = 10

    /// Two tenants of one lane, and a world that does whatever the seed says.
    private struct World {
        let stage: Stage
        let firms: [Firm]
        var random: Seeded
        var coming: [(firm: Firm, document: SampleDocument)] = []
        var held: [(firm: Firm, lease: WorkLease)] = []
        var said: [(firm: Firm, report: WorkReport)] = []
        var tally: [String: Int] = [:]

        init(stage: Stage, firms: [Firm], random: Seeded) {
            self.stage = stage
            self.firms = firms
            self.random = random
            for (which, firm) in firms.enumerated() {
                for number in 1...InterleavingTests.invoicesOfEach {
                    // Different amounts, so that none looks like a duplicate; every fifth needs a signature.
                    let gross = number % 5 == 0 ? "\(4000 + number).00" : "\(100 * (which + 1) + number).00"
                    coming.append((firm, SampleDocument(number: "R-\(which)-\(number)", gross: gross, order: "PO-\(gross)")))
                }
            }
            coming.shuffle(using: &self.random)
        }

        private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

        mutating func step() async throws {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<10: try await arrive()
            case 10..<40: try await poll()
            case 40..<80: try await answer()
            case 80..<85: try await repeatReport()
            case 85..<92: try await sign()
            case 92..<98: try await wait()
            case 98:
                tally["restart", default: 0] += 1
                try await stage.restart()
            default:
                tally["new worker", default: 0] += 1
                held = []
                await stage.replaceWorker()
            }
        }

        private mutating func arrive() async throws {
            guard let next = coming.popLast() else { return }
            try await stage.receive(next.document, firm: next.firm)
            // The sender is not sure that it arrived.
            if chance(15) { coming.insert(next, at: 0) }
        }

        private mutating func poll() async throws {
            guard let firm = firms.randomElement(using: &random) else { return }
            let capacity = Int.random(in: 1...4, using: &random)
            held += try await stage.lease(firm, capacity: capacity).map { (firm, $0) }
        }

        private mutating func answer() async throws {
            guard !held.isEmpty else { return }
            let (firm, lease) = held.remove(at: Int.random(in: 0..<held.count, using: &random))
            let isWrite = lease.kind == .erpWrite
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<5:
                tally["lost before the effect", default: 0] += 1
            case 5..<20 where isWrite:
                tally["lost after the effect", default: 0] += 1
                _ = try await stage.attempt(lease, firm: firm)
            case 20..<40 where isWrite:
                tally["shows late", default: 0] += 1
                // At the latest one second before the connection counts as settled.
                let latest = max(1, lease.expiresAt.seconds(since: stage.now) + 24)
                stage.ledger.send(
                    lease, tenant: firm.id, at: stage.now, showingAfter: Int64.random(in: 1...latest, using: &random))
            case 40..<55 where isWrite:
                tally["in doubt", default: 0] += 1
                _ = try await stage.attempt(lease, firm: firm)
                try await report(
                    WorkReport(token: lease.token, outcome: .inDoubt(message: "No answer came."), telemetry: []), firm)
            default:
                do {
                    try await report(try await stage.attempt(lease, firm: firm), firm)
                } catch let refusal as Refusal where refusal.reason == "lease.unknown" {
                    // The lease ended before the worker asked for its document.
                    tally["too late", default: 0] += 1
                }
            }
        }

        private mutating func report(_ report: WorkReport, _ firm: Firm) async throws {
            said.append((firm, report))
            try await stage.report(report, firm: firm)
        }

        private mutating func repeatReport() async throws {
            guard let (firm, report) = said.randomElement(using: &random) else { return }
            tally["repeated", default: 0] += 1
            try await stage.report(report, firm: firm)
        }

        mutating func sign() async throws {
            for firm in firms {
                for request in try await stage.requests("approval", firm: firm) where chance(50) {
                    try await stage.decide("approve", on: request, by: chance(50) ? "jonas" : "petra", firm: firm)
                }
                for request in try await stage.requests("exception", firm: firm) where request.run == nil {
                    try await stage.decide("read-again", on: request, by: "maya", firm: firm)
                }
                for dead in try await stage.house.looking.deadTasks(firm.id, limit: 20) where dead.run != nil {
                    tally["dead letter", default: 0] += 1
                    _ = try await stage.house.approving.retry(
                        dead.id, key: "\(random.next())", as: try firm.actor("ruth"), scope: firm.scope)
                    try await stage.pump()
                }
            }
        }

        private mutating func wait() async throws {
            stage.move(seconds: Int64.random(in: 1...40, using: &random))
            try await stage.pump()
        }

        /// The storm is over: everybody does their work until nothing is left.
        mutating func calm() async throws {
            while !coming.isEmpty { try await arrive() }
            for _ in 0..<300 {
                try await stage.work()
                try await sign()
                var isDone = true
                for firm in firms {
                    let books = try await stage.books(firm)
                    if books.unfinished != [0, 0, 0] || books.runs.count < InterleavingTests.invoicesOfEach { isDone = false }
                }
                if isDone { return }
                try await stage.rest(atMost: 60)
            }
            Issue.record("never finished")
        }
    }

    @Test("no order of losses, repetitions, restarts and late effects posts an invoice twice or forgets one")
    func interleaved() async throws {
        let random = Seeded("twenty invoices of two tenants in any order")
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            let firms = [try await stage.open(), try await stage.open()]
            var world = World(stage: stage, firms: firms, random: random)
            for _ in 0..<500 { try await world.step() }
            try await world.calm()
            for (which, firm) in firms.enumerated() {
                let numbers = (1...Self.invoicesOfEach).map { "R-\(which)-\($0)" }.sorted()
                let books = try await stage.books(firm)
                #expect(books.bills == numbers, "seed \(random.seed)")
                #expect(books.runs == numbers.map { "\($0) completed posted" }, "seed \(random.seed)")
                #expect(Set(stage.ledger.bills(of: firm.id).map(\.key)).count == numbers.count, "seed \(random.seed)")
            }
            print(
                "interleaved: \(world.tally.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))")
        }
    }
}

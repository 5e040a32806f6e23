import Handoff
import Kernel
import Postgres
import Records
import TestBasics
import TestKit
import Testing

@testable import Flow

/// Whatever order things come in, and whatever ends at whatever instant: what counts is what was written, and never more than the
/// rule allows for a day.
@Suite("the sums of a day under any order of things")
struct GuardedSumsTests {
    private static let invoices = 14
    private static let dayMinor: Int64 = 150_000

    private struct World {
        let stage: Stage
        var random: Seeded
        var coming: [SampleDocument]
        var held: [WorkLease] = []
        var said: [WorkReport] = []
        var tally: [String: Int] = [:]

        init(stage: Stage, random: Seeded) {
            self.stage = stage
            self.random = random
            coming = (1...GuardedSumsTests.invoices).map { number in
                let gross = "\(200 + number * 21).00"
                return SampleDocument(number: "R-\(number)", gross: gross, order: "PO-\(gross)")
            }
            coming.shuffle(using: &self.random)
        }

        private mutating func note(_ what: String) { tally[what, default: 0] += 1 }

        mutating func step() async throws {
            switch random.int(0...99) {
            case 0..<12: if let next = coming.popLast() { try await stage.receive(next) }
            case 12..<42: held += try await stage.lease(capacity: random.int(1...4))
            case 42..<80: try await answer()
            case 80..<84:
                if let report = random.pick(said) {
                    note("repeated")
                    try await stage.report(report)
                }
            case 84..<90: try await decide()
            case 90..<96:
                stage.move(seconds: Int64(random.int(1...40)))
                try await stage.pump()
            case 96:
                note("refused by the ledger")
                stage.ledger.change { $0.refusals += 1 }
            case 97:
                note("a day passes")
                stage.move(seconds: Int64(random.int(3600...50_000)))
                try await stage.pump()
            case 98:
                note("restart")
                try await stage.restart()
            default:
                note("new worker")
                held = []
                await stage.replaceWorker()
            }
        }

        private mutating func answer() async throws {
            guard !held.isEmpty else { return }
            let lease = held.remove(at: random.int(0...(held.count - 1)))
            let isWrite = lease.kind == .erpWrite
            switch random.int(0...99) {
            case 0..<5: note("lost before the effect")
            case 5..<15 where isWrite:
                note("lost after the effect")
                _ = try await stage.attempt(lease)
            case 15..<30 where isWrite:
                note("in doubt")
                _ = try await stage.attempt(lease)
                try await report(WorkReport(token: lease.token, outcome: .inDoubt(message: "No answer came."), telemetry: []))
            case 30..<40 where isWrite:
                note("failed without effect")
                try await report(
                    WorkReport(
                        token: lease.token,
                        outcome: .failed(code: "CONNECT", message: "No way there.", retryAfterSeconds: nil), telemetry: []))
            default:
                do {
                    try await report(try await stage.attempt(lease))
                } catch let refusal as Refusal where refusal.reason == "lease.unknown" {
                    note("too late")
                }
            }
        }

        private mutating func report(_ report: WorkReport) async throws {
            said.append(report)
            try await stage.report(report)
        }

        /// People answer what there is to answer.
        mutating func decide() async throws {
            for request in try await stage.requests("approval") where random.isLucky(oneIn: 2) {
                note("signed")
                try await stage.decide("approve", on: request, by: random.isLucky(oneIn: 2) ? "jonas" : "petra")
            }
            for request in try await stage.requests("exception") where random.isLucky(oneIn: 2) {
                guard !GuardCase.isOne(request) else {
                    note("looked again")
                    try await stage.decide(GuardStop.lookAgain, on: request, by: "ruth")
                    continue
                }
                note("sent again")
                try await stage.decide(request.run == nil ? "read-again" : "retry", on: request, by: "ruth", reason: "Again.")
            }
            for dead in try await stage.house.looking.deadTasks(stage.firm.id, limit: 20) where dead.run != nil {
                note("dead letter")
                _ = try await stage.house.approving.retry(
                    dead.id, key: "\(random.next())", as: try stage.firm.actor("ruth"), scope: stage.firm.scope)
                try await stage.pump()
            }
        }

        mutating func calm() async throws {
            while let next = coming.popLast() { try await stage.receive(next) }
            stage.ledger.change { $0.refusals = 0 }
            for _ in 0..<300 {
                try await stage.work()
                try await decide()
                if try await stage.books().unfinished == [0, 0, 0] { return }
                try await stage.rest(atMost: 40_000)
            }
            Issue.record("never finished; seed \(random.seed)")
        }
    }

    @Test("no order of losses, refusals, repetitions and restarts counts an act twice, forgets one or lets a day run over")
    func sums() async throws {
        let random = Seeded("fourteen postings under the sum of a day")
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            try await stage.open()
            try await stage.guarded(by: [
                Stage.limit("day", "1500.00", per: "day", effect: "hold"),
                Stage.limit("size", "450.00", effect: "approval", role: "approver"),
            ])
            var world = World(stage: stage, random: random)
            for number in 0..<400 {
                try await world.step()
                guard number % 10 == 0 else { continue }
                let miscounts = try await stage.miscounts()
                #expect(miscounts.isEmpty, "seed \(random.seed): \(miscounts)")
                #expect(try await stage.largestDay("posting") <= Self.dayMinor, "seed \(random.seed)")
                try await Self.expectNothingUncounted(stage, seed: random.seed)
            }
            try await world.calm()
            let numbers = (1...Self.invoices).map { "R-\($0)" }.sorted()
            #expect(try await stage.books().bills == numbers, "seed \(random.seed)")
            let acts = try await stage.acts()
            #expect(acts.count == Self.invoices, "seed \(random.seed)")
            #expect(acts.allSatisfy { $0.state == "done" }, "seed \(random.seed)")
            #expect(try await stage.largestDay("posting") <= Self.dayMinor, "seed \(random.seed)")
            #expect(try await stage.miscounts().isEmpty, "seed \(random.seed)")
            #expect(try await stage.cases().isEmpty, "seed \(random.seed)")
            print("sums: \(world.tally.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))")
        }
    }

    /// Whatever lies in the ledger is counted, whether its answer came or not.
    private static func expectNothingUncounted(_ stage: Stage, seed: UInt64) async throws {
        let firm = await stage.firm
        let counted = try await stage.acts().filter { $0.state == "reserved" || $0.state == "done" }.count
        let written = Set(stage.ledger.bills(of: firm.id).map(\.key)).count
        #expect(counted >= written, "seed \(seed): \(written) bills, \(counted) counted")
    }
}

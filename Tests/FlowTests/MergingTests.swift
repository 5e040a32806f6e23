import Incidents
import Kernel
import Postgres
import Records
import Tenancy
import TestKit
import Testing

@testable import Flow

@Suite("incidents that are one trouble")
struct MergedIncidentTests {
    private func story(_ body: @Sendable (Stage, IncidentRow, IncidentRow) async throws -> Void) async throws {
        let stage = try await Stage.make()
        try await raise("1", stage)
        stage.move(seconds: 60)
        try await raise("2", stage)
        let all = try await stage.incidents().sorted { $0.number < $1.number }
        try await body(stage, all[0], all[1])
    }

    /// An alert of the trouble of that key; each call is one more.
    private func raise(_ key: String, _ stage: Stage) async throws {
        let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
        try await alerting.raise(
            "erp-circuit-open", facts: ["connection": "erp-\(key)", "code": "auth"], scope: scope,
            key: "\(key)/\(Entropy.system.next())")
        try await stage.pump()
    }

    private func merge(_ one: IncidentRow, into other: IncidentRow, _ stage: Stage) async throws {
        let (alerting, firm) = (await stage.house.alerting, await stage.firm)
        _ = try await alerting.merge(
            one.id, into: other.id, reason: "One ERP.", as: try firm.actor("ruth"), scope: firm.scope)
        try await stage.pump()
    }

    private func now(_ row: IncidentRow, _ stage: Stage) async throws -> IncidentRow {
        try await stage.house.looking.incident(row.tenant, row.id)
    }

    private func reason(_ act: () async throws -> some Any) async throws -> String {
        do {
            _ = try await act()
            return ""
        } catch let refusal as Refusal { return refusal.reason }
    }

    @Test("later alerts of a merged incident go to the survivor, and what is answered and ended is counted once")
    func merged() async throws {
        try await story { stage, first, second in
            let (alerting, firm) = (await stage.house.alerting, await stage.firm)
            try await merge(first, into: second, stage)
            #expect(try await now(first, stage).mergedInto == second.id)
            try await raise("1", stage)
            #expect(try await stage.incidents().count == 2, "no third one is opened")
            #expect(try await [now(first, stage), now(second, stage)].map(\.occurrences) == [1, 2])
            stage.move(seconds: 240)
            _ = try await alerting.acknowledge(second.id, as: try firm.actor("ruth"), scope: firm.scope)
            stage.move(seconds: 300)
            _ = try await alerting.resolve(second.id, reason: "Back.", as: try firm.actor("ruth"), scope: firm.scope)
            let figures = try await stage.house.looking.responseFigures(firm.id, at: stage.now)
            // From the opening of the first, sixty seconds before the second's.
            #expect(figures.toAcknowledge.n == 1 && figures.toAcknowledge.medianSeconds == 300)
            #expect(figures.toResolve.n == 1 && figures.toResolve.medianSeconds == 600)
            // Within the window of the survivor the trouble of either opens it again.
            stage.move(seconds: 60)
            try await raise("1", stage)
            #expect(try await now(second, stage).state == "triggered")
            #expect(try await stage.incidents().count == 2)
        }
    }

    @Test("the end of one of several troubles does not end the incident that carries them all")
    func cleared() async throws {
        try await story { stage, first, second in
            try await merge(first, into: second, stage)
            let (desk, scope) = (await stage.house.desk, await stage.firm.scope)
            for key in ["1", "2"] {
                _ = try await desk.send(
                    CommandRow(
                        tenant: scope.id, id: CommandID(high: Entropy.system.next(), low: 1), lane: scope.lane,
                        idempotencyKey: "clear/\(key)", kind: "incident.clear",
                        payload: [
                            "alert": "erp-circuit-open", "facts": ["connection": .string("erp-\(key)")], "text": "It answers.",
                        ], createdAt: stage.now))
                try await stage.pump()
            }
            #expect(try await now(second, stage).state == "triggered")
            let lines = try await stage.house.looking.incidentEntries(second.tenant, second.id)
            #expect(lines.count { $0.text == "It answers." } == 2)
        }
    }

    @Test("taken out again it is open with what came for it meanwhile, and its next alert is its own")
    func unmerged() async throws {
        try await story { stage, first, second in
            try await merge(first, into: second, stage)
            try await raise("1", stage)
            let (alerting, firm) = (await stage.house.alerting, await stage.firm)
            let ruth = try firm.actor("ruth")
            _ = try await alerting.unmerge(first.id, reason: "Two systems.", as: ruth, scope: firm.scope)
            try await stage.pump()
            try await raise("1", stage)
            let (one, other) = (try await now(first, stage), try await now(second, stage))
            #expect(one.state == "triggered" && one.mergedInto == nil && one.occurrences == 3)
            #expect(other.occurrences == 1)
            let audit = try await stage.books().audit
            #expect(audit.contains("incident.merged × 1") && audit.contains("incident.unmerged × 1"))
            #expect(
                try await reason { try await alerting.unmerge(first.id, reason: "x", as: ruth, scope: firm.scope) }
                    == "incident.not-merged")
        }
    }

    @Test("when a new incident has taken its trouble over, a merged one is not opened beside it")
    func takenOver() async throws {
        try await story { stage, first, second in
            try await merge(first, into: second, stage)
            let (alerting, firm) = (await stage.house.alerting, await stage.firm)
            let ruth = try firm.actor("ruth")
            _ = try await alerting.resolve(second.id, reason: "Back.", as: ruth, scope: firm.scope)
            try await stage.pump()
            stage.move(seconds: 3601)
            try await raise("1", stage)
            #expect(try await stage.incidents().count == 3)
            #expect(
                try await reason { try await alerting.unmerge(first.id, reason: "x", as: ruth, scope: firm.scope) }
                    == "incident.taken-over")
        }
    }

    @Test("of two merges that cross, one is done; another tenant's incident is not there")
    func races() async throws {
        try await story { stage, first, second in
            let (alerting, firm) = (await stage.house.alerting, await stage.firm)
            let ruth = try firm.actor("ruth")
            let reasons = try await withThrowingTaskGroup(of: String.self) { group in
                for (one, other) in [(first, second), (second, first), (first, second), (second, first)] {
                    group.addTask {
                        try await reason {
                            try await alerting.merge(one.id, into: other.id, reason: "One.", as: ruth, scope: firm.scope)
                        }
                    }
                }
                return try await group.reduce(into: [String]()) { $0.append($1) }
            }
            #expect(reasons.count { $0.isEmpty } == 1, "\(reasons)")
            #expect(try await [now(first, stage), now(second, stage)].count { $0.mergedInto != nil } == 1)
            let stranger = try await Stage.make().firm
            let other = try stranger.actor("ruth")
            #expect(
                try await reason {
                    try await alerting.merge(first.id, into: second.id, reason: "x", as: other, scope: stranger.scope)
                } == "not-found")
        }
    }
}

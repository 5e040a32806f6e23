import Kernel
import Postgres
import Records
import TestKit
import Testing

@testable import Flow

@Suite("engineers on call")
struct PagingTests {
    private struct Page: Equatable {
        let name: String
        let layer: String
        let attempt: Int64
    }

    /// A story of its own with people on call, and a worker that is reported missing.
    private func story(
        _ upper: [Applying.Asset]? = nil, _ body: @Sendable (Stage) async throws -> Void
    ) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            _ = try await stage.house.applying.apply(try upper ?? SampleConfiguration.upperOnCall(), by: nil)
            try await stage.open()
            try await body(stage)
        }
    }

    private func trouble(_ stage: Stage, key: String = "1") async throws -> IncidentRow {
        let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
        try await alerting.raise("worker-missing", facts: [:], scope: scope, key: key)
        try await stage.pump()
        return try #require(try await stage.incidents().first)
    }

    private func pages(_ stage: Stage) async throws -> [Page] {
        let id = await stage.firm.id
        return try await stage.store.withTenant(id) { tx in
            try await tx.query(
                "SELECT facts FROM outbox WHERE tenant_id = \(id) AND topic = 'incident.paged' ORDER BY id"
            ).map { row in
                let facts = try row.get("facts", as: JSONValue.self)
                #expect(facts["channel"]?.string == "console")
                #expect(facts["at"]?.moment != nil)
                return Page(
                    name: facts["name"]?.string ?? "", layer: facts["layer"]?.string ?? "",
                    attempt: facts["attempt"]?.int64 ?? 0)
            }
        }
    }

    private func lines(_ stage: Stage, _ incident: IncidentRow) async throws -> [String] {
        try await stage.house.looking.incidentEntries(incident.tenant, incident.id).map(\.kind)
    }

    private func pass(_ stage: Stage, minutes: Int64) async throws {
        stage.move(seconds: minutes * 60 + 1)
        try await stage.pump()
    }

    @Test("whoever is on call is paged at once, the next layer when nobody answers, then the duty manager, and then nobody")
    func unanswered() async throws {
        try await story { stage in
            let incident = try await trouble(stage)
            #expect(try await pages(stage) == [Page(name: "Tomas Reyl", layer: "Platform", attempt: 1)])
            try await pass(stage, minutes: 14)
            #expect(try await pages(stage).count == 1)
            // The server that paged is gone; its timer is not.
            try await stage.restart()
            try await pass(stage, minutes: 1)
            #expect(try await pages(stage).last == Page(name: "Bela Kis", layer: "Second line", attempt: 2))
            try await pass(stage, minutes: 15)
            #expect(try await pages(stage).last == Page(name: "Ines Okafor", layer: "duty manager", attempt: 3))
            for _ in 0..<20 { try await pass(stage, minutes: 15) }
            #expect(try await pages(stage).count == 3)
            #expect(
                try await lines(stage, incident) == [
                    "opened", "paged", "escalated", "paged", "escalation-exhausted", "paged",
                ])
        }
    }

    @Test("an answer stops the escalation; one that nobody follows up lapses, and the first layer is paged anew")
    func answered() async throws {
        try await story { stage in
            let incident = try await trouble(stage)
            let (alerting, firm) = (await stage.house.alerting, await stage.firm)
            _ = try await alerting.acknowledge(incident.id, as: try firm.actor("ruth"), scope: firm.scope)
            try await stage.pump()
            try await pass(stage, minutes: 29)
            #expect(try await pages(stage).count == 1)
            try await pass(stage, minutes: 1)
            #expect(try await pages(stage).map(\.name) == ["Tomas Reyl", "Tomas Reyl"])
            #expect(try await stage.incidents().map(\.state) == ["triggered"])
            try await pass(stage, minutes: 15)
            #expect(try await pages(stage).last?.name == "Bela Kis")
            _ = try await alerting.resolve(incident.id, reason: "It is back.", as: try firm.actor("ruth"), scope: firm.scope)
            try await stage.pump()
            for _ in 0..<6 { try await pass(stage, minutes: 15) }
            #expect(try await pages(stage).count == 3, "nobody is paged for what is over")
            let kinds = try await lines(stage, incident)
            #expect(kinds.suffix(3) == ["escalated", "paged", "resolved"])
            #expect(kinds.contains("acknowledgement-lapsed"))
        }
    }

    @Test("the hand-over is a wall time: on Monday at nine the next person answers")
    func handOver() async throws {
        try await story { stage in
            stage.move(to: Moment("2026-07-20T07:59:59Z") ?? Stage.start)
            _ = try await trouble(stage)
            #expect(try await pages(stage).map(\.name) == ["Tomas Reyl"])
        }
        try await story { stage in
            stage.move(to: Moment("2026-07-20T08:00:00Z") ?? Stage.start)
            _ = try await trouble(stage)
            #expect(try await pages(stage).map(\.name) == ["Saskia Brandt"])
        }
    }

    @Test("what is not urgent wakes nobody, and what repeats does not page again")
    func quiet() async throws {
        try await story { stage in
            let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
            try await alerting.raise("queue-age", facts: ["age": "130 s"], scope: scope, key: "1")
            try await stage.pump()
            for _ in 0..<4 { try await pass(stage, minutes: 15) }
            #expect(try await pages(stage).isEmpty)
            _ = try await trouble(stage)
            _ = try await trouble(stage, key: "2")
            #expect(try await pages(stage).count == 1)
        }
    }

    @Test("with nobody on call the incident says so, and the next layer is told at once")
    func gap() async throws {
        let upper = try SampleConfiguration.upperOnCall().map { asset -> Applying.Asset in
            guard asset.kind == "on-call", var members = asset.content.object else { return asset }
            members["people"] = ["left-long-ago"]
            return Applying.Asset(
                scope: asset.scope, kind: asset.kind, name: asset.name, version: asset.version, content: .object(members))
        }
        try await story(upper) { stage in
            let incident = try await trouble(stage)
            #expect(try await pages(stage).map(\.name) == ["Bela Kis"])
            #expect(try await lines(stage, incident) == ["opened", "unpaged", "escalated", "paged"])
        }
        try await story(try SampleConfiguration.upper()) { stage in
            let incident = try await trouble(stage)
            #expect(try await pages(stage).isEmpty)
            #expect(try await lines(stage, incident) == ["opened", "unpaged"])
        }
    }
}

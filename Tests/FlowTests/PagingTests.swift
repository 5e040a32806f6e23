import Incidents
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
        return try #require(try await stage.incidents().first { $0.alert == "worker-missing" })
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

    /// One of the operator's people, as they act in the operator's scope.
    private func colleague(_ slug: String, _ stage: Stage) async throws -> Actor {
        let upper = try #require(try await stage.house.scopes.all().first { $0.kind == "operator" })
        let person = try #require(try await stage.house.looking.people(upper.id).first { $0.slug == slug })
        return Actor(
            tenant: upper.id, person: person.id, natural: person.natural, name: person.name, roles: [], approvalLimit: nil)
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

    @Test(
        "layers are told again as often as the rota says, a round robin goes on with each incident, and everyone means everyone")
    func tellings() async throws {
        let again = try SampleConfiguration.upperOnCall(adding: [("repeats", 1)])
        try await story(again) { stage in
            _ = try await trouble(stage)
            for _ in 0..<8 { try await pass(stage, minutes: 15) }
            #expect(
                try await pages(stage).map(\.name) == ["Tomas Reyl", "Bela Kis", "Tomas Reyl", "Bela Kis", "Ines Okafor"])
        }
        let everyone = try SampleConfiguration.upperOnCall(adding: [
            ("layers", [["title": "Second line", "people": ["bela", "saskia"], "tell": "everyone", "escalateAfterMinutes": 5]])
        ])
        try await story(everyone) { stage in
            _ = try await trouble(stage)
            try await pass(stage, minutes: 15)
            #expect(try await pages(stage).map(\.name) == ["Tomas Reyl", "Bela Kis", "Saskia Brandt"])
            try await pass(stage, minutes: 5)
            #expect(try await pages(stage).last?.name == "Ines Okafor", "a layer may have less time than the rota")
        }
        let robin = try SampleConfiguration.upperOnCall(adding: [("tell", "round-robin")])
        try await story(robin) { stage in
            let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
            for kind in ["worker-missing", "erp-circuit-open", "erp-budget-spent"] {
                try await alerting.raise(kind, facts: ["connection": "erp"], scope: scope, key: kind)
                try await stage.pump()
            }
            #expect(try await pages(stage).map(\.name) == ["Saskia Brandt", "Tomas Reyl", "Saskia Brandt"])
        }
    }

    @Test("what engineers change is written down; only what becomes worse or is given to somebody tells people")
    func changes() async throws {
        try await story { stage in
            let (alerting, calling, firm) = (await stage.house.alerting, await stage.house.onCalling, await stage.firm)
            try await alerting.raise("queue-age", facts: ["age": "130 s"], scope: firm.scope, key: "1")
            try await stage.pump()
            let incident = try #require(try await stage.incidents().first)
            let ruth = try firm.actor("ruth")
            func change(_ change: Alerting.Change) async throws -> IncidentRow {
                let row = try await alerting.change(incident.id, change, as: ruth, scope: firm.scope)
                try await stage.pump()
                return row
            }
            #expect(try await pages(stage).isEmpty)
            #expect(try await change(.severity(.sev2, reason: "Three more tenants.")).severity == "sev2")
            #expect(try await pages(stage).map(\.name) == ["Tomas Reyl"], "worse than it was wakes somebody")
            let bela = try await calling.engineer("bela", for: firm.id)
            _ = try await change(.assigned(bela.id))
            #expect(try await pages(stage).last == Page(name: "Bela Kis", layer: "assignee", attempt: 1))
            _ = try await change(.priority(.p1))
            #expect(try await change(.mitigated(text: "The queue is taken by another worker.")).state == "mitigated")
            for _ in 0..<4 { try await pass(stage, minutes: 15) }
            #expect(try await pages(stage).count == 2, "nobody is told of what no longer hurts")
            _ = try await alerting.resolve(incident.id, reason: "Empty.", as: ruth, scope: firm.scope)
            #expect(try await change(.reopened(reason: "It grows again.")).state == "triggered")
            #expect(try await pages(stage).last?.name == "Tomas Reyl")
            await #expect { _ = try await change(.reopened(reason: "Again.")) } throws: {
                ($0 as? Refusal)?.reason == "incident.open"
            }
            let actions = try await stage.store.withTenant(firm.id) { tx in
                try await tx.query(
                    """
                    SELECT action FROM audit_entry WHERE tenant_id = \(firm.id) AND object_type = 'incident'
                      AND actor_kind = 'person' ORDER BY number
                    """
                ).column(as: String.self)
            }
            #expect(
                actions == [
                    "incident.severity-changed", "incident.assigned", "incident.priority-changed", "incident.mitigated",
                    "incident.resolved", "incident.reopened",
                ])
        }
    }

    @Test("a shift that a colleague has agreed to take is theirs, and until then it is not")
    func swap() async throws {
        try await story { stage in
            let (calling, scope) = (await stage.house.onCalling, await stage.firm.scope)
            let upper = try #require(try await stage.house.scopes.all().first { $0.kind == "operator" })
            let from = stage.now.adding(seconds: -3600)
            let until = stage.now.adding(seconds: 86_400)
            func ask(_ slug: String, taker: String) async throws -> SwapRow {
                try await calling.askSwap(
                    layer: 0, from: from, to: until, taker: taker, reason: "A wedding.", as: try await colleague(slug, stage),
                    scope: upper)
            }
            for (giver, taker, reason) in [
                ("saskia", "tomas", "on-call.not-yours"), ("tomas", "tomas", "on-call.self"), ("tomas", "ines", "on-call.taker"),
            ] {
                await #expect { _ = try await ask(giver, taker: taker) } throws: { ($0 as? Refusal)?.reason == reason }
            }
            let swap = try await ask("tomas", taker: "saskia")
            _ = try await trouble(stage)
            #expect(try await pages(stage).map(\.name) == ["Tomas Reyl"], "asking changes nothing")
            await #expect {
                _ = try await calling.answerSwap(swap.id, .agreed, as: try await colleague("tomas", stage), scope: upper)
            } throws: { ($0 as? Refusal)?.reason == "on-call.not-asked" }
            #expect(
                try await calling.answerSwap(swap.id, .agreed, as: try await colleague("saskia", stage), scope: upper).state
                    == "agreed")
            await #expect {
                _ = try await calling.answerSwap(swap.id, .withdrawn, as: try await colleague("tomas", stage), scope: upper)
            } throws: { ($0 as? Refusal)?.reason == "on-call.answered" }
            let alerting = await stage.house.alerting
            try await alerting.raise("erp-circuit-open", facts: ["connection": "erp"], scope: scope, key: "1")
            try await stage.pump()
            #expect(try await pages(stage).map(\.name) == ["Tomas Reyl", "Saskia Brandt"])
            stage.move(to: until)
            try await alerting.raise("erp-budget-spent", facts: ["connection": "erp"], scope: scope, key: "1")
            try await stage.pump()
            #expect(try await pages(stage).last?.name == "Tomas Reyl", "the shift is given away to its end and not beyond")
            let entries = try await stage.store.withTenant(upper.id) { tx in
                try await tx.query(
                    """
                    SELECT action FROM audit_entry WHERE tenant_id = \(upper.id) AND object_type = 'on-call-swap'
                    ORDER BY number
                    """
                ).column(as: String.self)
            }
            #expect(entries == ["on-call.swap-asked", "on-call.swap-agreed"])
        }
    }

    @Test("what was given to one colleague is not taken by another who agrees later")
    func twice() async throws {
        try await story { stage in
            let calling = await stage.house.onCalling
            let upper = try #require(try await stage.house.scopes.all().first { $0.kind == "operator" })
            let tomas = try await colleague("tomas", stage)
            var asked: [SwapRow] = []
            for taker in ["saskia", "bela"] {
                asked.append(
                    try await calling.askSwap(
                        layer: 0, from: stage.now, to: stage.now.adding(seconds: 3600), taker: taker, reason: "A wedding.",
                        as: tomas, scope: upper))
            }
            _ = try await calling.answerSwap(asked[1].id, .agreed, as: try await colleague("bela", stage), scope: upper)
            await #expect {
                _ = try await calling.answerSwap(
                    asked[0].id, .agreed, as: try await colleague("saskia", stage), scope: upper)
            } throws: { ($0 as? Refusal)?.reason == "on-call.given-away" }
            _ = try await trouble(stage)
            #expect(try await pages(stage).map(\.name) == ["Bela Kis"])
        }
    }

    @Test(
        "announced maintenance wakes nobody, what is still there at its end is told, and the worst is told at once"
    )
    func maintenance() async throws {
        try await story { stage in
            let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
            var terms = SampleConfiguration.ContractTerms()
            terms.version = "3"
            // The stories begin at 08:30; one hour, announced the day before, and a second that is announced too late.
            terms.maintenance = [
                ("2026-07-13T08:00:00Z", "2026-07-14T08:30:00Z", "2026-07-14T09:30:00Z"),
                ("2026-07-14T12:00:00Z", "2026-07-14T09:00:00Z", "2026-07-14T11:00:00Z"),
            ]
            try await stage.publish(
                SampleConfiguration.tenant(scope.slug, approvalTarget: "4h", settleSeconds: 25, contract: terms))
            let incident = try await trouble(stage)
            try await alerting.raise("erp-circuit-open", facts: ["connection": "erp"], scope: scope, key: "1")
            try await stage.pump()
            #expect(try await pages(stage).isEmpty)
            #expect(try await lines(stage, incident) == ["opened", "unpaged"])
            try await alerting.raise("audit-seal-mismatch", facts: ["seq": "1"], scope: scope, key: "1")
            try await stage.pump()
            #expect(try await pages(stage).map(\.name) == ["Tomas Reyl"], "what nobody expects of a maintenance")
            let circuit = try #require(try await stage.incidents().first { $0.alert == "erp-circuit-open" })
            _ = try await alerting.resolve(
                circuit.id, reason: "It was the maintenance.", as: try await stage.firm.actor("ruth"), scope: scope)
            try await stage.pump()
            stage.move(to: try #require(Moment("2026-07-14T09:30:00Z")))
            try await stage.pump()
            #expect(
                try await lines(stage, incident).suffix(1) == ["paged"],
                "the maintenance is over, this trouble is not")
            #expect(try await lines(stage, circuit).suffix(1) == ["resolved"], "nobody is told of what ended in it")
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
            let gap = try #require(try await stage.incidents().first { $0.alert == "on-call-gap" })
            #expect(gap.title == "Nobody was on call in Platform" && gap.severity == "sev3")
        }
        try await story(try SampleConfiguration.upper()) { stage in
            let incident = try await trouble(stage)
            #expect(try await pages(stage).isEmpty)
            #expect(try await lines(stage, incident) == ["opened", "unpaged"])
        }
    }
}

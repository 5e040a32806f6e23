import Kernel
import Records
import Tenancy
import TestKit
import Testing
import Workflows

@testable import Flow

@Suite("workflows that run inside others")
struct InsideTests {
    /// Runs the library's workflow of accounts payable inside, and goes on whichever way that ends.
    private static func outer(version: String) -> JSONValue {
        [
            "kind": "workflow", "name": "outer", "version": "1", "title": "Outer", "outcomes": ["booked", "left"],
            "outcome": "context.outcome", "output": ["bill": "${ context.bill }"],
            "do": [
                ["begin": ["set": ["bill": ""]]],
                [
                    "book": [
                        "try": [
                            [
                                "payable": [
                                    "title": "Pay it",
                                    "run": [
                                        "workflow": [
                                            "name": "accounts-payable", "version": .string(version), "input": "${ input }",
                                        ]
                                    ],
                                    "export": ["bill": "output.output.externalId", "outcome": "'booked'"],
                                ]
                            ]
                        ],
                        "catch": [
                            "errors": ["kinds": ["run"]], "as": "trouble",
                            "do": [["leave": ["set": ["outcome": "left", "why": "${ context.trouble.type }"]]]],
                        ],
                    ]
                ],
            ],
        ]
    }

    private static func stage(version: String = "1.0") async throws -> Stage {
        let stage = try await Stage.make(workflow: "outer")
        let firm = await stage.firm
        let workflow = Applying.Asset(
            scope: .tenant(firm.scope.slug, partner: SampleConfiguration.partner), kind: "workflow", name: "outer", version: "1",
            content: outer(version: version))
        try await stage.publish(
            SampleConfiguration.tenant(firm.scope.slug, approvalTarget: "20h", settleSeconds: 25, workflow: "outer") + [workflow])
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        return stage
    }

    private static func pair(_ stage: Stage) async throws -> (outer: RunRow, inner: RunRow) {
        let runs = try await stage.runs()
        #expect(runs.count == 2)
        return (
            try #require(runs.first { $0.workflow == "outer" }), try #require(runs.first { $0.workflow == "accounts-payable" })
        )
    }

    private func steer(_ run: RunRow, _ stage: Stage, _ event: (PersonID) -> RunEvent) async throws {
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        let actor = try firm.actor("ruth")
        _ = try await approving.steer(run.id, event(actor.person), key: "\(Entropy.system.next())", as: actor, scope: firm.scope)
        try await stage.pump()
    }

    private func cancel(_ run: RunRow, _ stage: Stage) async throws {
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        _ = try await approving.cancel(
            run.id, reason: "not wanted", key: "\(Entropy.system.next())", as: try firm.actor("ruth"), scope: firm.scope)
        try await stage.pump()
    }

    @Test("the run inside is signed and posted once, and what it left behind reaches the run around it")
    func whole() async throws {
        let stage = try await InsideTests.stage()
        let open = try await InsideTests.pair(stage)
        #expect(open.outer.phase == "waiting" && open.inner.phase == "waiting")
        #expect(open.inner.subject == open.outer.subject && open.inner.amountMinor == open.outer.amountMinor)
        #expect(open.inner.id.high >> 16 == open.outer.id.high >> 16, "its history lies in the month of the run around it")
        let request = try #require(try await stage.requests("approval").first)
        #expect(request.run == open.inner.id)
        guard case .refused = try await stage.decide("approve", on: request, by: "maya") else {
            Issue.record("who recorded the document outside must not sign inside")
            return
        }
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else {
            Issue.record("the signature was not taken")
            return
        }
        try await stage.work()
        let (outer, inner) = try await InsideTests.pair(stage)
        #expect(inner.phase == "completed" && inner.outcome == "posted")
        #expect(outer.phase == "completed" && outer.outcome == "booked")
        #expect(try await stage.books().bills == ["R-1"])
        let looking = await stage.house.looking
        let around = try await looking.nesting(of: outer)
        #expect(around.children.map(\.run) == [inner.id] && around.parent == nil)
        let inside = try await looking.nesting(of: inner)
        #expect(inside.parent?.run == outer.id && inside.parent?.step == "book/try/payable" && inside.children.isEmpty)
        #expect(try await stage.history(outer).contains("run.child-ended"))
    }

    @Test("cancelling the run around cancels the one inside, and nobody is asked any longer")
    func cancelled() async throws {
        let stage = try await InsideTests.stage()
        try await cancel(try await InsideTests.pair(stage).outer, stage)
        let (outer, inner) = try await InsideTests.pair(stage)
        #expect(outer.phase == "cancelled" && inner.phase == "cancelled")
        #expect(try await stage.requests("approval").isEmpty)
    }

    @Test("the run around hears that the one inside was cancelled, and takes it as it says")
    func caught() async throws {
        let stage = try await InsideTests.stage()
        try await cancel(try await InsideTests.pair(stage).inner, stage)
        let (outer, inner) = try await InsideTests.pair(stage)
        #expect(inner.phase == "cancelled" && outer.outcome == "left")
        #expect(outer.state["context"]?["why"] == "CANCELLED")
    }

    @Test("pausing the run around pauses the one inside, and it goes on with it")
    func paused() async throws {
        let stage = try await InsideTests.stage()
        let request = try #require(try await stage.requests("approval").first)
        let outer = try await InsideTests.pair(stage).outer
        try await steer(outer, stage) { .paused(by: $0, reason: "The books are closed.") }
        #expect(try await InsideTests.pair(stage).inner.phase == "paused")
        guard case .refused(let refusal) = try await stage.decide("approve", on: request, by: "jonas") else {
            Issue.record("a paused run decides nothing")
            return
        }
        #expect(refusal.reason == "run.paused")
        try await steer(outer, stage) { .resumed(by: $0) }
        #expect(try await InsideTests.pair(stage).inner.phase == "waiting")
        _ = try await stage.decide("approve", on: request, by: "jonas")
        try await stage.work()
        #expect(try await InsideTests.pair(stage).outer.outcome == "booked")
    }

    @Test("a run whose inner workflow is not the published version does not begin, and people are told")
    func otherVersion() async throws {
        let stage = try await InsideTests.stage(version: "9.9")
        #expect(try await stage.runs().isEmpty)
        #expect(try await stage.incidents().contains { $0.alert == "run-held" })
    }
}

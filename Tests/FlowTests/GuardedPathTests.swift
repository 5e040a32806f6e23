import Handoff
import Kernel
import Records
import Tenancy
import Testing
import Workflows

@testable import Flow

/// A definition has many ways to a write. Each of them leads to the same judgement.
@Suite("no way leads around a guardrail")
struct GuardedPathTests {
    /// A stage on which an invoice of 952.00 waits before its posting, which is bound above 900.00.
    private func waiting(effect: String = "approval") async throws -> (Stage, RunRow, TaskRow) {
        let stage = try await Stage.make(
            guardedBy: [Stage.limit("size", "900.00", effect: effect, role: effect == "approval" ? "approver" : nil)])
        try await stage.receive(SampleDocument())
        try await stage.work()
        return (stage, try await stage.run(), try #require(try await stage.cases().first))
    }

    private func steer(_ stage: Stage, _ run: RunRow, _ event: (PersonID) -> RunEvent) async throws -> CommandDesk.Answer {
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        let (actor, key) = (try firm.actor("ruth"), "\(Entropy.system.next())")
        _ = try await approving.steer(run.id, event(actor.person), key: key, as: actor, scope: firm.scope)
        try await stage.work()
        return try await approving.steer(run.id, event(actor.person), key: key, as: actor, scope: firm.scope)
    }

    private func step(of run: RunRow) throws -> String {
        let request = try #require(RunMachine.tasks(for: try RunState(json: run.state)).first { $0.kind == .erpWrite })
        return String(request.key.prefix { $0 != "#" })
    }

    @Test("trying the step again, pausing and going on write nothing")
    func retried() async throws {
        let (stage, run, _) = try await waiting()
        let place = try step(of: run)
        _ = try await steer(stage, run) { .stepRetried(step: place, by: $0) }
        _ = try await steer(stage, run) { .paused(by: $0, reason: "A look.") }
        _ = try await steer(stage, run) { .resumed(by: $0) }
        try await stage.restart()
        try await stage.work()
        #expect(try await stage.books().bills.isEmpty)
        #expect(try await stage.cases().count == 1)
    }

    @Test("going back and coming again meets the same rule; what was signed past it before holds for the same act alone")
    func rewound() async throws {
        let (stage, run, _) = try await waiting(effect: "hold")
        _ = try await steer(stage, run) { .rewound(step: "invoice/try/match", by: $0, reason: "A late receipt.") }
        #expect(try await stage.books().bills.isEmpty)
        #expect(try await stage.cases().count <= 1, "a case that nobody waits for any longer is closed")
        #expect(try await stage.miscounts().isEmpty)
    }

    @Test("skipping the write writes nothing, and leaves neither a case nor a sum behind")
    func skipped() async throws {
        let (stage, run, _) = try await waiting()
        let place = try step(of: run)
        _ = try await steer(stage, run) { .skipped(step: place, by: $0, reason: "It was posted by hand.") }
        #expect(try await stage.books().bills.isEmpty)
        #expect(try await stage.acts().allSatisfy { $0.state == "bound" || $0.state == "returned" })
        #expect(try await stage.miscounts().isEmpty)
    }

    @Test("a dead letter that is sent again is judged again, by the rules of that day")
    func deadLetter() async throws {
        let stage = try await Stage.make(guardedBy: [Stage.limit("size", "5000.00", effect: "forbid")])
        stage.ledger.change { $0.failures[.erpWrite] = 100 }
        try await stage.receive(SampleDocument())
        try await stage.workUntil("a dead letter") {
            try await !stage.house.looking.deadTasks(stage.firm.id, limit: 5).isEmpty
        }
        #expect(try await stage.acts().map(\.state) == ["returned"], "it certainly had no effect")
        #expect(try await stage.miscounts().isEmpty)
        // Meanwhile the rule was tightened. The run is pinned to everything of its start; what binds it is not.
        try await stage.guarded(by: [Stage.limit("size", "900.00", effect: "hold")], version: "2.0")
        stage.ledger.change { $0.failures = [:] }
        let dead = try #require(try await stage.house.looking.deadTasks(stage.firm.id, limit: 5).first)
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        _ = try await approving.retry(dead.id, key: "r", as: try firm.actor("ruth"), scope: firm.scope)
        try await stage.work()
        #expect(try await stage.books().bills.isEmpty)
        #expect(try await stage.cases().count == 1)
    }

    @Test("a workflow inside another is bound as well, and its case says which run")
    func inside() async throws {
        let stage = try await Stage.make(workflow: "outer")
        let slug = await stage.firm.scope.slug
        let outer: JSONValue = [
            "kind": "workflow", "name": "outer", "version": "1", "title": "Outer", "outcomes": ["booked"],
            "outcome": "'booked'",
            "do": [
                [
                    "payable": [
                        "title": "Pay it",
                        "run": ["workflow": ["name": "accounts-payable", "version": "1.0", "input": "${ input }"]],
                    ]
                ]
            ],
        ]
        try await stage.guarded(
            by: [Stage.limit("size", "900.00", effect: "hold")], workflow: "outer",
            beside: [
                Applying.Asset(
                    scope: .tenant(slug, partner: SampleConfiguration.partner), kind: "workflow", name: "outer", version: "1",
                    content: outer)
            ])
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.books().bills.isEmpty)
        let waiting = try #require(try await stage.cases().first)
        let inner = try #require(try await stage.runs().first { $0.workflow == "accounts-payable" })
        #expect(waiting.run == inner.id)
    }

    @Test("a run that goes over to another version meets the rule there")
    func migrated() async throws {
        let stage = try await Stage.make(guardedBy: [Stage.limit("size", "4000.00", effect: "hold")])
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let slug = await stage.firm.scope.slug
        var content = try #require(try SampleConfiguration.library("accounts-payable").object)
        content["version"] = "2.0"
        try await stage.guarded(
            by: [Stage.limit("size", "4000.00", effect: "hold")],
            beside: [
                Applying.Asset(
                    scope: .tenant(slug, partner: SampleConfiguration.partner), kind: "workflow", name: "accounts-payable",
                    version: "2.0", content: .object(content))
            ])
        let (operating, firm) = (await stage.house.operating, await stage.firm)
        var request = Operating.Request(kind: .migrate)
        request.reason = "The matrix has changed."
        request.version = "2.0"
        request.runs.workflow = "accounts-payable"
        let row = try await operating.preview(request, as: try firm.actor("ruth"), scope: firm.scope)
        _ = try await operating.confirm(row.id, hash: row.hash, as: try firm.actor("ruth"), scope: firm.scope)
        try await stage.pump()
        #expect(try await stage.run().workflowVersion == "2.0")
        let approval = try #require(try await stage.requests("approval").first)
        try await stage.decide("approve", on: approval, by: "jonas")
        try await stage.work()
        #expect(try await stage.books().bills.isEmpty)
        #expect(try await stage.cases().count == 1)
    }

    @Test("a version that is tried on some runs is bound like the live one")
    func piloted() async throws {
        let stage = try await Stage.make()
        let slug = await stage.firm.scope.slug
        let scope = Scope.tenant(slug, partner: SampleConfiguration.partner)
        var content = try #require(try SampleConfiguration.library("accounts-payable").object)
        content["version"] = "9.0"
        let rollout: JSONValue = [
            "kind": "rollout", "name": "accounts-payable", "candidate": "9.0", "minimum": 2, "stage": "pilot", "share": 100,
        ]
        try await stage.guarded(
            by: [Stage.limit("size", "900.00", effect: "hold")],
            beside: [
                Applying.Asset(
                    scope: scope, kind: "candidate", name: "accounts-payable", version: "9.0", content: .object(content)),
                Applying.Asset(scope: scope, kind: "rollout", name: "accounts-payable", version: "h-1", content: rollout),
            ])
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.run().workflowVersion == "9.0")
        #expect(try await stage.books().bills.isEmpty)
        #expect(try await stage.cases().count == 1)
    }

    @Test("a write that is asked for twice at once is one act, counted once")
    func forked() async throws {
        let stage = try await Stage.make(workflow: "twice")
        let slug = await stage.firm.scope.slug
        func write(_ name: String) -> JSONValue {
            [
                name: [
                    "title": "Write", "call": "erp.write",
                    "with": [
                        "connection": "erp", "object": "bill",
                        "key": ["supplier": "S-100", "number": "${ input.invoice.number }", "entity": "DE01"],
                        "bill": ["supplier": "S-100", "entity": "DE01", "invoice": "${ input.invoice }"],
                    ], "idempotencyKey": "bill/${ input.document.id }",
                ]
            ]
        }
        let twice: JSONValue = [
            "kind": "workflow", "name": "twice", "version": "1", "title": "Twice", "outcomes": ["booked"], "outcome": "'booked'",
            "do": [["both": ["fork": ["branches": [write("one"), write("other")], "onError": "wait"]]]],
        ]
        try await stage.guarded(
            by: [Stage.limit("day", "1000.00", per: "day", effect: "forbid")], workflow: "twice",
            beside: [
                Applying.Asset(
                    scope: .tenant(slug, partner: SampleConfiguration.partner), kind: "workflow", name: "twice", version: "1",
                    content: twice)
            ])
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.run().outcome == "booked")
        #expect(try await stage.acts().count == 1)
        #expect(try await stage.house.looking.guardedToday(stage.firm.id).map(\.amount) == ["952.00"])
        #expect(try await stage.miscounts().isEmpty)
    }
}

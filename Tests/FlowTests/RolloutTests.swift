import Kernel
import Postgres
import Records
import Tenancy
import TestKit
import Testing
import Workflows

@testable import Flow

@Suite("versions of workflows that come into use step by step")
struct RolloutTests {
    /// What the tenant publishes besides: a version that is tried, and how.
    private func publish(
        _ candidate: JSONValue, on stage: Stage, _ more: JSONObject, version: String = "9.0"
    ) async throws {
        let firm = await stage.firm
        var workflow = try #require(candidate.object)
        workflow["version"] = .string(version)
        var rollout: JSONObject = [
            "kind": "rollout", "name": "accounts-payable", "candidate": .string(version), "minimum": 2,
        ]
        for member in more { rollout[member.key] = member.value }
        let scope = Scope.tenant(firm.scope.slug, partner: SampleConfiguration.partner)
        try await stage.publish(
            SampleConfiguration.tenant(firm.scope.slug, approvalTarget: "20h", settleSeconds: 25) + [
                Applying.Asset(
                    scope: scope, kind: "candidate", name: "accounts-payable", version: version, content: .object(workflow)),
                Applying.Asset(
                    scope: scope, kind: "rollout", name: "accounts-payable",
                    version: "h-\(try ObjectHashText.of(.object(rollout)))", content: .object(rollout)),
            ])
    }

    private enum ObjectHashText {
        static func of(_ value: JSONValue) throws -> String {
            String(value.text.utf8.reduce(5381) { ($0 &* 33) ^ Int($1) }, radix: 36)
        }
    }

    private var same: JSONValue { get throws { try SampleConfiguration.library("accounts-payable") } }

    /// A version in which every run ends in an error.
    private var broken: JSONValue {
        get throws {
            var workflow = try #require(try same.object)
            workflow["do"] = [["stop": ["raise": ["type": "BROKEN", "title": "It is broken"]]]]
            workflow["outcome"] = "'rejected'"
            return .object(workflow)
        }
    }

    private func rolling(_ stage: Stage) async -> RollingOut {
        let house = await stage.house
        return RollingOut(platform: house.platform, assets: house.assets, desk: house.desk)
    }

    private func shown(_ stage: Stage) async throws -> RollingOut.Shown {
        try await rolling(stage).one("accounts-payable", await stage.firm.scope)
    }

    @discardableResult
    private func turn(
        _ act: RollingOut.Act, on stage: Stage, stage seen: Rollout.Stage, by name: String = "ruth"
    ) async throws -> CommandDesk.Answer {
        let (rolling, firm) = (await rolling(stage), await stage.firm)
        let (actor, key) = (try firm.actor(name), "\(Entropy.system.next())")
        func send() async throws -> CommandDesk.Answer {
            try await rolling.turn(
                "accounts-payable", act, stage: seen.rawValue, reason: "The figures are good.", key: key, as: actor,
                scope: firm.scope)
        }
        _ = try await send()
        try await stage.pump()
        return try await send()
    }

    private func rows(_ stage: Stage, _ table: String) async throws -> Int {
        let id = await stage.firm.id
        return try await stage.store.withTenant(id) { tx in
            Int(
                try await tx.query("SELECT count(*) AS n FROM \(SQL.identifier(table)) WHERE tenant_id = \(id)").only()
                    .get("n", as: Int64.self))
        }
    }

    /// What a rollout may leave behind, and what publishing it does.
    private static let ofRollouts: Set<String> = [
        "rollout", "rollout_run", "shadow_comparison", "shadow_event", "asset", "asset_current", "audit_entry", "command",
    ]

    /// Everything else that one invoice leaves behind: rows by table, and what is queued in the lane.
    private func traces(_ stage: Stage) async throws -> [String: Int] {
        let (id, lane) = (await stage.firm.id, await stage.lane)
        var out = try await stage.store.withTenant(id) { tx in
            let names = try await tx.query(
                """
                SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'SELECT')
                """
            ).map { try $0.get("name", as: String.self) }
            var out: [String: Int] = [:]
            for name in names where !RolloutTests.ofRollouts.contains(name) {
                let row = try await tx.query("SELECT count(*) AS n FROM \(SQL.identifier(name)) WHERE tenant_id = \(id)").only()
                out[name] = Int(try row.get("n", as: Int64.self))
            }
            return out
        }
        let queued = try await stage.store.withLane(lane) { tx in
            try await tx.query(
                """
                SELECT (SELECT count(*) FROM queue.timer WHERE lane = \(lane)) AS timers,
                       (SELECT count(*) FROM queue.ready WHERE lane = \(lane)) AS ready,
                       (SELECT count(*) FROM queue.command WHERE lane = \(lane)) AS commands
                """
            ).only()
        }
        for name in ["timers", "ready", "commands"] { out["queue.\(name)"] = Int(try queued.get(name, as: Int64.self)) }
        return out
    }

    /// How often each action stands in the audit log, but for those about configuration.
    private func acts(_ stage: Stage) async throws -> [String] {
        try await stage.books().audit.filter { !$0.hasPrefix("configuration.") }
    }

    // MARK: The shadow

    @Test("a shadow of the same steps agrees, and writes nothing but what it found")
    func agrees() async throws {
        let plain = try await Stage.make()
        try await plain.receive(SampleDocument())
        try await plain.work()
        let stage = try await Stage.make()
        try await publish(try same, on: stage, ["stage": "shadow"])
        try await stage.receive(SampleDocument())
        try await stage.work()
        let expected = try await traces(plain)
        #expect(expected["run"] == 1 && (expected["task"] ?? 0) > 0 && (expected["outbox"] ?? 0) > 0 && expected.count > 20)
        let found = try await traces(stage)
        #expect(found == expected, "\(found.filter { expected[$0.key] != $0.value })")
        #expect(try await acts(stage) == acts(plain))
        #expect(try await stage.books().runs == ["R-1 completed posted"])
        #expect(try await stage.books().bills == ["R-1"])
        #expect(try await stage.books().clocks == plain.books().clocks)
        let figures = try await shown(stage).candidate
        #expect(figures.same == 1 && figures.different == 0 && figures.unknown == 0)
        #expect(try await rows(stage, "shadow_comparison") == 1)
        #expect(try await rows(stage, "shadow_event") == 0, "what was told is forgotten once it has been compared")
        #expect(try await stage.run().workflowVersion != "9.0")
    }

    @Test("a shadow that would have failed harms nobody, and is told with what it would have left out")
    func differs() async throws {
        let stage = try await Stage.make()
        try await publish(try broken, on: stage, ["stage": "shadow"])
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.books().runs == ["R-1 completed posted"])
        #expect(try await stage.incidents().isEmpty)
        let shown = try await shown(stage)
        #expect(shown.candidate.different == 1)
        let found = try await rolling(stage).comparisons(shown.row.id, await stage.firm.scope, limit: 10)
        let kinds = try #require(found.first).kinds
        #expect(kinds.contains("write") && kinds.contains("outcome"))
        let stakes = try await rolling(stage).stakes(shown.row.id, await stage.firm.scope)
        #expect(stakes.first { $0.kind == "write" }?.amount?.minorUnits == 95_200)
    }

    @Test("a shadow is given the decisions of people, and outlives a restart between them")
    func decided() async throws {
        let stage = try await Stage.make()
        try await publish(try same, on: stage, ["stage": "shadow"])
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        try await stage.restart()
        try await stage.decide("approve", on: request, by: "jonas")
        try await stage.workUntil("the end of the run") { try await stage.runs().allSatisfy { $0.finishedAt != nil } }
        #expect(try await stage.requests("approval").isEmpty)
        let found = try await rolling(stage).comparisons(
            try await shown(stage).row.id, await stage.firm.scope, limit: 10)
        #expect(found.map(\.verdict) == ["same"], "\(found.map(\.report.text))")
    }

    // MARK: The pilot

    @Test("a pilot that breaks its hard bar is rolled back at once, people are told, and new runs go by the live version")
    func rolledBack() async throws {
        let stage = try await Stage.make()
        try await publish(
            try broken, on: stage,
            ["stage": "pilot", "share": 100, "bars": [["metric": "faults", "atMost": 2, "hard": true]]])
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.books().runs == ["R-1 faulted faulted"])
        #expect(try await stage.run().workflowVersion == "9.0")
        #expect(try await shown(stage).stage == .rolledBack)
        #expect(try await stage.incidents().contains { $0.alert == "rollout-rolled-back" })
        #expect(try await stage.books().audit.contains("rollout.rolled-back × 1"))
        try await stage.receive(SampleDocument(number: "R-2", gross: "957.00", order: "PO-957.00"))
        try await stage.work()
        #expect(try await stage.runs().first { $0.subject == "R-2" }?.outcome == "posted")
        guard case .refused(let refusal) = try await turn(.promote, on: stage, stage: .rolledBack) else {
            return #expect(Bool(false), "what was rolled back is not promoted")
        }
        #expect(refusal.reason == "rollout.over")
    }

    @Test("a version that clears its bars is proposed, a person promotes it, and all new runs go by it")
    func promoted() async throws {
        let stage = try await Stage.make()
        try await publish(
            try same, on: stage,
            ["stage": "pilot", "share": 100, "bars": [["metric": "touchless", "atLeast": 90]]])
        for number in 1...2 {
            try await stage.receive(SampleDocument(number: "R-\(number)", gross: "95\(number).00", order: "PO-95\(number).00"))
            try await stage.work()
        }
        #expect(try await shown(stage).stage == .pilot)
        #expect(try await shown(stage).verdict.kind == .propose)
        #expect(try await stage.books().audit.contains("rollout.proposed × 1"))
        guard case .refused(let stale) = try await turn(.promote, on: stage, stage: .shadow) else {
            return #expect(Bool(false), "a decision about another stage is refused")
        }
        #expect(stale.reason == "rollout.changed")
        try await turn(.promote, on: stage, stage: .pilot)
        #expect(try await shown(stage).stage == .live)
        #expect(try await shown(stage).row.changedBy == stage.firm.people["ruth"]?.id)
        try await stage.receive(SampleDocument(number: "R-3", gross: "953.00", order: "PO-953.00"))
        try await stage.work()
        #expect(try await stage.runs().allSatisfy { $0.workflowVersion == "9.0" })
        try await turn(.rollback, on: stage, stage: .live)
        try await stage.receive(SampleDocument(number: "R-4", gross: "954.00", order: "PO-954.00"))
        try await stage.work()
        #expect(try await stage.runs().first { $0.subject == "R-4" }?.workflowVersion != "9.0")
    }

    @Test("a share of the new runs goes by the version that is tried, the rest is counted beside it")
    func share() async throws {
        let stage = try await Stage.make()
        try await publish(try same, on: stage, ["stage": "pilot", "share": 50, "minimum": 100])
        for number in 1...8 {
            try await stage.receive(
                SampleDocument(number: "R-\(number)", gross: "95\(number).00", order: "PO-95\(number).00"))
        }
        try await stage.work()
        let shown = try await shown(stage)
        let runs = try await stage.runs()
        for run in runs {
            #expect((run.workflowVersion == "9.0") == shown.rollout.takes(run.id, about: .null), "\(run.id)")
        }
        #expect(shown.candidate.ended == runs.count { $0.workflowVersion == "9.0" })
        #expect(shown.live.ended == runs.count { $0.workflowVersion != "9.0" })
        #expect(shown.candidate.ended + shown.live.ended == 8)
    }

    @Test("a run that goes over to another version leaves its shadow, and what it was told is forgotten")
    func migrated() async throws {
        let stage = try await Stage.make()
        try await publish(try same, on: stage, ["stage": "shadow"])
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        #expect(try await rows(stage, "shadow_event") > 0)
        var request = Operating.Request(kind: .migrate)
        request.version = "9.0"
        request.reason = "It is better."
        let (operating, firm) = (await stage.house.operating, await stage.firm)
        let refused = await #expect(throws: Refusal.self) {
            _ = try await operating.preview(request, as: try firm.actor("ruth"), scope: firm.scope)
        }
        #expect(refused?.reason == "operation.candidate", "what is only watched takes no runs")
        try await turn(.promote, on: stage, stage: .shadow)
        let row = try await operating.preview(request, as: try firm.actor("ruth"), scope: firm.scope)
        _ = try await operating.confirm(row.id, hash: row.hash, as: try firm.actor("ruth"), scope: firm.scope)
        try await stage.pump()
        #expect(try await stage.run().workflowVersion == "9.0")
        #expect(try await rows(stage, "shadow_event") == 0)
        let approval = try #require(try await stage.requests("approval").first)
        try await stage.decide("approve", on: approval, by: "jonas")
        try await stage.workUntil("the end of the run") { try await stage.runs().allSatisfy { $0.finishedAt != nil } }
        #expect(try await rows(stage, "shadow_comparison") == 0)
        #expect(try await rows(stage, "shadow_event") == 0)
    }

    @Test("where the rollout says so, a version that clears its bars is promoted without a person, unless one holds it")
    func automatic() async throws {
        for isHeld in [false, true] {
            let stage = try await Stage.make()
            try await publish(
                try same, on: stage,
                ["stage": "shadow", "promote": "automatic", "bars": [["metric": "agreement", "atLeast": 100]]])
            try await stage.receive(SampleDocument(number: "R-1", gross: "951.00", order: "PO-951.00"))
            try await stage.work()
            if isHeld { try await turn(.hold, on: stage, stage: .shadow) }
            try await stage.receive(SampleDocument(number: "R-2", gross: "952.00", order: "PO-952.00"))
            try await stage.work()
            #expect(try await shown(stage).stage == (isHeld ? .shadow : .pilot))
        }
    }

    @Test("a version whose policy is missing takes no run and holds none up")
    func unreadable() async throws {
        let stage = try await Stage.make()
        var workflow = try #require(try same.object)
        workflow["duties"] = "nowhere"
        try await publish(.object(workflow), on: stage, ["stage": "pilot", "share": 100])
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.books().runs == ["R-1 completed posted"])
        #expect(try await shown(stage).obstacle != nil)
    }
}

import Handoff
import Kernel
import Records
import Tenancy
import TestKit
import Testing
import Workflows

@testable import Flow

@Suite("one act on many runs and dead letters")
struct OperatingTests {
    /// Some invoices that wait for a signature.
    private func waiting(_ count: Int) async throws -> Stage {
        let stage = try await Stage.make()
        for number in 0..<count {
            try await stage.receive(
                SampleDocument(number: "R-\(number + 1)", gross: "48\(number)0.00", order: "PO-48\(number)0.00"))
        }
        try await stage.work()
        #expect(try await stage.requests("approval").count == count)
        return stage
    }

    private func request(_ kind: Operating.Kind, reason: String? = "The period is being closed.") -> Operating.Request {
        var request = Operating.Request(kind: kind)
        request.reason = reason
        return request
    }

    private func preview(_ request: Operating.Request, _ stage: Stage, by name: String = "ruth") async throws -> OperationRow {
        let (operating, firm) = (await stage.house.operating, await stage.firm)
        return try await operating.preview(request, as: try firm.actor(name), scope: firm.scope)
    }

    private func confirm(
        _ row: OperationRow, _ stage: Stage, by name: String = "ruth", hash: String? = nil
    ) async throws -> OperationRow {
        let (operating, firm) = (await stage.house.operating, await stage.firm)
        return try await operating.confirm(row.id, hash: hash ?? row.hash, as: try firm.actor(name), scope: firm.scope)
    }

    private func progress(_ row: OperationRow, _ stage: Stage) async throws -> Operating.Progress {
        try #require(try await stage.house.operating.progress(row.tenant, of: [row.id])[row.id])
    }

    private func reason(_ act: () async throws -> some Any) async throws -> String {
        do {
            _ = try await act()
            return ""
        } catch let refusal as Refusal { return refusal.reason }
    }

    /// The library's workflow as another version in the tenant's own folder.
    private func publish(
        _ stage: Stage, version: String, secondPerson: [JSONValue] = [], _ change: (String) -> String = { $0 }
    ) async throws {
        let slug = await stage.firm.scope.slug
        var content = try JSONValue(parsing: change(try SampleConfiguration.library("accounts-payable").text)).object ?? [:]
        content["version"] = .string(version)
        if !secondPerson.isEmpty { content["secondPerson"] = .array(secondPerson) }
        try await stage.publish(
            SampleConfiguration.tenant(slug, approvalTarget: "20h", settleSeconds: 25) + [
                Applying.Asset(
                    scope: .tenant(slug, partner: SampleConfiguration.partner), kind: "workflow", name: "accounts-payable",
                    version: version, content: .object(content))
            ])
        await stage.house.assets.invalidate()
    }

    @Test("what was shown is done to all, and each item tells its result")
    func pauseAll() async throws {
        let stage = try await waiting(3)
        let row = try await preview(request(.pause), stage)
        #expect(row.preview["possible"] == 3 && row.preview["left"] == 0)
        #expect(row.preview["amounts"]?[0]?["count"] == 3)
        #expect(try await stage.runs().allSatisfy { $0.phase == "waiting" }, "a preview changes nothing")
        _ = try await confirm(row, stage)
        #expect(try await progress(row, stage) == Operating.Progress(total: 3, left: 0, done: 0, refused: 0))
        try await stage.pump()
        #expect(try await progress(row, stage) == Operating.Progress(total: 3, left: 0, done: 3, refused: 0))
        #expect(try await stage.runs().allSatisfy { $0.phase == "paused" })
        let items = try await stage.house.operating.items(row.tenant, row.id, limit: 10)
        #expect(items.map { $0.answer?["status"]?.string } == ["paused", "paused", "paused"])
        let audit = try await stage.books().audit
        #expect(audit.contains("operation.confirmed × 1") && audit.contains("run.paused × 3"))
    }

    @Test("a confirmation is good for what was shown, once, and not for long")
    func bound() async throws {
        let stage = try await waiting(1)
        let row = try await preview(request(.pause), stage)
        #expect(try await reason { try await confirm(row, stage, hash: String(row.hash.reversed())) } == "operation.hash")
        let old = try await preview(request(.pause), stage)
        #expect(old.hash == row.hash, "the same selection in the same state is the same thing")
        _ = try await confirm(row, stage)
        #expect(try await reason { try await confirm(row, stage) } == "operation.settled")
        try await stage.pump()
        stage.move(seconds: Operating.validSeconds)
        #expect(try await reason { try await confirm(old, stage) } == "operation.expired")
        #expect(try await stage.books().audit.contains("run.paused × 1"))
    }

    @Test("of two who confirm at once one does, and nothing is done twice")
    func race() async throws {
        let stage = try await waiting(2)
        let row = try await preview(request(.pause), stage)
        async let first = reason { try await confirm(row, stage) }
        async let second = reason { try await confirm(row, stage, by: "maya") }
        #expect(Set(try await [first, second]) == ["", "operation.settled"])
        try await stage.pump()
        #expect(try await stage.books().audit.contains("run.paused × 2"))
    }

    @Test("a server that ends right after the confirmation forgets nothing")
    func restart() async throws {
        let stage = try await waiting(2)
        let row = try await preview(request(.cancel), stage)
        _ = try await confirm(row, stage)
        try await stage.restart()
        try await stage.pump()
        #expect(try await progress(row, stage).done == 2)
        #expect(try await stage.runs().allSatisfy { $0.phase == "cancelled" })
    }

    @Test("what has changed since the preview is refused by the run itself and told")
    func changedMeanwhile() async throws {
        let stage = try await waiting(2)
        let row = try await preview(request(.cancel), stage)
        let open = try #require(try await stage.requests("approval").first)
        _ = try await stage.decide("approve", on: open, by: "jonas")
        try await stage.work()
        _ = try await confirm(row, stage)
        try await stage.pump()
        let after = try await progress(row, stage)
        #expect(after.done == 1 && after.refused == 1)
        let refused = try await stage.house.operating.items(row.tenant, row.id, state: "refused", limit: 10)
        #expect(refused.first?.answer?["refused"]?["reason"] == "run.finished")
        #expect(try await stage.books().bills.count == 1)
    }

    @Test("runs that the act does not fit are left alone, and the preview says why")
    func leftAlone() async throws {
        let stage = try await waiting(2)
        var some = request(.pause)
        some.runs.ids = [try await stage.run().id]
        let first = try await preview(some, stage)
        _ = try await confirm(first, stage)
        try await stage.pump()
        let row = try await preview(request(.resume, reason: nil), stage)
        #expect(row.preview["possible"] == 1 && row.preview["left"] == 1)
        #expect(row.preview["obstacles"]?[0]?["reason"] == "run.not-paused")
        some.runs.ids = [RunID(high: 1, low: 1)]
        #expect(try await reason { try await preview(some, stage) } == "not-found")
        var none = request(.pause)
        none.runs.search = "no such number"
        #expect(try await reason { try await preview(none, stage) } == "operation.empty")
        #expect(try await reason { try await preview(request(.cancel, reason: " "), stage) } == "run.reason")
    }

    @Test("what a workflow wants two people for is asked by one and confirmed by another, whichever way it comes in")
    func fourEyes() async throws {
        let stage = try await Stage.make()
        try await publish(stage, version: "2.0", secondPerson: ["cancel"])
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let run = try await stage.run()
        #expect(run.workflowVersion == "2.0")
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        let ruth = try firm.actor("ruth")
        _ = try await approving.cancel(run.id, reason: "twice", key: "k", as: ruth, scope: firm.scope)
        try await stage.pump()
        guard
            case .refused(let refusal) = try await approving.cancel(
                run.id, reason: "twice", key: "k", as: ruth, scope: firm.scope)
        else { return #expect(Bool(false)) }
        #expect(refusal.reason == "operation.second-person")
        let row = try await preview(request(.cancel), stage)
        #expect(row.needsSecond)
        #expect(try await reason { try await confirm(row, stage) } == "operation.second-person")
        // Her key would be somebody else by its name, and is nobody.
        let maya = try firm.actor("maya")
        let key = Actor(
            tenant: maya.tenant, person: maya.person, natural: maya.natural, name: maya.name, roles: maya.roles,
            approvalLimit: nil,
            isMachine: true)
        let operating = await stage.house.operating
        #expect(
            try await reason { try await operating.confirm(row.id, hash: row.hash, as: key, scope: firm.scope) }
                == "operation.machine")
        #expect(
            try await reason { try await operating.preview(request(.cancel), as: key, scope: firm.scope) } == "operation.machine")
        _ = try await confirm(row, stage, by: "maya")
        try await stage.pump()
        #expect(try await stage.run().phase == "cancelled")
    }

    // MARK: Migration

    private func migration(to version: String, mapping: [String: String] = [:]) -> Operating.Request {
        var request = request(.migrate, reason: "The matrix has changed.")
        request.runs.workflow = "accounts-payable"
        request.version = version
        request.mapping = mapping
        return request
    }

    @Test("runs go over to a new version with what was asked of people, and the bill is posted once")
    func migrate() async throws {
        let stage = try await waiting(2)
        let open = try await stage.requests("approval")
        try await publish(stage, version: "2.0")
        let row = try await preview(migration(to: "2.0"), stage)
        #expect(row.preview["possible"] == 2, "\(row.preview)")
        _ = try await confirm(row, stage)
        try await stage.pump()
        #expect(try await progress(row, stage).done == 2)
        for run in try await stage.runs() {
            #expect(run.workflowVersion == "2.0")
            #expect(run.pinned["workflow"]?["version"] == "2.0")
            #expect(try await stage.history(run).contains("run.migrated"))
        }
        try await stage.restart()
        for request in open {
            guard case .done = try await stage.decide("approve", on: request, by: "jonas") else { return #expect(Bool(false)) }
        }
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1", "R-2"])
        #expect(try await stage.books().audit.contains("run.migrated × 2"))
        #expect(try await reason { try await preview(migration(to: "3.0"), stage) } == "operation.version")
    }

    @Test("a run that stands in a step without a counterpart stays, unless the mapping says what became of it")
    func mapped() async throws {
        let stage = try await waiting(1)
        let path = try #require(try await stage.requests("approval").first).key.prefix { $0 != "#" }
        let name = try #require(path.split(separator: "/").last)
        try await publish(stage, version: "2.0") { $0.replacing("\"\(name)\":", with: "\"\(name)-anew\":") }
        let without = try await preview(migration(to: "2.0"), stage)
        #expect(without.preview["possible"] == 0 && without.preview["obstacles"]?[0]?["reason"] == "step.gone")
        let row = try await preview(migration(to: "2.0", mapping: ["\(path)": "\(path)-anew"]), stage)
        #expect(row.preview["possible"] == 1, "\(row.preview)")
        #expect(row.preview["examples"]?[0]?["effect"]?.string?.contains("\(path)-anew") == true)
        let slip = migration(to: "2.0", mapping: ["\(path)x": "\(path)-anew"])
        #expect(try await reason { try await preview(slip, stage) } == "migration.mapping")
        _ = try await confirm(row, stage)
        try await stage.pump()
        let request = try #require(try await stage.requests("approval").first)
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else { return #expect(Bool(false)) }
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"])
    }

    // MARK: Dead letters

    private func dead(_ count: Int) async throws -> Stage {
        let stage = try await Stage.make()
        stage.ledger.change { $0.failures[.erpRead] = 1000 }
        for number in 0..<count {
            try await stage.receive(
                SampleDocument(number: "R-\(number + 1)", gross: "95\(number).00", order: "PO-95\(number).00"))
        }
        try await stage.workUntil("the dead letters") {
            try await stage.house.looking.deadTasks(stage.firm.id, limit: 10).count == count
        }
        stage.ledger.change { $0.failures = [:] }
        return stage
    }

    @Test("dead letters are found by their cause, page by page, and all of one cause are sent again at once")
    func replay() async throws {
        let stage = try await dead(3)
        let (looking, tenant) = (await stage.house.looking, await stage.firm.id)
        let counts = try await looking.deadCounts(tenant)
        #expect(counts.map(\.count) == [3] && counts.first?.code == "CONNECT")
        let page = try await looking.deadTasks(tenant, limit: 2)
        let last = try #require(page.last)
        let rest = try await looking.deadTasks(tenant, before: (last.createdAt, last.id), limit: 2)
        #expect(Set((page + rest).map(\.id)).count == 3)
        #expect(try await looking.deadTasks(tenant, TaskQueries.DeadFilter(code: "OTHER"), limit: 9).isEmpty)
        let attempts = try await looking.attempts(tenant, of: last)
        #expect(attempts.count >= Int(last.attemptsUsed))
        var again = Operating.Request(kind: .retry)
        again.letters.code = "CONNECT"
        let row = try await preview(again, stage)
        #expect(row.preview["possible"] == 3)
        _ = try await confirm(row, stage)
        try await stage.pump()
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1", "R-2", "R-3"])
        #expect(try await looking.deadTasks(tenant, limit: 9).isEmpty)
    }

    @Test("a dead letter that is given up leaves the list, and its run goes on as its workflow says")
    func discard() async throws {
        let stage = try await dead(1)
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        let letter = try #require(try await stage.house.looking.deadTasks(firm.id, limit: 1).first)
        func discard(_ why: String, key: String) async throws -> CommandDesk.Answer {
            let ruth = try firm.actor("ruth")
            _ = try await approving.discard(letter.id, reason: why, key: key, as: ruth, scope: firm.scope)
            try await stage.pump()
            return try await approving.discard(letter.id, reason: why, key: key, as: ruth, scope: firm.scope)
        }
        guard case .refused(let refusal) = try await discard(" ", key: "a") else { return #expect(Bool(false)) }
        #expect(refusal.reason == "run.reason")
        guard case .done(let answer) = try await discard("Entered by hand.", key: "b") else { return #expect(Bool(false)) }
        #expect(answer["status"] == "withdrawn")
        #expect(try await stage.house.looking.deadTasks(firm.id, limit: 9).isEmpty)
        #expect(try await stage.history(try await stage.run()).contains("task.discarded"))
        #expect(try await stage.books().audit.contains("task.discarded × 1"))
        guard case .refused(let late) = try await discard("again", key: "c") else { return #expect(Bool(false)) }
        #expect(late.reason == "task.not-dead")
    }

    @Test("a step is tried again by its name, and its dead letter is the one that is sent")
    func retryStep() async throws {
        let stage = try await dead(1)
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        let run = try await stage.run()
        let letter = try #require(try await stage.house.looking.deadTasks(firm.id, limit: 1).first)
        _ = try await approving.retryStep(
            String(letter.key.prefix { $0 != "#" }), of: run, key: "k", as: try firm.actor("ruth"), scope: firm.scope)
        try await stage.pump()
        #expect(try await stage.house.looking.task(firm.id, letter.id).state == "ready")
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"])
    }
}

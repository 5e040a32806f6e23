import Incidents
import Kernel
import Postgres
import Records
import Tenancy
import TestKit
import Testing

@testable import Flow

@Suite("runbooks that are followed")
struct GuidingTests {
    private static func runbook(_ steps: [String], drilledEvery: Int? = nil) -> Applying.Asset {
        let numbered = steps.enumerated().map { "\($0 + 1). **Step** \($1)" }.joined(separator: "\n")
        let body = Runbook.Section.allCases.map { "## \($0.rawValue)\n\n\($0 == .steps ? numbered : "Words.")\n" }
            .joined(separator: "\n")
        var matter: JSONObject = [
            "alert": "inbound-alert", "title": "Another system complains", "severity": "sev3", "owner": "Platform",
            "author": "tomas", "approver": "ines", "reviewed": "2026-06-01", "expires": "2027-05-01", "tested": "2026-06-02",
            "summary": "See what it says.",
        ]
        matter["drilledEvery"] = drilledEvery.map { JSONValue($0) }
        return Applying.Asset(
            scope: .operator, kind: "runbook", name: "inbound-alert", version: "1",
            content: ["alert": "inbound-alert", "matter": .object(matter), "body": .string(body)])
    }

    /// A story of its own with some invoices that wait for a signature, and an incident with a runbook.
    private func story(
        _ steps: [String], invoices: Int = 0, drilledEvery: Int? = nil, cutting: Bool = false,
        _ body: @Sendable (Stage, IncidentRow, CuttingLine?) async throws -> Void
    ) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let line = cutting ? try await GuidingTests.line(to: database) : nil
            let through = line.map {
                Store(Store.Settings(directDSN: $0.dsn, direct: ConnectionPool.Limits(connectionsMax: 4)))
            }
            let stage = Stage(store: database.store, through: through, laneCount: 1)
            let upper = try SampleConfiguration.upperOnCall() + [GuidingTests.runbook(steps, drilledEvery: drilledEvery)]
            _ = try await stage.house.applying.apply(upper, by: nil)
            try await stage.open()
            for number in 0..<invoices {
                try await stage.receive(
                    SampleDocument(number: "R-\(number + 1)", gross: "48\(number)0.00", order: "PO-48\(number)0.00"))
            }
            try await stage.work()
            let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
            try await alerting.raise(
                "inbound-alert", facts: ["source": "erp", "key": "1", "summary": "Slow", "workflow": "accounts-payable"],
                scope: scope, key: "1")
            try await stage.pump()
            let incident = try #require(try await stage.incidents().first)
            try await body(stage, incident, line)
            await through?.close()
            line?.close()
        }
    }

    private static func line(to database: TestDatabase) async throws -> CuttingLine {
        let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
        let line = try await CuttingLine(to: database.dsn, by: admin)
        await admin.close()
        return line
    }

    private func asker(
        _ stage: Stage, _ name: String = "ruth", without missing: Set<String> = []
    ) async throws -> Guiding.Asker {
        let firm = await stage.firm
        return Guiding.Asker(try firm.actor(name), in: firm.scope) { !missing.contains($0) }
    }

    private func reason(_ act: () async throws -> some Any) async throws -> String {
        do {
            _ = try await act()
            return ""
        } catch let refusal as Refusal { return refusal.reason }
    }

    private func lines(_ stage: Stage, _ incident: IncidentRow) async throws -> [String] {
        try await stage.house.looking.incidentEntries(incident.tenant, incident.id).filter { $0.kind == "runbook" }.map(\.text)
    }

    private func notes(_ stage: Stage, _ incident: IncidentRow) async throws -> Int {
        try await stage.house.looking.incidentEntries(incident.tenant, incident.id).count { $0.kind == "noted" }
    }

    @Test("runs are shown, paused when that is confirmed, and let go on when it is taken back; the incident tells all of it")
    func pauseAndTakeBack() async throws {
        try await story(["`pause-runs reason=Flood`: All."], invoices: 3) { stage, incident, _ in
            let (guiding, ruth) = (await stage.house.guiding, try await asker(stage))
            let begun = try await guiding.start(incident.id, as: ruth)
            #expect(try await guiding.start(incident.id, as: ruth).row.id == begun.row.id, "both follow the same one")
            let id = begun.row.id
            let shown = try await guiding.show(id, step: 1, as: ruth).state.steps[0]
            let preview = try #require(shown.preview)
            #expect(preview.content["counts"]?[0]?["count"] == 3 && preview.parameters["workflow"] == "accounts-payable")
            #expect(try await stage.runs().allSatisfy { $0.phase == "waiting" }, "looking changes nothing")
            let done = try await guiding.confirm(id, step: 1, hash: preview.hash, as: ruth)
            #expect(done.state.phase == .finished)
            let twice = try await guiding.confirm(id, step: 1, hash: preview.hash, as: ruth)
            #expect(twice.state == done.state, "a confirmation that comes twice is told what the first has done")
            // The server that took the confirmation is gone; its effect is not.
            try await stage.restart()
            try await stage.pump()
            #expect(try await stage.runs().allSatisfy { $0.phase == "paused" })
            let next = await stage.house.guiding
            let back = try await next.show(id, step: 1, isUndo: true, as: ruth).state.steps[0]
            #expect(back.preview?.content["counts"]?[0]?["count"] == 3)
            _ = try await next.confirm(id, step: 1, hash: try #require(back.preview).hash, as: ruth)
            try await stage.pump()
            #expect(try await stage.runs().allSatisfy { $0.phase == "waiting" })
            #expect(try await lines(stage, incident).count == 5)
            let audit = try await stage.books().audit
            for entry in ["runbook.started × 1", "runbook.step-confirmed × 1", "runbook.step-undone × 1", "run.paused × 3"] {
                #expect(audit.contains(entry), "\(audit)")
            }
        }
    }

    @Test(
        "a server that dies around the confirmation has done both or neither, and the second try does it once",
        arguments: CuttingLine.Cut.allCases)
    func dies(cut: CuttingLine.Cut) async throws {
        try await story(["`post-note text=Seen`: Tell."], cutting: true) { stage, incident, line in
            let (guiding, ruth) = (await stage.house.guiding, try await asker(stage))
            let id = try await guiding.start(incident.id, as: ruth).row.id
            let hash = try #require(try await guiding.show(id, step: 1, as: ruth).state.steps[0].preview).hash
            // Reading commits once; the confirmation is the second.
            try #require(line).plan(cut, at: 2)
            await #expect(throws: (any Error).self) { try await guiding.confirm(id, step: 1, hash: hash, as: ruth) }
            #expect(try await notes(stage, incident) == (cut == .after ? 1 : 0))
            try #require(line).plan()
            try await stage.restart()
            let after = try await stage.house.guiding.confirm(id, step: 1, hash: hash, as: ruth)
            #expect(after.state.steps[0].state == .done)
            #expect(try await notes(stage, incident) == 1)
        }
    }

    @Test("telling the tenant stands on its status page where it has one, once, and needs a permission of its own")
    func status() async throws {
        try await story(["`post-status`: Tell.", "`post-status`: Tell again."]) { stage, incident, _ in
            let (guiding, ruth) = (await stage.house.guiding, try await asker(stage))
            let id = try await guiding.start(incident.id, as: ruth).row.id
            let said = ["text": "Postings wait.", "title": "Posting is late"]
            let without = try await guiding.show(id, step: 1, saying: said, as: ruth).state.steps[0].preview
            #expect(without?.content["effect"]?.string?.hasPrefix("No status page is shown here") == true)
            let desk = StatusDesk(platform: await stage.house.platform)
            let scope = await stage.firm.scope
            _ = try await desk.save(.init(audience: .anybody, title: "Page"), revision: 0, as: ruth.actor, scope: scope)
            let powerless = try await asker(stage, without: ["status.publish"])
            #expect(try await reason { try await guiding.show(id, step: 1, saying: said, as: powerless) } == "permission.missing")
            let wrong = ["text": "x", "phase": "done"]
            #expect(try await reason { try await guiding.show(id, step: 1, saying: wrong, as: ruth) } == "runbook.parameter")
            for (step, words) in [(1, said), (2, ["text": "It is over.", "phase": "resolved"])] {
                let shown = try #require(
                    try await guiding.show(id, step: step, saying: words, as: ruth).state.steps[step - 1].preview)
                #expect(shown.content["published"] == true, "\(shown.content.text)")
                _ = try await guiding.confirm(id, step: step, hash: shown.hash, as: ruth)
                _ = try await guiding.confirm(id, step: step, hash: shown.hash, as: ruth)
            }
            let told = try await desk.notices(of: scope.id, openOnly: false, limit: 10)
            #expect(told.map(\.notice.title) == ["Posting is late"] && told[0].notice.incident == incident.id)
            #expect(told[0].latest.map(\.text) == ["Postings wait.", "It is over."] && told[0].notice.resolvedAt != nil)
            #expect(try await notes(stage, incident) == 2)
        }
    }

    @Test("of two who confirm at once one does, and nothing is done twice")
    func race() async throws {
        try await story(["`post-note text=Seen`: Tell."]) { stage, incident, _ in
            let guiding = await stage.house.guiding
            let (ruth, maya) = (try await asker(stage), try await asker(stage, "maya"))
            let id = try await guiding.start(incident.id, as: ruth).row.id
            let hash = try #require(try await guiding.show(id, step: 1, as: ruth).state.steps[0].preview).hash
            async let first = reason { try await guiding.confirm(id, step: 1, hash: hash, as: ruth) }
            async let second = reason { try await guiding.confirm(id, step: 1, hash: hash, as: maya) }
            #expect(Set(try await [first, second]).isSubset(of: ["", "runbook.settled"]))
            #expect(try await notes(stage, incident) == 1)
        }
    }

    @Test("cancelling takes a second person here and where operations are confirmed, and a permission that not everybody has")
    func second() async throws {
        try await story(["`cancel-runs reason=Wrong`: All."], invoices: 1) { stage, incident, _ in
            let (guiding, operating) = (await stage.house.guiding, await stage.house.operating)
            let (ruth, maya) = (try await asker(stage), try await asker(stage, "maya"))
            let id = try await guiding.start(incident.id, as: ruth).row.id
            let small = try await asker(stage, without: ["runs.manage"])
            #expect(try await reason { try await guiding.show(id, step: 1, as: small) } == "permission.missing")
            let preview = try #require(try await guiding.show(id, step: 1, as: ruth).state.steps[0].preview)
            #expect(preview.needsSecond)
            #expect(
                try await reason { try await guiding.confirm(id, step: 1, hash: preview.hash, as: ruth) }
                    == "runbook.second-person")
            let operation = try #require(preview.operation.flatMap { OperationID($0) })
            let row = try await operating.find(operation, scope: ruth.scope)
            #expect(
                try await reason { try await operating.confirm(operation, hash: row.hash, as: ruth.actor, scope: ruth.scope) }
                    == "operation.second-person")
            _ = try await guiding.confirm(id, step: 1, hash: preview.hash, as: maya)
            try await stage.pump()
            #expect(try await stage.run().phase == "cancelled")
        }
    }

    @Test("a drill shows everything, leaves nothing that could be confirmed, and moves the day on which the next one is due")
    func drill() async throws {
        try await story(
            ["`pause-runs workflow=accounts-payable reason=Flood`: All.", "`post-note text=Seen`: Tell."], invoices: 1,
            drilledEvery: 30
        ) {
            stage, incident, _ in
            let (guiding, ruth) = (await stage.house.guiding, try await asker(stage))
            let today = try #require(CivilDate("2026-07-14"))
            let before = try #require(try await guiding.published(for: ruth.scope).first)
            #expect(before.isDue(on: today) && before.due == CivilDate("2026-07-02"))
            let id = try await guiding.drill("inbound-alert", as: ruth).row.id
            let shown = try #require(try await guiding.show(id, step: 1, as: ruth).state.steps[0].preview)
            #expect(shown.content["counts"]?[0]?["count"] == 1 && shown.operation == nil)
            #expect(try await reason { try await guiding.confirm(id, step: 1, hash: shown.hash, as: ruth) } == "runbook.drill")
            let open = try await stage.house.operating.page(ruth.scope.id, kinds: [.pause], before: nil, limit: 5)
            #expect(open.map(\.state) == ["withdrawn"])
            _ = try await guiding.settle(id, step: 1, .done, as: ruth)
            _ = try await guiding.show(id, step: 2, as: ruth)
            #expect(try await guiding.settle(id, step: 2, .done, as: ruth).state.phase == .finished)
            try await stage.pump()
            #expect(try await stage.run().phase == "waiting")
            #expect(try await notes(stage, incident) == 0)
            let after = try #require(try await guiding.published(for: ruth.scope).first)
            #expect(!after.isDue(on: today) && after.due == CivilDate("2026-08-13"))
        }
    }

    @Test("a new secret is in force when the step is done and stands nowhere in what is kept of the runbook")
    func secret() async throws {
        try await story(["`rotate-secret secret=erp-token`: Ask the ERP's owner."]) { stage, incident, _ in
            let (guiding, ruth) = (await stage.house.guiding, try await asker(stage))
            let id = try await guiding.start(incident.id, as: ruth).row.id
            #expect(
                try await reason { try await guiding.show(id, step: 1, saying: ["secret": "other"], as: ruth) }
                    == "runbook.no-secret")
            let hash = try #require(try await guiding.show(id, step: 1, as: ruth).state.steps[0].preview).hash
            #expect(try await reason { try await guiding.confirm(id, step: 1, hash: hash, as: ruth) } == "secret.size")
            #expect(
                try await guiding.find(id, in: ruth.scope.id).state.steps[0].state == .shown, "without a secret nothing is done")
            let done = try await guiding.confirm(id, step: 1, hash: hash, secret: "brand-new-and-secret", as: ruth)
            #expect(done.state.phase == .finished)
            let tenant = ruth.scope.id
            let (version, told) = try await stage.store.withTenant(tenant) { tx in
                let version = try await tx.query(SecretQueries.version(tenant: tenant, name: "erp-token")).first?.get(
                    "version", as: Int32.self)
                let rows = try await tx.query("SELECT content::text AS t FROM audit_entry WHERE tenant_id = \(tenant)")
                return (version, try rows.map { try $0.get("t", as: String.self) })
            }
            #expect(version == 2)
            #expect(!told.contains { $0.contains("brand-new") } && !done.row.machine.text.contains("brand-new"))
        }
    }

    @Test("taking an incident on, a restart of the worker and a step that nothing matches")
    func small() async throws {
        try await story(["`acknowledge`: Yours.", "`restart-worker`: Anew.", "`retry-step`: The oldest."]) { stage, incident, _ in
            let (guiding, ruth) = (await stage.house.guiding, try await asker(stage))
            let id = try await guiding.start(incident.id, as: ruth).row.id
            func act(_ step: Int) async throws {
                let hash = try #require(try await guiding.show(id, step: step, as: ruth).state.steps[step - 1].preview).hash
                _ = try await guiding.confirm(id, step: step, hash: hash, as: ruth)
            }
            try await act(1)
            #expect(try await stage.incidents().first?.state == "acknowledged")
            #expect(try await reason { try await act(2) } == "runbook.no-worker")
            let (tenant, now) = (ruth.scope.id, stage.now)
            let before = try await stage.store.withTenant(tenant) { tx in
                try await tx.query(
                    OverviewQueries.putWorker(
                        tenant: tenant, state: "running", pid: nil, level: nil, residentBytes: nil, restarts: 0,
                        startedAt: now, seenAt: now, detail: "")
                ).first?.get("restart_asked_at", as: Moment?.self)
            }
            #expect(before == nil)
            stage.move(seconds: 5)
            try await act(2)
            let asked = try await stage.store.withTenant(tenant) { tx in
                try await tx.query("SELECT restart_asked_at FROM worker_status WHERE tenant_id = \(tenant)").first?.get(
                    "restart_asked_at", as: Moment?.self)
            }
            #expect(asked == stage.now)
            #expect(try await reason { try await act(3) } == "operation.empty")
            #expect(
                try await reason { try await guiding.settle(id, step: 3, .skipped(reason: ""), as: ruth) } == "runbook.reason")
            let end = try await guiding.settle(id, step: 3, .skipped(reason: "Nothing is there."), as: ruth)
            #expect(end.state.phase == .finished)
            #expect(try await lines(stage, incident).last == "Step 3, Step: skipped, because Nothing is there.")
        }
    }

    private func act(
        _ guiding: Guiding, _ id: RunbookExecutionID, _ step: Int, isUndo: Bool = false, as asker: Guiding.Asker
    )
        async throws -> RunbookExecution.Preview
    {
        let preview = try #require(
            try await guiding.show(id, step: step, isUndo: isUndo, as: asker).state.steps[step - 1].preview)
        _ = try await guiding.confirm(id, step: step, hash: preview.hash, as: asker)
        return preview
    }

    @Test("a circuit is opened by hand, taken back and opened again; a tenant and its worker are stopped and let go on")
    func stops() async throws {
        try await story([
            "`open-circuit connection=erp reason=Upgrade`: Hold.", "`close-circuit connection=erp`: On.",
            "`drain-worker reason=Memory`: Home.", "`release-worker`: Back.", "`pause-tenant reason=Doubt`: Stop.",
            "`resume-tenant`: On.",
        ]) { stage, incident, _ in
            let (guiding, ruth) = (await stage.house.guiding, try await asker(stage))
            func open() async throws -> [String] {
                try await guiding.halting.open(ruth.scope.id).map { $0.connection ?? $0.kind }
            }
            let id = try await guiding.start(incident.id, as: ruth).row.id
            #expect(
                try await reason { try await guiding.show(id, step: 1, saying: ["connection": "none"], as: ruth) }
                    == "stop.no-connection")
            let first = try await guiding.show(id, step: 1, as: ruth).state.steps[0].preview
            #expect(first?.content["counts"]?.array?.count == 2)
            #expect(try await open() == [], "looking changes nothing")
            _ = try await act(guiding, id, 1, as: ruth)
            #expect(try await open() == ["erp"])
            _ = try await act(guiding, id, 1, isUndo: true, as: ruth)
            #expect(try await open() == [])
            #expect(try await guiding.find(id, in: ruth.scope.id).state.steps[0].state == .undone)
            _ = try await guiding.settle(id, step: 1, .again, as: ruth)
            let again = try await act(guiding, id, 1, as: ruth)
            _ = try await guiding.confirm(id, step: 1, hash: again.hash, as: ruth)
            #expect(try await open() == ["erp"], "a confirmation that comes twice is told what the first has done")
            _ = try await act(guiding, id, 2, as: ruth)
            #expect(try await open() == [])
            _ = try await act(guiding, id, 3, as: ruth)
            #expect(try await open() == ["worker"])
            _ = try await act(guiding, id, 4, as: ruth)
            #expect(
                try await reason { try await guiding.show(id, step: 5, as: asker(stage, without: ["runs.manage"])) }
                    == "permission.missing")
            _ = try await act(guiding, id, 5, as: ruth)
            #expect(try await open() == ["tenant"])
            _ = try await act(guiding, id, 6, as: ruth)
            #expect(try await open() == [])
            #expect(try await guiding.find(id, in: ruth.scope.id).state.phase == .finished)
        }
    }

    @Test("a drill of a stop shows what waits and stops nothing; letting go on what nobody has stopped is told as needless")
    func stopDrill() async throws {
        try await story(["`pause-tenant reason=Drill`: Stop.", "`resume-tenant`: On."]) { stage, incident, _ in
            let (guiding, ruth) = (await stage.house.guiding, try await asker(stage))
            let id = try await guiding.drill("inbound-alert", as: ruth).row.id
            let preview = try #require(try await guiding.show(id, step: 1, as: ruth).state.steps[0].preview)
            #expect(try await reason { try await guiding.confirm(id, step: 1, hash: preview.hash, as: ruth) } == "runbook.drill")
            _ = try await guiding.settle(id, step: 1, .done, as: ruth)
            #expect(try await guiding.halting.open(ruth.scope.id).isEmpty)
            #expect(try await reason { try await guiding.show(id, step: 2, as: ruth) } == "runbook.needless")
        }
    }

    @Test("those who are asked get more time: the deadline moves when it is confirmed, and not by looking")
    func moreTime() async throws {
        try await story(["`extend-deadline hours=4 reason=Holiday`: Later."], invoices: 1) { stage, incident, _ in
            let (guiding, ruth) = (await stage.house.guiding, try await asker(stage))
            let run = try await stage.run()
            func due() async throws -> Moment? {
                try await stage.store.withLane(run.lane) { tx in
                    try await tx.query(
                        "SELECT max(due_at) AS due FROM queue.timer WHERE lane = \(run.lane) AND subject_id = \(run.id)"
                    ).first?.get("due", as: Moment?.self) ?? nil
                }
            }
            let before = try #require(try await due())
            let id = try await guiding.start(incident.id, as: ruth).row.id
            #expect(try await reason { try await guiding.show(id, step: 1, as: ruth) } == "runbook.parameter")
            let said = ["run": run.id.text]
            let hours = try await reason {
                try await guiding.show(id, step: 1, saying: ["run": run.id.text, "hours": "x"], as: ruth)
            }
            #expect(hours == "runbook.parameter")
            let shown = try await guiding.show(id, step: 1, saying: said, as: ruth).state.steps[0].preview
            let hash = try #require(shown).hash
            try await stage.pump()
            #expect(try await due() == before, "looking changes nothing")
            _ = try await guiding.confirm(id, step: 1, hash: hash, as: ruth)
            try await stage.pump()
            #expect(try await due() == before.adding(seconds: 4 * 3600))
            #expect(try await stage.history(run).contains("deadline.extended"))
        }
    }
}

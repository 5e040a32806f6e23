import Kernel
import Postgres
import Records
import Reports
import Seals
import TestKit
import Testing

@testable import Flow

@Suite("monthly reports")
struct ReportTests {
    /// A report desk with its builder and its post, over a story's house.
    struct Bureau: Sendable {
        let desk: ReportDesk
        let work: ReportSending
        let post = Post()

        init(_ house: House, clocksPerPage: Int = 1) {
            let waker = ReportWaker()
            desk = ReportDesk(platform: house.platform, assets: house.assets, wake: { waker.wake() })
            var settings = ReportBuildSettings()
            settings.clocksPerPage = clocksPerPage
            let box = post
            work = ReportSending(
                platform: house.platform, assets: house.assets, scopes: house.scopes,
                building: ReportBuilding(platform: house.platform, assets: house.assets, settings: settings), waker: waker,
                write: { shown, _ in
                    ReportSending.Letter(
                        subject: "Service report \(shown.row.month)", text: "It is there.\n", fileName: "report.pdf",
                        pdf: Array("%PDF-1.7".utf8))
                }, send: { dispatch, _ in box.take(dispatch) })
        }

        /// Does what is due until nothing is.
        func settle() async throws { while try await work.workDue() > 0 {} }
    }

    /// July with a case in time, one that is late, and one that is still open at its end.
    func story(
        contract terms: SampleConfiguration.ContractTerms = SampleConfiguration.ContractTerms(),
        _ body: @Sendable (Stage, Bureau, Firm) async throws -> Void
    ) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            let mail: JSONValue = ["server": "smtps://mail.northgate.example:465", "from": "reports@northgate.example"]
            let upper = try SampleConfiguration.upperOnCall(channels: ["mail"], adding: [("mail", mail)])
            _ = try await stage.house.applying.apply(upper, by: nil)
            try await stage.open(approvalTarget: "4h", contract: terms)
            // One is signed in time, one is missed by an hour, one is still open at the end of July.
            try await stage.receive(SampleDocument(number: "R-1", gross: "4800.00", order: "PO-4800.00"))
            try await stage.work()
            try await sign(stage)
            try await stage.receive(SampleDocument(number: "R-2", gross: "4900.00", order: "PO-4900.00"))
            try await stage.work()
            stage.move(seconds: 5 * 3600)
            try await stage.pump()
            try await sign(stage)
            stage.move(to: try #require(Moment("2026-07-31T22:00:00Z")))
            try await stage.receive(SampleDocument(number: "R-3", gross: "5000.00", order: "PO-5000.00"))
            try await stage.work()
            stage.move(to: try #require(Moment("2026-08-03T08:00:00Z")))
            try await stage.pump()
            try await body(stage, Bureau(await stage.house), await stage.firm)
        }
    }

    private func sign(_ stage: Stage) async throws {
        let request = try #require(try await stage.requests("approval").first)
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else { return #expect(Bool(false)) }
        try await stage.work()
    }

    /// Drafted and built.
    func drafted(_ bureau: Bureau, _ firm: Firm) async throws -> SLAReportID {
        let rows = try await bureau.desk.draft("2026-07", as: try firm.actor("maya"), scope: firm.scope)
        try await bureau.settle()
        return try #require(rows.first).id
    }

    private func approvals(_ document: JSONValue?) -> JSONValue? {
        (document?["figures"]?["objectives"]?.array ?? []).first { $0["name"]?.string == "approval-cycle" }
    }

    private func data(_ bureau: Bureau, _ firm: Firm, _ row: SLAReportRow) async throws -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for seq in 1...max(1, row.dataChunks) {
            let content = try #require(try await bureau.desk.chunk(firm.id, row.id, seq))
            lines += content.split(separator: "\n").map { Array($0.utf8) }
        }
        return lines
    }

    @Test("a month is read page by page, its figures are those of its clocks, and the data give the same figures")
    func built() async throws {
        try await story { stage, bureau, firm in
            let id = try await drafted(bureau, firm)
            let shown = try await bureau.desk.shown(firm.id, id)
            #expect(shown.row.phase == "draft" && shown.row.number == 1 && shown.row.revision == 1)
            #expect(shown.row.clocksSeen == shown.row.clocksTotal && shown.row.dataChunks > 3)
            let approval = try #require(approvals(shown.document))
            #expect([approval["met"]?.int, approval["missed"]?.int, approval["openAtEnd"]?.int] == [1, 1, 1])
            let miss = try #require(shown.document?["breaches"]?[0])
            #expect(miss["elapsedSeconds"]?.int == 5 * 3600)
            var check = try ReportVerification(document: try #require(shown.document)) { SHA256.hash($0) }
            for line in try await data(bureau, firm, shown.row) { try check.take(line) }
            #expect(try check.differences().isEmpty)
            // What happens in August changes nothing: a build that is late says the same.
            try await sign(stage)
            let again = Bureau(await stage.house, clocksPerPage: 2000)
            let late = try await again.desk.amendable(id, firm)
            #expect(try approvals(ReportDesk.document(late, name: nil))?.text == approval.text)
        }
    }

    @Test("a month that is not over, or that has its report, is not drafted")
    func refused() async throws {
        try await story { stage, bureau, firm in
            let maya = try firm.actor("maya")
            _ = try await drafted(bureau, firm)
            for (month, reason) in [
                ("2026-08", "report.open"), ("2026-07", "report.known"), ("2025-11", "report.contract"), ("July", "report.month"),
            ] {
                await #expect {
                    _ = try await bureau.desk.draft(month, as: maya, scope: firm.scope)
                } throws: { ($0 as? Refusal)?.reason == reason }
            }
        }
    }

    @Test("who wrote does not sign, of two who sign at once one does, and the recipients get what was signed")
    func signed() async throws {
        try await story { stage, bureau, firm in
            let (maya, jonas, petra) = (try firm.actor("maya"), try firm.actor("jonas"), try firm.actor("petra"))
            let id = try await drafted(bureau, firm)
            let key = try #require(
                try await bureau.desk.shown(firm.id, id).document?["breaches"]?[0]?["key"]?.string)
            let wrong = ReportDesk.Edit(justified: [key: Justification(cause: "staffing", text: "Ill.", isExcluded: true)])
            await #expect {
                _ = try await bureau.desk.edit(id, wrong, as: maya, scope: firm.scope)
            } throws: { ($0 as? Refusal)?.reason == "report.exclusion" }
            let edit = ReportDesk.Edit(justified: [key: Justification(cause: "customer", text: "Away.", isExcluded: true)])
            _ = try await bureau.desk.edit(id, edit, as: maya, scope: firm.scope)
            let row = try await bureau.desk.submit(id, as: maya, scope: firm.scope)
            let hash = try #require(row.documentHash).hexText
            let approval = approvals(try await bureau.desk.shown(firm.id, id).document)
            #expect([approval?["n"]?.int, approval?["excluded"]?.int] == [1, 1])
            await #expect {
                _ = try await bureau.desk.sign(id, hash: hash, as: maya, scope: firm.scope)
            } throws: { ($0 as? Refusal)?.reason == "report.own" }
            await #expect {
                _ = try await bureau.desk.edit(id, edit, as: maya, scope: firm.scope)
            } throws: { ($0 as? Refusal)?.reason == "report.state" }
            let signed = await withTaskGroup(of: Bool.self) { group in
                for actor in [jonas, petra] {
                    group.addTask {
                        // The other one's refusal is what is counted.
                        (try? await bureau.desk.sign(id, hash: hash, as: actor, scope: firm.scope)) != nil
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(signed == 1)
            _ = try await bureau.desk.send(id, as: maya, scope: firm.scope)
            bureau.post.say("page.mail", ("unreached", "421 busy"))
            try await bureau.settle()
            stage.move(seconds: 60)
            try await bureau.settle()
            let delivery = try #require(try await bureau.desk.deliveries(firm.id, id).first)
            #expect(delivery.delivery.state == "delivered")
            #expect(delivery.attempts.map(\.outcome) == ["unreached", "accepted"])
            let mail = try #require(bureau.post.mails.last)
            #expect(mail.contains("To: <controller@firm.example>") && mail.contains("filename=\"report.pdf\""))
            _ = try await bureau.desk.archive(id, as: maya, scope: firm.scope)
            let audit = try await stage.books().audit
            for action in [
                "report.begun", "report.drafted", "report.edited", "report.submitted", "report.signed-off", "report.sent",
                "report.archived",
            ] { #expect(audit.contains("\(action) × 1"), "\(action) in \(audit)") }
        }
    }

    @Test("an amendment stands beside the original, says why and what changed, and needs a signature of its own")
    func amended() async throws {
        try await story { stage, bureau, firm in
            let (maya, jonas) = (try firm.actor("maya"), try firm.actor("jonas"))
            let id = try await drafted(bureau, firm)
            await #expect {
                _ = try await bureau.desk.amend(id, reason: "Too early.", as: maya, scope: firm.scope)
            } throws: { ($0 as? Refusal)?.reason == "report.state" }
            let hash = try #require(try await bureau.desk.submit(id, as: maya, scope: firm.scope).documentHash).hexText
            _ = try await bureau.desk.sign(id, hash: hash, as: jonas, scope: firm.scope)
            let before = try await bureau.desk.shown(firm.id, id)
            // A correction of a clock's events is what makes an amendment necessary: the miss was none.
            try await stage.store.withLane(await stage.lane) { tx in
                _ = try await tx.execute(
                    """
                    UPDATE clock SET breached_at = NULL, outcome = 'met',
                        events = jsonb_set(events, '{1,at}', to_jsonb(events->0->>'at'))
                    WHERE tenant_id = \(firm.id) AND breached_at IS NOT NULL AND stopped_at IS NOT NULL
                    """)
            }
            let row = try await bureau.desk.amend(id, reason: "A stop was entered late.", as: maya, scope: firm.scope)
            try await bureau.settle()
            let after = try await bureau.desk.shown(firm.id, row.id)
            #expect(after.row.number == 1 && after.row.revision == 2 && after.row.phase == "draft")
            #expect(approvals(after.document)?["missed"]?.int == 0)
            let changes = (after.document?["amends"]?["changes"]?.array ?? []).compactMap { $0["place"]?.string }
            #expect(changes.contains("/objectives/approval-cycle/missed"), "\(changes)")
            let original = try await bureau.desk.shown(firm.id, id)
            #expect(original.isAmended && original.document == before.document && original.hash == before.hash)
            await #expect {
                _ = try await bureau.desk.amend(id, reason: "Again.", as: maya, scope: firm.scope)
            } throws: { ($0 as? Refusal)?.reason == "report.amended" }
        }
    }

    @Test("two builders of one report make one report")
    func racingBuilders() async throws {
        try await story { stage, bureau, firm in
            let rows = try await bureau.desk.draft("2026-07", as: try firm.actor("maya"), scope: firm.scope)
            let id = try #require(rows.first).id
            let house = await stage.house
            var settings = ReportBuildSettings()
            settings.clocksPerPage = 1
            let builder = ReportBuilding(platform: house.platform, assets: house.assets, settings: settings)
            let done = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 { group.addTask { try await builder.build(id, of: firm.id) } }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(done <= 1)
            _ = try await builder.build(id, of: firm.id)
            let shown = try await bureau.desk.shown(firm.id, id)
            var check = try ReportVerification(document: try #require(shown.document)) { SHA256.hash($0) }
            for line in try await data(bureau, firm, shown.row) { try check.take(line) }
            #expect(try check.differences().isEmpty)
        }
    }
}

extension ReportDesk {
    /// The report signed, amended and built again in large pages; its second revision.
    fileprivate func amendable(_ id: SLAReportID, _ firm: Firm) async throws -> SLAReportRow {
        let (maya, jonas) = (try firm.actor("maya"), try firm.actor("jonas"))
        let hash = try #require(try await submit(id, as: maya, scope: firm.scope).documentHash).hexText
        _ = try await sign(id, hash: hash, as: jonas, scope: firm.scope)
        let row = try await amend(id, reason: "Looked at again.", as: maya, scope: firm.scope)
        let building = ReportBuilding(platform: platform, assets: assets)
        #expect(try await building.build(row.id, of: firm.id))
        return try await shown(firm.id, row.id).row
    }
}

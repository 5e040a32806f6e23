import Incidents
import Kernel
import Postgres
import Records
import TestKit
import Testing

@testable import Flow

@Suite("status pages")
struct StatusPageTests {
    private func asker(_ stage: Stage) async throws -> (Actor, ScopeRow) {
        let firm = await stage.firm
        return (try firm.actor("ruth"), firm.scope)
    }

    private func pages(_ stage: Stage) async -> StatusPages {
        let house = await stage.house
        return StatusPages(house.platform, house.scopes, house.assets)
    }

    /// A firm with a page and two components, one of them bound to its ERP; in a database of its own, since looking at pages is
    /// looking at all of them.
    private func story(
        rule: StatusPublishingRule? = nil, _ body: @Sendable (Stage, StatusPages, StatusPageRow, String) async throws -> Void
    ) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            try await stage.open()
            let pages = await pages(stage)
            let (ruth, scope) = try await asker(stage)
            let row = try await pages.desk.save(
                StatusDesk.Settings(audience: .anybody, title: "Brightwater", rule: rule), revision: 0, as: ruth, scope: scope)
            _ = try await pages.desk.add(
                StatusDesk.ComponentEdit(name: "Posting", source: StatusSource(.connection, "erp")), as: ruth, scope: scope)
            _ = try await pages.desk.add(StatusDesk.ComponentEdit(name: "Approvals", position: 1), as: ruth, scope: scope)
            try await body(stage, pages, row, database.dsn)
        }
    }

    private func trouble(_ stage: Stage, key: String = "1") async throws -> IncidentRow {
        let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
        try await alerting.raise(
            "inbound-alert",
            facts: ["source": "erp", "key": key, "summary": "db-17.internal is down", "severity": "sev2", "connection": "erp"],
            scope: scope, key: key)
        try await stage.pump()
        return try #require(try await stage.incidents().first)
    }

    @Test("an incident makes its component ill, tells nobody by itself, and a person's words are all that readers see of it")
    func told() async throws {
        try await story { stage, pages, row, _ in
            let (ruth, scope) = try await asker(stage)
            let incident = try await trouble(stage)
            try await pages.watch.look()
            let before = try #require(try await pages.board.snapshot(at: row.address))
            #expect(before.components.map(\.state) == [.partialOutage, .operational])
            #expect(before.open.isEmpty && before.past.isEmpty, "an incident is not published by itself")
            let told = try await pages.desk.tell(
                about: incident.id, phase: .investigating, text: "Postings wait.", as: ruth, scope: scope)
            #expect(told.notice.components.count == 1 && told.notice.impact == "major")
            _ = try await pages.desk.tell(
                about: incident.id, phase: nil, text: "Still waiting.", as: ruth, scope: scope)
            pages.board.forget(scope.id)
            let shown = try #require(try await pages.board.snapshot(at: row.address))
            let notice = try #require(shown.open.first)
            #expect(shown.open.count == 1, "one incident is one notice")
            #expect(notice.updates.map(\.text) == ["Still waiting.", "Postings wait."])
            #expect(notice.title == "Disruption of the service" && notice.components == ["Posting"])
            #expect(!"\(shown)".contains("db-17"), "the incident's facts stay inside")
        }
    }

    @Test("a draft is not shown until it is published, and other words keep those before")
    func drafts() async throws {
        try await story { stage, pages, row, _ in
            let (ruth, scope) = try await asker(stage)
            let told = try await pages.desk.post(
                StatusDesk.Draft(title: "Late", text: "Post is lat.", components: ["posting"], isPublished: false), as: ruth,
                scope: scope)
            #expect(try await pages.board.snapshot(at: row.address)?.open.isEmpty == true)
            _ = try await pages.desk.publish(told.notice.id, update: 1, as: ruth, scope: scope)
            stage.move(seconds: 60)
            let edited = try await pages.desk.edit(
                told.notice.id, update: 1, text: "Posting is late.", as: ruth, scope: scope)
            #expect(edited.updates.map(\.text) == ["Post is lat.", "Posting is late."])
            pages.board.forget(scope.id)
            let shown = try #require(try await pages.board.snapshot(at: row.address)?.open.first?.updates.first)
            #expect(shown.text == "Posting is late." && shown.editedAt == stage.now)
            await #expect(throws: Refusal.self) {
                try await pages.desk.publish(told.notice.id, update: 1, as: ruth, scope: scope)
            }
            _ = try await pages.desk.update(
                told.notice.id, phase: .resolved, text: "Over.", isPublished: true, as: ruth, scope: scope)
            pages.board.forget(scope.id)
            let after = try #require(try await pages.board.snapshot(at: row.address))
            #expect(after.open.isEmpty && after.past.map(\.title) == ["Late"] && after.worst == .operational)
        }
    }

    @Test("planned work makes its component one of maintenance while it runs, and ends by itself")
    func planned() async throws {
        try await story { stage, pages, row, _ in
            let (ruth, scope) = try await asker(stage)
            let (from, to) = (stage.now.adding(seconds: 600), stage.now.adding(seconds: 1200))
            _ = try await pages.desk.post(
                StatusDesk.Draft(
                    kind: .maintenance, title: "ERP upgrade", impact: .none, text: "As told.", components: ["Posting"],
                    startsAt: from, endsAt: to, isPublished: true), as: ruth, scope: scope)
            @Sendable func state() async throws -> String {
                pages.board.forget(scope.id)
                let shown = try #require(try await pages.board.snapshot(at: row.address))
                let phase = (shown.planned + shown.past).first?.phase.rawValue ?? "none"
                return "\(shown.components[0].state?.rawValue ?? "no data"), \(phase)"
            }
            #expect(try await state() == "no data, scheduled")
            stage.move(seconds: 600)
            #expect(try await state() == "maintenance, in-progress")
            try await pages.watch.look()
            stage.move(seconds: 600)
            #expect(try await state() == "no data, completed")
            try await pages.watch.look()
            #expect(try await pages.desk.notices(of: scope.id, openOnly: true, limit: 10).isEmpty, "its row is closed too")
        }
    }

    @Test("looks without a gap make one history, and a long silence of the looks leaves time without data")
    func history() async throws {
        try await story { stage, pages, row, _ in
            let (ruth, scope) = try await asker(stage)
            try await pages.watch.look()
            for _ in 0..<4 {
                stage.move(seconds: 15)
                try await pages.watch.look()
            }
            let components = try await pages.desk.components(of: scope.id)
            let approvals = try #require(components.first { $0.name == "Approvals" })
            _ = try await pages.desk.set(approvals.id, StatusOverride(.majorOutage), as: ruth, scope: scope)
            stage.move(seconds: 15)
            try await pages.watch.look()
            stage.move(seconds: 15)
            try await pages.watch.look()
            // Nobody looks for an hour.
            stage.move(seconds: 3600)
            try await pages.watch.look()
            stage.move(seconds: 15)
            try await pages.watch.look()
            pages.board.forget(scope.id)
            let shown = try #require(try await pages.board.snapshot(at: row.address))
            let history = try #require(shown.components.first { $0.name == "Approvals" }?.history)
            #expect(history.counted == 60 + 30 + 15 && history.up == 60)
            #expect(shown.components.first { $0.name == "Posting" }?.history.upText == nil, "never seen, never counted")
            let set = try #require(shown.components.first { $0.name == "Approvals" })
            #expect(set.isSet && set.state == .majorOutage)
        }
    }

    @Test("an owner's rule publishes an incident once, in the owner's words, and ends it with the incident")
    func byRule() async throws {
        let rule = StatusPublishingRule(from: .sev2, title: "Delays", opening: "We are on it.", closing: "It is over.")
        try await story(rule: rule) { stage, pages, row, _ in
            let (ruth, scope) = try await asker(stage)
            let incident = try await trouble(stage)
            for _ in 0..<3 { try await pages.watch.look() }
            pages.board.forget(scope.id)
            let shown = try #require(try await pages.board.snapshot(at: row.address))
            #expect(shown.open.map(\.title) == ["Delays"] && shown.open[0].updates.map(\.text) == ["We are on it."])
            _ = try await stage.house.alerting.resolve(incident.id, reason: "The disk was full.", as: ruth, scope: scope)
            try await stage.pump()
            for _ in 0..<2 { try await pages.watch.look() }
            pages.board.forget(scope.id)
            let after = try #require(try await pages.board.snapshot(at: row.address))
            #expect(after.open.isEmpty && after.past[0].updates.map(\.text) == ["It is over.", "We are on it."])
            #expect(!"\(after)".contains("disk was full"))
        }
    }

    @Test("a page that is full takes no further notice, by nobody, and its history goes on")
    func full() async throws {
        let rule = StatusPublishingRule(from: .sev2, title: "Delays", opening: "We are on it.", closing: "It is over.")
        try await story(rule: rule) { stage, pages, row, _ in
            let (ruth, scope) = try await asker(stage)
            for number in 0..<StatusBounds.openMax {
                _ = try await pages.desk.post(.init(text: "\(number)", isPublished: false), as: ruth, scope: scope)
            }
            await #expect(throws: Refusal.self) {
                try await pages.desk.post(.init(text: "More", isPublished: false), as: ruth, scope: scope)
            }
            _ = try await trouble(stage)
            for _ in 0..<3 {
                try await pages.watch.look()
                stage.move(seconds: 15)
            }
            let shown = try #require(try await pages.board.snapshot(at: row.address))
            #expect(shown.open.isEmpty)
            let histories = shown.components.map(\.history)
            #expect(histories.map(\.counted) == [30, 30] && histories.map(\.up) == [0, 30])
        }
    }

    @Test("while the database is away the page is shown as it was, and a page that is off is not found")
    func away() async throws {
        try await story { stage, pages, row, dsn in
            let (ruth, scope) = try await asker(stage)
            let house = await stage.house
            let through = Store(Store.Settings(directDSN: dsn, direct: ConnectionPool.Limits(connectionsMax: 2)))
            let platform = Platform(
                store: through, clock: stage.clock, entropy: .system, secrets: house.platform.secrets,
                metrics: house.platform.metrics, spans: house.platform.spans, logger: house.platform.logger,
                settings: house.platform.settings)
            let scopes = ScopeDirectory(store: through, clock: stage.clock)
            let other = StatusPages(platform, scopes, house.assets)
            #expect(try await other.board.snapshot(at: row.address)?.madeAt == stage.now)
            let then = stage.now
            await through.close()
            stage.move(seconds: 3600)
            #expect(try await other.board.snapshot(at: row.address)?.madeAt == then)
            await #expect(throws: (any Error).self) {
                try await other.board.snapshot(at: String(repeating: "x", count: 32))
            }
            stage.move(seconds: StatusBoard.keptSecondsMax)
            await #expect(throws: (any Error).self, "a day later nothing is shown") {
                try await other.board.snapshot(at: row.address)
            }
            _ = try await pages.desk.save(
                StatusDesk.Settings(audience: .off, title: "Brightwater"), revision: row.revision, as: ruth, scope: scope)
            pages.board.forget(scope.id)
            #expect(try await pages.board.snapshot(at: row.address) == nil)
        }
    }

    @Test("who changed the page meanwhile, a second page of components, and a partner's look into a tenant are refused")
    func refused() async throws {
        try await story { stage, pages, row, _ in
            let (ruth, scope) = try await asker(stage)
            await #expect(throws: Refusal.self) {
                try await pages.desk.save(
                    StatusDesk.Settings(audience: .off, title: "Other"), revision: 0, as: ruth, scope: scope)
            }
            await #expect(throws: Refusal.self, "names differ by more than their capitals") {
                try await pages.desk.add(StatusDesk.ComponentEdit(name: "POSTING"), as: ruth, scope: scope)
            }
            let partner = try #require(try await stage.house.scopes.all().first { $0.kind == "partner" })
            _ = try await pages.desk.save(
                StatusDesk.Settings(audience: .off, title: "P"),
                revision: try await pages.desk.page(of: partner.id)?.revision ?? 0, as: ruth, scope: partner)
            await #expect(throws: Refusal.self) {
                try await pages.desk.add(
                    StatusDesk.ComponentEdit(name: "x", source: StatusSource(.connection, "erp")), as: ruth, scope: partner)
            }
            await #expect(throws: Refusal.self, "another component is none") {
                try await pages.desk.post(
                    StatusDesk.Draft(text: "x", components: ["nothing"], isPublished: true), as: ruth, scope: scope)
            }
            let renewed = try await pages.desk.renewAddress(revision: row.revision, as: ruth, scope: scope)
            #expect(try await pages.board.snapshot(at: row.address) == nil)
            #expect(try await pages.board.snapshot(at: renewed.address) != nil)
        }
    }
}

import Incidents
import Kernel
import Postgres
import Records
import TestKit
import Testing

@testable import Flow

@Suite("post-mortems from what happened")
struct PostmortemFlowTests {
    /// A story of its own with people on call and a severe incident that is over.
    private func story(_ body: @Sendable (Stage, IncidentRow, Postmortems) async throws -> Void) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            _ = try await stage.house.applying.apply(try SampleConfiguration.upperOnCall(), by: nil)
            try await stage.open()
            let (house, firm) = (await stage.house, await stage.firm)
            try await house.alerting.raise("worker-missing", facts: [:], scope: firm.scope, key: "1")
            try await stage.pump()
            let incident = try #require(try await stage.incidents().first)
            _ = try await house.alerting.acknowledge(incident.id, as: try firm.actor("ruth"), scope: firm.scope)
            stage.move(seconds: 600)
            _ = try await house.alerting.resolve(
                incident.id, reason: "It is back.", as: try firm.actor("ruth"), scope: firm.scope)
            try await stage.pump()
            try await body(
                stage, incident, Postmortems(platform: house.platform, assets: house.assets, scopes: house.scopes))
        }
    }

    private func reason(_ act: () async throws -> some Any) async throws -> String {
        do {
            _ = try await act()
            return ""
        } catch let refusal as Refusal { return refusal.reason }
    }

    private func watch(_ stage: Stage) async -> PostmortemWatch {
        let house = await stage.house
        return PostmortemWatch(platform: house.platform, assets: house.assets, scopes: house.scopes)
    }

    private func told(_ stage: Stage, _ incident: IncidentRow) async throws -> [String] {
        try await stage.house.looking.incidentEntries(incident.tenant, incident.id).filter { $0.kind == "postmortem" }.map(\.text)
    }

    @Test("it is drafted from the timeline and the pages, reviewed by another, published with its hash, and told on the incident")
    func whole() async throws {
        try await story { stage, incident, postmortems in
            let firm = await stage.firm
            let (ruth, maya) = (try firm.actor("ruth"), try firm.actor("maya"))
            let begun = try await postmortems.draft([incident.id], as: ruth, scope: firm.scope)
            #expect(
                try await reason { try await postmortems.draft([incident.id], as: maya, scope: firm.scope) } == "postmortem.told")
            #expect(begun.state.facts["timeline"]?.array?.count ?? 0 >= 4)
            #expect(begun.state.facts["pages"]?.array?.first?["person"]?.string == "Tomas Reyl")
            #expect(begun.state.sections[.summary]?.contains("over after 10 m 00 s") == true)
            let id = begun.row.id
            func change(_ change: Postmortems.Change, _ actor: Actor) async throws -> Postmortems.Told {
                try await postmortems.change(id, change, as: actor, scope: firm.scope)
            }
            _ = try await change(.write(.cause, text: "It ran out of memory."), ruth)
            _ = try await change(.write(.lessons, text: "Give it more."), ruth)
            _ = try await change(
                .promise(title: "Give it more", owner: ruth.person, due: try #require(CivilDate("2026-08-01"))), ruth)
            _ = try await change(.submit, ruth)
            #expect(try await reason { try await change(.publish, ruth) } == "postmortem.second-person")
            let published = try await change(.publish, maya)
            #expect(published.row.state == "published" && published.state.hash.count == 64)
            #expect(
                try await postmortems.of(incident.id, in: firm.id)?.state == published.state, "it is stored as it is answered")
            #expect(try await told(stage, incident).count == 4)
            try await stage.pump()
            let audit = try await stage.books().audit
            #expect(audit.contains("postmortem.published × 1") && audit.contains("postmortem.written × 2"), "\(audit)")
        }
    }

    @Test("what is not over, and what is not there, has none")
    func refused() async throws {
        try await story { stage, incident, postmortems in
            let firm = await stage.firm
            let ruth = try firm.actor("ruth")
            _ = try await stage.house.alerting.change(
                incident.id, .reopened(reason: "Again."), as: ruth, scope: firm.scope)
            #expect(
                try await reason { try await postmortems.draft([incident.id], as: ruth, scope: firm.scope) } == "postmortem.open")
            #expect(
                try await reason { try await postmortems.draft([IncidentID(high: 1, low: 1)], as: ruth, scope: firm.scope) }
                    == "not-found")
            #expect(try await reason { try await postmortems.draft([], as: ruth, scope: firm.scope) } == "postmortem.incidents")
            #expect(try await postmortems.list(firm.id, limit: 10).isEmpty, "a refusal leaves nothing behind")
        }
    }

    @Test("a severe incident that nobody tells of is reminded of after its days, once a week and by one server, until it is told")
    func reminded() async throws {
        try await story { stage, incident, postmortems in
            let firm = await stage.firm
            let (ruth, maya) = (try firm.actor("ruth"), try firm.actor("maya"))
            let watch = await watch(stage)
            stage.move(seconds: 10 * 86_400)
            #expect(try await watch.look() == 0, "the tenth day is in time")
            stage.move(seconds: 86_400)
            async let one = watch.look()
            async let other = watch.look()
            #expect(try await [one, other].reduce(0, +) == 1, "of two servers one reminds")
            #expect(
                try await told(stage, incident).last?.hasPrefix("Ines Okafor is reminded: the post-mortem was due on") == true)
            #expect(try await watch.look() == 0)
            stage.move(seconds: 7 * 86_400)
            #expect(try await watch.look() == 1)
            let id = try await postmortems.draft([incident.id], as: ruth, scope: firm.scope).row.id
            let staff = try await stage.house.onCalling.engineers(for: firm.id)
            let tomas = try #require(staff.first { $0.slug == "tomas" })
            let today = CivilDate(utc: stage.now)
            for change: Postmortems.Change in [
                .write(.cause, text: "Memory."), .write(.lessons, text: "More."),
                .promise(title: "More", owner: tomas.id, due: today.adding(days: 5)), .submit,
            ] {
                _ = try await postmortems.change(id, change, as: ruth, scope: firm.scope)
            }
            _ = try await postmortems.change(id, .publish, as: maya, scope: firm.scope)
            stage.move(seconds: 86_400)
            #expect(try await watch.look() == 0, "it is told, and its action is not due for days")
            stage.move(seconds: 2 * 86_400)
            #expect(try await watch.look() == 1)
            #expect(try await told(stage, incident).last?.hasPrefix("Tomas Reyl is reminded: action 1") == true)
            let pages = try await stage.house.onCalling.pages(of: incident.id, tenant: firm.id).map(\.page)
            #expect(pages.last?.personName == "Tomas Reyl" && pages.last?.kind == "notice")
            _ = try await postmortems.change(id, .settle(action: 1, as: .done, note: "Done."), as: ruth, scope: firm.scope)
            stage.move(seconds: 30 * 86_400)
            #expect(try await watch.look() == 0, "what is settled is nobody's any more")
        }
    }
}

import Incidents
import Kernel
import Testing

@Suite("Incidents that are one trouble")
struct MergingTests {
    private static let risk = Alert(
        .slaRisk, tenant: Sample.tenant, facts: ["objective": "approval-cycle", "subject": "R-7"], run: Sample.run)
    private static let breach = IncidentID(high: 9, low: 1)
    private static let warning = IncidentID(high: 9, low: 2)
    private static let third = IncidentID(high: 9, low: 3)

    /// A breach (INC-1, acknowledged or not) and a warning (INC-2) that is merged into it.
    private struct Pair {
        var survivor: Incident.Named
        var merged: Incident.Named
        var now = Sample.start

        init(acknowledging: Bool = false) throws {
            survivor = .init(Story(Sample.breach()).incident, id: MergingTests.breach, number: 1)
            merged = .init(Story(MergingTests.risk).incident, id: MergingTests.warning, number: 2)
            if acknowledging { _ = try merged.incident.handle(.acknowledged(by: Sample.saskia), at: now.adding(seconds: 60)) }
            now = now.adding(seconds: 300)
        }

        mutating func merge() throws -> (merged: [Incident.Action], survivor: [Incident.Action]) {
            try Incident.merge(&merged, into: &survivor, by: Sample.tomas, reason: "The same invoice.", at: now)
        }

        mutating func unmerge() throws -> (merged: [Incident.Action], survivor: [Incident.Action]) {
            now = now.adding(seconds: 600)
            return try Incident.unmerge(&merged, from: &survivor, by: Sample.tomas, reason: "It was not.", at: now)
        }
    }

    private func reason(_ act: () throws -> some Any) -> String {
        do {
            _ = try act()
            return ""
        } catch let refusal as Refusal { return refusal.reason } catch { return "\(error)" }
    }

    @Test("a merged incident is at rest, stops its escalation and names its survivor, which counts later alerts of both")
    func merging() throws {
        var pair = try Pair()
        let actions = try pair.merge()
        #expect(actions.merged.contains(.stopEscalation) && actions.survivor.count == 1)
        #expect(pair.merged.incident.phase == .resolved && pair.merged.incident.merge?.number == 1)
        #expect(pair.survivor.incident.takes(MergingTests.risk.fingerprint) && pair.survivor.incident.alertCount == 1)
        _ = try pair.survivor.incident.handle(.repeated(MergingTests.risk), at: pair.now)
        #expect(pair.survivor.incident.alertCount == 2 && pair.survivor.incident.absorbed[0].alerts == 1)
        for side in [pair.survivor.incident, pair.merged.incident] { #expect(try Incident(json: side.json) == side) }
    }

    @Test("taken out again it is where it was, with the alerts that came in between; the survivor keeps its own")
    func unmerging() throws {
        var pair = try Pair(acknowledging: true)
        _ = try pair.merge()
        _ = try pair.survivor.incident.handle(.repeated(MergingTests.risk), at: pair.now)
        _ = try pair.survivor.incident.handle(.repeated(Sample.breach()), at: pair.now)
        let actions = try pair.unmerge()
        let merged = pair.merged.incident
        #expect(merged.phase == .acknowledged && merged.acknowledgedBy == Sample.saskia && merged.resolvedAt == nil)
        #expect(merged.alertCount == 2 && pair.survivor.incident.alertCount == 2 && pair.survivor.incident.absorbed.isEmpty)
        #expect(!actions.merged.contains(.startEscalation), "somebody has it in hand")
        #expect(
            reason { try Incident.unmerge(&pair.merged, from: &pair.survivor, by: .system, reason: "x", at: pair.now) }
                == "incident.not-merged")
        // Nobody had the second one in hand: people are told anew.
        var other = try Pair()
        _ = try other.merge()
        #expect(try other.unmerge().merged.contains(.startEscalation))
        #expect(other.merged.incident.phase == .triggered && other.merged.incident.reopenCount == 0)
    }

    @Test("a mitigation that did not hold while it was merged is none when it is taken out")
    func mitigated() throws {
        var pair = try Pair()
        _ = try pair.merged.incident.handle(.mitigated(by: Sample.saskia, text: "Deputy signs."), at: pair.now)
        var quiet = pair
        _ = try pair.merge()
        _ = try pair.survivor.incident.handle(.repeated(MergingTests.risk), at: pair.now)
        #expect(try pair.unmerge().merged.contains(.startEscalation) && pair.merged.incident.phase == .triggered)
        _ = try quiet.merge()
        #expect(try quiet.unmerge().merged.count == 1 && quiet.merged.incident.phase == .mitigated)
    }

    @Test("the worse of two is how bad both are, and only a merge that says why is one")
    func severity() throws {
        var pair = try Pair()
        (pair.survivor, pair.merged) = (pair.merged, pair.survivor)
        #expect(
            reason { try Incident.merge(&pair.merged, into: &pair.survivor, by: .system, reason: " ", at: pair.now) }
                == "incident.text")
        let before = pair.survivor.incident
        #expect(before.severity == .sev4)
        let actions = try pair.merge()
        #expect(pair.survivor.incident.severity == .sev2 && actions.survivor.contains(.page(.worsened(.high))))
    }

    @Test("what is over, merged or itself is refused, so that no chain of merges comes back to its beginning")
    func refusals() throws {
        var pair = try Pair()
        var copy = pair.survivor
        #expect(
            reason { try Incident.merge(&copy, into: &pair.survivor, by: .system, reason: "x", at: pair.now) } == "incident.same")
        _ = try pair.merge()
        #expect(
            reason { try Incident.merge(&pair.survivor, into: &pair.merged, by: .system, reason: "x", at: pair.now) }
                == "incident.survivor")
        #expect(reason { try pair.merge() } == "incident.merged")
        for event: Incident.Event in [
            .acknowledged(by: Sample.tomas), .reopened(by: Sample.tomas, reason: "x"), .resolved(by: Sample.tomas, reason: "x"),
        ] {
            #expect(reason { try pair.merged.incident.handle(event, at: pair.now) } == "incident.merged")
        }
        #expect(try pair.merged.incident.handle(.noted(by: Sample.tomas, text: "See the other."), at: pair.now).count == 1)
        _ = try pair.survivor.incident.handle(.resolved(by: Sample.tomas, reason: "Done."), at: pair.now)
        var third = Incident.Named(Story(Sample.breach("x", severity: .sev1)).incident, id: MergingTests.third, number: 3)
        #expect(
            reason { try Incident.merge(&third, into: &pair.survivor, by: .system, reason: "x", at: pair.now) }
                == "incident.survivor")
    }

    @Test("one that has taken another in takes it along into a third, and back")
    func chains() throws {
        var pair = try Pair()
        _ = try pair.merge()
        let alert = Alert(.deadLetter, tenant: Sample.tenant, facts: ["connection": "erp", "kind": "k", "code": "c"])
        var third = Incident.Named(Story(alert).incident, id: MergingTests.third, number: 3)
        _ = try Incident.merge(&pair.survivor, into: &third, by: Sample.tomas, reason: "The ERP.", at: pair.now)
        #expect(third.incident.absorbed.map(\.number) == [1, 2] && third.incident.takes(MergingTests.risk.fingerprint))
        for alert in [MergingTests.risk, Sample.breach(), alert] {
            _ = try third.incident.handle(.repeated(alert), at: pair.now)
        }
        #expect(third.incident.alertCount == 4)
        _ = try Incident.unmerge(&pair.survivor, from: &third, by: Sample.tomas, reason: "It was not.", at: pair.now)
        #expect(third.incident.alertCount == 2 && third.incident.absorbed.isEmpty)
        #expect(pair.survivor.incident.alertCount == 3 && pair.survivor.incident.absorbed.map(\.alerts) == [1])
        _ = try pair.unmerge()
        #expect(pair.merged.incident.alertCount == 2 && pair.survivor.incident.alertCount == 2)
    }
}

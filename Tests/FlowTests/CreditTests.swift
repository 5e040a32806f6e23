import Kernel
import Postgres
import Records
import Reports
import Testing

@testable import Flow

@Suite("credits of signed reports")
struct CreditTests {
    private let reports = ReportTests()

    /// One of two cases is in time: under 0.9 and not under 0.5, so 5 % of 1,920.80 EUR, which is 96.04.
    private var terms: SampleConfiguration.ContractTerms {
        var terms = SampleConfiguration.ContractTerms()
        terms.tiers = [["below": "0.9", "creditPercent": "5"], ["below": "0.5", "creditPercent": "10"]]
        terms.credits = ["fee": "1920.80", "currency": "EUR", "capPercent": "20"]
        return terms
    }

    private func signed(_ bureau: ReportTests.Bureau, _ firm: Firm) async throws -> SLAReportID {
        let id = try await reports.drafted(bureau, firm)
        return try await sign(id, bureau, firm)
    }

    private func sign(_ id: SLAReportID, _ bureau: ReportTests.Bureau, _ firm: Firm) async throws -> SLAReportID {
        let row = try await bureau.desk.submit(id, as: try firm.actor("maya"), scope: firm.scope)
        let hash = try #require(row.documentHash).hexText
        _ = try await bureau.desk.sign(id, hash: hash, as: try firm.actor("jonas"), scope: firm.scope)
        return id
    }

    private func notes(_ bureau: ReportTests.Bureau, _ firm: Firm) async throws -> [CreditNoteRow] {
        try await bureau.desk.credits.page(firm.id, limit: 50)
    }

    /// The late case was none after all.
    private func correct(_ stage: Stage, _ firm: Firm) async throws {
        try await stage.store.withLane(await stage.lane) { tx in
            _ = try await tx.execute(
                """
                UPDATE clock SET breached_at = NULL, outcome = 'met',
                    events = jsonb_set(events, '{1,at}', to_jsonb(events->0->>'at'))
                WHERE tenant_id = \(firm.id) AND breached_at IS NOT NULL AND stopped_at IS NOT NULL
                """)
        }
    }

    private func amended(_ id: SLAReportID, _ bureau: ReportTests.Bureau, _ firm: Firm) async throws -> SLAReportID {
        let row = try await bureau.desk.amend(id, reason: "A stop was late.", as: try firm.actor("maya"), scope: firm.scope)
        try await bureau.settle()
        return try await sign(row.id, bureau, firm)
    }

    @Test("the signature proposes what was signed, one of two approvers approves it once, and it stands on a bill")
    func given() async throws {
        try await reports.story(contract: terms) { stage, bureau, firm in
            let id = try await reports.drafted(bureau, firm)
            #expect(try await notes(bureau, firm).isEmpty)
            _ = try await sign(id, bureau, firm)
            let note = try #require(try await notes(bureau, firm).first)
            #expect(note.number == 1 && note.report == id && note.phase == "proposed")
            #expect(note.percent == ExactDecimal("5") && note.amountMinor == 9604 && note.currency == "EUR")
            let credits = bureau.desk.credits
            for name in ["maya", "jonas"] {
                let actor = try firm.actor(name)
                await #expect {
                    _ = try await credits.act(.approve, on: note.id, as: actor, scope: firm.scope)
                } throws: { ($0 as? Refusal)?.reason == "credit.own" }
            }
            let petra = try firm.actor("petra")
            await #expect {
                _ = try await credits.act(.apply(reference: "B-1"), on: note.id, as: petra, scope: firm.scope)
            } throws: { ($0 as? Refusal)?.reason == "credit.state" }
            let ruth = try firm.actor("ruth")
            let approved = await withTaskGroup(of: Bool.self) { group in
                for actor in [petra, ruth] {
                    group.addTask {
                        // The other one's refusal is what is counted.
                        (try? await credits.act(.approve, on: note.id, as: actor, scope: firm.scope)) != nil
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(approved == 1)
            #expect(try await credits.open().filter { $0.tenant == firm.id }.map(\.phase) == ["approved"])
            await #expect {
                _ = try await credits.act(.apply(reference: " \t"), on: note.id, as: petra, scope: firm.scope)
            } throws: { ($0 as? Refusal)?.reason == "credit.reference" }
            let applied = try await credits.act(.apply(reference: "B-2026-08"), on: note.id, as: ruth, scope: firm.scope)
            #expect(applied.phase == "applied" && applied.reference == "B-2026-08" && applied.settledName == "Ruth Adler")
            await #expect {
                _ = try await credits.act(.waive(reason: "Too late."), on: note.id, as: ruth, scope: firm.scope)
            } throws: { ($0 as? Refusal)?.reason == "credit.state" }
            #expect(try await credits.open().filter { $0.tenant == firm.id }.isEmpty)
            let audit = try await stage.books().audit
            for action in ["credit.proposed", "credit.approved", "credit.applied"] {
                #expect(audit.contains("\(action) × 1"), "\(action) in \(audit)")
            }
        }
    }

    @Test("a revision that is signed before anybody approved takes the place of what was proposed")
    func replaced() async throws {
        try await reports.story(contract: terms) { stage, bureau, firm in
            let id = try await signed(bureau, firm)
            try await correct(stage, firm)
            _ = try await amended(id, bureau, firm)
            #expect(try await notes(bureau, firm).map(\.phase) == ["replaced"])
        }
    }

    @Test("what was approved stays given when a revision comes to less, and a waived credit does not come back")
    func nothingIsTakenBack() async throws {
        try await reports.story(contract: terms) { stage, bureau, firm in
            let id = try await signed(bureau, firm)
            let note = try #require(try await notes(bureau, firm).first)
            let petra = try firm.actor("petra")
            _ = try await bureau.desk.credits.act(.approve, on: note.id, as: petra, scope: firm.scope)
            let again = try await amended(id, bureau, firm)
            #expect(try await notes(bureau, firm).map(\.phase) == ["approved"])
            _ = try await bureau.desk.credits.act(.waive(reason: "A training day."), on: note.id, as: petra, scope: firm.scope)
            try await correct(stage, firm)
            _ = try await amended(again, bureau, firm)
            let notes = try await notes(bureau, firm)
            #expect(notes.map(\.phase) == ["waived"] && notes.first?.reason == "A training day.")
        }
    }

    @Test("a month without a missed commitment proposes nothing")
    func nothingDue() async throws {
        try await reports.story { _, bureau, firm in
            _ = try await signed(bureau, firm)
            #expect(try await notes(bureau, firm).isEmpty)
        }
    }
}

import Kernel
import Testing

@testable import Reports

@Suite("A credit goes from the signature to the bill, and nobody approves what they had a part in")
struct CreditNoteTests {
    private static let maya = PersonID(high: 1, low: 1)
    private static let jonas = PersonID(high: 1, low: 2)
    private static let petra = PersonID(high: 1, low: 3)

    private static func life(_ phase: CreditNoteLife.Phase = .proposed) -> CreditNoteLife {
        CreditNoteLife(phase: phase, involved: [maya, jonas])
    }

    private static func euros(_ percent: String, _ cents: Int64) throws -> CreditSum {
        let euro = try #require(Currency("EUR"))
        return CreditSum(percent: try #require(ExactDecimal(percent)), amount: try Money(minorUnits: cents, currency: euro))
    }

    @Test("who wrote the report or signed it does not approve its credit", arguments: [maya, jonas])
    func involved(person: PersonID) {
        var life = CreditNoteTests.life()
        #expect { try life.handle(.approved(by: person)) } throws: { ($0 as? Refusal)?.reason == "credit.own" }
        #expect(life.phase == .proposed)
    }

    @Test("every state takes its own events and refuses the others with the state that it is in")
    func states() throws {
        let petra = CreditNoteTests.petra
        let events: [CreditNoteLife.Event] = [.approved(by: petra), .applied(by: petra), .waived(by: petra), .replaced]
        let taken: [CreditNoteLife.Phase: [CreditNoteLife.Phase?]] = [
            .proposed: [.approved, nil, .waived, .replaced], .approved: [nil, .applied, .waived, nil],
            .applied: [nil, nil, nil, nil], .waived: [nil, nil, nil, nil], .replaced: [nil, nil, nil, nil],
        ]
        for phase in CreditNoteLife.Phase.allCases {
            for (event, after) in zip(events, try #require(taken[phase])) {
                var life = CreditNoteTests.life(phase)
                if let after {
                    _ = try life.handle(event)
                    #expect(life.phase == after)
                } else {
                    #expect { try life.handle(event) } throws: {
                        ($0 as? Refusal)?.reason == "credit.state" && ($0 as? Refusal)?.facts["state"] == phase.rawValue
                    }
                    #expect(life.phase == phase)
                }
            }
        }
    }

    @Test("a revision adds what it comes to beyond what was decided, to the cent, and takes nothing back")
    func beyond() throws {
        let due = try CreditNoteTests.euros("10", 19_207)
        #expect(try due.beyond([]) == due)
        // 192.07 less 96.04: the halves of one month's fee differ by a cent, and the sum stays what was signed.
        #expect(try due.beyond([CreditNoteTests.euros("5", 9_604)]) == CreditNoteTests.euros("5", 9_603))
        #expect(try due.beyond([CreditNoteTests.euros("5", 9_604), CreditNoteTests.euros("5", 9_603)]) == nil)
        #expect(try due.beyond([CreditNoteTests.euros("25", 48_018)]) == nil)
    }

    @Test("without a fee the credit is a share, and the same holds for shares")
    func shares() throws {
        let five = CreditSum(percent: try #require(ExactDecimal("5.0")), amount: nil)
        let two = CreditSum(percent: try #require(ExactDecimal("2")), amount: nil)
        #expect(try five.beyond([two])?.json.text == #"{"percent":"3","amount":null,"currency":null}"#)
        #expect(try five.beyond([five]) == nil && two.beyond([five]) == nil)
    }

    @Test("figures without a credit, with none, and with an amount are read as such")
    func figures() throws {
        #expect(try CreditSum(standing: [:]) == nil)
        #expect(try CreditSum(standing: ["creditPercent": "0"])?.beyond([]) == nil)
        let read = try CreditSum(standing: ["creditPercent": "5", "creditAmount": "96.04", "creditCurrency": "EUR"])
        #expect(try read == CreditNoteTests.euros("5", 9_604))
    }
}

import Kernel
import Testing

@testable import Reports

@Suite("A report goes from draft to archive, and nobody signs what they wrote")
struct LifeTests {
    private static let maya = PersonID(high: 1, low: 1)
    private static let ines = PersonID(high: 1, low: 2)
    private static let omar = PersonID(high: 1, low: 3)

    private static func inReview() throws -> ReportLife {
        var life = ReportLife(draftedBy: maya)
        _ = try life.handle(.built)
        _ = try life.handle(.edited(by: omar))
        _ = try life.handle(.submitted(by: maya, hash: "aa"))
        return life
    }

    @Test("who drafted, edited or submitted a report cannot sign it off", arguments: [maya, omar])
    func authorsDoNotSign(author: PersonID) throws {
        var life = try LifeTests.inReview()
        #expect(throws: Refusal.self) { try life.handle(.signed(by: author, hash: "aa")) }
        #expect(life.phase == .inReview)
    }

    @Test("a signature is for the document that was shown")
    func signatureBindsHash() throws {
        var life = try LifeTests.inReview()
        #expect(throws: Refusal.self) { try life.handle(.signed(by: LifeTests.ines, hash: "ab")) }
        #expect(try life.handle(.signed(by: LifeTests.ines, hash: "aa")) == "report.signed-off")
        #expect(life.phase == .signedOff)
    }

    @Test("what was returned is a draft again, and its hash is gone")
    func returned() throws {
        var life = try LifeTests.inReview()
        _ = try life.handle(.returned(by: LifeTests.ines, reason: "Two clocks are not explained."))
        #expect(life.phase == .draft)
        #expect(life.hash == nil)
        #expect(throws: Refusal.self) { try life.handle(.signed(by: LifeTests.ines, hash: "aa")) }
    }

    @Test("no event takes a report out of turn")
    func everyOtherEventIsRefused() throws {
        let events: [ReportLife.Event] = [
            .built, .edited(by: LifeTests.omar), .submitted(by: LifeTests.omar, hash: "aa"),
            .returned(by: LifeTests.ines, reason: "no"), .signed(by: LifeTests.ines, hash: "aa"), .sent(by: LifeTests.omar),
            .archived(by: LifeTests.omar),
        ]
        let permitted: [ReportLife.Phase: [Int]] = [
            .building: [0], .draft: [1, 2], .inReview: [3, 4], .signedOff: [5], .sent: [5, 6], .archived: [],
        ]
        for phase in ReportLife.Phase.allCases {
            for (index, event) in events.enumerated() {
                var life = ReportLife(phase: phase, authors: [LifeTests.maya], hash: "aa")
                let isTaken: Bool
                do {
                    _ = try life.handle(event)
                    isTaken = true
                } catch {
                    isTaken = false
                    #expect(life == ReportLife(phase: phase, authors: [LifeTests.maya], hash: "aa"))
                }
                #expect(isTaken == permitted[phase]?.contains(index), "\(phase) takes \(event)")
            }
        }
    }
}

import Kernel
import TestBasics
import Testing

@testable import Tenancy

@Suite("from the beginning of a tenant to its first governed case")
struct OnboardingTests {
    private static let noon = Moment("2026-07-14T12:00:00Z") ?? Moment(seconds: 0)
    private static let person = PersonID(high: 1, low: 1)

    private static func at(_ hour: Int) -> Moment { noon.adding(seconds: Int64(hour) * 3600) }

    private func reason(_ body: () throws(Refusal) -> Void) -> String? {
        do throws(Refusal) {
            try body()
            return nil
        } catch {
            return error.reason
        }
    }

    @Test("the first governed case completes it at the case's own time, whatever else is open, and only once")
    func completed() throws {
        var onboarding = Onboarding(startedAt: Self.noon)
        let seen = [
            Onboarding.Sighting(.configuration, at: Self.at(1)), Onboarding.Sighting(.governedCase, at: Self.at(9)),
        ]
        #expect(try onboarding.handle(.seen(seen)).contains(.complete(at: Self.at(9))))
        #expect(onboarding.completedAt == Self.at(9))
        #expect(onboarding.next == .people, "what is open stays on the list")
        #expect(try onboarding.handle(.seen(seen)).isEmpty, "seeing it again changes nothing")
        let later = try onboarding.handle(.seen([Onboarding.Sighting(.brand, at: Self.at(10))]))
        #expect(later == [.record(.brand, .init(.fact, at: Self.at(10), by: nil))])
        #expect(onboarding.completedAt == Self.at(9))
    }

    @Test("what the product can see cannot be said by anybody", arguments: Onboarding.Step.allCases)
    func onlyFacts(step: Onboarding.Step) throws {
        var onboarding = Onboarding(startedAt: Self.noon)
        let said = reason { () throws(Refusal) in
            _ = try onboarding.handle(.confirmed(step, by: Self.person, reason: "Because.", at: Self.noon))
        }
        #expect(said == (step.isConfirmed ? nil : "onboarding.fact"))
        var other = Onboarding(startedAt: Self.noon)
        let skipped = reason { () throws(Refusal) in
            _ = try other.handle(.skipped(step, by: Self.person, reason: "Because.", at: Self.noon))
        }
        #expect(skipped == (step.isSkippable ? nil : "onboarding.needed"))
        let blank = reason { () throws(Refusal) in
            _ = try other.handle(.confirmed(.access, by: Self.person, reason: " ", at: Self.noon))
        }
        #expect(blank == "onboarding.reason")
    }

    @Test("a fact takes the place of a skipped step; a word never takes the place of anything")
    func factsBeatWords() throws {
        var onboarding = Onboarding(startedAt: Self.noon)
        _ = try onboarding.handle(.skipped(.brand, by: Self.person, reason: "Their partner's.", at: Self.at(1)))
        let again = reason { () throws(Refusal) in
            _ = try onboarding.handle(.skipped(.brand, by: Self.person, reason: "Again.", at: Self.at(2)))
        }
        #expect(again == "onboarding.settled")
        _ = try onboarding.handle(.seen([Onboarding.Sighting(.brand, at: Self.at(3))]))
        #expect(onboarding.settled[.brand]?.how == .fact)
        let late = reason { () throws(Refusal) in
            _ = try onboarding.handle(.skipped(.brand, by: Self.person, reason: "No.", at: Self.at(4)))
        }
        #expect(late == "onboarding.settled")
    }

    @Test("no order of events unsettles a step, completes it twice, or lets a replay say something else", arguments: 1...200)
    func anyOrder(seed: UInt64) throws {
        var dice = Seeded(seed: seed)
        var onboarding = Onboarding(startedAt: Self.noon)
        var completions = 0
        var replayed = onboarding
        for hour in 0..<40 {
            let step = Onboarding.Step.allCases.randomElement(using: &dice) ?? .brand
            let event: Onboarding.Event =
                switch Int.random(in: 0..<3, using: &dice) {
                case 0: .seen([Onboarding.Sighting(step, at: Self.at(hour))])
                case 1: .confirmed(step, by: Self.person, reason: "Because.", at: Self.at(hour))
                default: .skipped(step, by: Self.person, reason: "Because.", at: Self.at(hour))
                }
            let before = onboarding
            let actions = (try? onboarding.handle(event)) ?? []  // a refusal changes nothing, which is checked below
            completions += actions.filter { if case .complete = $0 { true } else { false } }.count
            #expect(Set(before.settled.keys).isSubset(of: onboarding.settled.keys), "seed \(seed)")
            if actions.isEmpty { #expect(before == onboarding, "seed \(seed)") }
            replayed = Onboarding(
                startedAt: onboarding.startedAt, settled: onboarding.settled, completedAt: onboarding.completedAt)
            #expect(replayed == onboarding, "seed \(seed)")
        }
        #expect(completions == (onboarding.settled[.governedCase] == nil ? 0 : 1), "seed \(seed)")
        #expect((onboarding.completedAt == nil) == (onboarding.settled[.governedCase] == nil), "seed \(seed)")
    }

    @Test("a tenant is suspended once and resumed once")
    func suspended() throws {
        var life = TenantLife(.active)
        #expect(reason { () throws(Refusal) in _ = try life.handle(.resumed) } == "tenant.active")
        #expect(try life.handle(.suspended) == .stopWork)
        #expect(reason { () throws(Refusal) in _ = try life.handle(.suspended) } == "tenant.suspended-already")
        #expect(try life.handle(.resumed) == .letWorkGoOn)
        #expect(life.phase == .active)
    }
}

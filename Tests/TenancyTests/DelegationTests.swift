import Kernel
import Testing

@testable import Tenancy

@Suite("decisions given to a deputy")
struct DelegationTests {
    private static let ruth = PersonID(high: 1, low: 1)
    private static let jonas = PersonID(high: 1, low: 2)
    private static let petra = PersonID(high: 1, low: 3)
    private static let now = Moment(seconds: 1_784_000_000)

    private static func euros(_ units: Int64, _ code: String = "EUR") throws -> Money {
        try Money(minorUnits: units * 100, currency: try #require(Currency(code)))
    }

    private static func given(
        _ giver: PersonID = ruth, _ deputy: PersonID = jonas, from: Int64 = 0, to: Int64 = 10, workflows: [String] = [],
        cap: Money? = nil, revoked: Int64? = nil
    ) -> Delegation {
        func day(_ count: Int64) -> Moment { now.adding(seconds: count * 86_400) }
        return Delegation(
            giver: giver, deputy: deputy, startsAt: day(from), endsAt: day(to), workflows: workflows, cap: cap,
            revokedAt: revoked.map(day))
    }

    private func reason(_ one: Delegation, limit: Money? = nil, beside others: [Delegation] = []) -> String? {
        do throws(Refusal) {
            try one.check(giverLimit: limit, others: others, at: DelegationTests.now)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test("it ends, within 90 days, and not before it begins or now")
    func time() {
        for (from, to, wanted) in [
            (0, 90, nil), (0, 91, "delegation.time"), (5, 95, nil), (5, 96, "delegation.time"), (5, 5, "delegation.time"),
            (-9, 0, "delegation.time"), (-9, 1, nil),
        ] as [(Int64, Int64, String?)] {
            #expect(reason(DelegationTests.given(from: from, to: to)) == wanted, "\(from) to \(to)")
        }
    }

    @Test("nobody is their own deputy, and no right is handed on in a chain or a circle")
    func chains() {
        let (ruth, jonas, petra) = (DelegationTests.ruth, DelegationTests.jonas, DelegationTests.petra)
        #expect(reason(DelegationTests.given(ruth, ruth)) == "delegation.self")
        let wish = DelegationTests.given(ruth, jonas)
        #expect(reason(wish, beside: [DelegationTests.given(jonas, petra)]) == "delegation.chained")
        #expect(reason(wish, beside: [DelegationTests.given(jonas, ruth)]) == "delegation.chained")
        #expect(reason(wish, beside: [DelegationTests.given(petra, ruth)]) == "delegation.chained")
        // Two givers may have one deputy, and one giver several deputies.
        #expect(reason(wish, beside: [DelegationTests.given(petra, jonas), DelegationTests.given(ruth, petra)]) == nil)
        // What does not meet it in time, or was taken back before, stands in no chain with it.
        #expect(reason(wish, beside: [DelegationTests.given(jonas, petra, from: 10, to: 12)]) == nil)
        #expect(reason(wish, beside: [DelegationTests.given(jonas, petra, revoked: 0)]) == nil)
    }

    @Test("the same decisions are given to one deputy once")
    func once() {
        let part = DelegationTests.given(workflows: ["accounts-payable"])
        #expect(reason(part, beside: [part]) == "delegation.known")
        #expect(reason(DelegationTests.given(), beside: [part]) == "delegation.known")
        #expect(reason(part, beside: [DelegationTests.given(workflows: ["payment-release"])]) == nil)
    }

    @Test("a cap is no higher than the giver's own limit, and in its currency")
    func caps() throws {
        let limit = try DelegationTests.euros(5000)
        for (cap, wanted) in [
            (try DelegationTests.euros(5000), nil), (try DelegationTests.euros(5001), "delegation.limit"),
            (try DelegationTests.euros(10, "USD"), "delegation.limit"),
        ] as [(Money, String?)] {
            #expect(reason(DelegationTests.given(cap: cap), limit: limit) == wanted, "\(cap)")
        }
        #expect(reason(DelegationTests.given(cap: try DelegationTests.euros(900_000))) == nil, "who has no limit can give any")
    }

    @Test("a deputy signs up to the lower of the giver's limit now and the cap, and nothing when they cannot be compared")
    func limits() throws {
        let (low, high) = (try DelegationTests.euros(100), try DelegationTests.euros(200))
        #expect(try DelegationTests.given().limit(of: nil) == nil)
        #expect(try DelegationTests.given().limit(of: low) == low)
        #expect(try DelegationTests.given(cap: low).limit(of: nil) == low)
        #expect(try DelegationTests.given(cap: low).limit(of: high) == low)
        #expect(try DelegationTests.given(cap: high).limit(of: low) == low)
        #expect {
            _ = try DelegationTests.given(cap: try DelegationTests.euros(1, "USD")).limit(of: high)
        } throws: { ($0 as? Refusal)?.reason == "delegation.limit" }
    }

    @Test("it holds from its first instant to its last and for its workflows alone")
    func holding() {
        let one = DelegationTests.given(from: 1, to: 2, workflows: ["accounts-payable"])
        func reason(_ seconds: Int64, _ workflow: String = "accounts-payable") -> String? {
            one.objection(workflow: workflow, at: DelegationTests.now.adding(seconds: seconds))?.reason
        }
        #expect(reason(86_399) == "delegation.planned" && reason(86_400) == nil)
        #expect(reason(2 * 86_400 - 1) == nil && reason(2 * 86_400) == "delegation.ended")
        #expect(reason(86_400, "payment-release") == "delegation.workflow")
        let back = DelegationTests.given(from: 0, to: 9, revoked: 3)
        #expect(back.objection(workflow: "x", at: DelegationTests.now.adding(seconds: 3 * 86_400))?.reason == "delegation.ended")
        #expect(back.state(at: DelegationTests.now) == .active)
    }
}

import Kernel
import Testing

@testable import Tenancy

@Suite("the life of a contract's version")
struct ContractLifeTests {
    private static let hash = String(repeating: "a", count: 64)
    private static let noon = Moment("2026-07-14T12:00:00Z") ?? Moment(seconds: 0)

    private func signature(_ side: ContractSide, _ who: UInt64) -> ContractSignature {
        ContractSignature(
            side: side, person: PersonID(high: 1, low: who), natural: PersonID(high: 2, low: who), name: "Person \(who)",
            at: Self.noon.adding(seconds: Int64(who)), hash: Self.hash)
    }

    private func party(_ side: ContractSide, _ who: UInt64) -> ContractLife.Party {
        .init(side: side, person: PersonID(high: 1, low: who), natural: PersonID(high: 2, low: who), name: "Person \(who)")
    }

    private func reason(_ body: () throws(Refusal) -> Void) -> String? {
        do throws(Refusal) {
            try body()
            return nil
        } catch {
            return error.reason
        }
    }

    @Test("no order of signatures of fewer than two people of two sides puts it in force")
    func alwaysTwo() throws {
        let wishes = ContractSide.allCases.flatMap { side in (1...2).map { (side, UInt64($0)) } }
        for first in wishes {
            for second in wishes {
                var life = ContractLife(hash: Self.hash)
                _ = try life.handle(.submitted)
                _ = try life.handle(.signed(signature(first.0, first.1)))
                var actions: [ContractLife.Action] = []
                let problem = reason { () throws(Refusal) in
                    actions = try life.handle(.signed(signature(second.0, second.1)))
                }
                let isBoth = first.0 != second.0 && first.1 != second.1
                #expect((problem == nil) == isBoth && (life.phase == .signed) == isBoth, "\(first) \(second)")
                #expect(actions.contains(.putInForce(notBefore: Self.noon.adding(seconds: Int64(second.1)))) == isBoth)
            }
        }
    }

    @Test("each phase takes the acts that belong to it and refuses the others")
    func phases() throws {
        let acts: [(String, ContractLife.Event)] = [
            ("submit", .submitted), ("sign", .signed(signature(.tenant, 1))),
            ("paper", .signedOnPaper([signature(.tenant, 1), signature(.provider, 2)])),
            ("reject", .rejected(by: party(.tenant, 1), reason: "Too long")),
            ("end", .endAsked(at: Self.noon, by: party(.tenant, 1), reason: "Moves")),
        ]
        let allowed: [ContractLife.Phase: Set<String>] = [
            .drafted: ["submit", "paper"], .inReview: ["sign", "paper", "reject"], .signed: ["end"], .rejected: [], .ended: [],
        ]
        for phase in ContractLife.Phase.allCases {
            for (name, act) in acts {
                var life = ContractLife(hash: Self.hash, phase: phase)
                let problem = reason { () throws(Refusal) in _ = try life.handle(act) }
                #expect((problem == nil) == allowed[phase]?.contains(name), "\(phase) \(name)")
                #expect(problem == nil || problem == "contract.phase")
            }
        }
    }

    @Test("one side cannot end it, the same person cannot for both, and another instant is another wish")
    func ending() throws {
        var life = ContractLife(hash: Self.hash, phase: .signed)
        let later = Self.noon.adding(seconds: 60)
        #expect(try life.handle(.endAsked(at: Self.noon, by: party(.tenant, 1), reason: "a")) == [.record("contract.end-asked")])
        #expect(try life.handle(.endAsked(at: Self.noon, by: party(.tenant, 2), reason: "b")) == [.record("contract.end-asked")])
        #expect(try life.handle(.endAsked(at: later, by: party(.provider, 3), reason: "c")) == [.record("contract.end-asked")])
        #expect(
            reason { () throws(Refusal) in _ = try life.handle(.endAsked(at: later, by: party(.tenant, 3), reason: "d")) }
                == "contract.two-people")
        #expect(
            try life.handle(.endAsked(at: later, by: party(.tenant, 1), reason: "e"))
                == [.record("contract.ended"), .cut(at: later)])
        #expect(ContractLife.ending(json: try #require(life.endingJSON)) == life.ending)
        #expect(
            reason { () throws(Refusal) in _ = try life.handle(.endAsked(at: later, by: party(.tenant, 1), reason: " ")) } != nil)
    }

    @Test("the first gap is where no period of the workflow or of all of them holds")
    func gaps() {
        func at(_ day: Int64) -> Moment { Self.noon.adding(seconds: day * 86_400) }
        func gap(_ periods: [ContractPeriod]) -> Int64? {
            ContractPeriod.firstGap(in: periods, workflow: "invoices", from: at(0), before: at(14)).map {
                $0.seconds(since: at(0)) / 86_400
            }
        }
        func period(_ from: Int64, _ to: Int64?, _ workflow: String? = nil) -> ContractPeriod {
            ContractPeriod(workflow: workflow, from: at(from), to: to.map(at))
        }
        #expect(gap([]) == 0)
        #expect(gap([period(-5, nil)]) == nil)
        #expect(gap([period(-5, 3)]) == 3)
        #expect(gap([period(-5, 3), period(3, 20)]) == nil, "to is exclusive and from inclusive")
        #expect(gap([period(-5, 3), period(4, nil)]) == 3)
        #expect(gap([period(-5, 3), period(-5, nil, "payments")]) == 3, "another workflow's contract covers nothing here")
        #expect(gap([period(-5, 3), period(2, nil, "invoices")]) == nil)
        #expect(gap([period(-5, 14)]) == nil, "what ends when the look ahead ends is no gap yet")
        #expect(gap([period(1, nil)]) == 0)
    }

    @Test("signatures on paper are read with their hash, and one person's for both sides are refused")
    func paper() throws {
        func read(_ tenant: String) throws -> (ContractPaper?, [AssetIssue]) {
            var issues: [AssetIssue] = []
            let paper = ContractPaper.parse(
                [
                    "hash": .string(Self.hash), "provider": ["name": "Ines", "at": "2026-01-01T00:00:00Z"],
                    "tenant": ["name": .string(tenant), "at": "2026-01-02T00:00:00Z"],
                ], issues: &issues)
            return (paper, issues)
        }
        let good = try read("Ruth")
        #expect(good.1.isEmpty && good.0?.signatures.map(\.side) == [.provider, .tenant] && good.0?.hash == Self.hash)
        #expect(try read("Ines").1.map(\.pointer) == ["/signed/tenant/name"])
        let terms = ContractPaper.terms(of: ["name": "x", "signed": ["hash": "y"]])
        #expect(terms.text == #"{"name":"x"}"#)
        #expect(ContractSignature(json: signature(.tenant, 1).json) == signature(.tenant, 1))
    }
}

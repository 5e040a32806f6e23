import Finance
import Kernel
import Testing

@testable import Policies

@Suite("Guardrails")
struct GuardrailPolicyTests {
    private static func rule(_ more: JSONObject) -> JSONValue {
        var members: JSONObject = ["id": "one", "label": "The rule", "effect": "forbid", "reason": "It is too much."]
        for member in more { members[member.key] = member.value }
        return .object(members)
    }

    private static func limits(_ amounts: (String, String)...) -> JSONValue {
        .array(amounts.map { ["amount": .string($0.0), "currency": .string($0.1)] })
    }

    private func parse(_ rules: [JSONValue]) -> (policy: Policy?, issues: [AssetIssue]) {
        var issues: [AssetIssue] = []
        let policy = Policy.parse(
            ["kind": "guardrails", "name": "house", "version": "1", "title": "House", "rules": .array(rules)], issues: &issues)
        return (policy, issues.filter { $0.severity == .error })
    }

    private func fired(_ rules: [JSONValue], _ input: JSONValue) throws -> [String] {
        let parsed = parse(rules)
        #expect(parsed.issues.isEmpty, "\(parsed.issues)")
        return try #require(parsed.policy).decide(input).rulesFired.map(\.id)
    }

    @Test(
        "an amount is bound beyond its limit, in a currency without one, and when it cannot be told",
        arguments: [
            ("100.00", "EUR", false), ("100.01", "EUR", true), ("-100.01", "EUR", true), ("1", "GBP", true), (nil, "EUR", true),
        ] as [(String?, String, Bool)])
    func amounts(amount: String?, currency: String, isBound: Bool) throws {
        let rule = Self.rule(["check": "amount", "per": "act", "limits": Self.limits(("100.00", "EUR"))])
        let found = try fired(
            [rule], ["act": "posting", "amount": amount.map(JSONValue.string) ?? .null, "currency": .string(currency)])
        #expect(found.isEmpty != isBound)
    }

    @Test("sums of the day and of a supplier's day count what was before, exactly")
    func sums() throws {
        for (per, member) in [("day", "dayBefore"), ("supplier-day", "supplierDayBefore")] {
            let rule = Self.rule(["check": "amount", "per": .string(per), "limits": Self.limits(("1000.00", "EUR"))])
            func found(_ before: String) throws -> [String] {
                let input: JSONObject = [
                    "act": "payment", "amount": "0.01", "currency": "EUR", member: .string(before),
                ]
                return try fired([rule], .object(input))
            }
            #expect(try found("999.99").isEmpty)
            #expect(try found("1000.00") == ["one"])
        }
    }

    @Test("currencies, entities and connections are those that are named; a payment writes through none")
    func allowed() throws {
        func found(_ subject: String, _ value: String, _ input: JSONValue) throws -> Bool {
            try !fired(
                [Self.rule(["check": "allowed", "of": .string(subject), "values": [.string(value)]])], input
            ).isEmpty
        }
        #expect(try found("entity", "DE01", ["act": "posting", "entity": "DE02"]))
        #expect(try !found("entity", "DE01", ["act": "posting", "entity": "DE01"]))
        #expect(try found("entity", "DE01", ["act": "posting"]), "none is named")
        #expect(try found("currency", "EUR", ["act": "payment", "amount": "1", "currency": "GBP"]))
        #expect(try found("connection", "erp", ["act": "posting", "connection": "test"]))
        #expect(try !found("connection", "erp", ["act": "payment"]))
    }

    @Test("an order is needed above the limit only, and an account cools off for whole days")
    func orderAndAccount() throws {
        let order = Self.rule(["check": "order", "limits": Self.limits(("100.00", "EUR"))])
        #expect(try fired([order], ["act": "posting", "amount": "100.01", "currency": "EUR"]) == ["one"])
        #expect(try fired([order], ["act": "posting", "amount": "100.01", "currency": "EUR", "order": true]).isEmpty)
        #expect(try fired([order], ["act": "posting", "amount": "100.00", "currency": "EUR"]).isEmpty)
        let cooling = Self.rule(["check": "cooling-off", "days": 3])
        #expect(try fired([cooling], ["act": "payment", "accountDays": 2]) == ["one"])
        #expect(try fired([cooling], ["act": "payment", "accountDays": 3]).isEmpty)
        #expect(try fired([cooling], ["act": "payment"]).isEmpty)
    }

    @Test("a condition binds where it is true and where it cannot be evaluated, and asks for the invoice")
    func conditions() throws {
        let rule = Self.rule(["check": "condition", "when": "act.kind == 'posting' && invoice.kind == 'self_billed'"])
        #expect(
            try fired([rule], ["act": "posting", "amount": "1", "currency": "EUR", "invoice": ["kind": "self_billed"]]) == ["one"]
        )
        #expect(try fired([rule], ["act": "posting", "amount": "1", "currency": "EUR", "invoice": ["kind": "invoice"]]).isEmpty)
        #expect(try fired([rule], ["act": "posting", "amount": "1", "currency": "EUR", "invoice": [:]]) == ["one"])
        let policy = try #require(parse([rule]).policy)
        let refusal = #expect(throws: Refusal.self) { try policy.decide(["act": "posting"]) }
        #expect(refusal?.reason == "policy.input")
    }

    @Test("marks are found however deep they lie, and what is deeper than that counts as marked")
    func marks() {
        #expect(GuardedAct.isDerived(["a": [["b": ["aiDerived": true]]]]))
        #expect(!GuardedAct.isDerived(["a": [["b": ["aiDerived": false]]], "aiDerived": "true"]))
        var deep: JSONValue = 1
        for _ in 0..<200 { deep = [deep] }
        #expect(GuardedAct.isDerived(deep))
    }

    @Test("the hardest effect is told, with everybody who would have to sign")
    func outcome() throws {
        var soft = Self.rule(["check": "derived"]).object ?? [:]
        soft["id"] = "soft"
        soft["effect"] = "approval"
        soft["role"] = "controller"
        soft["quorum"] = 2
        let policy = try #require(parse([.object(soft), Self.rule(["check": "cooling-off", "days": 3])]).policy)
        let both = try policy.decide(["act": "posting", "derived": true, "accountDays": 0])
        #expect(both.outcome == ["effect": "forbid", "approvals": [["role": "controller", "quorum": 2]]])
        #expect(try policy.decide(["act": "posting", "derived": true]).outcome["effect"] == "approval")
        #expect(try policy.decide(["act": "posting"]).outcome == ["effect": "none", "approvals": []])
    }

    @Test("whatever is wrong in a file has its place and a remedy")
    func located() {
        func pointers(_ more: JSONObject) -> [String] { parse([Self.rule(more)]).issues.map(\.pointer) }
        #expect(pointers(["check": "amounts"]) == ["/rules/0/check"])
        #expect(pointers(["check": "amount", "per": "day"]) == ["/rules/0"])
        #expect(
            pointers(["check": "amount", "per": "week", "limits": Self.limits(("1", "EUR"))]) == ["/rules/0/per"])
        #expect(
            pointers(["check": "amount", "per": "day", "limits": Self.limits(("1.001", "EUR"))])
                == ["/rules/0/limits/0/amount", "/rules/0/limits"])
        #expect(
            pointers(["check": "amount", "per": "day", "limits": Self.limits(("1", "EUR"), ("2", "EUR"))])
                == ["/rules/0/limits/1"])
        #expect(
            pointers(["check": "amount", "per": "day", "limits": Self.limits(("1", "EUX"))]).first == "/rules/0/limits/0/currency"
        )
        #expect(pointers(["check": "allowed", "of": "currency", "values": ["EUR", "EUX"]]) == ["/rules/0/values/1"])
        #expect(pointers(["check": "allowed", "of": "entity"]) == ["/rules/0"])
        #expect(pointers(["check": "cooling-off", "days": 0]) == ["/rules/0/days"])
        #expect(pointers(["check": "condition", "when": "act.knid == 'posting'"]) == ["/rules/0/when"])
        #expect(pointers(["check": "condition", "when": "1 + 1"]) == ["/rules/0/when"])
        #expect(pointers(["check": "derived", "acts": ["postings"]]).first == "/rules/0/acts/0")
        #expect(pointers(["check": "derived", "role": "controller"]) == ["/rules/0/role"])
        #expect(pointers(["check": "derived", "effect": "approval"]) == ["/rules/0"])
        #expect(pointers(["check": "derived", "limits": []]) == ["/rules/0/limits"])
        let twice = parse([Self.rule(["check": "derived"]), Self.rule(["check": "derived"])]).issues
        #expect(twice.map(\.pointer) == ["/rules/1/id"])
        #expect(parse([]).issues.map(\.message) == ["There is no rule."])
    }

    @Test("a lower level may tighten each kind of rule and loosen none")
    func tightening() throws {
        func loosened(_ upper: JSONObject, _ lower: JSONObject) throws -> [String] {
            let above = try #require(parse([Self.rule(upper)]).policy?.guardrails)
            let below = try #require(parse([Self.rule(lower)]).policy?.guardrails)
            return Guardrails.loosenings(of: below, under: above, from: "operator").map(\.pointer)
        }
        func amount(_ limits: JSONValue, per: JSONValue = "day") -> JSONObject {
            ["check": "amount", "per": per, "limits": limits]
        }
        let base = amount(Self.limits(("100.00", "EUR")))
        #expect(try loosened(base, amount(Self.limits(("99.00", "EUR")))).isEmpty)
        #expect(try loosened(base, base).isEmpty)
        #expect(try loosened(base, amount(Self.limits(("100.01", "EUR")))) == ["/rules/0/limits/0/amount"])
        #expect(
            try loosened(base, amount(Self.limits(("1", "EUR"), ("1", "GBP")))) == ["/rules/0/limits/1/currency"])
        #expect(try loosened(base, amount(Self.limits(("1", "EUR")), per: "act")) == ["/rules/0/per"])
        #expect(try loosened(base, ["check": "derived"]) == ["/rules/0/check"])
        let values: JSONObject = ["check": "allowed", "of": "entity", "values": ["A", "B"]]
        #expect(try loosened(values, ["check": "allowed", "of": "entity", "values": ["B"]]).isEmpty)
        #expect(try loosened(values, ["check": "allowed", "of": "entity", "values": ["B", "C"]]) == ["/rules/0/values"])
        let cooling: JSONObject = ["check": "cooling-off", "days": 5]
        #expect(try loosened(cooling, ["check": "cooling-off", "days": 4]) == ["/rules/0/days"])
        #expect(try loosened(cooling, ["check": "cooling-off", "days": 6]).isEmpty)
        #expect(
            try loosened(cooling, ["check": "cooling-off", "days": 6, "acts": ["posting"]]) == ["/rules/0/acts"])
        #expect(try loosened(cooling, ["check": "cooling-off", "days": 6, "effect": "hold"]) == ["/rules/0/effect"])
        let signed: JSONObject = ["check": "derived", "effect": "approval", "role": "controller", "quorum": 2]
        var fewer = signed
        fewer["quorum"] = 1
        #expect(try loosened(signed, fewer) == ["/rules/0/quorum"])
        #expect(try loosened(signed, ["check": "derived", "effect": "hold"]).isEmpty, "nobody can sign it past then")
    }

    @Test("what a new version means is told in sentences")
    func difference() throws {
        let old = try #require(parse([Self.rule(["check": "cooling-off", "days": 5])]).policy)
        let new = try #require(
            parse([Self.rule(["check": "cooling-off", "days": 3, "effect": "hold"])]).policy)
        #expect(
            PolicyDifference.sentences(from: old, to: new) == [
                "Rule `one`: it is 3 days after the supplier's account changed, and was "
                    + "5 days after the supplier's account changed.",
                "Rule `one`: its effect is hold, and was forbid.",
            ])
    }

    @Test("no damage of a file stops the reading: each is told or harmless")
    func damaged() throws {
        let whole: JSONValue = [
            "kind": "guardrails", "name": "house", "version": "1", "title": "House",
            "rules": [
                Self.rule(["check": "amount", "per": "day", "limits": Self.limits(("100.00", "EUR"))]),
                .object([
                    "id": "two", "label": "Two", "effect": "approval", "role": "controller", "quorum": 2, "reason": "So.",
                    "check": "condition", "when": "act.order",
                ]),
            ],
        ]
        let text = whole.text
        var random = SystemRandomNumberGenerator()
        let seed = random.next()
        var state = seed
        for _ in 0..<2000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var bytes = Array(text.utf8)
            bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 24) & 0x7F
            guard let json = try? JSONValue(parsing: bytes) else { continue }  // no JSON is told by the reader of files
            var issues: [AssetIssue] = []
            if let policy = Policy.parse(json, issues: &issues) {
                _ = try? policy.decide(["act": "posting", "amount": "1", "currency": "EUR", "invoice": [:]])
            } else {
                #expect(!issues.isEmpty, "seed \(seed)")
            }
        }
    }
}

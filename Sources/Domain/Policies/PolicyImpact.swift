package import Kernel

/// What a new version of a policy would have decided otherwise, over decisions that were recorded.
///
/// Receipts keep what the old version used, and the new one is asked with just that. What it needs besides is not invented: such
/// a decision counts as one that cannot be told.
package struct PolicyImpact: Sendable {
    package static let examplesMax = 20
    package static let kindsMax = 50

    /// A recorded decision, with what it was about.
    package struct Recorded: Sendable {
        package let receipt: JSONValue
        package let at: Moment
        package let run: String
        package let subject: String
        package let counterparty: String
        package let amount: Money?

        package init(receipt: JSONValue, at: Moment, run: String, subject: String, counterparty: String, amount: Money?) {
            self.receipt = receipt
            self.at = at
            self.run = run
            self.subject = subject
            self.counterparty = counterparty
            self.amount = amount
        }
    }

    private enum Verdict {
        case same
        case changed(JSONValue)
        case refused(Refusal)
        case untold(String)
    }

    /// A decision that would have come out otherwise.
    private struct Example {
        let recorded: Recorded
        let old: JSONValue
        let new: JSONValue
        let rules: [String]
    }

    private let policy: Policy
    /// The versions that decided, by number, for what their columns read.
    private let earlier: [String: Policy]
    package private(set) var decisions = 0
    package private(set) var unchanged = 0
    package private(set) var changed = 0
    package private(set) var refused = 0
    package private(set) var untold = 0
    private var stake: [String: (minor: Int128, count: Int, currency: Currency)] = [:]
    private var kinds: [(old: String, new: String, count: Int)] = []
    private var reasons: [(reason: String, count: Int)] = []
    private var examples: [Example] = []

    package init(of policy: Policy, earlier: [String: Policy]) {
        self.policy = policy
        self.earlier = earlier
    }

    /// Asks the new version about one recorded decision.
    package mutating func add(_ recorded: Recorded) {
        decisions += 1
        let old = recorded.receipt["outcome"] ?? .null
        switch verdict(recorded.receipt, old) {
        case .same: unchanged += 1
        case .untold(let reason):
            untold += 1
            count(reason)
        case .changed(let new):
            changed += 1
            note(recorded, old, new)
        case .refused(let refusal):
            refused += 1
            note(recorded, old, ["refused": .string(refusal.reason)])
        }
    }

    private func verdict(_ receipt: JSONValue, _ old: JSONValue) -> Verdict {
        let inputs = receipt["inputs"] ?? .null
        if case .object(let members) = inputs,
            members.contains(where: { $0.value["fingerprint"] != nil && $0.value.object?.count == 1 })
        {
            return .untold("an input is kept as a fingerprint only")
        }
        if inputs["fingerprint"] != nil { return .untold("the inputs are kept as a fingerprint only") }
        do throws(Refusal) {
            guard let answer = try answer(inputs, receipt["version"]?.string ?? "") else {
                return .untold("the new version asks for what the old one did not use")
            }
            return answer.outcome == old ? .same : .changed(answer.outcome)
        } catch {
            return .refused(error)
        }
    }

    /// Nil when the recorded inputs do not hold all that the policy asks.
    private func answer(_ inputs: JSONValue, _ version: String) throws(Refusal) -> PolicyAnswer? {
        switch policy.body {
        case .decisionTable(let table):
            guard let old = earlier[version], case .decisionTable(let before) = old.body, case .object(let used) = inputs else {
                return nil
            }
            guard let values = try table.values(from: used, of: before) else { return nil }
            return try table.decide(used: values)
        case .approvalMatrix(let matrix): return try matrix.decide(inputs)
        case .tolerances(let table): return try table.decide(inputs)
        case .dutySeparation(let duties): return try duties.decide(inputs)
        case .formula(let formula):
            guard formula.names.given.allSatisfy({ inputs[$0.name] != nil }) else { return nil }
            return try formula.decide(inputs)
        case .guardrails(let rules):
            guard !rules.readsInvoice || inputs["invoice"] != nil else { return nil }
            return try rules.decide(inputs)
        }
    }

    private mutating func count(_ reason: String) {
        if let place = reasons.firstIndex(where: { $0.reason == reason }) {
            reasons[place].count += 1
        } else if reasons.count < PolicyImpact.kindsMax {
            reasons.append((reason: reason, count: 1))
        }
    }

    private mutating func note(_ recorded: Recorded, _ old: JSONValue, _ new: JSONValue) {
        if let amount = recorded.amount {
            let code = amount.currency.code
            let before = stake[code] ?? (minor: 0, count: 0, currency: amount.currency)
            // Two hundred million amounts of the largest size fit.
            stake[code] = (before.minor + Int128(amount.minorUnits.magnitude), before.count + 1, amount.currency)
        }
        let (from, to) = (PolicyImpact.said(old), PolicyImpact.said(new))
        if let place = kinds.firstIndex(where: { $0.old == from && $0.new == to }) {
            kinds[place].count += 1
        } else if kinds.count < PolicyImpact.kindsMax {
            kinds.append((old: from, new: to, count: 1))
        }
        if examples.count < PolicyImpact.examplesMax {
            let rules = (recorded.receipt["rules"]?.array ?? []).compactMap { $0["id"]?.string }
            examples.append(Example(recorded: recorded, old: old, new: new, rules: rules))
        }
    }

    /// An outcome in few words: the signatures of a matrix, else its members.
    package static func said(_ outcome: JSONValue) -> String {
        if let reason = outcome["refused"]?.string { return "refused (\(reason))" }
        if let steps = outcome["steps"]?.array, outcome["signatures"] != nil {
            let signers = steps.map { "\($0["quorum"]?.int ?? 1) × \($0["role"]?.string ?? "")" }
            return signers.isEmpty ? "no signature" : signers.joined(separator: ", then ")
        }
        if let effect = outcome["effect"]?.string, let approvals = outcome["approvals"]?.array {
            guard effect == Guardrails.Effect.approval.rawValue else { return effect == "none" ? "not bound" : effect }
            return approvals.map { "\($0["quorum"]?.int ?? 1) × \($0["role"]?.string ?? "")" }.joined(separator: ", then ")
        }
        guard case .object(let members) = outcome else { return outcome.string ?? outcome.text }
        return members.map { "\($0.key) \($0.value.string ?? $0.value.text)" }.joined(separator: ", ")
    }

    /// The report: counts, the kinds of change, what is at stake by currency, examples, and why some cannot be told.
    package var json: JSONValue {
        [
            "policy": .string(policy.name), "version": .string(policy.version), "decisions": JSONValue(decisions),
            "unchanged": JSONValue(unchanged), "changed": JSONValue(changed), "refused": JSONValue(refused),
            "untold": JSONValue(untold),
            "atStake": .array(
                stake.sorted { $0.key < $1.key }.map { code, sum in
                    [
                        "currency": .string(code), "amount": .string(PolicyImpact.text(sum.minor, sum.currency)),
                        "count": JSONValue(sum.count),
                    ]
                }),
            "kinds": .array(
                kinds.sorted { ($1.count, $0.old, $0.new) < ($0.count, $1.old, $1.new) }.map {
                    ["from": .string($0.old), "to": .string($0.new), "count": JSONValue($0.count)]
                }),
            "untoldReasons": .array(reasons.map { ["reason": .string($0.reason), "count": JSONValue($0.count)] }),
            "examples": .array(
                examples.map { example in
                    .object([
                        "at": JSONValue(example.recorded.at), "run": .string(example.recorded.run),
                        "subject": .string(example.recorded.subject), "counterparty": .string(example.recorded.counterparty),
                        "amount": example.recorded.amount.map { .string($0.description) },
                        "from": .string(PolicyImpact.said(example.old)), "to": .string(PolicyImpact.said(example.new)),
                        "rules": .array(example.rules.map(JSONValue.string)),
                    ])
                }),
        ]
    }

    private static func text(_ minor: Int128, _ currency: Currency) -> String {
        ExactDecimal(mantissa: minor, scale: currency.minorDigits).description
    }
}

extension DecisionTable {
    /// The values of this table's columns out of those that an older version recorded: the same reading has the same value, and
    /// what reads a member of the input is found where the older version read that member. Nil when a column finds nothing.
    func values(from used: JSONObject, of old: DecisionTable) throws(Refusal) -> JSONObject? {
        var input: JSONObject = [:]
        for column in old.inputs {
            guard let value = used[column.name] else { continue }
            for path in ["input.", ""] where column.source.text.hasPrefix(path) {
                let name = String(column.source.text.dropFirst(path.utf8.count))
                if DecisionTable.isMember(name) || names.given.contains(where: { sameBytes($0.name, name) }) {
                    input[name] = value
                }
            }
        }
        var out: JSONObject = [:]
        var scope: FEELContext?
        for column in inputs {
            if let same = old.inputs.first(where: { $0.source.text == column.source.text && $0.type == column.type }),
                let value = used[same.name]
            {
                out[column.name] = value
                continue
            }
            if case .feel(let expression, _) = column.source {
                let needed = names.reach(expression)
                guard needed.allSatisfy({ input[$0] != nil }) else { return nil }
            }
            do throws(Refusal) {
                out[column.name] = try evaluate(column, .object(input), &scope)
            } catch {
                return nil
            }
        }
        return out
    }

    private static func isMember(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0) || $0 == 95 }
    }
}

extension FEELNames {
    /// Given names that an expression reads, by itself or through terms.
    func reach(_ expression: FEELExpression) -> Set<String> {
        var out: Set<String> = []
        var open = Array(expression.freeNames)
        var seen: Set<String> = []
        while let name = open.popLast() {
            guard seen.insert(name).inserted else { continue }
            if let term = terms.first(where: { $0.name == name }) {
                open += term.expression.freeNames
            } else {
                out.insert(name)
            }
        }
        return out
    }
}

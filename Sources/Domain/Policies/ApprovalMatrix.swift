package import Kernel

/// Who has to sign, by amount band, currency, entity, category and risk.
///
/// Rows may not overlap; what no row covers falls to `otherwise`. Amounts are compared by magnitude, so that a credit note
/// needs the signatures of an invoice of its size. Over each combination of the other inputs, a higher amount never needs fewer
/// signatures.
package struct ApprovalMatrix: Sendable {
    package static let rowsMax = 500
    package static let stepsMax = 10
    package static let quorumMax = 10
    static let combinationsMax = 20_000

    package struct Step: Sendable, Equatable {
        package let role: String
        package let quorum: Int
        package let label: String

        package var json: JSONValue { ["role": .string(role), "quorum": JSONValue(quorum), "label": .string(label)] }
    }

    package struct Row: Sendable, Equatable {
        package let id: String
        package let label: String
        /// Values per dimension; an empty list takes any.
        let scopes: [[String]]
        /// Exclusive; nil for none.
        package let over: ExactDecimal?
        /// Inclusive; nil for none.
        package let upTo: ExactDecimal?
        package let steps: [Step]

        package var signatures: Int { steps.reduce(0) { $0 + $1.quorum } }

        func covers(_ values: [String]) -> Bool {
            zip(scopes, values).allSatisfy { $0.isEmpty || $0.contains($1) }
        }

        func covers(_ amount: ExactDecimal) -> Bool {
            (over.map { amount > $0 } ?? true) && (upTo.map { amount <= $0 } ?? true)
        }
    }

    /// The members of a row that name a scope, and the member of the input that each is compared with.
    static let dimensions = ["currencies", "entities", "categories", "risks"]
    static let inputs = ["currency", "entity", "category", "risk"]

    package let rows: [Row]
    package let otherwise: Row

    static func parse(_ reader: AssetReader, issues: inout [AssetIssue]) -> ApprovalMatrix? {
        reader.close(Policy.commonMembers + ["rows", "otherwise"], issues: &issues)
        var rows: [Row] = []
        for item in reader.list("rows", upTo: rowsMax, isRequired: true, issues: &issues) {
            guard let row = AssetReader(item.value, at: item.pointer, "row", issues: &issues) else { continue }
            row.close(["id", "label", "over", "upTo", "steps"] + dimensions, issues: &issues)
            guard let made = parseRow(row, issues: &issues) else { continue }
            if rows.contains(where: { $0.id == made.id }) {
                issues.append(
                    AssetIssue(row.path("id"), "The row `\(made.id)` is written twice.", remedy: "Give each row its own id."))
            }
            rows.append(made)
        }
        guard let rest = reader.object["otherwise"] else {
            reader.missing("otherwise", issues: &issues)
            return nil
        }
        guard let last = AssetReader(rest, at: reader.path("otherwise"), "row", issues: &issues) else { return nil }
        last.close(["label", "steps"], issues: &issues)
        let steps = parseSteps(last, issues: &issues)
        guard let label = last.text("label", issues: &issues) else { return nil }
        let otherwise = Row(id: "otherwise", label: label, scopes: dimensions.map { _ in [] }, over: nil, upTo: nil, steps: steps)
        let matrix = ApprovalMatrix(rows: rows, otherwise: otherwise)
        matrix.check(reader.path("rows"), issues: &issues)
        return matrix
    }

    private static func parseRow(_ row: AssetReader, issues: inout [AssetIssue]) -> Row? {
        let id = row.name("id", issues: &issues)
        let label = row.text("label", issues: &issues)
        let scopes = dimensions.map { row.texts($0, upTo: 200, issues: &issues) }
        for code in scopes[0] where Currency(code) == nil {
            issues.append(
                AssetIssue(row.path("currencies"), "`\(code)` is no currency.", remedy: "Use a code of ISO 4217, such as EUR."))
        }
        let over = bound("over", row, issues: &issues)
        let upTo = bound("upTo", row, issues: &issues)
        if let over, let upTo, over >= upTo {
            issues.append(
                AssetIssue(row.pointer, "The band is empty: `over` is not below `upTo`.", remedy: "Raise `upTo` or lower `over`.")
            )
        }
        let steps = parseSteps(row, issues: &issues)
        guard let id, let label else { return nil }
        return Row(id: id, label: label, scopes: scopes, over: over, upTo: upTo, steps: steps)
    }

    private static func bound(_ name: String, _ row: AssetReader, issues: inout [AssetIssue]) -> ExactDecimal? {
        guard let value = row.object[name] else { return nil }
        guard let text = value.string, let number = ExactDecimal(text), !number.isNegative else {
            issues.append(
                AssetIssue(
                    row.path(name), "`\(name)` has to be an amount in quotes.", remedy: "Write it as text, such as \"1000.00\"."))
            return nil
        }
        return number
    }

    private static func parseSteps(_ row: AssetReader, issues: inout [AssetIssue]) -> [Step] {
        var out: [Step] = []
        for item in row.list("steps", upTo: stepsMax, isRequired: true, issues: &issues) {
            guard let step = AssetReader(item.value, at: item.pointer, "step", issues: &issues) else { continue }
            step.close(["role", "quorum", "label"], issues: &issues)
            let role = step.name("role", issues: &issues)
            let quorum = step.int("quorum", in: 1...quorumMax, otherwise: 1, issues: &issues)
            let label = step.text("label", issues: &issues)
            guard let role, let quorum, let label else { continue }
            out.append(Step(role: role, quorum: quorum, label: label))
        }
        return out
    }

    /// `{amount, currency, entity?, category?, risk?}` gives `{steps, signatures, row}`.
    func decide(_ input: JSONValue) throws(Refusal) -> PolicyAnswer {
        guard let text = input["amount"]?.string, let amount = ExactDecimal(text) else {
            throw Refusal(.invalid, reason: "policy.input", "An approval matrix asks for an amount as decimal text.")
        }
        guard input["currency"]?.string != nil else {
            throw Refusal(.invalid, reason: "policy.input", "An approval matrix asks for a currency.")
        }
        let values = ApprovalMatrix.inputs.map { input[$0]?.string ?? "" }
        let hits = rows.filter { $0.covers(values) && $0.covers(amount.magnitude) }
        guard hits.count <= 1 else {
            throw Refusal(
                .conflict, reason: "policy.conflict", "The rows \(hits.map(\.id).joined(separator: " and ")) both apply.")
        }
        let row = hits.first ?? otherwise
        var used: JSONObject = ["amount": .string(text)]
        for name in ApprovalMatrix.inputs { if let value = input[name] { used[name] = value } }
        return PolicyAnswer(
            outcome: ["steps": .array(row.steps.map(\.json)), "signatures": JSONValue(row.signatures), "row": .string(row.id)],
            rulesFired: [PolicyDecision.Rule(id: row.id, label: row.label)], inputsUsed: .object(used))
    }

    /// Overlaps and falling signatures, over every combination of the scopes that the rows name, and one that they do not.
    private func check(_ pointer: String, issues: inout [AssetIssue]) {
        let values = ApprovalMatrix.dimensions.indices.map { dimension in
            Array(Set(rows.flatMap { $0.scopes[dimension] })).sorted() + [""]
        }
        guard values.reduce(1, { $0 * $1.count }) <= ApprovalMatrix.combinationsMax else {
            issues.append(
                AssetIssue(
                    pointer, "The matrix has too many combinations to be checked.", remedy: "Split it into several policies."))
            return
        }
        var reported: Set<String> = []
        var combination = Array(repeating: 0, count: values.count)
        while true {
            let scope = zip(values, combination).map { $0[$1] }
            for (key, issue) in problems(of: scope, pointer) where reported.insert(key).inserted { issues.append(issue) }
            var place = 0
            while place < combination.count {
                combination[place] += 1
                if combination[place] < values[place].count { break }
                combination[place] = 0
                place += 1
            }
            if place == combination.count { return }
        }
    }

    private func problems(of scope: [String], _ pointer: String) -> [(String, AssetIssue)] {
        let own = rows.filter { $0.covers(scope) }
        var out: [(String, AssetIssue)] = []
        // Between two neighbouring bounds nothing changes, so each bound stands for the band below it, and nil for all above.
        let bounds = Set(own.flatMap { [$0.over, $0.upTo].compactMap { $0 } } + [.zero])
        var previous: Row?
        for probe in bounds.sorted().map(Optional.some) + [nil] {
            let hits = own.filter { row in probe.map { row.covers($0) } ?? (row.upTo == nil) }
            if hits.count > 1 {
                let names = hits.map(\.id).joined(separator: "` and `")
                out.append(
                    (
                        "overlap \(names)",
                        AssetIssue(
                            pointer, "The rows `\(names)` overlap.",
                            remedy: "Let one band start (`over`) where the other ends (`upTo`).")
                    ))
            }
            let row = hits.first ?? otherwise
            if let before = previous, row.signatures < before.signatures {
                out.append(
                    (
                        "falling \(before.id) \(row.id)",
                        AssetIssue(
                            pointer,
                            "A higher amount needs fewer signatures: `\(row.id)` asks for \(row.signatures), "
                                + "`\(before.id)` below it for "
                                + "\(before.signatures).", remedy: "Ask for at least as many signatures in the higher band.")
                    ))
            }
            previous = row
        }
        return out
    }
}

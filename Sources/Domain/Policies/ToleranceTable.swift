package import Kernel

/// How far an invoice may differ from its order and receipts: versioned rows, the most specific scope wins.
///
/// A limit that is null is not checked; a limit of 0 lets nothing pass. The two are never the same.
package struct ToleranceTable: Sendable {
    package static let rowsMax = 500

    package enum Direction: String, Sendable, CaseIterable { case over, under, both }
    package enum Combine: String, Sendable, CaseIterable { case any, all }
    package enum Outcome: String, Sendable, CaseIterable { case pass, hold, reject }

    package struct Row: Sendable, Equatable {
        package let id: String
        package let label: String
        package let check: String
        /// Values by scope name; a name that is absent takes any.
        package let scope: [String: String]
        package let direction: Direction
        /// In minor units of the document's currency; nil is not checked.
        package let absoluteMinor: Int64?
        /// Per cent as decimal; nil is not checked.
        package let percent: ExactDecimal?
        /// With `any`, either limit that is passed is a variance; with `all`, only both.
        package let combine: Combine
        package let action: Outcome

        package func json(policy: String, version: String) -> JSONValue {
            [
                "id": .string(id), "label": .string(label), "policy": .string(policy), "version": .string(version), "check": .string(check),
                "scope": .object(JSONObject(scope.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) })),
                "direction": .string(direction.rawValue), "absMinor": absoluteMinor.map { JSONValue($0) } ?? .null,
                "pct": percent.map { .string($0.description) } ?? .null, "combine": .string(combine.rawValue),
                "action": .string(action.rawValue),
            ]
        }
    }

    package static let scopes = ["tenant", "entity", "supplier", "category", "currency"]
    /// Price per unit, quantity against the order, quantity against receipts, line amount, document total.
    package static let checks = ["price", "quantity-ordered", "quantity-received", "line-amount", "total"]

    package let rows: [Row]

    static func parse(_ reader: AssetReader, issues: inout [AssetIssue]) -> ToleranceTable? {
        reader.close(Policy.commonMembers + ["rows"], issues: &issues)
        var rows: [Row] = []
        for item in reader.list("rows", upTo: rowsMax, isRequired: true, issues: &issues) {
            guard let row = AssetReader(item.value, at: item.pointer, "row", issues: &issues),
                let made = parseRow(row, issues: &issues)
            else { continue }
            if rows.contains(where: { $0.id == made.id }) {
                issues.append(AssetIssue(row.path("id"), "The row `\(made.id)` is written twice.", remedy: "Give each row its own id."))
            }
            if rows.contains(where: { $0.check == made.check && $0.scope == made.scope && $0.direction == made.direction }) {
                issues.append(AssetIssue(row.pointer, "Another row has the same check, scope and direction.", remedy: "Keep one of them."))
            }
            rows.append(made)
        }
        return ToleranceTable(rows: rows)
    }

    private static func parseRow(_ row: AssetReader, issues: inout [AssetIssue]) -> Row? {
        row.close(["id", "label", "check", "scope", "direction", "absMinor", "pct", "combine", "action"], issues: &issues)
        let id = row.name("id", issues: &issues)
        let label = row.text("label", issues: &issues)
        let check = row.text("check", issues: &issues)
        if let check, !checks.contains(check) {
            let near = AssetReader.nearest(to: check, among: checks)
            issues.append(
                AssetIssue(
                    row.path("check"), "There is no check `\(check)`.",
                    remedy: near.map { "Did you mean `\($0)`?" } ?? "Use one of: \(checks.joined(separator: ", "))."))
        }
        var scope: [String: String] = [:]
        if let value = row.object["scope"], let members = AssetReader(value, at: row.path("scope"), "scope", issues: &issues) {
            members.close(scopes, issues: &issues)
            for name in scopes { scope[name] = members.optionalText(name, issues: &issues) }
        }
        let direction = row.choice("direction", Direction.self, otherwise: .over, issues: &issues)
        let combine = row.choice("combine", Combine.self, otherwise: .any, issues: &issues)
        let action = row.choice("action", Outcome.self, otherwise: .hold, issues: &issues)
        var absolute: Int64?
        if let value = row.object["absMinor"], value != .null {
            absolute = value.int64
            if absolute == nil || absolute ?? 0 < 0 {
                issues.append(AssetIssue(row.path("absMinor"), "`absMinor` counts minor units, or is null.", remedy: "Write 500 for 5.00 EUR."))
            }
        }
        var percent: ExactDecimal?
        if let value = row.object["pct"], value != .null {
            percent = value.string.flatMap { ExactDecimal($0) }
            if percent.map(\.isNegative) ?? true {
                issues.append(AssetIssue(row.path("pct"), "`pct` is a per cent in quotes, or null.", remedy: "Write \"2.5\"."))
            }
        }
        guard let id, let label, let check, let direction, let combine, let action else { return nil }
        return Row(
            id: id, label: label, check: check, scope: scope, direction: direction, absoluteMinor: absolute, percent: percent,
            combine: combine, action: action)
    }

    /// The row of a check for a scope: the one that names most; among equals the one written first.
    package func row(for check: String, scope: [String: String]) -> Row? {
        var best: Row?
        for row in rows where row.check == check && row.scope.allSatisfy({ scope[$0.key] == $0.value }) {
            if best.map({ row.scope.count > $0.scope.count }) ?? true { best = row }
        }
        return best
    }

    /// The rows as the matching takes them.
    package func json(policy: String, version: String) -> JSONValue {
        .array(rows.map { $0.json(policy: policy, version: version) })
    }

    /// For tests and previews: `{check, entity?, supplier?, …}` gives the limits of the row that applies.
    func decide(_ input: JSONValue) throws(Refusal) -> PolicyAnswer {
        guard let check = input["check"]?.string else {
            throw Refusal(.invalid, reason: "policy.input", "Tolerances ask for the name of a check.")
        }
        var scope: [String: String] = [:]
        for name in ToleranceTable.scopes { scope[name] = input[name]?.string }
        guard let row = row(for: check, scope: scope) else {
            return PolicyAnswer(outcome: ["checked": false], rulesFired: [], inputsUsed: input)
        }
        return PolicyAnswer(
            outcome: [
                "checked": true, "direction": .string(row.direction.rawValue), "absMinor": row.absoluteMinor.map { JSONValue($0) } ?? .null,
                "pct": row.percent.map { .string($0.description) } ?? .null, "action": .string(row.action.rawValue),
            ], rulesFired: [PolicyDecision.Rule(id: row.id, label: row.label)], inputsUsed: input)
    }
}

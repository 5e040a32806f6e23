package import Finance
import Kernel

/// How far an invoice may differ from its order and receipts: versioned rows, the most specific scope wins.
///
/// A limit that is absent or null is not checked; a limit of 0 lets nothing pass. The two are never the same.
package struct ToleranceTable: Sendable {
    package static let rowsMax = 500

    package struct Row: Sendable, Equatable {
        package let label: String
        package let tolerance: Tolerance
    }

    static let scopes = ["entity", "supplier", "category", "currency"]

    package let rows: [Row]

    /// What the matching takes.
    package var tolerances: [Tolerance] { rows.map(\.tolerance) }

    static func parse(_ reader: AssetReader, issues: inout [AssetIssue]) -> ToleranceTable? {
        reader.close(Policy.commonMembers + ["rows"], issues: &issues)
        var rows: [Row] = []
        for item in reader.list("rows", upTo: rowsMax, isRequired: true, issues: &issues) {
            guard let row = AssetReader(item.value, at: item.pointer, "row", issues: &issues),
                let made = parseRow(row, issues: &issues)
            else { continue }
            let tolerance = made.tolerance
            if rows.contains(where: { $0.tolerance.id == tolerance.id && $0.tolerance.version == tolerance.version }) {
                issues.append(
                    AssetIssue(row.path("id"), "The row `\(tolerance.id)` is written twice.", remedy: "Give each row its own id.")
                )
            } else if rows.contains(where: { isRival($0.tolerance, tolerance) }) {
                issues.append(
                    AssetIssue(
                        row.pointer, "Another row has the same check, scope, direction and version.", remedy: "Keep one of them.")
                )
            }
            rows.append(made)
        }
        return ToleranceTable(rows: rows)
    }

    private static func isRival(_ left: Tolerance, _ right: Tolerance) -> Bool {
        left.check == right.check && left.scope == right.scope && left.version == right.version
            && (left.direction == right.direction || left.direction == .both || right.direction == .both)
    }

    private static func parseRow(_ row: AssetReader, issues: inout [AssetIssue]) -> Row? {
        row.close(
            ["id", "version", "label", "check", "scope", "direction", "absMinor", "pct", "combine", "action"], issues: &issues)
        let id = row.name("id", issues: &issues)
        let version = row.int("version", in: 1...1_000_000, otherwise: 1, issues: &issues)
        let label = row.text("label", issues: &issues)
        let check = row.choice("check", Tolerance.Check.self, otherwise: nil, issues: &issues)
        let direction = row.choice("direction", Tolerance.Direction.self, otherwise: .over, issues: &issues)
        let combine = row.choice("combine", Tolerance.Combine.self, otherwise: .any, issues: &issues)
        let action = row.choice("action", Tolerance.Action.self, otherwise: .hold, issues: &issues)
        let scope = parseScope(row, issues: &issues)
        var absolute: Int64?
        if let value = row.object["absMinor"], value != .null {
            absolute = value.int64
            if absolute.map({ $0 < 0 }) ?? true {
                issues.append(
                    AssetIssue(
                        row.path("absMinor"), "`absMinor` counts minor units, or is null.", remedy: "Write 500 for 5.00 EUR."))
            }
        }
        var percent: ExactDecimal?
        if let value = row.object["pct"], value != .null {
            percent = value.string.flatMap { ExactDecimal($0) }
            if percent.map(\.isNegative) ?? true {
                issues.append(AssetIssue(row.path("pct"), "`pct` is a per cent in quotes, or null.", remedy: "Write \"2.5\"."))
            }
        }
        guard let id, let version, let label, let check, let direction, let combine, let action else { return nil }
        return Row(
            label: label,
            tolerance: Tolerance(
                id: id, version: version, scope: scope, check: check, direction: direction, absMinor: absolute, pct: percent,
                combine: combine, action: action))
    }

    private static func parseScope(_ row: AssetReader, issues: inout [AssetIssue]) -> Tolerance.Scope {
        var scope = Tolerance.Scope()
        guard let value = row.object["scope"], let members = AssetReader(value, at: row.path("scope"), "scope", issues: &issues)
        else {
            return scope
        }
        members.close(scopes, issues: &issues)
        scope.entity = members.optionalText("entity", issues: &issues)
        scope.supplier = members.optionalText("supplier", issues: &issues)
        scope.category = members.optionalText("category", issues: &issues)
        if let code = members.optionalText("currency", issues: &issues) {
            scope.currency = Currency(code)
            if scope.currency == nil {
                issues.append(
                    AssetIssue(
                        members.path("currency"), "`\(code)` is no currency.", remedy: "Use a code of ISO 4217, such as EUR."))
            }
        }
        return scope
    }

    /// For tests and previews: `{check, direction?, entity?, supplier?, category?, currency?}` gives the limits of the row that
    /// applies. The weights are those of the matching: a supplier outweighs all else, then category, entity, currency.
    func decide(_ input: JSONValue) throws(Refusal) -> PolicyAnswer {
        guard let check = input["check"]?.string.flatMap(Tolerance.Check.init(rawValue:)) else {
            throw Refusal(.invalid, reason: "policy.input", "Tolerances ask for the name of a check.")
        }
        let isOver = input["direction"]?.string != "under"
        var best: (row: Row, rank: Int)?
        for row in rows where row.tolerance.check == check {
            let direction = row.tolerance.direction
            guard direction == .both || (direction == .over) == isOver, let rank = ToleranceTable.rank(row.tolerance.scope, input)
            else { continue }
            if best.map({ (rank, row.tolerance.version) > ($0.rank, $0.row.tolerance.version) }) ?? true { best = (row, rank) }
        }
        guard let row = best?.row else { return PolicyAnswer(outcome: ["row": .null], rulesFired: [], inputsUsed: input) }
        return PolicyAnswer(
            outcome: [
                "row": .string(row.tolerance.id), "absMinor": row.tolerance.absMinor.map { JSONValue($0) } ?? .null,
                "pct": row.tolerance.pct.map { .string($0.description) } ?? .null,
                "action": .string(row.tolerance.action.rawValue),
            ], rulesFired: [PolicyDecision.Rule(id: row.tolerance.id, label: row.label)], inputsUsed: input)
    }

    private static func rank(_ scope: Tolerance.Scope, _ input: JSONValue) -> Int? {
        var rank = 0
        for (wanted, name, weight) in [
            (scope.supplier, "supplier", 8), (scope.category, "category", 4), (scope.entity, "entity", 2),
            (scope.currency?.code, "currency", 1),
        ] {
            guard let wanted else { continue }
            guard input[name]?.string == wanted else { return nil }
            rank += weight
        }
        return rank
    }
}

import Finance
import Kernel

/// What changed between two versions of a policy, in words about rules, thresholds and approvers instead of members and lists.
package enum PolicyDifference {
    package static let sentencesMax = 200

    /// Sentences in the order of the new version, then what is gone; empty when nothing that decides has changed.
    package static func sentences(from old: Policy, to new: Policy) -> [String] {
        let found: [String]
        switch (old.body, new.body) {
        case (.decisionTable(let before), .decisionTable(let after)): found = tables(before, after)
        case (.approvalMatrix(let before), .approvalMatrix(let after)): found = matrices(before, after)
        case (.tolerances(let before), .tolerances(let after)): found = tolerances(before, after)
        case (.dutySeparation(let before), .dutySeparation(let after)): found = duties(before, after)
        case (.formula(let before), .formula(let after)):
            found = before.text == after.text ? [] : ["The formula becomes `\(after.text)`; it was `\(before.text)`."]
        case (.guardrails(let before), .guardrails(let after)): found = guardrails(before, after)
        default: found = ["The policy becomes \(article(new.kind)); it was \(article(old.kind))."]
        }
        return Array(found.prefix(sentencesMax))
    }

    private static func article(_ kind: Policy.Kind) -> String {
        switch kind {
        case .decisionTable: "a decision table"
        case .approvalMatrix: "an approval matrix"
        case .tolerances: "a table of tolerances"
        case .dutySeparation: "a list of duties to keep apart"
        case .formula: "a formula"
        case .guardrails: "a set of guardrails"
        }
    }

    /// Entries by id: added ones, changed ones, removed ones.
    static func entries<Entry>(
        _ what: String, _ old: [Entry], _ new: [Entry], id: (Entry) -> String, label: (Entry) -> String,
        changes: (Entry, Entry) -> [String]
    ) -> [String] {
        var out: [String] = []
        for entry in new {
            guard let before = old.first(where: { id($0) == id(entry) }) else {
                out.append("\(what) `\(id(entry))` is new: \(label(entry)).")
                continue
            }
            out += changes(before, entry).map { "\(what) `\(id(entry))`: \($0)." }
        }
        for entry in old where !new.contains(where: { id($0) == id(entry) }) {
            out.append("\(what) `\(id(entry))` is gone: \(label(entry)).")
        }
        let kept = new.map(id).filter { known in old.contains { id($0) == known } }
        let before = old.map(id).filter { known in kept.contains(known) }
        if kept != before { out.append("The order changes to \(kept.map { "`\($0)`" }.joined(separator: ", ")).") }
        return out
    }

    // MARK: Decision tables

    private static func tables(_ old: DecisionTable, _ new: DecisionTable) -> [String] {
        var out: [String] = []
        if old.hitPolicy != new.hitPolicy {
            out.append("Of several rules that apply, \(new.hitPolicy.rawValue) counts; it was \(old.hitPolicy.rawValue).")
        }
        if old.aggregate != new.aggregate {
            out.append("The outcomes are collected as \(new.aggregate.rawValue); it was \(old.aggregate.rawValue).")
        }
        for input in new.inputs {
            guard let before = old.inputs.first(where: { $0.name == input.name }) else {
                out.append("It asks for `\(input.name)` too.")
                continue
            }
            if before.source.text != input.source.text {
                out.append("`\(input.name)` reads `\(input.source.text)`; it was `\(before.source.text)`.")
            }
            if before.type != input.type {
                out.append("`\(input.name)` is a \(input.type.rawValue); it was a \(before.type.rawValue).")
            }
            out += words(of: input.name, before.values, input.values)
        }
        for input in old.inputs where !new.inputs.contains(where: { $0.name == input.name }) {
            out.append("It no longer asks for `\(input.name)`.")
        }
        out += entries("Rule", old.rules, new.rules, id: \.id, label: \.label) { before, after in
            rule(before, after, old, new)
        }
        if old.otherwise != new.otherwise {
            let said = new.otherwise.map { "gives \(JSONValue.object($0).text)" } ?? "is refused"
            out.append("What no rule covers \(said).")
        }
        return out
    }

    private static func words(of name: String, _ old: [String]?, _ new: [String]?) -> [String] {
        guard old != new else { return [] }
        guard let new else { return ["`\(name)` can be any text."] }
        return ["`\(name)` can be \(new.joined(separator: ", "))."]
    }

    private static func rule(
        _ before: DecisionTable.Rule, _ after: DecisionTable.Rule, _ old: DecisionTable, _ new: DecisionTable
    ) -> [String] {
        var out: [String] = []
        for (number, input) in new.inputs.enumerated() {
            let place = old.inputs.firstIndex { $0.name == input.name }
            let earlier = place.map { before.cells[$0] } ?? .any
            let later = after.cells[number]
            guard earlier != later else { continue }
            out.append("\(input.name) has to be \(later.text(input.type)), and was \(earlier.text(input.type))")
        }
        for output in new.outputs {
            let (earlier, later) = (before.outcome[output.name], after.outcome[output.name])
            if earlier != later {
                out.append("\(output.name) is \(later?.text ?? "nothing"), and was \(earlier?.text ?? "nothing")")
            }
        }
        return out
    }

    // MARK: Approval matrices

    private static func matrices(_ old: ApprovalMatrix, _ new: ApprovalMatrix) -> [String] {
        entries("Band", old.rows, new.rows, id: \.id, label: { "\($0.label); \(signers($0))" }, changes: row)
            + row(old.otherwise, new.otherwise).map { "What no band covers: \($0)." }
    }

    private static func row(_ old: ApprovalMatrix.Row, _ new: ApprovalMatrix.Row) -> [String] {
        var out: [String] = []
        if old.over != new.over {
            out.append("it starts over \(new.over?.description ?? "nothing"), and did over \(old.over?.description ?? "nothing")")
        }
        if old.upTo != new.upTo {
            out.append("it ends at \(new.upTo?.description ?? "no amount"), and did at \(old.upTo?.description ?? "no amount")")
        }
        for (number, name) in ApprovalMatrix.dimensions.enumerated() where old.scopes[number] != new.scopes[number] {
            func listed(_ values: [String]) -> String { values.isEmpty ? "all" : values.joined(separator: ", ") }
            out.append("\(name) are \(listed(new.scopes[number])), and were \(listed(old.scopes[number]))")
        }
        if old.steps.map(\.role) != new.steps.map(\.role) || old.steps.map(\.quorum) != new.steps.map(\.quorum) {
            out.append("it asks for \(signers(new)), and asked for \(signers(old))")
        }
        return out
    }

    private static func signers(_ row: ApprovalMatrix.Row) -> String {
        row.steps.isEmpty ? "no signature" : row.steps.map { "\($0.quorum) × \($0.role)" }.joined(separator: ", then ")
    }

    // MARK: Tolerances and duties

    private static func tolerances(_ old: ToleranceTable, _ new: ToleranceTable) -> [String] {
        entries("Tolerance", old.rows, new.rows, id: \.tolerance.id, label: \.label) { before, after in
            var out: [String] = []
            let (earlier, later) = (before.tolerance, after.tolerance)
            func limit(_ value: Int64?) -> String { value.map { "\($0) minor units" } ?? "no limit" }
            func percent(_ value: ExactDecimal?) -> String { value.map { "\($0) per cent" } ?? "no limit" }
            if earlier.absMinor != later.absMinor {
                out.append("it is \(limit(later.absMinor)), and was \(limit(earlier.absMinor))")
            }
            if earlier.pct != later.pct { out.append("it is \(percent(later.pct)), and was \(percent(earlier.pct))") }
            if earlier.action != later.action {
                out.append("beyond it, the invoice is to \(later.action.rawValue), and was to \(earlier.action.rawValue)")
            }
            if earlier.check != later.check || earlier.direction != later.direction || earlier.combine != later.combine {
                out.append(
                    "it checks \(later.check.rawValue) \(later.direction.rawValue), and did \(earlier.check.rawValue) "
                        + "\(earlier.direction.rawValue), with \(later.combine.rawValue) limit exceeded")
            }
            if earlier.scope != later.scope { out.append("it holds for others than before") }
            return out
        }
    }

    private static func duties(_ old: DutySeparation, _ new: DutySeparation) -> [String] {
        entries(
            "Rule", old.rules, new.rules, id: \.id, label: { "who does \($0.duty) may not do \($0.conflicts)" }
        ) { before, after in
            var out: [String] = []
            if before.duty != after.duty || before.conflicts != after.conflicts {
                out.append("it keeps \(after.duty) from \(after.conflicts), and kept \(before.duty) from \(before.conflicts)")
            }
            if before.mode != after.mode { out.append("it is \(after.mode.rawValue), and was \(before.mode.rawValue)") }
            if before.severity != after.severity {
                out.append("its severity is \(after.severity.rawValue), and was \(before.severity.rawValue)")
            }
            return out
        }
    }
}

extension CellTest {
    /// As a cell is written, for people.
    func text(_ type: ColumnType) -> String {
        func number(_ value: ExactDecimal) -> String {
            guard type == .date, let days = value.wholeNumber else { return value.description }
            return CivilDate(daysSince1970: Int(days)).description
        }
        func part(_ interval: Interval) -> String {
            switch (interval.low, interval.high) {
            case (nil, nil): ""
            case (let low?, nil): (low.isClosed ? ">= " : "> ") + number(low.value)
            case (nil, let high?): (high.isClosed ? "<= " : "< ") + number(high.value)
            case (let low?, let high?):
                low.value == high.value
                    ? number(low.value)
                    : (low.isClosed ? "[" : "(") + number(low.value) + ".." + number(high.value) + (high.isClosed ? "]" : ")")
            }
        }
        func listed(_ parts: [String], _ isNegated: Bool) -> String {
            isNegated ? "not(\(parts.joined(separator: ", ")))" : parts.joined(separator: ", ")
        }
        switch self {
        case .any: return "anything"
        case .flag(let flag): return "\(flag)"
        case .words(let words, let isNegated): return listed(words, isNegated)
        case .ordered(let intervals, let isNegated): return listed(intervals.map(part), isNegated)
        case .money(let sums, let isNegated):
            return listed(sums.map { "\(part($0.interval)) \($0.currency)".trimmed }, isNegated)
        }
    }
}

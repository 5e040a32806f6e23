import Kernel

/// The promise of a table that an outcome never falls (or never rises) while one input rises and all others stay.
///
/// It is checked at publish time over every combination of pieces of the other columns, so it holds for all inputs.
struct Monotone: Sendable, Equatable {
    static let promisesMax = 10

    enum Direction: String, CaseIterable { case rising, falling }

    /// Places in the lists of columns.
    let input: Int
    let output: Int
    let isRising: Bool

    static func parse(
        _ reader: AssetReader, _ inputs: [DecisionTable.Input], _ outputs: [DecisionTable.Output],
        _ hitPolicy: DecisionTable.HitPolicy, issues: inout [AssetIssue]
    ) -> [Monotone] {
        var out: [Monotone] = []
        for item in reader.list("monotone", upTo: promisesMax, isRequired: false, issues: &issues) {
            guard let one = AssetReader(item.value, at: item.pointer, "promise", issues: &issues) else { continue }
            one.close(["input", "output", "direction"], issues: &issues)
            if !hitPolicy.isSingle {
                issues.append(
                    AssetIssue(
                        one.pointer, "Only a table with one outcome can promise this.", remedy: "Remove `monotone`, or use FIRST."
                    ))
            }
            let direction = one.choice("direction", Direction.self, otherwise: .rising, issues: &issues)
            guard let asked = place("input", one, inputs.map(\.name), issues: &issues),
                let answered = place("output", one, outputs.map(\.name), issues: &issues), let direction
            else { continue }
            if ![.decimal, .date, .money].contains(inputs[asked].type) {
                issues.append(
                    AssetIssue(
                        one.path("input"), "`\(inputs[asked].name)` has no order.",
                        remedy: "Name a column of numbers, dates or money."))
            }
            out.append(Monotone(input: asked, output: answered, isRising: direction == .rising))
        }
        return out
    }

    private static func place(
        _ member: String, _ reader: AssetReader, _ names: [String], issues: inout [AssetIssue]
    ) -> Int? {
        guard let name = reader.text(member, issues: &issues) else { return nil }
        if let place = names.firstIndex(where: { sameBytes($0, name) }) { return place }
        let near = AssetReader.nearest(to: name, among: names).map { "Did you mean `\($0)`?" }
        issues.append(
            AssetIssue(
                reader.path(member), "There is no \(member) `\(name)`.",
                remedy: near ?? "Use one of: \(names.joined(separator: ", "))."))
        return nil
    }

    /// Numbers by size, flags with false first, other outcomes by their place in the output's `values`, the last being the
    /// highest.
    func isBroken(from lower: JSONValue, to higher: JSONValue, _ output: DecisionTable.Output) -> Bool {
        func order() -> Int? {
            if let values = output.values, let first = values.firstIndex(of: lower), let second = values.firstIndex(of: higher) {
                return first - second
            }
            if let first = CellValue(lower, .decimal), let second = CellValue(higher, .decimal),
                case (.ordered(let left), .ordered(let right)) = (first, second)
            {
                return left == right ? 0 : (left < right ? -1 : 1)
            }
            if let first = lower.bool, let second = higher.bool { return first == second ? 0 : (first ? 1 : -1) }
            return nil
        }
        return order().map { isRising ? $0 > 0 : $0 < 0 } ?? (lower != higher)
    }
}

extension DecisionTable {
    /// The one outcome of the rules that apply; nil when there is none, or when the table gives a list.
    func outcome(of hits: [Rule]) -> JSONObject? {
        guard hitPolicy.isSingle else { return nil }
        if hitPolicy == .priority { return ranked(hits).first?.outcome ?? otherwise }
        return hits.first?.outcome ?? otherwise
    }

    /// The places of a rule's outcomes in their lists of values.
    func ranks(of rule: Rule) -> [Int] {
        outputs.map { output in
            guard let values = output.values, let value = rule.outcome[output.name] else { return 0 }
            return values.firstIndex(of: value) ?? values.count
        }
    }

    func ranks(_ number: Int) -> [Int] { ranks(of: rules[number]) }
}

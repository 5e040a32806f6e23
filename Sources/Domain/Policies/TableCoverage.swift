import Kernel

/// Proves what a decision table covers, exactly: every column is cut where some cell changes its answer, and each piece stands
/// for all values in it.
///
/// Finds gaps, overlaps (UNIQUE), contradictions (ANY) and rules that can never apply (FIRST, PRIORITY). Pieces with the same
/// remaining rules are looked at once, which keeps real tables cheap; `visitsMax` bounds the rest.
struct TableCoverage {
    static let visitsMax = 200_000
    static let issuesMax = 10

    /// A piece of a column and how to call it.
    private struct Piece {
        let name: String
        let takes: (CellTest) -> Bool
    }

    private struct Spot: Hashable {
        let column: Int
        let alive: [Int]
    }

    private let table: DecisionTable
    private let columns: [[Piece]]
    private var seen: Set<Spot> = []
    private var visits = 0
    private var reached: Set<Int> = []
    private var found: [(message: String, remedy: String)] = []

    init(_ table: DecisionTable) {
        self.table = table
        columns = table.inputs.indices.map { column in
            TableCoverage.pieces(of: table.inputs[column], cells: table.rules.map { $0.cells[column] })
        }
    }

    func check(_ pointer: String, issues: inout [AssetIssue]) {
        var run = self
        run.visit(column: 0, alive: Array(table.rules.indices), path: [])
        if run.visits >= TableCoverage.visitsMax {
            issues.append(
                AssetIssue(
                    pointer, "The table is too large to prove that it covers everything.", remedy: "Split it into several tables."
                ))
            return
        }
        for problem in run.found.prefix(TableCoverage.issuesMax) {
            issues.append(AssetIssue(pointer, problem.message, remedy: problem.remedy))
        }
        for (number, rule) in table.rules.enumerated() where !run.reached.contains(number) {
            issues.append(
                AssetIssue(
                    "\(pointer)/\(number)", "The rule `\(rule.id)` can never apply.",
                    remedy: "Remove it, or narrow what stands before it."))
        }
    }

    private mutating func visit(column: Int, alive: [Int], path: [String]) {
        visits += 1
        guard visits < TableCoverage.visitsMax, seen.insert(Spot(column: column, alive: alive)).inserted else { return }
        guard !alive.isEmpty else {
            if table.otherwise == nil, table.hitPolicy != .collect, table.hitPolicy != .ruleOrder, table.hitPolicy != .outputOrder
            {
                report("No rule applies when \(describe(path)).", "Add a rule, or an `otherwise`.")
            }
            return
        }
        guard column < columns.count else {
            settle(alive, path)
            return
        }
        for piece in columns[column] {
            let left = alive.filter { piece.takes(table.rules[$0].cells[column]) }
            visit(column: column + 1, alive: left, path: path + ["\(table.inputs[column].name) is \(piece.name)"])
        }
    }

    private mutating func settle(_ alive: [Int], _ path: [String]) {
        switch table.hitPolicy {
        case .unique:
            reached.formUnion(alive)
            guard alive.count > 1 else { return }
            let names = alive.map { table.rules[$0].id }.joined(separator: "` and `")
            report("The rules `\(names)` both apply when \(describe(path)).", "Narrow one of them, or use FIRST or PRIORITY.")
        case .any:
            reached.formUnion(alive)
            guard let first = alive.first, !alive.allSatisfy({ table.rules[$0].outcome == table.rules[first].outcome }) else {
                return
            }
            let names = alive.map { table.rules[$0].id }.joined(separator: "` and `")
            report(
                "The rules `\(names)` contradict each other when \(describe(path)).", "Give them the same outcome, or narrow one."
            )
        case .first: reached.insert(alive[0])
        case .priority, .collect, .ruleOrder, .outputOrder: reached.formUnion(alive)
        }
    }

    private mutating func report(_ message: String, _ remedy: String) {
        if found.count < TableCoverage.issuesMax { found.append((message, remedy)) }
    }

    private func describe(_ path: [String]) -> String { path.isEmpty ? "anything is given" : path.joined(separator: " and ") }

    private static func pieces(of input: DecisionTable.Input, cells: [CellTest]) -> [Piece] {
        switch input.type {
        case .bool: return [true, false].map { flag in Piece(name: "\(flag)", takes: { $0.takes(.flag(flag)) }) }
        case .string:
            if let values = input.values {
                return values.map { word in Piece(name: "\"\(word)\"", takes: { $0.takes(.word(word)) }) }
            }
            var words: [String] = []
            for case .words(let listed, _) in cells { for word in listed where !words.contains(word) { words.append(word) } }
            let named = words.map { word in Piece(name: "\"\(word)\"", takes: { $0.takes(.word(word)) }) }
            return named + [Piece(name: "anything else", takes: takesUnnamedWord)]
        case .decimal, .date: return orderedPieces(input, cells)
        }
    }

    private static func takesUnnamedWord(_ cell: CellTest) -> Bool {
        switch cell {
        case .any: true
        case .words(_, let isNegated): isNegated
        case .ordered, .flag: false
        }
    }

    /// Points where some cell changes, and the open stretches between them.
    private static func orderedPieces(_ input: DecisionTable.Input, _ cells: [CellTest]) -> [Piece] {
        var points: Set<ExactDecimal> = []
        for case .ordered(let intervals, _) in cells {
            for interval in intervals { points.formUnion([interval.low?.value, interval.high?.value].compactMap { $0 }) }
        }
        let sorted = points.sorted()
        func text(_ value: ExactDecimal) -> String {
            guard input.type == .date, let days = value.wholeNumber else { return value.description }
            return CivilDate(daysSince1970: Int(days)).description
        }
        var pieces: [Piece] = []
        var below: ExactDecimal?
        for point in sorted {
            let low = below
            // Dates are whole days, so there may be nothing between two points.
            let isEmpty = input.type == .date && low?.wholeNumber.map { $0 + 1 } == point.wholeNumber
            if !isEmpty {
                let name = low.map { "between \(text($0)) and \(text(point))" } ?? "below \(text(point))"
                pieces.append(Piece(name: name, takes: { takesStretch($0, from: low, to: point) }))
            }
            pieces.append(Piece(name: text(point), takes: { $0.takes(.ordered(point)) }))
            below = point
        }
        let last = below
        pieces.append(
            Piece(name: last.map { "above \(text($0))" } ?? "anything", takes: { takesStretch($0, from: last, to: nil) }))
        return pieces
    }

    private static func takesStretch(_ cell: CellTest, from low: ExactDecimal?, to high: ExactDecimal?) -> Bool {
        switch cell {
        case .any: return true
        case .ordered(let intervals, let isNegated):
            let isInside = intervals.contains { interval in
                let startsBefore = interval.low.map { end in low.map { end.value <= $0 } ?? false } ?? true
                let endsAfter = interval.high.map { end in high.map { end.value >= $0 } ?? false } ?? true
                return startsBefore && endsAfter
            }
            return isInside != isNegated
        case .words, .flag: return false
        }
    }
}

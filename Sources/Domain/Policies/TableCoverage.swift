import Kernel

/// Proves what a decision table covers, exactly: every column is cut where some cell changes its answer, and each piece stands
/// for all values in it.
///
/// Finds gaps, overlaps (UNIQUE), contradictions (ANY), rules that can never apply or never win (FIRST, PRIORITY), and outcomes
/// that fall where the table promises that they rise. Each comes with an input for which it happens. Pieces with the same
/// remaining rules are looked at once, which keeps real tables cheap; `visitsMax` bounds the rest.
struct TableCoverage {
    static let visitsMax = 200_000
    static let issuesMax = 10

    private struct Spot: Hashable {
        let column: Int
        let alive: [Int]
    }

    private let table: DecisionTable
    private let columns: [[ColumnPiece]]
    private var seen: Set<Spot> = []
    private var visits = 0
    private var reached: Set<Int> = []
    private var found: [(message: String, remedy: String)] = []

    init(_ table: DecisionTable) {
        self.table = table
        columns = table.inputs.indices.map { column in
            ColumnPiece.pieces(of: table.inputs[column], cells: table.rules.map { $0.cells[column] })
        }
    }

    func check(_ pointer: String, issues: inout [AssetIssue]) {
        var run = self
        run.visit(column: 0, alive: Array(table.rules.indices), path: [])
        for promise in table.monotone where run.visits < TableCoverage.visitsMax { run.check(promise) }
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
                    "\(pointer)/\(number)", "The rule `\(rule.id)` can never apply\(run.shadow(of: number)).",
                    remedy: "Remove it, or narrow what stands before it."))
        }
    }

    /// Who hides a rule: one other rule that takes all that this one takes, when there is such a one.
    private func shadow(of number: Int) -> String {
        let wider = table.rules.indices.first { other in
            guard other != number, table.hitPolicy != .first || other < number else { return false }
            return columns.indices.allSatisfy { column in
                columns[column].allSatisfy { piece in
                    !piece.takes(table.rules[number].cells[column]) || piece.takes(table.rules[other].cells[column])
                }
            }
        }
        return wider.map { ": `\(table.rules[$0].id)` takes all that it takes" } ?? ""
    }

    private mutating func visit(column: Int, alive: [Int], path: [ColumnPiece]) {
        visits += 1
        guard visits < TableCoverage.visitsMax, seen.insert(Spot(column: column, alive: alive)).inserted else { return }
        guard !alive.isEmpty else {
            if table.otherwise == nil, table.hitPolicy.isSingle {
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
            visit(column: column + 1, alive: left, path: path + [piece])
        }
    }

    private mutating func settle(_ alive: [Int], _ path: [ColumnPiece]) {
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
        case .priority:
            // Rules that tie for the first place have the same ranks, so each of them may be the one that answers.
            if let winner = table.ranked(alive.map({ table.rules[$0] })).first {
                reached.formUnion(alive.filter { table.ranks($0) == table.ranks(of: winner) })
            }
        case .collect, .ruleOrder, .outputOrder: reached.formUnion(alive)
        }
    }

    // MARK: Monotone outcomes

    /// With all else equal, a higher input never gives a lower outcome (or never a higher one).
    private mutating func check(_ promise: Monotone) {
        seen = []
        walk(promise, column: 0, alive: Array(table.rules.indices), path: [])
    }

    private mutating func walk(_ promise: Monotone, column: Int, alive: [Int], path: [ColumnPiece]) {
        visits += 1
        guard visits < TableCoverage.visitsMax, seen.insert(Spot(column: column, alive: alive)).inserted else { return }
        guard column < columns.count else { return compare(promise, alive, path) }
        guard column != promise.input else { return walk(promise, column: column + 1, alive: alive, path: path) }
        for piece in columns[column] {
            let left = alive.filter { piece.takes(table.rules[$0].cells[column]) }
            walk(promise, column: column + 1, alive: left, path: path + [piece])
        }
    }

    private mutating func compare(_ promise: Monotone, _ alive: [Int], _ path: [ColumnPiece]) {
        var before: (piece: ColumnPiece, value: JSONValue)?
        for piece in columns[promise.input] {
            let hits = alive.filter { piece.takes(table.rules[$0].cells[promise.input]) }.map { table.rules[$0] }
            // Currencies are not compared with each other.
            if let last = before, last.piece.group != piece.group { before = nil }
            guard let value = table.outcome(of: hits)?[table.outputs[promise.output].name] else {
                before = nil
                continue
            }
            if let last = before, promise.isBroken(from: last.value, to: value, table.outputs[promise.output]) {
                var lower = path
                lower.insert(last.piece, at: promise.input)
                var higher = path
                higher.insert(piece, at: promise.input)
                let name = table.outputs[promise.output].name
                report(
                    "`\(name)` goes from \(last.value.text) to \(value.text) when \(table.inputs[promise.input].name) "
                        + "rises: from \(example(lower)) to \(example(higher)).",
                    "Correct the outcome, or remove the promise in `monotone`.")
            }
            before = (piece, value)
        }
    }

    // MARK: Words

    private mutating func report(_ message: String, _ remedy: String) {
        if found.count < TableCoverage.issuesMax, !found.contains(where: { $0.message == message }) {
            found.append((message, remedy))
        }
    }

    private func describe(_ path: [ColumnPiece]) -> String {
        guard !path.isEmpty else { return "anything is given" }
        let words = zip(table.inputs, path).map { "\($0.name) is \($1.name)" }.joined(separator: " and ")
        return "\(words), such as \(example(path))"
    }

    /// The path as inputs, each a value out of its piece; columns after the path take any of theirs.
    private func example(_ path: [ColumnPiece]) -> String {
        var members: JSONObject = [:]
        for (number, input) in table.inputs.enumerated() {
            members[input.name] = number < path.count ? path[number].sample : columns[number].first?.sample
        }
        return JSONValue.object(members).text
    }
}

/// A piece of a column: values between which no cell of the table tells a difference.
struct ColumnPiece: Sendable {
    let name: String
    /// A value in it.
    let sample: JSONValue
    /// The currency, for pieces that are ordered within one.
    var group = ""
    let takes: @Sendable (CellTest) -> Bool

    /// All pieces of a column, in ascending order where it has one.
    static func pieces(of input: DecisionTable.Input, cells: [CellTest]) -> [ColumnPiece] {
        switch input.type {
        case .bool, .boolean:
            return [false, true].map { flag in
                ColumnPiece(name: "\(flag)", sample: .bool(flag), takes: { $0.takes(.flag(flag)) })
            }
        case .string, .enum:
            if let values = input.values { return values.map(named) }
            var words: [String] = []
            for case .words(let listed, _) in cells { for word in listed where !words.contains(word) { words.append(word) } }
            var other = "other"
            while words.contains(other) { other += "-other" }
            return words.map(named)
                + [ColumnPiece(name: "anything else", sample: .string(other), takes: takesUnnamedWord)]
        case .decimal, .number, .date:
            var intervals: [CellTest.Interval] = []
            for case .ordered(let listed, _) in cells { intervals += listed }
            return ordered(intervals, isDate: input.type == .date)
        case .money: return sums(cells)
        }
    }

    private static func named(_ word: String) -> ColumnPiece {
        ColumnPiece(name: "\"\(word)\"", sample: .string(word), takes: { $0.takes(.word(word)) })
    }

    private static let takesUnnamedWord: @Sendable (CellTest) -> Bool = { cell in
        switch cell {
        case .any: true
        case .words(_, let isNegated): isNegated
        case .ordered, .flag, .money: false
        }
    }

    /// A point, or an open stretch between two of them.
    private struct Stretch: Sendable {
        let low: ExactDecimal?
        let high: ExactDecimal?
        let isPoint: Bool

        func isInside(_ intervals: [CellTest.Interval]) -> Bool {
            if isPoint { return low.map { point in intervals.contains { $0.contains(point) } } ?? false }
            return intervals.contains { interval in
                let startsBefore = interval.low.map { end in low.map { end.value <= $0 } ?? false } ?? true
                let endsAfter = interval.high.map { end in high.map { end.value >= $0 } ?? false } ?? true
                return startsBefore && endsAfter
            }
        }

        /// A number inside: the middle of the stretch, or one step outside of its only end.
        var sample: ExactDecimal {
            let half = ExactDecimal(mantissa: 5, scale: 1)
            return switch (low, high) {
            case (let low?, let high?):
                isPoint ? low : near(low) { () throws(Refusal) in try low.adding(high).multiplied(by: half).normalized }
            case (let low?, nil): near(low) { () throws(Refusal) in try low.adding(.one) }
            case (nil, let high?): near(high) { () throws(Refusal) in try high.subtracting(.one) }
            case (nil, nil): .zero
            }
        }

        private func near(_ end: ExactDecimal, _ compute: () throws(Refusal) -> ExactDecimal) -> ExactDecimal {
            // An example that runs out of digits is told as the end itself, which is near enough to see what is meant.
            (try? compute()) ?? end
        }
    }

    private static func stretches(_ intervals: [CellTest.Interval], isDate: Bool) -> [Stretch] {
        var points: Set<ExactDecimal> = []
        for interval in intervals { points.formUnion([interval.low?.value, interval.high?.value].compactMap { $0 }) }
        var out: [Stretch] = []
        var below: ExactDecimal?
        for point in points.sorted() {
            // Dates are whole days, so there may be nothing between two points.
            let isEmpty = isDate && below?.wholeNumber.map { $0 + 1 } == point.wholeNumber
            if !isEmpty { out.append(Stretch(low: below, high: point, isPoint: false)) }
            out.append(Stretch(low: point, high: point, isPoint: true))
            below = point
        }
        return out + [Stretch(low: below, high: nil, isPoint: false)]
    }

    private static func ordered(_ intervals: [CellTest.Interval], isDate: Bool) -> [ColumnPiece] {
        func text(_ value: ExactDecimal) -> String {
            guard isDate, let days = value.rounded(scale: 0, .floor).wholeNumber else { return value.description }
            return CivilDate(daysSince1970: Int(days)).description
        }
        return stretches(intervals, isDate: isDate).map { stretch in
            ColumnPiece(
                name: name(stretch, text), sample: .string(text(stretch.sample)),
                takes: { cell in
                    switch cell {
                    case .any: true
                    case .ordered(let intervals, let isNegated): stretch.isInside(intervals) != isNegated
                    case .words, .flag, .money: false
                    }
                })
        }
    }

    private static func name(_ stretch: Stretch, _ text: (ExactDecimal) -> String) -> String {
        switch (stretch.low, stretch.high) {
        case (let low?, let high?): stretch.isPoint ? text(low) : "between \(text(low)) and \(text(high))"
        case (let low?, nil): "above \(text(low))"
        case (nil, let high?): "below \(text(high))"
        case (nil, nil): "anything"
        }
    }

    /// The stretches of each currency that is named, and all others together.
    private static func sums(_ cells: [CellTest]) -> [ColumnPiece] {
        var intervals: [String: [CellTest.Interval]] = [:]
        for case .money(let sums, _) in cells { for sum in sums { intervals[sum.currency, default: []].append(sum.interval) } }
        func piece(_ currency: String, _ name: String, _ amount: ExactDecimal, _ stretch: Stretch) -> ColumnPiece {
            ColumnPiece(
                name: name, sample: ["amount": .string(amount.description), "currency": .string(currency)], group: currency,
                takes: { cell in
                    switch cell {
                    case .any: true
                    case .money(let sums, let isNegated):
                        stretch.isInside(sums.filter { $0.currency == currency }.map(\.interval)) != isNegated
                    case .ordered, .words, .flag: false
                    }
                })
        }
        var out: [ColumnPiece] = []
        for (currency, listed) in intervals.sorted(by: { $0.key < $1.key }) {
            for stretch in stretches(listed, isDate: false) {
                out.append(piece(currency, name(stretch) { "\($0) \(currency)" }, stretch.sample, stretch))
            }
        }
        let other = ["CHF", "EUR", "GBP", "JPY", "USD", "NOK"].first { intervals[$0] == nil } ?? "XAF"
        return out + [piece(other, "in another currency", .one, Stretch(low: nil, high: nil, isPoint: false))]
    }
}

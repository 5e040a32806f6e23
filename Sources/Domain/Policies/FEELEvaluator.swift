import Kernel

/// Computes FEEL. Every fault is null, as the standard says; only the budget ends a computation with an error.
struct FEELEvaluator {
    static let stepsMax = 100_000
    static let callsMax = 30
    /// Long texts and lists cost more than one step.
    static let bytesPerStep = 100

    /// Functions that the model brings along, by name.
    struct Callable: Sendable {
        let parameters: [String]
        let apply: @Sendable (inout FEELEvaluator, [FEELValue]) throws(FEELOverrun) -> FEELValue
    }

    var scope: FEELContext
    let functions: [String: Callable]
    private var steps = 0
    private var calls = 0
    private var subject: FEELValue = .null

    init(_ scope: FEELContext, functions: [String: Callable] = [:]) {
        self.scope = scope
        self.functions = functions
    }

    mutating func value(_ expression: FEELExpression) throws(FEELOverrun) -> FEELValue {
        steps += 1
        guard steps <= FEELEvaluator.stepsMax else { throw FEELOverrun() }
        switch expression {
        case .literal(let value): return value
        case .name(let name): return scope[name] ?? .null
        case .subject: return subject
        case .negated(let inner): return FEELEvaluator.negated(try value(inner))
        case .binary(.and, let left, let right): return try logic(left, right, deciding: false)
        case .binary(.or, let left, let right): return try logic(left, right, deciding: true)
        case .binary(let sign, let left, let right):
            let result = FEELOperators.apply(sign, try value(left), try value(right))
            if case .string(let text) = result { steps += text.utf8.count / FEELEvaluator.bytesPerStep }
            return result
        case .between(let inner, let low, let high):
            let range = FEELRange(low: try value(low), high: try value(high), isLowClosed: true, isHighClosed: true)
            let subject = try value(inner)
            guard range.low != .null, range.high != .null else { return .null }
            return FEELEvaluator.truth(range.contains(subject))
        case .isIn(let inner, let tests):
            let outer = subject
            defer { subject = outer }
            subject = try value(inner)
            return FEELEvaluator.truth(try anyHolds(tests))
        case .choice(let test, let then, let otherwise): return try value(try value(test) == .boolean(true) ? then : otherwise)
        case .path(let base, let name): return FEELOperators.member(name, of: try value(base))
        case .filter(let base, let condition): return try filtered(try value(base), condition)
        case .call(let name, let arguments, let names): return try call(name, arguments, names)
        case .list(let items):
            var out: [FEELValue] = []
            for item in items { out.append(try value(item)) }
            return .list(out)
        case .context(let entries): return try context(entries)
        case .range(let low, let high, let isLowClosed, let isHighClosed):
            return .range(
                FEELRange(low: try value(low), high: try value(high), isLowClosed: isLowClosed, isHighClosed: isHighClosed))
        case .loop(let kind, let sources, let body): return try loop(kind, sources, body)
        }
    }

    /// Whether a cell takes a value.
    mutating func holds(_ tests: FEELUnaryTests, for value: FEELValue) throws(FEELOverrun) -> Bool {
        guard !tests.tests.isEmpty else { return true }
        subject = value
        let found = try anyHolds(tests.tests)
        return tests.isNegated ? found == false : found == true
    }

    /// True when a test holds, nil when none does and one could not be told.
    private mutating func anyHolds(_ tests: [FEELTest]) throws(FEELOverrun) -> Bool? {
        var isUnknown = false
        for test in tests {
            switch try holds(test) {
            case true?: return true
            case false?: continue
            case nil: isUnknown = true
            }
        }
        return isUnknown ? nil : false
    }

    private mutating func holds(_ test: FEELTest) throws(FEELOverrun) -> Bool? {
        let given = subject
        switch test.form {
        case .compare(let sign, let inner):
            guard case .boolean(let flag) = FEELOperators.apply(sign, given, try value(inner)) else { return nil }
            return flag
        case .value(let inner):
            let wanted = try value(inner)
            if inner.mentionsSubject { return wanted == .boolean(true) }
            switch wanted {
            case .range(let range): return range.contains(given)
            case .list(let items):
                if case .list = given, let same = FEELValue.equality(given, wanted), same { return true }
                return items.contains { item in
                    if case .range(let range) = item { range.contains(given) == true } else { item == given }
                }
            default: return FEELValue.equality(given, wanted)
            }
        }
    }

    static func truth(_ flag: Bool?) -> FEELValue { flag.map(FEELValue.boolean) ?? .null }

    private static func negated(_ value: FEELValue) -> FEELValue {
        switch value {
        case .number(let number): .number(number.negated)
        case .months(let months): .months(-months)
        case .microseconds(let micro): .microseconds(-micro)
        default: .null
        }
    }

    /// `and` with the deciding value false, `or` with true: one deciding side decides, whatever the other is.
    private mutating func logic(
        _ left: FEELExpression, _ right: FEELExpression, deciding: Bool
    ) throws(FEELOverrun) -> FEELValue {
        let first = try value(left)
        if first == .boolean(deciding) { return first }
        let second = try value(right)
        if second == .boolean(deciding) { return second }
        return first == .boolean(!deciding) && second == .boolean(!deciding) ? first : .null
    }

    private mutating func context(_ entries: [(name: String, value: FEELExpression)]) throws(FEELOverrun) -> FEELValue {
        let outer = scope
        defer { scope = outer }
        var out = FEELContext()
        for entry in entries {
            let made = try value(entry.value)
            out[entry.name] = made
            scope[entry.name] = made
        }
        return .context(out)
    }

    /// A number picks an item, from 1 or from the end; anything else keeps the items for which it is true.
    private mutating func filtered(_ base: FEELValue, _ condition: FEELExpression) throws(FEELOverrun) -> FEELValue {
        let items: [FEELValue]
        switch base {
        case .null: items = []
        case .list(let list): items = list
        default: items = [base]
        }
        if case .number(let place) = try plainIndex(condition), let index = place.wholeNumber {
            let at = index > 0 ? index - 1 : Int64(items.count) + index
            return index != 0 && at >= 0 && at < items.count ? items[Int(at)] : .null
        }
        let outer = scope
        defer { scope = outer }
        var out: [FEELValue] = []
        for item in items {
            scope = outer
            if case .context(let members) = item { for member in members.entries { scope[member.name] = member.value } }
            scope["item"] = item
            if try value(condition) == .boolean(true) { out.append(item) }
        }
        return .list(out)
    }

    private mutating func plainIndex(_ condition: FEELExpression) throws(FEELOverrun) -> FEELValue {
        switch condition {
        case .literal, .name, .negated, .binary(.add, _, _), .binary(.subtract, _, _), .call: try value(condition)
        default: .null
        }
    }

    private mutating func loop(
        _ kind: FEELExpression.Loop, _ sources: [(name: String, source: FEELExpression)], _ body: FEELExpression
    ) throws(FEELOverrun) -> FEELValue {
        var results: [FEELValue] = []
        let outer = scope
        defer { scope = outer }
        try turn(0, sources, body, &results)
        switch kind {
        case .for: return .list(results)
        case .some: return FEELFunctions.any(results)
        case .every: return FEELFunctions.all(results)
        }
    }

    private mutating func turn(
        _ place: Int, _ sources: [(name: String, source: FEELExpression)], _ body: FEELExpression, _ results: inout [FEELValue]
    ) throws(FEELOverrun) {
        guard place < sources.count else {
            results.append(try value(body))
            return
        }
        for item in FEELOperators.items(try value(sources[place].source)) {
            scope[sources[place].name] = item
            try turn(place + 1, sources, body, &results)
        }
    }

    private mutating func call(
        _ name: String, _ arguments: [FEELExpression], _ names: [String]?
    ) throws(FEELOverrun) -> FEELValue {
        var values: [FEELValue] = []
        for argument in arguments { values.append(try value(argument)) }
        if let own = functions[name] {
            guard let ordered = FEELEvaluator.ordered(values, names, own.parameters) else { return .null }
            return try apply(own, ordered)
        }
        try charge(name, values)
        return FEELFunctions.apply(name, values, names: names)
    }

    /// A function over a list costs a step an item; one that compares every item with every other costs that many.
    private mutating func charge(_ name: String, _ values: [FEELValue]) throws(FEELOverrun) {
        let size = values.reduce(0) { total, value in
            switch value {
            case .list(let items): total + items.count
            case .string(let text): total + text.utf8.count / FEELEvaluator.bytesPerStep
            default: total
            }
        }
        steps += name == "distinct values" || name == "union" ? size * size / FEELEvaluator.bytesPerStep : size
        guard steps <= FEELEvaluator.stepsMax else { throw FEELOverrun() }
    }

    /// Calls a function of the model; calls inside calls are bounded.
    mutating func apply(_ function: Callable, _ values: [FEELValue]) throws(FEELOverrun) -> FEELValue {
        calls += 1
        defer { calls -= 1 }
        guard calls <= FEELEvaluator.callsMax else { throw FEELOverrun() }
        let outer = scope
        defer { scope = outer }
        return try function.apply(&self, values)
    }

    /// Arguments in the order of the parameters; nil when names or counts do not fit.
    static func ordered(_ values: [FEELValue], _ names: [String]?, _ parameters: [String]) -> [FEELValue]? {
        guard let names else { return values.count == parameters.count ? values : nil }
        guard names.allSatisfy({ parameters.contains($0) }) else { return nil }
        return parameters.map { parameter in names.firstIndex(of: parameter).map { values[$0] } ?? .null }
    }
}

/// The computation took more steps, or calls inside calls, than are granted.
struct FEELOverrun: Error, Equatable {}

/// What the signs of FEEL do to values.
enum FEELOperators {
    static func apply(_ sign: FEELExpression.Operator, _ left: FEELValue, _ right: FEELValue) -> FEELValue {
        switch sign {
        case .equal: return FEELEvaluator.truth(FEELValue.equality(left, right))
        case .unequal: return FEELEvaluator.truth(FEELValue.equality(left, right).map { !$0 })
        case .less: return FEELEvaluator.truth(FEELValue.order(left, right).map { $0 < 0 })
        case .lessOrEqual: return FEELEvaluator.truth(FEELValue.order(left, right).map { $0 <= 0 })
        case .greater: return FEELEvaluator.truth(FEELValue.order(left, right).map { $0 > 0 })
        case .greaterOrEqual: return FEELEvaluator.truth(FEELValue.order(left, right).map { $0 >= 0 })
        case .add, .subtract, .multiply, .divide, .power: return compute(sign, left, right)
        case .and, .or: return .null
        }
    }

    private static func compute(_ sign: FEELExpression.Operator, _ left: FEELValue, _ right: FEELValue) -> FEELValue {
        switch (left, right) {
        case (.number(let first), .number(let second)):
            let result: FEELNumber? =
                switch sign {
                case .add: first.adding(second)
                case .subtract: first.adding(second.negated)
                case .multiply: first.multiplied(by: second)
                case .divide: first.divided(by: second)
                default: first.raised(to: second)
                }
            return result.map(FEELValue.number) ?? .null
        case (.string(let first), .string(let second)) where sign == .add:
            return first.utf8.count + second.utf8.count <= FEELValue.textBytesMax ? .string(first + second) : .null
        default: return temporal(sign, left, right)
        }
    }

    private static func temporal(_ sign: FEELExpression.Operator, _ left: FEELValue, _ right: FEELValue) -> FEELValue {
        switch (sign, left, right) {
        case (.subtract, .date(let first), .date(let second)):
            return FEELClock.duration(checked: Int64(first.daysSince1970 - second.daysSince1970) * FEELClock.perDay)
        case (.subtract, .dateTime(let first, let firstOffset), .dateTime(let second, let secondOffset)):
            guard (firstOffset == nil) == (secondOffset == nil) else { return .null }
            return FEELClock.duration(
                checked: first - second - ((firstOffset ?? 0) - (secondOffset ?? 0)) * FEELClock.perSecond)
        case (.add, .months(let first), .months(let second)): return FEELClock.months(checked: first + second)
        case (.subtract, .months(let first), .months(let second)): return FEELClock.months(checked: first - second)
        case (.add, .microseconds(let first), .microseconds(let second)): return FEELClock.duration(checked: first + second)
        case (.subtract, .microseconds(let first), .microseconds(let second)): return FEELClock.duration(checked: first - second)
        case (.add, .months, .date), (.add, .months, .dateTime), (.add, .microseconds, .date), (.add, .microseconds, .dateTime):
            return moved(right, by: left, sign: 1)
        case (.add, .date, _), (.add, .dateTime, _): return moved(left, by: right, sign: 1)
        case (.subtract, .date, _), (.subtract, .dateTime, _): return moved(left, by: right, sign: -1)
        case (.multiply, .months(let months), .number(let factor)), (.multiply, .number(let factor), .months(let months)):
            return FEELClock.months(checked: whole(FEELNumber(months).multiplied(by: factor)))
        case (.multiply, .microseconds(let micro), .number(let factor)),
            (.multiply, .number(let factor), .microseconds(let micro)):
            return FEELClock.duration(checked: whole(FEELNumber(micro).multiplied(by: factor)))
        default: return .null
        }
    }

    private static func whole(_ number: FEELNumber?) -> Int64? { number?.rounded(scale: 0, .down)?.wholeNumber }

    private static func moved(_ value: FEELValue, by duration: FEELValue, sign: Int64) -> FEELValue {
        switch (value, duration) {
        case (.date(let date), .months(let months)): return shifted(date, months: sign * months).map(FEELValue.date) ?? .null
        case (.date(let date), .microseconds(let micro)):
            let days = date.adding(days: Int((sign * micro).floorDivided(by: FEELClock.perDay)))
            return (1...9999).contains(days.year) ? .date(days) : .null
        case (.dateTime(let micro, let offset), .microseconds(let more)):
            return FEELClock.instant(micro + sign * more, offset)
        case (.dateTime(let micro, let offset), .months(let months)):
            let days = micro.floorDivided(by: FEELClock.perDay)
            guard let date = shifted(CivilDate(daysSince1970: Int(days)), months: sign * months) else { return .null }
            return FEELClock.instant((Int64(date.daysSince1970) - days) * FEELClock.perDay + micro, offset)
        default: return .null
        }
    }

    /// The same day of another month, or its last day when it has no such day.
    private static func shifted(_ date: CivilDate, months: Int64) -> CivilDate? {
        let count = Int64(date.year) * 12 + Int64(date.month - 1) + months
        let year = Int(count.floorDivided(by: 12))
        let month = Int(count - Int64(year) * 12) + 1
        guard (1...9999).contains(year) else { return nil }
        return CivilDate(year: year, month: month, day: min(date.day, CivilDate.days(in: month, of: year)))
    }

    static func member(_ name: String, of value: FEELValue) -> FEELValue {
        switch (value, name) {
        case (.context(let context), _): context[name] ?? .null
        case (.list(let items), _): .list(items.map { member(name, of: $0) })
        case (.date(let date), "year"): .number(FEELNumber(Int64(date.year)))
        case (.date(let date), "month"): .number(FEELNumber(Int64(date.month)))
        case (.date(let date), "day"): .number(FEELNumber(Int64(date.day)))
        case (.date(let date), "weekday"): .number(FEELNumber(Int64(date.weekday)))
        case (.dateTime(let micro, _), "year"), (.dateTime(let micro, _), "month"), (.dateTime(let micro, _), "day"),
            (.dateTime(let micro, _), "weekday"):
            member(name, of: .date(CivilDate(daysSince1970: Int(micro.floorDivided(by: FEELClock.perDay)))))
        case (.dateTime(let micro, _), "hour"), (.dateTime(let micro, _), "minute"), (.dateTime(let micro, _), "second"):
            clock(name, micro - micro.floorDivided(by: FEELClock.perDay) * FEELClock.perDay)
        case (.time(let micro, _), _): clock(name, micro)
        case (.months(let months), "years"): .number(FEELNumber(months / 12))
        case (.months(let months), "months"): .number(FEELNumber(months % 12))
        case (.microseconds(let micro), "days"): .number(FEELNumber(micro / FEELClock.perDay))
        case (.microseconds(let micro), "hours"): clock("hour", micro % FEELClock.perDay)
        case (.microseconds(let micro), "minutes"): clock("minute", micro % FEELClock.perDay)
        case (.microseconds(let micro), "seconds"): clock("second", micro % FEELClock.perDay)
        default: .null
        }
    }

    private static func clock(_ part: String, _ micro: Int64) -> FEELValue {
        let seconds = micro / FEELClock.perSecond
        return switch part {
        case "hour": .number(FEELNumber(seconds / 3600))
        case "minute": .number(FEELNumber(seconds / 60 % 60))
        case "second": .number(FEELNumber(seconds % 60))
        default: .null
        }
    }

    /// What a loop runs over: a list, a range of whole numbers, or one value.
    static func items(_ value: FEELValue) -> [FEELValue] {
        switch value {
        case .null: return []
        case .list(let items): return items
        case .range(let range):
            guard case .number(let low) = range.low, case .number(let high) = range.high, let from = low.wholeNumber,
                let to = high.wholeNumber, max(from, to) - min(from, to) < FEELValue.itemsMax
            else { return [] }
            return stride(from: from, through: to, by: from <= to ? 1 : -1).map { .number(FEELNumber($0)) }
        default: return [value]
        }
    }
}

import Kernel

/// The functions that FEEL brings along. Arguments that do not fit give null.
enum FEELFunctions {
    /// Parameters by name, for calls with named arguments; the last of a function with `…` takes any number.
    private static let parameters: [String: [[String]]] = [
        "not": [["negand"]], "number": [["from", "grouping separator", "decimal separator"], ["from"]], "string": [["from"]],
        "date": [["from"], ["year", "month", "day"]], "time": [["from"], ["hour", "minute", "second", "offset"]],
        "date and time": [["from"], ["date", "time"]], "duration": [["from"]], "years and months duration": [["from", "to"]],
        "substring": [["string", "start position", "length"], ["string", "start position"]], "string length": [["string"]],
        "upper case": [["string"]], "lower case": [["string"]], "substring before": [["string", "match"]],
        "substring after": [["string", "match"]], "contains": [["string", "match"]], "starts with": [["string", "match"]],
        "ends with": [["string", "match"]], "list contains": [["list", "element"]], "count": [["list"]], "min": [["list"]],
        "max": [["list"]], "sum": [["list"]], "mean": [["list"]], "product": [["list"]], "median": [["list"]], "all": [["list"]],
        "any": [["list"]], "append": [["list", "item"]], "concatenate": [["list", "list"]], "reverse": [["list"]],
        "index of": [["list", "match"]], "union": [["list", "list"]], "distinct values": [["list"]], "flatten": [["list"]],
        "sublist": [["list", "start position", "length"], ["list", "start position"]], "remove": [["list", "position"]],
        "insert before": [["list", "position", "newItem"]], "string join": [["list", "delimiter"], ["list"]],
        "decimal": [["n", "scale"]], "floor": [["n", "scale"], ["n"]], "ceiling": [["n", "scale"], ["n"]], "abs": [["n"]],
        "round up": [["n", "scale"]], "round down": [["n", "scale"]], "round half up": [["n", "scale"]],
        "round half down": [["n", "scale"]], "modulo": [["dividend", "divisor"]], "odd": [["number"]], "even": [["number"]],
        "is defined": [["value"]], "get value": [["m", "key"]], "get entries": [["m"]],
    ]

    /// The longest first is the parser's business.
    static let names: [String] = parameters.keys.sorted()

    static func apply(_ name: String, _ given: [FEELValue], names: [String]?) -> FEELValue {
        guard let forms = parameters[name] else { return .null }
        var values = given
        if let names {
            let form = forms.first { form in names.allSatisfy { form.contains($0) } && names.count <= form.count }
            guard let form, let ordered = FEELEvaluator.ordered(given, names, form) else { return .null }
            values = ordered
        }
        return number(name, values) ?? text(name, values) ?? list(name, values) ?? temporal(name, values) ?? .null
    }

    // MARK: Numbers and logic

    private static func number(_ name: String, _ values: [FEELValue]) -> FEELValue? {
        switch (name, values.first, values.count > 1 ? values[1] : nil) {
        case ("not", .boolean(let flag)?, nil): .boolean(!flag)
        case ("abs", .number(let number)?, nil): .number(number.magnitude)
        case ("abs", .months(let months)?, nil): .months(abs(months))
        case ("abs", .microseconds(let micro)?, nil): .microseconds(abs(micro))
        case ("decimal", .number(let number)?, .number(let scale)?): rounded(number, scale, .halfEven)
        case ("floor", .number(let number)?, let scale): rounded(number, scale, .floor)
        case ("ceiling", .number(let number)?, let scale): rounded(number, scale, .ceiling)
        case ("round up", .number(let number)?, let scale?): rounded(number, scale, .up)
        case ("round down", .number(let number)?, let scale?): rounded(number, scale, .down)
        case ("round half up", .number(let number)?, let scale?): rounded(number, scale, .halfUp)
        case ("round half down", .number(let number)?, .number(let scale)?): roundedHalfDown(number, scale)
        case ("modulo", .number(let dividend)?, .number(let divisor)?): modulo(dividend, divisor)
        case ("odd", .number(let number)?, nil): parity(number).map { .boolean($0) } ?? .null
        case ("even", .number(let number)?, nil): parity(number).map { .boolean(!$0) } ?? .null
        case ("number", .string(let text)?, _): read(text, values)
        case ("number", .number(let number)?, nil): .number(number)
        case ("is defined", let value?, nil): .boolean(value != .null)
        default: nil
        }
    }

    private static func rounded(_ number: FEELNumber, _ scale: FEELValue?, _ rule: ExactDecimal.Rounding) -> FEELValue {
        switch scale {
        case nil: number.rounded(scale: 0, rule).map(FEELValue.number) ?? .null
        case .number(let digits)?: rounded(number, digits, rule)
        default: .null
        }
    }

    private static func rounded(_ number: FEELNumber, _ scale: FEELNumber, _ rule: ExactDecimal.Rounding) -> FEELValue {
        guard let digits = scale.wholeNumber, FEELNumber.exponents.contains(Int(clamping: -digits)) else { return .null }
        return number.rounded(scale: Int(digits), rule).map(FEELValue.number) ?? .null
    }

    private static func roundedHalfDown(_ number: FEELNumber, _ scale: FEELNumber) -> FEELValue {
        guard case .number(let up) = rounded(number, scale, .halfUp), case .number(let down) = rounded(number, scale, .down),
            let above = up.adding(number.negated)?.magnitude, let below = number.adding(down.negated)?.magnitude
        else { return .null }
        return .number(above < below ? up : down)
    }

    /// With the sign of the divisor, as FEEL has it.
    private static func modulo(_ dividend: FEELNumber, _ divisor: FEELNumber) -> FEELValue {
        guard let times = dividend.divided(by: divisor)?.rounded(scale: 0, .floor),
            let rest = times.multiplied(by: divisor).flatMap({ dividend.adding($0.negated) })
        else { return .null }
        return .number(rest)
    }

    private static func parity(_ number: FEELNumber) -> Bool? { number.wholeNumber.map { $0 % 2 != 0 } }

    /// A number in digits, with separators of thousands and of decimals when they are given.
    private static func read(_ text: String, _ values: [FEELValue]) -> FEELValue {
        guard values.count == 3 else { return values.count == 1 ? FEELNumber(text).map(FEELValue.number) ?? .null : .null }
        var plain = text
        switch values[1] {
        case .null: break
        case .string(let mark) where [" ", ",", "."].contains(mark): plain = plain.replacing(mark, with: "")
        default: return .null
        }
        switch values[2] {
        case .null: break
        case .string(let mark) where [",", "."].contains(mark) && values[1] != values[2]: plain = plain.replacing(mark, with: ".")
        default: return .null
        }
        return FEELNumber(plain).map(FEELValue.number) ?? .null
    }

    // MARK: Texts

    private static func text(_ name: String, _ values: [FEELValue]) -> FEELValue? {
        if name == "string", values.count == 1 { return values[0] == .null ? .null : .string(values[0].text) }
        guard case .string(let text)? = values.first else { return nil }
        if values.count == 1 {
            switch name {
            case "string length": return .number(FEELNumber(Int64(text.unicodeScalars.count)))
            case "upper case": return .string(text.uppercased())
            case "lower case": return .string(text.lowercased())
            default: return nil
            }
        }
        if name == "substring" { return substring(text, values) }
        guard values.count == 2, case .string(let match) = values[1] else { return nil }
        let place = firstPlace(of: match, in: text)
        let scalars = Array(text.unicodeScalars)
        switch name {
        case "contains": return .boolean(place != nil)
        case "starts with": return .boolean(text.unicodeScalars.starts(with: match.unicodeScalars))
        case "ends with": return .boolean(text.unicodeScalars.reversed().starts(with: match.unicodeScalars.reversed()))
        case "substring before": return .string(place.map { piece(scalars[..<$0]) } ?? "")
        case "substring after": return .string(place.map { piece(scalars[($0 + match.unicodeScalars.count)...]) } ?? "")
        default: return nil
        }
    }

    private static func firstPlace(of match: String, in text: String) -> Int? {
        let (whole, part) = (Array(text.unicodeScalars), Array(match.unicodeScalars))
        guard part.count <= whole.count else { return nil }
        return (0...whole.count - part.count).first { whole[$0..<$0 + part.count].elementsEqual(part) }
    }

    private static func piece(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var out = String.UnicodeScalarView()
        out.append(contentsOf: scalars)
        return String(out)
    }

    /// Counted from 1, or from the end when negative; in code points.
    private static func substring(_ text: String, _ values: [FEELValue]) -> FEELValue {
        let scalars = Array(text.unicodeScalars)
        guard let (start, end) = span(scalars.count, values) else { return .null }
        return .string(piece(scalars[start..<end]))
    }

    private static func span(_ count: Int, _ values: [FEELValue]) -> (Int, Int)? {
        guard values.count >= 2, case .number(let number) = values[1], let first = number.wholeNumber, first != 0,
            first.magnitude <= FEELValue.textBytesMax
        else { return nil }
        let start = first > 0 ? Int(first) - 1 : count + Int(first)
        guard start >= 0, start <= count else { return nil }
        guard values.count == 3, values[2] != .null else { return (start, count) }
        guard case .number(let length) = values[2], let wanted = length.wholeNumber, wanted >= 0 else { return nil }
        return (start, start + Int(min(wanted, Int64(count - start))))
    }

    // MARK: Lists

    private static let ofLists: Set<String> = ["count", "min", "max", "sum", "mean", "product", "median", "all", "any"]

    private static func list(_ name: String, _ values: [FEELValue]) -> FEELValue? {
        if ofLists.contains(name) {
            guard values.count == 1 else { return values.isEmpty ? .null : figure(name, values) }
            if case .list(let items) = values[0] { return figure(name, items) }
            return figure(name, values)
        }
        if let context = entries(name, values) { return context }
        guard case .list(let items)? = values.first else { return nil }
        let second = values.count > 1 ? values[1] : nil
        switch (name, second) {
        case ("reverse", nil): return .list(items.reversed())
        case ("flatten", nil): return .list(flattened(items))
        case ("distinct values", nil): return .list(distinct(items))
        case ("string join", _): return joined(items, second)
        case ("list contains", let wanted?): return .boolean(items.contains(wanted))
        case ("index of", let wanted?):
            return .list(items.indices.filter { items[$0] == wanted }.map { .number(FEELNumber(Int64($0 + 1))) })
        case ("append", _?): return bounded(items + values.dropFirst())
        case ("concatenate", _): return bounded(values.flatMap(FEELOperators.items))
        case ("union", _): return bounded(distinct(values.flatMap(FEELOperators.items)))
        case ("sublist", _?): return span(items.count, values).map { .list(Array(items[$0.0..<$0.1])) } ?? .null
        case ("remove", .number(let place)?), ("insert before", .number(let place)?):
            guard let index = place.wholeNumber, index != 0, index.magnitude <= UInt64(items.count) else { return .null }
            var out = items
            let at = index > 0 ? Int(index) - 1 : items.count + Int(index)
            if name == "remove" { out.remove(at: at) } else { out.insert(values.count == 3 ? values[2] : .null, at: at) }
            return bounded(out)
        default: return nil
        }
    }

    private static func bounded(_ items: [FEELValue]) -> FEELValue {
        items.count <= FEELValue.itemsMax ? .list(items) : .null
    }

    private static func entries(_ name: String, _ values: [FEELValue]) -> FEELValue? {
        guard case .context(let context)? = values.first else { return nil }
        if name == "get value", values.count == 2, case .string(let key) = values[1] { return context[key] ?? .null }
        guard name == "get entries" else { return nil }
        return .list(
            context.entries.map {
                .context(FEELContext([(name: "key", value: .string($0.name)), (name: "value", value: $0.value)]))
            })
    }

    private static func joined(_ items: [FEELValue], _ delimiter: FEELValue?) -> FEELValue {
        var mark = ""
        if case .string(let text)? = delimiter { mark = text }
        var parts: [String] = []
        for item in items where item != .null {
            guard case .string(let text) = item else { return .null }
            parts.append(text)
        }
        let text = parts.joined(separator: mark)
        return text.utf8.count <= FEELValue.textBytesMax ? .string(text) : .null
    }

    private static func flattened(_ items: [FEELValue]) -> [FEELValue] {
        items.flatMap { item -> [FEELValue] in if case .list(let inner) = item { flattened(inner) } else { [item] } }
    }

    private static func distinct(_ items: [FEELValue]) -> [FEELValue] {
        items.reduce(into: []) { out, item in if !out.contains(item) { out.append(item) } }
    }

    /// `sum`, `min` and the like over a list.
    static func figure(_ name: String, _ items: [FEELValue]) -> FEELValue {
        switch name {
        case "count": return .number(FEELNumber(Int64(items.count)))
        case "all": return all(items)
        case "any": return any(items)
        case "min", "max":
            guard var best = items.first else { return .null }
            for item in items {
                guard let order = FEELValue.order(item, best) else { return .null }
                if name == "min" ? order < 0 : order > 0 { best = item }
            }
            return best
        default: return figureOfNumbers(name, items)
        }
    }

    private static func figureOfNumbers(_ name: String, _ items: [FEELValue]) -> FEELValue {
        var numbers: [FEELNumber] = []
        for item in items {
            guard case .number(let number) = item else { return .null }
            numbers.append(number)
        }
        guard !numbers.isEmpty else { return .null }
        func folded(_ start: FEELNumber, _ step: (FEELNumber, FEELNumber) -> FEELNumber?) -> FEELNumber? {
            numbers.reduce(Optional(start)) { total, number in total.flatMap { step($0, number) } }
        }
        let result: FEELNumber?
        switch name {
        case "sum": result = folded(.zero) { $0.adding($1) }
        case "product": result = folded(.one) { $0.multiplied(by: $1) }
        case "mean": result = folded(.zero) { $0.adding($1) }?.divided(by: FEELNumber(Int64(numbers.count)))
        default:
            let sorted = numbers.sorted()
            let middle = sorted.count / 2
            result =
                sorted.count % 2 == 1
                ? sorted[middle] : sorted[middle - 1].adding(sorted[middle])?.divided(by: FEELNumber(2))
        }
        return result.map(FEELValue.number) ?? .null
    }

    static func all(_ items: [FEELValue]) -> FEELValue {
        if items.contains(.boolean(false)) { return .boolean(false) }
        return items.allSatisfy { $0 == .boolean(true) } ? .boolean(true) : .null
    }

    static func any(_ items: [FEELValue]) -> FEELValue {
        if items.contains(.boolean(true)) { return .boolean(true) }
        return items.allSatisfy { $0 == .boolean(false) } ? .boolean(false) : .null
    }

    // MARK: Dates, times and durations

    /// What `@"…"` stands for.
    static func temporal(_ text: String) -> FEELValue? {
        CivilDate(text).map(FEELValue.date) ?? FEELClock.readTime(text)
            ?? (text.contains("T") && !text.hasPrefix("P") && !text.hasPrefix("-P") ? FEELClock.readDateTime(text) : nil)
            ?? FEELClock.readDuration(text)
    }

    private static func temporal(_ name: String, _ values: [FEELValue]) -> FEELValue? {
        switch (name, values.count, values.first) {
        case ("date", 1, .string(let text)?): CivilDate(text).map(FEELValue.date)
        case ("date", 1, .date(let date)?): .date(date)
        case ("date", 1, .dateTime(let micro, _)?):
            .date(CivilDate(daysSince1970: Int(micro.floorDivided(by: FEELClock.perDay))))
        case ("date", 3, .number?): date(values)
        case ("time", 1, .string(let text)?): FEELClock.readTime(text)
        case ("time", 1, .time(let micro, let offset)?): .time(microseconds: micro, offsetSeconds: offset)
        case ("time", 1, .dateTime(let micro, let offset)?):
            .time(microseconds: micro - micro.floorDivided(by: FEELClock.perDay) * FEELClock.perDay, offsetSeconds: offset)
        case ("time", 3...4, .number?): time(values)
        case ("date and time", 1, .string(let text)?): FEELClock.readDateTime(text)
        case ("date and time", 2, .date(let date)?): combined(date, values[1])
        case ("duration", 1, .string(let text)?): FEELClock.readDuration(text)
        case ("years and months duration", 2, .date(let from)?): months(from, values[1])
        default: nil
        }
    }

    private static func whole(_ value: FEELValue, _ range: ClosedRange<Int64>) -> Int? {
        guard case .number(let number) = value, let whole = number.wholeNumber, range.contains(whole) else { return nil }
        return Int(whole)
    }

    private static func date(_ values: [FEELValue]) -> FEELValue? {
        guard let year = whole(values[0], 1...9999), let month = whole(values[1], 1...12), let day = whole(values[2], 1...31)
        else { return nil }
        return CivilDate(year: year, month: month, day: day).map(FEELValue.date)
    }

    private static func time(_ values: [FEELValue]) -> FEELValue? {
        guard let hour = whole(values[0], 0...23), let minute = whole(values[1], 0...59), let second = whole(values[2], 0...59)
        else { return nil }
        var offset: Int64?
        if values.count == 4, case .microseconds(let micro) = values[3] { offset = micro / FEELClock.perSecond }
        return .time(microseconds: Int64(hour * 3600 + minute * 60 + second) * FEELClock.perSecond, offsetSeconds: offset)
    }

    private static func combined(_ date: CivilDate, _ time: FEELValue) -> FEELValue? {
        guard case .time(let micro, let offset) = time else { return nil }
        return .dateTime(microseconds: Int64(date.daysSince1970) * FEELClock.perDay + micro, offsetSeconds: offset)
    }

    private static func months(_ from: CivilDate, _ to: FEELValue) -> FEELValue? {
        guard case .date(let end) = to else { return nil }
        var months = Int64(end.year - from.year) * 12 + Int64(end.month - from.month)
        if months > 0, end.day < from.day { months -= 1 }
        if months < 0, end.day > from.day { months += 1 }
        return .months(months)
    }
}

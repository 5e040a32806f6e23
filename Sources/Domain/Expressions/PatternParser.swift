/// Reads the text of a regular expression into a tree.
struct PatternParser {
    private static let depthMax = 50

    private let scalars: [Unicode.Scalar]
    private var at = 0
    private var depth = 0
    private var foldsCase = false
    private var isMultiline = false
    private var dotTakesNewline = false

    static let wordRule = LinearPattern.CharacterSetRule(
        ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A], isNegated: false)
    private static let digitRule = LinearPattern.CharacterSetRule(ranges: [0x30...0x39], isNegated: false)
    private static let spaceRule = LinearPattern.CharacterSetRule(
        ranges: [0x09...0x0A, 0x0C...0x0D, 0x20...0x20], isNegated: false)

    init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

    mutating func parse() throws(NoValue) -> LinearPattern.Node {
        let tree = try choice()
        guard at == scalars.count else { throw NoValue("the pattern has a ')' too many") }
        return tree
    }

    private var next: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        at += 1
        return true
    }

    private mutating func choice() throws(NoValue) -> LinearPattern.Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= PatternParser.depthMax else { throw NoValue("the pattern is too deeply nested") }
        var parts = [try sequence()]
        while take("|") { parts.append(try sequence()) }
        return parts.count == 1 ? parts[0] : .choice(parts)
    }

    private mutating func sequence() throws(NoValue) -> LinearPattern.Node {
        var parts: [LinearPattern.Node] = []
        while let scalar = next, scalar != "|", scalar != ")" { parts.append(try quantified()) }
        return parts.count == 1 ? parts[0] : (parts.isEmpty ? .empty : .sequence(parts))
    }

    private mutating func quantified() throws(NoValue) -> LinearPattern.Node {
        var node = try atom()
        var isQuantified = false
        while let scalar = next {
            let bounds: (Int, Int?)
            switch scalar {
            case "*": bounds = (0, nil)
            case "+": bounds = (1, nil)
            case "?": bounds = (0, 1)
            case "{":
                guard let counted = counts() else { return node }
                bounds = counted
                at -= 1
            default: return node
            }
            at += 1
            guard !isQuantified else { throw NoValue("the pattern repeats a repetition") }
            isQuantified = true
            guard bounds.0 <= LinearPattern.repeatMax, (bounds.1 ?? 0) <= LinearPattern.repeatMax,
                bounds.0 <= bounds.1 ?? bounds.0
            else {
                throw NoValue("the pattern repeats too often")
            }
            _ = take("?")
            node = .repeated(node, min: bounds.0, max: bounds.1)
        }
        return node
    }

    /// `{2}`, `{2,}`, `{2,5}`; anything else after a brace is a literal brace.
    private mutating func counts() -> (Int, Int?)? {
        let start = at
        at += 1
        let low = digits()
        guard let low else {
            at = start
            return nil
        }
        if take("}") { return (low, low) }
        guard take(",") else {
            at = start
            return nil
        }
        if take("}") { return (low, nil) }
        guard let high = digits(), take("}") else {
            at = start
            return nil
        }
        return (low, high)
    }

    private mutating func digits() -> Int? {
        var value: Int?
        while let scalar = next, ("0"..."9").contains(scalar) {
            value = min((value ?? 0) * 10 + Int(scalar.value - 0x30), 1_000_000)
            at += 1
        }
        return value
    }

    private mutating func atom() throws(NoValue) -> LinearPattern.Node {
        guard let scalar = next else { throw NoValue("the pattern ends too early") }
        at += 1
        switch scalar {
        case "(": return try group()
        case "[": return .one(try characterClass())
        case ".": return .one(LinearPattern.CharacterSetRule(ranges: dotTakesNewline ? [] : [0x0A...0x0A], isNegated: true))
        case "^": return .assertion(isMultiline ? .lineStart : .textStart)
        case "$": return .assertion(isMultiline ? .lineEnd : .textEnd)
        case "\\": return try escape()
        case "*", "+", "?": throw NoValue("the pattern repeats nothing")
        case "{": return literal(scalar)
        default: return literal(scalar)
        }
    }

    private func literal(_ scalar: Unicode.Scalar) -> LinearPattern.Node {
        .one(rule([scalar.value...scalar.value]))
    }

    /// With `i`, ASCII letters stand for both cases.
    private func rule(_ ranges: [ClosedRange<UInt32>], isNegated: Bool = false) -> LinearPattern.CharacterSetRule {
        guard foldsCase else { return LinearPattern.CharacterSetRule(ranges: ranges, isNegated: isNegated) }
        var out = ranges
        for range in ranges {
            for (letters, shift) in [(UInt32(0x41)...UInt32(0x5A), Int64(32)), (UInt32(0x61)...UInt32(0x7A), Int64(-32))]
            where range.overlaps(letters) {
                let cut = range.clamped(to: letters)
                out.append(UInt32(Int64(cut.lowerBound) + shift)...UInt32(Int64(cut.upperBound) + shift))
            }
        }
        return LinearPattern.CharacterSetRule(ranges: out, isNegated: isNegated)
    }

    private mutating func group() throws(NoValue) -> LinearPattern.Node {
        let before = (foldsCase, isMultiline, dotTakesNewline)
        if take("?") {
            if take("P") {
                guard take("<") else { throw NoValue("the pattern has a group that does not exist") }
                try groupName()
            } else if take("<") {
                try groupName()
            } else if try flags() {
                // `(?i)` holds for the rest of the group around it.
                return .empty
            }
        }
        let inner = try choice()
        guard take(")") else { throw NoValue("the pattern lacks a ')'") }
        (foldsCase, isMultiline, dotTakesNewline) = before
        return inner
    }

    private mutating func groupName() throws(NoValue) {
        let start = at
        while let scalar = next, scalar != ">" {
            guard PatternParser.wordRule.contains(scalar.value) else { throw NoValue("the pattern names a group badly") }
            at += 1
        }
        guard at > start, take(">") else { throw NoValue("the pattern names a group badly") }
    }

    /// True when the group ends after its flags.
    private mutating func flags() throws(NoValue) -> Bool {
        var value = true
        while let scalar = next {
            at += 1
            switch scalar {
            case "i": foldsCase = value
            case "m": isMultiline = value
            case "s": dotTakesNewline = value
            case "U": break
            case "-": value = false
            case ":": return false
            case ")": return true
            default: throw NoValue("the pattern has a flag or look-around that does not exist")
            }
        }
        throw NoValue("the pattern ends too early")
    }

    private mutating func escape() throws(NoValue) -> LinearPattern.Node {
        guard let scalar = next else { throw NoValue("the pattern ends with a backslash") }
        switch scalar {
        case "b", "B":
            at += 1
            return .assertion(scalar == "b" ? .wordBoundary : .noWordBoundary)
        case "A":
            at += 1
            return .assertion(.textStart)
        case "z":
            at += 1
            return .assertion(.textEnd)
        default:
            if let known = PatternParser.classes[scalar] {
                at += 1
                return .one(known)
            }
            let value = try escapedScalar()
            return .one(rule([value...value]))
        }
    }

    private static let classes: [Unicode.Scalar: LinearPattern.CharacterSetRule] = [
        "d": digitRule, "D": negated(digitRule), "w": wordRule, "W": negated(wordRule), "s": spaceRule, "S": negated(spaceRule),
    ]

    private static func negated(_ rule: LinearPattern.CharacterSetRule) -> LinearPattern.CharacterSetRule {
        LinearPattern.CharacterSetRule(ranges: rule.ranges, isNegated: !rule.isNegated)
    }

    private mutating func escapedScalar() throws(NoValue) -> UInt32 {
        guard let scalar = next else { throw NoValue("the pattern ends with a backslash") }
        at += 1
        switch scalar {
        case "a": return 0x07
        case "f": return 0x0C
        case "n": return 0x0A
        case "r": return 0x0D
        case "t": return 0x09
        case "v": return 0x0B
        case "x": return try hexadecimal()
        default:
            let isWord = PatternParser.wordRule.contains(scalar.value) && scalar != "_"
            guard !isWord else { throw NoValue("the pattern has an escape that does not exist: \\\(scalar)") }
            return scalar.value
        }
    }

    private mutating func hexadecimal() throws(NoValue) -> UInt32 {
        var digits = ""
        if take("{") {
            while let scalar = next, scalar != "}", digits.utf8.count < 6 {
                digits.unicodeScalars.append(scalar)
                at += 1
            }
            guard take("}") else { throw NoValue("the pattern has a bad \\x escape") }
        } else {
            for _ in 0..<2 {
                guard let scalar = next else { break }
                digits.unicodeScalars.append(scalar)
                at += 1
            }
        }
        guard let value = UInt32(digits, radix: 16), value <= 0x10FFFF else { throw NoValue("the pattern has a bad \\x escape") }
        return value
    }

    private mutating func characterClass() throws(NoValue) -> LinearPattern.CharacterSetRule {
        let isNegated = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while let scalar = next {
            if scalar == "]", !isFirst {
                at += 1
                return rule(ranges, isNegated: isNegated)
            }
            isFirst = false
            if scalar == "[", at + 1 < scalars.count, scalars[at + 1] == ":" {
                ranges.append(contentsOf: try namedClass())
                continue
            }
            at += 1
            var low = scalar.value
            if scalar == "\\" {
                if let escaped = next, let known = PatternParser.classes[escaped] {
                    at += 1
                    ranges.append(contentsOf: known.isNegated ? PatternParser.inverse(of: known.ranges) : known.ranges)
                    continue
                }
                low = try escapedScalar()
            }
            guard next == "-", at + 1 < scalars.count, scalars[at + 1] != "]" else {
                ranges.append(low...low)
                continue
            }
            at += 1
            var high = scalars[at].value
            at += 1
            if high == 0x5C { high = try escapedScalar() }
            guard low <= high else { throw NoValue("the pattern has a range that runs backwards") }
            ranges.append(low...high)
        }
        throw NoValue("the pattern lacks a ']'")
    }

    private static func inverse(of ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var out: [ClosedRange<UInt32>] = []
        var low: UInt32 = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > low { out.append(low...(range.lowerBound - 1)) }
            low = max(low, range.upperBound + 1)
        }
        out.append(low...0x10FFFF)
        return out
    }

    private static let namedClasses: [String: [ClosedRange<UInt32>]] = [
        "alpha": [0x41...0x5A, 0x61...0x7A], "digit": [0x30...0x39], "alnum": [0x30...0x39, 0x41...0x5A, 0x61...0x7A],
        "upper": [0x41...0x5A], "lower": [0x61...0x7A], "space": [0x09...0x0D, 0x20...0x20],
        "xdigit": [0x30...0x39, 0x41...0x46, 0x61...0x66], "word": wordRule.ranges,
        "punct": [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E],
    ]

    private mutating func namedClass() throws(NoValue) -> [ClosedRange<UInt32>] {
        at += 2
        var name = ""
        while let scalar = next, scalar != ":", name.utf8.count < 10 {
            name.unicodeScalars.append(scalar)
            at += 1
        }
        guard take(":"), take("]"), let ranges = PatternParser.namedClasses[name] else {
            throw NoValue("the pattern names a class that does not exist")
        }
        return ranges
    }
}

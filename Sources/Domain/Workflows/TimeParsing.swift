import Expressions
import Kernel
import Policies

/// Times of definitions: waits, limits, pauses between attempts.
extension DefinitionParser {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("days", 86_400_000), ("hours", 3_600_000), ("minutes", 60_000), ("seconds", 1000), ("milliseconds", 1),
    ]
    private static let millisecondsMax = Int64(RunBounds.waitSecondsMax) * 1000

    /// `timeout: {after: {minutes: 30}}`, or plainly a duration; also the name of one under `use`.
    mutating func timeout(of reader: AssetReader) -> WaitRule? {
        guard let json = reader.object["timeout"] else { return nil }
        var given = json
        let pointer = reader.path("timeout")
        if case .string(let name) = json, let known = namedTimeouts[name] { given = known }
        guard case .object(let object) = given, let after = object["after"] else { return waitRule(given, at: pointer) }
        AssetReader(given, at: pointer, "timeout", issues: &issues)?.close(["after"], issues: &issues)
        return waitRule(after, at: pointer + "/after")
    }

    mutating func waitRule(_ member: String, of reader: AssetReader) -> WaitRule? {
        guard let json = reader.object[member] else {
            reader.missing(member, issues: &issues)
            return nil
        }
        return waitRule(json, at: reader.path(member))
    }

    /// A duration, a time in service hours, or an instant.
    private mutating func waitRule(_ json: JSONValue, at pointer: String) -> WaitRule? {
        if case .object(let object) = json, object["serviceSeconds"] != nil || object["until"] != nil {
            guard let wait = AssetReader(json, at: pointer, "wait", issues: &issues) else { return nil }
            guard object.count == 1, flow == .context else {
                issues.append(
                    AssetIssue(pointer, "A wait names one time.", remedy: "Write `seconds`, `serviceSeconds` or `until`."))
                return nil
            }
            if object["until"] != nil { return template("until", of: wait, isRequired: true).map { .until($0) } }
            return wait.int("serviceSeconds", in: 1...RunBounds.waitSecondsMax, otherwise: nil, issues: &issues).map {
                .serviceSeconds(Int64($0))
            }
        }
        return milliseconds(json, at: pointer).map { .milliseconds($0) }
    }

    /// A length of time: `{minutes: 5, seconds: 30}` or `PT5M30S`; nil with an issue when it is none, or none above `least`.
    mutating func milliseconds(_ json: JSONValue, at pointer: String, least: Int64 = 1) -> Int64? {
        var total: Int64 = 0
        switch json {
        case .string(let text):
            guard let read = DefinitionParser.iso8601(text) else {
                issues.append(
                    AssetIssue(
                        pointer, "`\(text.prefix(60))` is no length of time.",
                        remedy: "Write it as `PT5M30S`, or as `minutes: 5` and `seconds: 30`."))
                return nil
            }
            total = read
        case .object(let object):
            guard let reader = AssetReader(json, at: pointer, "time", issues: &issues) else { return nil }
            reader.close(DefinitionParser.units.map(\.name), issues: &issues)
            if object.isEmpty {
                issues.append(AssetIssue(pointer, "A time names one unit at least.", remedy: "Write for example `minutes: 5`."))
                return nil
            }
            for unit in DefinitionParser.units where object[unit.name] != nil {
                let most = Int(DefinitionParser.millisecondsMax / unit.milliseconds)
                // A single unit may not be nothing; several may leave some at 0.
                let floor = object.count == 1 ? Int(min(least, 1)) : 0
                guard let number = reader.int(unit.name, in: floor...most, otherwise: nil, issues: &issues) else { return nil }
                total += Int64(number) * unit.milliseconds
            }
        default:
            issues.append(
                AssetIssue(pointer, "This is no length of time.", remedy: "Write it as `PT5M30S`, or as `minutes: 5`."))
            return nil
        }
        guard (least...DefinitionParser.millisecondsMax).contains(total) else {
            issues.append(
                AssetIssue(
                    pointer, "The time has to be from \(least == 0 ? "nothing" : "a millisecond") to a year.",
                    remedy: "Write another."))
            return nil
        }
        return total
    }

    /// ISO 8601 durations of days and below: `P1DT12H`, `PT0.25S`. Months and years have no fixed length and are refused.
    static func iso8601(_ text: String) -> Int64? {
        var rest = Array(text.utf8)[...]
        guard rest.count <= 40, rest.popFirst() == UInt8(ascii: "P"), !rest.isEmpty else { return nil }
        var units: [(letter: Character, milliseconds: Int64)] = [("D", 86_400_000)]
        var total: Int64 = 0
        var isTime = false
        while !rest.isEmpty {
            if rest.first == UInt8(ascii: "T") {
                guard !isTime, rest.count > 1 else { return nil }
                isTime = true
                units = [("H", 3_600_000), ("M", 60_000), ("S", 1000)]
                rest = rest.dropFirst()
                continue
            }
            let digits = rest.prefix { ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")) || $0 == UInt8(ascii: ".") }
            rest = rest.dropFirst(digits.count)
            guard let letter = rest.popFirst(), let number = ExactDecimal(String(decoding: digits, as: UTF8.self)),
                let place = units.firstIndex(where: { $0.letter == Character(UnicodeScalar(letter)) }),
                let part = thousandths(number), part % 1000 == 0 || units[place].letter == "S"
            else { return nil }
            let (product, overflow) = part.multipliedReportingOverflow(by: units[place].milliseconds)
            guard !overflow else { return nil }
            let (sum, isOver) = total.addingReportingOverflow(product / 1000)
            guard !isOver else { return nil }
            total = sum
            units.removeFirst(place + 1)
        }
        return total
    }

    private static func thousandths(_ number: ExactDecimal) -> Int64? {
        let parts = number.description.split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = parts.first.flatMap({ Int64($0) }), whole <= 1_000_000_000 else { return nil }
        guard parts.count == 2 else { return whole * 1000 }
        let fraction = String(parts[1].prefix(3)) + String(repeating: "0", count: max(0, 3 - parts[1].count))
        return Int64(fraction).map { whole * 1000 + $0 }
    }

    // MARK: Trying again

    /// `retry` of a `catch`, written there or named under `use`.
    mutating func retryRule(of content: AssetReader) -> RetryRule? {
        guard let json = content.object["retry"] else { return nil }
        let pointer = content.path("retry")
        var given = json
        if case .string(let name) = json {
            guard let known = namedRetries[name] else {
                issues.append(
                    AssetIssue(pointer, "No retry is named `\(name.prefix(60))`.", remedy: "Write it under `use/retries`."))
                return nil
            }
            given = known
        }
        guard let retry = AssetReader(given, at: pointer, "retry", issues: &issues) else { return nil }
        retry.close(["when", "exceptWhen", "delay", "backoff", "jitter", "limit"], issues: &issues)
        let delay = retry.object["delay"].flatMap { milliseconds($0, at: retry.path("delay"), least: 0) } ?? 0
        let (growth, factor, cap) = backoff(of: retry)
        let limit = limit(of: retry)
        return RetryRule(
            when: expression("when", of: retry, isRequired: false),
            exceptWhen: expression("exceptWhen", of: retry, isRequired: false), delayMilliseconds: delay, growth: growth,
            factorPercent: factor, capMilliseconds: cap, jitterMilliseconds: jitter(of: retry), attemptsMax: limit.attempts,
            durationMilliseconds: limit.duration)
    }

    /// `backoff: {exponential: {}}`; how fast and how far it grows is this product's addition.
    private mutating func backoff(of retry: AssetReader) -> (RetryRule.Growth, Int64, Int64) {
        let cap = DefinitionParser.units[1].milliseconds
        guard let json = retry.object["backoff"],
            let reader = AssetReader(json, at: retry.path("backoff"), "back-off", issues: &issues)
        else { return (.constant, 100, DefinitionParser.millisecondsMax) }
        let kinds = ["constant", "linear", "exponential"]
        reader.close(kinds, issues: &issues)
        guard reader.object.count == 1, let kind = kinds.first(where: { reader.object[$0] != nil }),
            let inside = AssetReader(reader.object[kind] ?? .null, at: reader.path(kind), "back-off", issues: &issues)
        else {
            issues.append(
                AssetIssue(
                    reader.pointer, "A back-off is constant, linear or exponential.", remedy: "Write `exponential: {}`."))
            return (.constant, 100, cap)
        }
        inside.close((kind == "exponential" ? ["factorPercent"] : []) + (kind == "constant" ? [] : ["cap"]), issues: &issues)
        let factor = inside.int("factorPercent", in: 101...1000, otherwise: 200, issues: &issues) ?? 200
        let most = inside.object["cap"].flatMap { milliseconds($0, at: inside.path("cap")) } ?? cap
        switch kind {
        case "constant": return (.constant, 100, DefinitionParser.millisecondsMax)
        case "linear": return (.linear, 100, most)
        default: return (.exponential, Int64(factor), most)
        }
    }

    private mutating func jitter(of retry: AssetReader) -> ClosedRange<Int64> {
        guard let json = retry.object["jitter"],
            let reader = AssetReader(json, at: retry.path("jitter"), "jitter", issues: &issues)
        else { return 0...0 }
        reader.close(["from", "to"], issues: &issues)
        let from = reader.object["from"].flatMap { milliseconds($0, at: reader.path("from"), least: 0) } ?? 0
        guard let to = reader.object["to"].flatMap({ milliseconds($0, at: reader.path("to"), least: 0) }) else {
            if reader.object["to"] == nil { reader.missing("to", issues: &issues) }
            return from...from
        }
        guard from <= to else {
            issues.append(AssetIssue(reader.pointer, "`from` is longer than `to`.", remedy: "Write the shorter one first."))
            return from...from
        }
        return from...to
    }

    private mutating func limit(of retry: AssetReader) -> (attempts: Int, duration: Int64?) {
        guard let json = retry.object["limit"],
            let reader = AssetReader(json, at: retry.path("limit"), "limit", issues: &issues)
        else {
            // Plain documents may leave it to whoever runs them.
            if flow == .document { return (RunBounds.attemptsMax, nil) }
            issues.append(
                AssetIssue(
                    retry.pointer, "Nothing ends the attempts.",
                    remedy: "Write `limit: {attempt: {count: 5}}`, or a `duration`."))
            return (1, nil)
        }
        reader.close(["attempt", "duration"], issues: &issues)
        let duration = reader.object["duration"].flatMap { milliseconds($0, at: reader.path("duration")) }
        var attempts = RunBounds.attemptsMax
        if let json = reader.object["attempt"],
            let attempt = AssetReader(json, at: reader.path("attempt"), "limit", issues: &issues)
        {
            attempt.close(["count"], issues: &issues)
            attempts = attempt.int("count", in: 1...RunBounds.attemptsMax, otherwise: nil, issues: &issues) ?? 1
        } else if duration == nil {
            reader.missing("attempt", issues: &issues)
        }
        return (attempts, duration)
    }
}

import Kernel

/// A stretch of absolute time, half-open `[start, end)`, in whole UTC seconds since 1970 (R1).
package struct Span: Hashable, Sendable {
    package let start: Int64
    package let end: Int64

    package init(start: Int64, end: Int64) {
        self.start = start
        self.end = end
    }

    package var length: Int64 { end - start }

    /// The union as ascending, disjoint spans; empty and reversed ones vanish.
    static func union(_ spans: [Span]) -> [Span] {
        var merged: [Span] = []
        for span in spans.filter({ $0.start < $0.end }).sorted(by: { $0.start < $1.start }) {
            if let last = merged.last, span.start <= last.end {
                merged[merged.count - 1] = Span(start: last.start, end: max(last.end, span.end))
            } else {
                merged.append(span)
            }
        }
        return merged
    }

    /// What lies in both; each list ascending and disjoint.
    static func intersection(_ lhs: [Span], _ rhs: [Span]) -> [Span] {
        var out: [Span] = []
        var (left, right) = (0, 0)
        while left < lhs.count && right < rhs.count {
            let start = max(lhs[left].start, rhs[right].start)
            let end = min(lhs[left].end, rhs[right].end)
            if start < end { out.append(Span(start: start, end: end)) }
            if lhs[left].end < rhs[right].end { left += 1 } else { right += 1 }
        }
        return out
    }

    /// What lies in `lhs` and not in `rhs`; each list ascending and disjoint.
    static func difference(_ lhs: [Span], _ rhs: [Span]) -> [Span] {
        var out: [Span] = []
        var right = 0
        for span in lhs {
            var position = span.start
            while right < rhs.count && rhs[right].end <= position { right += 1 }
            var at = right
            while at < rhs.count && rhs[at].start < span.end {
                if rhs[at].start > position { out.append(Span(start: position, end: rhs[at].start)) }
                position = max(position, rhs[at].end)
                at += 1
            }
            if position < span.end { out.append(Span(start: position, end: span.end)) }
        }
        return out
    }

    static func seconds(_ spans: [Span]) -> Int64 { spans.reduce(0) { $0 + $1.length } }
}

/// One window of wall time in a week or on a date, in seconds of the day: `[from, to)`.
///
/// `to <= from` means overnight: the rest of that date and the next date's `[00:00, to)` (R4). 86 400 is 24:00, the first
/// instant of the next local date (R3).
package struct ServiceWindow: Hashable, Sendable {
    package static let dayEnd = 86_400

    package let from: Int
    package let to: Int

    /// Both from 0 to 86 400 seconds of the day.
    package init(from: Int, to: Int) {
        precondition(
            (0...ServiceWindow.dayEnd).contains(from) && (0...ServiceWindow.dayEnd).contains(to), "a window \(from) to \(to)")
        self.from = from
        self.to = to
    }

    /// The part on the window's own date.
    package var own: Range<Int> { to <= from ? from..<ServiceWindow.dayEnd : from..<to }
    /// The part that spills into the next date; empty unless overnight.
    package var spill: Range<Int> { to <= from ? 0..<to : 0..<0 }

    /// `HH:MM` up to `24:00`; anything else is nil.
    package static func secondOfDay(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":") else { return nil }
        let digits = [bytes[0], bytes[1], bytes[3], bytes[4]].map { Int($0) - 48 }
        guard digits.allSatisfy({ (0...9).contains($0) }) else { return nil }
        let (hours, minutes) = (digits[0] * 10 + digits[1], digits[2] * 10 + digits[3])
        guard minutes < 60, hours < 24 || (hours == 24 && minutes == 0) else { return nil }
        return (hours * 60 + minutes) * 60
    }

    package static func text(_ secondOfDay: Int) -> String {
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return two(secondOfDay / 3600) + ":" + two(secondOfDay / 60 % 60)
    }

    /// Reads `[["08:30", "12:00"], …]`.
    static func parseList(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> [ServiceWindow] {
        readItems(json, at: pointer, max: ServiceBounds.windowsPerDayMax, issues: &issues).compactMap { item, at in
            guard let pair = item.array, pair.count == 2 else {
                issues.append(AssetIssue(at, "A window is a pair of wall times.", remedy: "Write [\"08:30\", \"12:00\"]."))
                return nil
            }
            guard let from = time(pair[0], at: at + "/0", issues: &issues), let to = time(pair[1], at: at + "/1", issues: &issues)
            else {
                return nil
            }
            return ServiceWindow(from: from, to: to)
        }
    }

    static func time(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Int? {
        guard let text = json.string, let second = secondOfDay(text) else {
            issues.append(
                AssetIssue(pointer, "\(shown(json)) is not a wall time.", remedy: "Write \"HH:MM\" from \"00:00\" to \"24:00\"."))
            return nil
        }
        return second
    }

    var json: JSONValue { .array([.string(ServiceWindow.text(from)), .string(ServiceWindow.text(to))]) }
}

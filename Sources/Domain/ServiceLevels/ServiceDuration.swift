/// Durations as the console says them and as a contract file writes them.
package enum ServiceDuration {
    /// The two largest units, the smaller one left out at zero: `2 h 13 m`, `13 m`, `45 s`, `52 h`; a minus sign when negative.
    ///
    /// Hours are the largest unit, for a day of service time has no fixed length. The rest is cut and not rounded, so that a
    /// clock never reads as due before it is.
    package static func text(_ seconds: Int64) -> String {
        text(seconds, units: [(3600, "h"), (60, "m"), (1, "s")])
    }

    /// The same for time on the wall, where a day is 24 hours: `6 d 4 h`.
    package static func wallText(_ seconds: Int64) -> String {
        text(seconds, units: [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")])
    }

    private static func text(_ seconds: Int64, units: [(length: UInt64, name: String)]) -> String {
        let sign = seconds < 0 ? "−" : ""
        let magnitude = seconds.magnitude
        guard let first = units.firstIndex(where: { magnitude >= $0.length }) else { return "0 s" }
        let (count, rest) = magnitude.quotientAndRemainder(dividingBy: units[first].length)
        let head = "\(sign)\(count) \(units[first].name)"
        guard first + 1 < units.count else { return head }
        let next = rest / units[first + 1].length
        return next == 0 ? head : head + " \(next) \(units[first + 1].name)"
    }

    /// All of it in the form that `seconds(of:)` reads: `2h 30m`, `90s` as `1m 30s`; for 1 second and more.
    package static func exactText(_ seconds: Int64) -> String {
        [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")].filter { $0.0 > 0 }.map { "\($0.0)\($0.1)" }
            .joined(separator: " ")
    }

    /// Reads `4h`, `4h 30m`, `90m`, `45s`: units h, m, s, each at most once and in that order; nil for anything else, for zero
    /// and for more than `ServiceBounds.targetSecondsMax`.
    package static func seconds(of text: String) -> Int64? {
        guard text.utf8.count <= 32 else { return nil }
        var units: [(name: UInt8, length: Int64)] = [(UInt8(ascii: "h"), 3600), (UInt8(ascii: "m"), 60), (UInt8(ascii: "s"), 1)]
        var total: Int64 = 0
        var digits: Int64?
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let next = (digits ?? 0) * 10 + Int64(byte - UInt8(ascii: "0"))
                guard next <= ServiceBounds.targetSecondsMax else { return nil }
                digits = next
            case UInt8(ascii: " "):
                guard digits == nil, total > 0 else { return nil }
            default:
                guard let count = digits, let index = units.firstIndex(where: { $0.name == byte }) else { return nil }
                total += count * units[index].length
                units.removeFirst(index + 1)
                digits = nil
            }
        }
        guard digits == nil, total > 0, total <= ServiceBounds.targetSecondsMax else { return nil }
        return total
    }
}

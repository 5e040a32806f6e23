/// Writes spans of time with the two largest units that say something: `2 h 13 m`, `41 m 10 s`, `6 d 4 h`.
package enum DurationText {
    /// `seconds` below zero is written as its size; what it means is for the words around it.
    package static func text(_ seconds: Int64) -> String {
        let whole = Int64(min(seconds.magnitude, UInt64(Int64.max)))
        switch whole {
        case ..<120: return "\(whole) s"
        case ..<3600: return pair(whole / 60, "m", whole % 60, "s")
        case ..<172_800: return pair(whole / 3600, "h", whole / 60 % 60, "m")
        default: return pair(whole / 86_400, "d", whole / 3600 % 24, "h")
        }
    }

    /// Milliseconds below ten seconds with one digit: `0.8 s`; `41 ms` below a tenth.
    package static func milliseconds(_ value: Int64) -> String {
        let size = Int64(min(value.magnitude, UInt64(Int64.max)))
        if size < 100 { return "\(size) ms" }
        if size < 10_000 { return "\(size / 1000).\(size / 100 % 10) s" }
        return text(size / 1000)
    }

    /// What is left of a clock, or how late it is: `2 h 13 m`, `late 44 m`.
    package static func left(_ seconds: Int64) -> String {
        seconds < 0 ? "late \(text(seconds))" : text(seconds)
    }

    private static func pair(_ large: Int64, _ largeUnit: String, _ small: Int64, _ smallUnit: String) -> String {
        small == 0 ? "\(large) \(largeUnit)" : "\(large) \(largeUnit) \(small) \(smallUnit)"
    }
}

/// Counts with their noun, so that no page says "1 runs".
package enum CountText {
    package static func text(_ count: Int, _ one: String, _ many: String? = nil) -> String {
        "\(count) \(count == 1 ? one : many ?? one + "s")"
    }
}

/// Hashes as people compare them: four groups of four digits.
package enum HashText {
    /// `9f3c 41aa 07de 5b10`; shorter input is grouped as far as it goes.
    package static func short(_ hex: String, groups: Int = 4) -> String {
        var out: [String] = []
        var rest = hex[...]
        while !rest.isEmpty, out.count < groups {
            out.append(String(rest.prefix(4)))
            rest = rest.dropFirst(4)
        }
        return out.joined(separator: " ")
    }
}

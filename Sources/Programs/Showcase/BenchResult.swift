package import Kernel

/// What a measurement found, and the bar it is held against.
package struct BenchResult: Sendable {
    package enum Verdict: String, Sendable { case met, missed, noBar = "no bar" }

    package let name: String
    /// In `unit`.
    package let value: Int64
    package let unit: String
    /// The most that is good, or the least where `isFloor`; nil where none is set.
    package let bar: Int64?
    package let isFloor: Bool
    /// How it was measured, and over what.
    package let note: String

    package init(_ name: String, _ value: Int64, _ unit: String, bar: Int64? = nil, note: String = "") {
        self.name = name
        self.value = value
        self.unit = unit
        self.bar = bar
        isFloor = false
        self.note = note
    }

    /// More is better than `atLeast`.
    package init(_ name: String, _ value: Int64, _ unit: String, atLeast bar: Int64, note: String = "") {
        self.name = name
        self.value = value
        self.unit = unit
        self.bar = bar
        isFloor = true
        self.note = note
    }

    /// With its unit, as people read it; rates and ratios are kept in thousandths.
    package var shown: String { text(of: value) }
    package var shownBar: String { bar.map { (isFloor ? "≥ " : "≤ ") + text(of: $0) } ?? "" }

    private func text(of value: Int64) -> String {
        switch unit {
        case BenchResult.perThousandSeconds: "\(ExactDecimal(mantissa: Int128(value), scale: 3)) per s"
        case BenchResult.thousandths: "\(ExactDecimal(mantissa: Int128(value), scale: 3))"
        default: "\(value) \(unit)"
        }
    }

    static let perThousandSeconds = "per 1000 s"
    static let thousandths = "thousandths"

    package var verdict: Verdict { bar.map { (isFloor ? value >= $0 : value <= $0) ? .met : .missed } ?? .noBar }

    package var json: JSONValue {
        .object([
            "name": .string(name), "value": JSONValue(value), "unit": .string(unit), "bar": bar.map { JSONValue($0) },
            "verdict": .string(verdict.rawValue), "note": .string(note),
        ])
    }
}

/// The value below which a share of the samples lies, by the nearest-rank method.
package enum Percentile {
    package static func of(_ samples: [Int64], permille: Int) -> Int64 {
        guard !samples.isEmpty else { return 0 }
        let sorted = samples.sorted()
        let rank = (sorted.count * permille + 999) / 1000
        return sorted[max(0, min(sorted.count, rank) - 1)]
    }
}

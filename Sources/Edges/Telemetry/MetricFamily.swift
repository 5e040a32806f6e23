import Kernel

/// One metric with all its label sets.
final class MetricFamily: Sendable {
    enum Kind: String, Sendable { case counter, gauge, histogram }

    struct Cell: Sendable {
        /// The count, the value, or the sum of a histogram.
        var value: Double = 0
        /// Observations per bucket, not cumulative; empty but for histograms.
        var counts: [UInt64] = []
    }

    let name: String
    let help: String
    let kind: Kind
    let labels: [String]
    let buckets: [Double]
    private let seriesMax: Int
    private let overflow: MetricFamily?
    private let cells: Locked<[[String]: Cell]>

    init(
        name: String, help: String, kind: Kind, labels: [String], buckets: [Double], seriesMax: Int, overflow: MetricFamily?
    ) {
        self.name = name
        self.help = help
        self.kind = kind
        self.labels = labels
        self.buckets = buckets
        self.seriesMax = seriesMax
        self.overflow = overflow
        // A metric without labels exists from the start, so that "never happened" reads 0 and not nothing.
        let empty = Cell(counts: kind == .histogram ? [UInt64](repeating: 0, count: buckets.count + 1) : [])
        cells = Locked(labels.isEmpty ? [[]: empty] : [:])
    }

    func change(_ labelValues: [String], _ body: (inout Cell) -> Void) {
        precondition(labelValues.count == labels.count, "\(name) has the labels \(labels)")
        let isRefused = cells.withLock { cells -> Bool in
            var key = labelValues
            var isRefused = false
            if cells[key] == nil, cells.count >= seriesMax, !labels.isEmpty {
                key = labels.map { _ in MetricsRegistry.overflowLabel }
                isRefused = true
            }
            body(&cells[key, default: Cell(counts: kind == .histogram ? [UInt64](repeating: 0, count: buckets.count + 1) : [])])
            return isRefused
        }
        if isRefused { overflow?.change([name]) { $0.value += 1 } }
    }

    func cell(_ labelValues: [String]) -> Cell? { cells.withLock { $0[labelValues] } }

    func reset() { cells.withLock { $0.removeAll() } }

    func print(into out: inout String) {
        let series = cells.withLock { Array($0) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        guard !series.isEmpty else { return }
        out += "# HELP \(name) \(MetricFamily.escaped(help, isQuoted: false))\n# TYPE \(name) \(kind.rawValue)\n"
        for (values, cell) in series {
            guard kind == .histogram else {
                out += "\(name)\(labelText(values)) \(MetricFamily.text(cell.value))\n"
                continue
            }
            var total: UInt64 = 0
            for (bound, count) in zip(buckets + [.infinity], cell.counts) {
                total += count
                out += "\(name)_bucket\(labelText(values, bound: bound)) \(total)\n"
            }
            out +=
                "\(name)_sum\(labelText(values)) \(MetricFamily.text(cell.value))\n\(name)_count\(labelText(values)) \(total)\n"
        }
    }

    private func labelText(_ values: [String], bound: Double? = nil) -> String {
        var pairs = zip(labels, values).map { "\($0)=\"\(MetricFamily.escaped($1, isQuoted: true))\"" }
        if let bound { pairs.append("le=\"\(MetricFamily.text(bound))\"") }
        return pairs.isEmpty ? "" : "{" + pairs.joined(separator: ",") + "}"
    }

    /// Backslash and line feed everywhere, quotes in label values too.
    private static func escaped(_ text: String, isQuoted: Bool) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\"" where isQuoted: out += "\\\""
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    private static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return ECMAScriptNumber.text(of: value) ?? "NaN"
    }

    static func isName(_ text: String) -> Bool { isWord(text, allowsColon: true) }
    static func isLabel(_ text: String) -> Bool { isWord(text, allowsColon: false) && !text.hasPrefix("__") && text != "le" }

    private static func isWord(_ text: String, allowsColon: Bool) -> Bool {
        guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"):
                true
            case UInt8(ascii: ":"): allowsColon
            default: false
            }
        }
    }
}

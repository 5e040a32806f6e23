package import Kernel

/// Where one stands in a trace: the trace of a document from arrival to the ERP's answer, and the span within it
/// (W3C Trace Context).
package struct TraceContext: Sendable, Hashable, CustomStringConvertible {
    package let traceHigh: UInt64
    package let traceLow: UInt64
    package let spanID: UInt64
    /// The sender records this trace; we keep the flag and record either way.
    package let isSampled: Bool

    /// The caller promises that neither id is zero.
    package init(traceHigh: UInt64, traceLow: UInt64, spanID: UInt64, isSampled: Bool = true) {
        precondition((traceHigh | traceLow) != 0 && spanID != 0, "an id of a trace is zero")
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.spanID = spanID
        self.isSampled = isSampled
    }

    /// The start of a new trace.
    package init(entropy: Entropy) {
        self.init(
            traceHigh: TraceContext.draw(entropy), traceLow: TraceContext.draw(entropy), spanID: TraceContext.draw(entropy))
    }

    /// Reads a `traceparent` header: `00-<32 hex>-<16 hex>-<2 hex>`, small letters only, ids not zero. A higher version may
    /// carry more after a further hyphen. Anything else is nil, and then a new trace begins.
    package init?(traceparent text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 55, bytes.count <= 256, bytes[2] == hyphen, bytes[35] == hyphen, bytes[52] == hyphen,
            let version = hexNumber(bytes[0..<2]), version != 0xFF,
            version == 0 ? bytes.count == 55 : bytes.count == 55 || bytes[55] == hyphen,
            let high = hexNumber(bytes[3..<19]), let low = hexNumber(bytes[19..<35]), let span = hexNumber(bytes[36..<52]),
            let flags = hexNumber(bytes[53..<55]), (high | low) != 0, span != 0
        else { return nil }
        self.init(traceHigh: high, traceLow: low, spanID: span, isSampled: flags & 1 == 1)
    }

    /// The header to send on, always of version 00.
    package var traceparent: String { "00-\(traceIDText)-\(spanIDText)-\(isSampled ? "01" : "00")" }

    /// 32 hexadecimal digits: what a log line carries as `trace`.
    package var traceIDText: String { hexText(traceHigh) + hexText(traceLow) }
    package var spanIDText: String { hexText(spanID) }

    /// A new span of the same trace.
    package func child(entropy: Entropy = .system) -> TraceContext {
        TraceContext(traceHigh: traceHigh, traceLow: traceLow, spanID: TraceContext.draw(entropy), isSampled: isSampled)
    }

    package var description: String { traceparent }

    private static func draw(_ entropy: Entropy) -> UInt64 {
        let value = entropy.next()
        // Zero means "no id"; it comes up once in 2^64 draws, or at once from a test's generator.
        return value == 0 ? 1 : value
    }
}

private let hyphen = UInt8(ascii: "-")

private func hexNumber(_ digits: ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for byte in digits {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
        default: return nil
        }
    }
    return value
}

private func hexText(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}

package import Kernel

/// Where spans go, checked when the server starts: a typing error is told at once and not by spans that never arrive.
package struct CollectorEndpoint: Sendable, Equatable {
    package static let bytesMax = 2048

    /// As it was written, without a slash at its end.
    package let text: String

    /// Reads `http://collector:4318` or `https://collector.example/otlp`: no user name, no query, no fragment.
    ///
    /// - Throws: `telemetry.endpoint`, naming what is wrong with the address but not its text, which may hold a password.
    package init(_ text: String) throws(Refusal) {
        guard text.utf8.count <= CollectorEndpoint.bytesMax, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw CollectorEndpoint.refusal("it is longer than \(CollectorEndpoint.bytesMax) bytes or holds blanks")
        }
        guard let scheme = ["http://", "https://"].first(where: { text.hasPrefix($0) }) else {
            throw CollectorEndpoint.refusal("it does not begin with http:// or https://")
        }
        let rest = text.dropFirst(scheme.utf8.count)
        guard !rest.contains("@"), !rest.contains("?"), !rest.contains("#") else {
            throw CollectorEndpoint.refusal("it has a user name, a query or a fragment, which it may not have")
        }
        let authority = rest.prefix { $0 != "/" }
        // The colon of a port stands after the bracket of an IPv6 address.
        let afterBracket = authority.lastIndex(of: "]").map { authority[authority.index(after: $0)...] } ?? authority[...]
        if let colon = afterBracket.lastIndex(of: ":") {
            let port = afterBracket[afterBracket.index(after: colon)...]
            guard port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = Int(port),
                (1...65_535).contains(number)
            else { throw CollectorEndpoint.refusal("its port is not a number from 1 to 65535") }
        }
        let host = authority[..<(afterBracket.lastIndex(of: ":") ?? authority.endIndex)]
        let isHost = host.utf8.allSatisfy { byte in
            let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            return isLetter || isDigit || ".-[]:".utf8.contains(byte)
        }
        guard !host.isEmpty, isHost else { throw CollectorEndpoint.refusal("it names no host") }
        self.text = text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    private static func refusal(_ why: String) -> Refusal {
        Refusal(
            .invalid, reason: "telemetry.endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT is not an address of a collector: \(why).",
            facts: ["remedy": "Write it as http://host:4318, or leave it out to send no spans."])
    }
}

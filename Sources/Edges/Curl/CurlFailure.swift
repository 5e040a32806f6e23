/// Why a transfer gave no answer, and whether the other side may have seen the request.
///
/// `detail` holds libcurl's own words and never a URL's query, a header or a body, so it may be logged and shown.
package struct CurlFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable, CaseIterable {
        /// The URL, a header or a bound is unusable; nothing was dialled.
        case invalidRequest = "invalid-request"
        /// The egress policy forbids the address or the port.
        case addressDenied = "address-denied"
        case nameNotResolved = "name-not-resolved"
        case connectFailed = "connect-failed"
        case tlsFailed = "tls-failed"
        case timedOut = "timed-out"
        /// The answer is larger than the caller's bound, before or after decompression.
        case tooLarge = "too-large"
        /// The answer says gzip and is not, or the compressed data is broken.
        case badEncoding = "bad-encoding"
        /// The connection ended early or the bytes are not HTTP.
        case brokenAnswer = "broken-answer"
        case cancelled = "cancelled"
        case clientStopped = "client-stopped"
    }

    package let kind: Kind
    /// False only when certainly no byte of the request left this process.
    package let mayHaveBeenSent: Bool
    package let detail: String

    package init(_ kind: Kind, mayHaveBeenSent: Bool, _ detail: String) {
        self.kind = kind
        self.mayHaveBeenSent = mayHaveBeenSent
        self.detail = detail
    }

    package var description: String { "\(kind.rawValue) (\(mayHaveBeenSent ? "after" : "before") send): \(detail)" }
}

package import Kernel

package enum HTTPMethod: String, Sendable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"

    /// Whether sending it twice does no harm by HTTP's own rules; only such a request may travel on a used connection.
    package var isSafe: Bool { self == .get || self == .head }
}

package struct HTTPHeader: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// One request with all its bounds. Times are in milliseconds.
package struct HTTPRequest: Sendable {
    package static let connectTimeoutDefault = 10_000
    package static let totalTimeoutDefault = 30_000
    package static let bodyBytesDefault = 4 * 1024 * 1024
    /// Longest accepted URL; servers commonly stop at 8 KiB.
    package static let urlBytesMax = 8_192

    package var method: HTTPMethod
    package var url: String
    package var headers: [HTTPHeader]
    package var body: [UInt8]?
    package var connectTimeoutMilliseconds: Int
    /// From start to the last byte of the answer, name look-up and connecting included.
    package var totalTimeoutMilliseconds: Int
    /// No byte of the request is sent at or after this instant, and the transfer ends by then; nil: only the timeouts count.
    package var deadline: Moment?
    /// Largest answer body after decompression.
    package var maxBodyBytes: Int
    /// Dial this unix socket instead of the URL's host; the egress policy is about networks and does not apply.
    package var unixSocketPath: String?
    /// PEM file with the authorities to trust instead of the system's.
    package var caFile: String?
    package var egress: EgressPolicy
    /// True when the other side recognises a repetition itself, so that an unsafe method may use a kept connection. libcurl sends
    /// a request again when a kept connection dies before the first byte of the answer; without such recognition that is a second
    /// bill.
    package var isRepeatable: Bool
    /// Not nil: this is a mail and no HTTP request.
    package var envelope: MailEnvelope?

    package init(
        _ method: HTTPMethod, _ url: String, headers: [HTTPHeader] = [], body: [UInt8]? = nil,
        connectTimeoutMilliseconds: Int = connectTimeoutDefault, totalTimeoutMilliseconds: Int = totalTimeoutDefault,
        deadline: Moment? = nil, maxBodyBytes: Int = bodyBytesDefault, unixSocketPath: String? = nil, caFile: String? = nil,
        egress: EgressPolicy = EgressPolicy(), isRepeatable: Bool? = nil, envelope: MailEnvelope? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
        self.totalTimeoutMilliseconds = totalTimeoutMilliseconds
        self.deadline = deadline
        self.maxBodyBytes = maxBodyBytes
        self.unixSocketPath = unixSocketPath
        self.caFile = caFile
        self.egress = egress
        self.isRepeatable = isRepeatable ?? method.isSafe
        self.envelope = envelope
    }
}

package struct HTTPResponse: Sendable {
    /// Of a mail the server's last reply code.
    package let status: Int
    /// Names in lower case, in the order received; a name may repeat.
    package let headers: [HTTPHeader]
    package let body: [UInt8]
    /// The address that answered, without port; empty for a unix socket.
    package let peer: String
    package let durationMicroseconds: Int64

    package init(status: Int, headers: [HTTPHeader], body: [UInt8], peer: String, durationMicroseconds: Int64) {
        self.status = status
        self.headers = headers
        self.body = body
        self.peer = peer
        self.durationMicroseconds = durationMicroseconds
    }

    /// The first value of a header, whose name is given in lower case.
    package func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

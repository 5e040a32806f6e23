package import Kernel

/// One request as a plan made it, with every bound the transport has to keep.
package struct ExchangeRequest: Sendable, Equatable {
    /// What the request is for; names the span.
    package enum Purpose: String, Sendable {
        case read, search, create
        case readBack = "read-back"
        case probe
        /// Finding the other side's id of something.
        case lookup
        /// Leading a bill from one state to the next.
        case step
        /// Telling the system that a person confirmed.
        case confirm
        /// Signing in, or fetching a token.
        case login

        /// Whether sending it twice does no harm, so that a kept connection may be used.
        package var isRepeatable: Bool {
            switch self {
            case .read, .search, .readBack, .probe, .lookup, .login: true
            case .create, .step, .confirm: false
            }
        }
    }

    package let purpose: Purpose
    /// `GET`, `POST`, `PUT`, `PATCH`.
    package let method: String
    package let url: String
    package let headers: [(name: String, value: String)]
    package let body: [UInt8]?
    /// No byte is sent at or after this instant, and the transfer is over by then.
    package let deadline: Moment
    package let connectTimeoutMilliseconds: Int
    package let totalTimeoutMilliseconds: Int
    package let answerBytesMax: Int
    /// Egress entries of the connection, `host:port/range`.
    package let allow: [String]

    package static func == (lhs: ExchangeRequest, rhs: ExchangeRequest) -> Bool {
        lhs.purpose == rhs.purpose && lhs.method == rhs.method && lhs.url == rhs.url && lhs.body == rhs.body
            && lhs.deadline == rhs.deadline
            && lhs.headers.elementsEqual(rhs.headers, by: ==)
    }
}

package struct ExchangeAnswer: Sendable {
    package let status: Int
    /// Names in lower case.
    package let headers: [(name: String, value: String)]
    package let body: [UInt8]

    package init(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// No answer came.
package struct ExchangeFailure: Error, Sendable, Equatable {
    /// A short word for machines: `connect-failed`, `timed-out`, `circuit-open`.
    package let code: String
    package let message: String
    /// False only when certainly no byte of the request was sent.
    package let mayHaveBeenSent: Bool
    package let retryAfterSeconds: Int?

    package init(code: String, message: String, mayHaveBeenSent: Bool, retryAfterSeconds: Int? = nil) {
        self.code = code
        self.message = message
        self.mayHaveBeenSent = mayHaveBeenSent
        self.retryAfterSeconds = retryAfterSeconds
    }
}

/// Where requests leave the engine: libcurl in the worker, a script in tests.
package protocol HTTPExchange: Sendable {
    func exchange(_ request: ExchangeRequest) async throws(ExchangeFailure) -> ExchangeAnswer
}

/// How one attempt ended; the words are those of the handoff.
package enum ConnectorOutcome: Sendable, Equatable {
    case completed(output: JSONValue)
    case found(output: JSONValue)
    case absent
    /// The other side declined for a reason of its business.
    case refused(code: String, message: String)
    /// Certainly without effect.
    case failed(code: String, message: String, retryAfterSeconds: Int?)
    case inDoubt(message: String)
    case mismatch(differences: JSONValue)
    /// The other side would go on if a person said so; `name` is what it calls its question. Nothing is confirmed until the
    /// task's input brings that person's decision.
    case needsDecision(name: String, message: String, evidence: JSONValue)
}

import Kernel

/// SHA-256 and HMAC-SHA256, from whoever has a cryptographic library; this room has none.
package struct RequestDigests: Sendable {
    package let sha256: @Sendable (_ bytes: [UInt8]) -> [UInt8]
    package let hmacSHA256: @Sendable (_ key: [UInt8], _ bytes: [UInt8]) -> [UInt8]

    package init(
        sha256: @escaping @Sendable (_ bytes: [UInt8]) -> [UInt8],
        hmacSHA256: @escaping @Sendable (_ key: [UInt8], _ bytes: [UInt8]) -> [UInt8]
    ) {
        self.sha256 = sha256
        self.hmacSHA256 = hmacSHA256
    }
}

/// Sessions and tokens of one connection, in this worker's memory only.
///
/// However many tasks need one, it is opened once and the others wait: a burst of sign-ins is what systems lock accounts for.
package actor ConnectionCredentials {
    /// What a sign-in gave.
    struct Session: Sendable {
        let headers: [(name: String, value: String)]
        let until: Moment
        /// Tells a session from the one after it.
        let number: Int
    }

    private struct Held {
        let session: Session
        let secrets: [String: String]
    }

    /// After a refused sign-in the same secrets are not tried again for so long; new ones are at once. Systems that brake
    /// guessing lock the account of whoever repeats a password that was changed.
    static let refusedPauseSeconds: Int64 = 900

    private var held: [String: Held] = [:]
    private var refused: [String: (secrets: [String: String], until: Moment)] = [:]
    private var opening: [String: [CheckedContinuation<Void, Never>]] = [:]
    private var opened = 0

    package init() {}

    /// The session of a dialect, opened by `open` when there is none that is good for these secrets.
    func session(
        _ dialect: String, secrets: [String: String], at now: Moment,
        open: @Sendable () async throws(ExchangeFailure) -> (headers: [(name: String, value: String)], until: Moment)
    ) async throws(ExchangeFailure) -> Session {
        while opening[dialect] != nil {
            await withCheckedContinuation { opening[dialect]?.append($0) }
        }
        if let known = held[dialect], known.secrets == secrets, now < known.session.until { return known.session }
        held[dialect] = nil
        if let last = refused[dialect], last.secrets == secrets, now < last.until {
            throw ExchangeFailure(
                code: ConnectorSender.loginRejected,
                message: "The system refused this sign-in; it is not repeated before the secret is renewed.",
                mayHaveBeenSent: false, retryAfterSeconds: Int(last.until.seconds(since: now)) + 1)
        }
        opening[dialect] = []
        defer { for waiter in opening.removeValue(forKey: dialect) ?? [] { waiter.resume() } }
        let answer: (headers: [(name: String, value: String)], until: Moment)
        do throws(ExchangeFailure) {
            answer = try await open()
        } catch {
            if error.code == ConnectorSender.loginRejected {
                refused[dialect] = (secrets, now.adding(seconds: ConnectionCredentials.refusedPauseSeconds))
            }
            throw error
        }
        refused[dialect] = nil
        opened += 1
        let session = Session(headers: answer.headers, until: answer.until, number: opened)
        held[dialect] = Held(session: session, secrets: secrets)
        return session
    }

    /// A person asks for another try.
    func forgetRefusals() { refused = [:] }

    /// The system did not take this session; a newer one is not touched.
    func drop(_ session: Session, of dialect: String) {
        if held[dialect]?.session.number == session.number { held[dialect] = nil }
    }
}

/// What the tasks of one connection share in a worker.
package struct ConnectionState: Sendable {
    package let pace: ConnectionPace
    package let credentials: ConnectionCredentials
    package let memory: LookupMemory

    package init(
        pace: ConnectionPace, credentials: ConnectionCredentials = ConnectionCredentials(), memory: LookupMemory = LookupMemory()
    ) {
        self.pace = pace
        self.credentials = credentials
        self.memory = memory
    }
}

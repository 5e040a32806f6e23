package import Kernel

/// What a worker can be asked to do durably.
package enum WorkKind: String, Sendable, CaseIterable {
    case documentRead = "document.read"
    case erpRead = "erp.read"
    case erpWrite = "erp.write"
    case notify = "notify"
    /// Platform worker only: delivers a batch of spans to the operator's collector.
    case telemetryExport = "telemetry.export"
}

/// One attempt of one task, given to one worker until `expiresAt`.
///
/// `token` is the lease's own secret: it names task, attempt and epoch to the server, and is good for this attempt only. Secrets
/// of the connection travel in `secrets`, are never stored and never logged by the worker.
package struct WorkLease: Sendable {
    /// How far the write protocol may go in this attempt.
    package enum Phase: String, Sendable {
        /// Search by business key, write when absent, read back, compare.
        case full
        /// Only search, because an earlier attempt is in doubt; answer `found` or `absent`, write nothing.
        case search
    }

    package let token: String
    package let task: TaskID
    package let run: RunID?
    package let attempt: Int
    package let kind: WorkKind
    package let phase: Phase
    /// Deterministic for the effect, equal over all attempts.
    package let idempotencyKey: String
    package let input: JSONValue
    /// The connection's published mapping with endpoint and limits; null for tasks without one.
    package let connection: JSONValue
    package let secrets: [String: String]
    package let expiresAt: Moment
    /// W3C trace context of the run, so that one trace goes from arrival to the ERP's answer.
    package let traceparent: String?

    package init(
        token: String, task: TaskID, run: RunID?, attempt: Int, kind: WorkKind, phase: Phase, idempotencyKey: String,
        input: JSONValue, connection: JSONValue, secrets: [String: String], expiresAt: Moment, traceparent: String?
    ) {
        self.token = token
        self.task = task
        self.run = run
        self.attempt = attempt
        self.kind = kind
        self.phase = phase
        self.idempotencyKey = idempotencyKey
        self.input = input
        self.connection = connection
        self.secrets = secrets
        self.expiresAt = expiresAt
        self.traceparent = traceparent
    }
}

/// A question answered at once and never stored (at most ten seconds): a connection test, a key unwrap.
package struct WorkAsk: Sendable {
    package let id: String
    /// `connection.test` in this version.
    package let verb: String
    package let input: JSONValue
    package let connection: JSONValue
    package let secrets: [String: String]

    package init(id: String, verb: String, input: JSONValue, connection: JSONValue, secrets: [String: String]) {
        self.id = id
        self.verb = verb
        self.input = input
        self.connection = connection
        self.secrets = secrets
    }
}

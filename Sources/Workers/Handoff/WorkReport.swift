package import Kernel

/// How an attempt ended, as the worker saw it. The server decides what follows; the worker never retries across attempts.
package enum WorkOutcome: Sendable, Equatable {
    /// Done; for a write: read back and equal.
    case completed(output: JSONValue)
    /// A search of `Phase.search` found the object already written; it equals what was asked.
    case found(output: JSONValue)
    /// A search of `Phase.search` found nothing.
    case absent
    /// The other side said no for a reason of its business; retrying cannot help.
    case refused(code: String, message: String)
    /// The call failed and certainly had no effect: connect refused, 429, 503 before sending, a read that failed.
    case failed(code: String, message: String, retryAfterSeconds: Int?)
    /// The request was sent and no trustworthy answer came: the effect may or may not have happened.
    case inDoubt(message: String)
    /// Written, but what was read back differs from what was asked; a person has to look.
    case mismatch(differences: JSONValue)
    /// The other side would go on if a person said so. `name` is what it calls its question, `evidence` what it was about. The
    /// write goes on when the task comes again with `confirmations: [{name, decision}]` in its input.
    case needsDecision(name: String, message: String, evidence: JSONValue)
}

/// One network exchange as telemetry: no bodies, no secrets, no query values.
package struct HopTelemetry: Sendable {
    package let name: String
    package let startedAt: Moment
    package let durationMicroseconds: Int64
    /// Host, method, status, bytes, error class.
    package let facts: [String: String]

    package init(name: String, startedAt: Moment, durationMicroseconds: Int64, facts: [String: String]) {
        self.name = name
        self.startedAt = startedAt
        self.durationMicroseconds = durationMicroseconds
        self.facts = facts
    }
}

package struct WorkReport: Sendable {
    package let token: String
    package let outcome: WorkOutcome
    package let telemetry: [HopTelemetry]

    package init(token: String, outcome: WorkOutcome, telemetry: [HopTelemetry]) {
        self.token = token
        self.outcome = outcome
        self.telemetry = telemetry
    }
}

/// What the server says to a report.
package enum ReportVerdict: String, Sendable {
    /// Stored and applied, in a committed transaction.
    case accepted
    /// Stored; it will be applied within the lane's next batch.
    case pending
    /// The lease is not (or no longer) this worker's; the outcome was not used.
    case stale
}

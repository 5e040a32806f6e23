/// The caller asked for something we decline.
///
/// `reason` is a stable dotted code (`sod.recorder-approver`) for machines, `message` a sentence for a person, `facts` what the
/// audit log keeps. A refusal never names what belongs to another tenant: that is `.notFound`.
package struct Refusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of refusal; each maps to one HTTP status, in one place.
    package enum Code: String, Sendable, CaseIterable {
        case invalid, unauthenticated, forbidden, notFound, conflict, stale, tooLarge, tooMany, unprocessable, unavailable
    }

    package let code: Code
    package let reason: String
    package let message: String
    package let facts: [String: String]

    package init(_ code: Code, reason: String, _ message: String, facts: [String: String] = [:]) {
        self.code = code
        self.reason = reason
        self.message = message
        self.facts = facts
    }

    package var description: String { "\(reason): \(message)" }
}

/// The world failed: a connection lost, a disk full, an ERP down. Names the operation, keeps its cause, says whether to retry.
package struct Fault: Error, Sendable, CustomStringConvertible {
    package let operation: String
    package let isRetryable: Bool
    package let cause: (any Error)?
    package let detail: String

    package init(_ operation: String, _ detail: String = "", isRetryable: Bool, cause: (any Error)? = nil) {
        self.operation = operation
        self.detail = detail
        self.isRetryable = isRetryable
        self.cause = cause
    }

    /// This layer only; a log walks `cause` itself.
    package var description: String { detail.isEmpty ? operation : "\(operation): \(detail)" }
}

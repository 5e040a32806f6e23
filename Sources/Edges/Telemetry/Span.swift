package import Kernel

/// One finished piece of work in a trace.
package struct Span: Sendable, Equatable {
    /// The numbers are those of OTLP.
    package enum Kind: Int, Sendable { case `internal` = 1, server, client, producer, consumer }
    package enum Outcome: Sendable, Equatable { case unset, good, failed(String) }

    /// Attributes beyond these are left out, and their number is sent.
    package static let attributesMax = 32

    /// The span's own place.
    package let context: TraceContext
    /// The span it belongs under; nil for the first of a trace.
    package let parentSpanID: UInt64?
    package let name: String
    package let kind: Kind
    package let startedAt: Moment
    package let endedAt: Moment
    package let outcome: Outcome
    /// `hop`, `tenant`, `run`, `task` and the like; never bank details, tokens or document text.
    package let attributes: [String: String]

    /// A span under the one that `trace` names, with an id of its own.
    package init(
        trace: TraceContext, name: String, startedAt: Moment, endedAt: Moment, attributes: [String: String] = [:],
        kind: Kind = .internal, outcome: Outcome = .unset, entropy: Entropy = .system
    ) {
        self.init(
            context: trace.child(entropy: entropy), parentSpanID: trace.spanID, name: name, startedAt: startedAt,
            endedAt: endedAt,
            attributes: attributes, kind: kind, outcome: outcome)
    }

    /// The span that `context` itself names: for whoever made the context and handed it on as the parent of others.
    package init(
        context: TraceContext, parentSpanID: UInt64?, name: String, startedAt: Moment, endedAt: Moment,
        attributes: [String: String] = [:], kind: Kind = .internal, outcome: Outcome = .unset
    ) {
        self.context = context
        self.parentSpanID = parentSpanID
        self.name = name
        self.kind = kind
        self.startedAt = startedAt
        self.endedAt = max(startedAt, endedAt)
        self.outcome = outcome
        self.attributes = attributes
    }
}

/// Finished spans on their way out. When nobody fetches them the newest are dropped and counted: a dead collector costs
/// memory up to the bound and nothing else.
package final class SpanBuffer: Sendable {
    package static let capacityDefault = 8192

    private struct State {
        var spans: [Span] = []
        var droppedTotal: UInt64 = 0
    }

    private let state = Locked(State())
    package let capacity: Int

    package init(capacity: Int = SpanBuffer.capacityDefault) {
        precondition(capacity > 0, "a buffer for no spans")
        self.capacity = capacity
    }

    package func add(_ span: Span) { add([span]) }

    package func add(_ spans: [Span]) {
        state.withLock { state in
            let taken = min(spans.count, capacity - state.spans.count)
            state.spans.append(contentsOf: spans.prefix(taken))
            state.droppedTotal += UInt64(spans.count - taken)
        }
    }

    package var count: Int { state.withLock { $0.spans.count } }
    /// Since the process started.
    package var droppedTotal: UInt64 { state.withLock { $0.droppedTotal } }

    /// Takes out up to `limit` of the oldest.
    package func drain(limit: Int = 512) -> [Span] {
        state.withLock { state in
            let taken = Array(state.spans.prefix(limit))
            state.spans.removeFirst(taken.count)
            return taken
        }
    }
}

package import Kernel
package import Policies

/// What runs of one definition are given from outside and may not change while they go on; shared by all runs with the same pins.
package struct RunEnvironment: Sendable {
    package typealias Matcher = @Sendable (_ input: JSONValue, _ tolerances: Policy) throws(Refusal) -> JSONValue

    package let definition: WorkflowDefinition
    /// The versions pinned at start, by name.
    package let policies: [String: Policy]
    /// Hexadecimal SHA-256 of the canonical form of a value.
    package let hash: @Sendable (JSONValue) -> String
    /// The instant at which so many seconds of the tenant's service hours have passed since another.
    package let serviceInstant: @Sendable (_ seconds: Int64, _ start: Moment) -> Moment
    /// Compares an invoice with order and receipts: `{invoice, order, receipts, subject?}` and the tolerances give `{result,
    /// holds, …}`.
    package let matcher: Matcher
    /// Why no payment may be released now; nil when nothing speaks against it.
    package var releaseBar: Refusal?

    package init(
        definition: WorkflowDefinition, policies: [String: Policy], hash: @escaping @Sendable (JSONValue) -> String,
        serviceInstant: @escaping @Sendable (_ seconds: Int64, _ start: Moment) -> Moment,
        matcher: @escaping Matcher = RunEnvironment.invoiceMatcher
    ) {
        self.definition = definition
        self.policies = policies
        self.hash = hash
        self.serviceInstant = serviceInstant
        self.matcher = matcher
    }
}

/// Interprets a definition: takes an event, changes the state, and answers what has to be done.
///
/// A refusal leaves the state as it was and is the answer to whoever sent the event. What goes wrong inside the run is no
/// refusal: it is caught by the definition, or faults the run.
package struct RunMachine: Sendable, Equatable {
    package internal(set) var state: RunState

    package init(_ state: RunState = RunState()) { self.state = state }

    package mutating func handle(
        _ event: RunEvent, at now: Moment, in environment: RunEnvironment
    ) throws(Refusal) -> [RunAction] {
        var pass = RunPass(state: state, now: now, environment: environment)
        try pass.apply(event)
        state = pass.state
        return pass.actions
    }

    /// Work that has been dispatched and not answered: regenerated from the state when a queue row is lost.
    package static func tasks(for state: RunState) -> [WorkRequest] {
        state.active.compactMap { if case .work(let request, dead: nil) = $0.wait { request } else { nil } }
    }

    /// Work whose attempts are used up and which waits for a person's replay.
    package static func deadTasks(for state: RunState) -> [(request: WorkRequest, code: String, message: String)] {
        state.active.compactMap { activation in
            guard case .work(let request, let dead?) = activation.wait else { return nil }
            return (request, dead.code, dead.message)
        }
    }

    /// Requests that wait for a person.
    package static func openRequests(for state: RunState) -> [HumanRequest] {
        state.active.compactMap { if case .person(let person) = $0.wait { person.request } else { nil } }
    }

    /// Signatures given under an open approval, by the request's key.
    package static func signatures(for state: RunState, key: String) -> [SignatureNote] {
        for activation in state.active {
            if case .person(let person) = activation.wait, person.request.key == key { return person.signatures }
        }
        return []
    }

    /// Timers that are set: waits, and deadlines that have not passed.
    package static func timers(for state: RunState) -> [(key: String, at: Moment)] {
        state.active.flatMap(\.timers)
    }
}

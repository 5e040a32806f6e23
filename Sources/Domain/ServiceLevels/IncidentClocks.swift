package import Kernel

/// One promise about the answer to incidents, as a contract states it.
package struct IncidentPromise: Hashable, Sendable {
    /// Of the objective.
    package let name: String
    /// Of a first response, else of the resolution.
    package let isFirstResponse: Bool
    /// The incidents that it is about; nil for all.
    package let severities: Set<String>?
    package let targetSeconds: Int64

    package init(name: String, isFirstResponse: Bool, severities: Set<String>?, targetSeconds: Int64) {
        self.name = name
        self.isFirstResponse = isFirstResponse
        self.severities = severities
        self.targetSeconds = targetSeconds
    }

    func covers(_ severity: String) -> Bool { severities?.contains(severity) ?? true }
}

/// The clocks of one incident: what has happened to it, as the events of each promise's clock.
///
/// A clock counts from the opening of the incident, whichever promise it has come under since. Where the severity goes over to
/// another promise, the clock of the earlier one is cancelled, and that of the new one has the whole past with it: its target is
/// compared with all counted time, and a breach that the change causes is dated at the change (R11). An incident that is merged
/// cancels its clocks; taken out again it has them back as if it had never been merged.
package struct IncidentClocks: Sendable, Equatable {
    /// What has happened, with the standing that it led to.
    package struct Change: Hashable, Sendable {
        package enum Kind: Hashable, Sendable {
            case opened
            /// Somebody took it on, or wrote about it; only a person is an answer (R21).
            case answered(isHuman: Bool)
            case resolved
            case reopened
            /// Another severity, or merged into another incident.
            case changed
            /// Taken out again; with when the incident that went on for it was answered by a person meanwhile.
            case released(answeredAt: Moment?)
        }

        package let kind: Kind
        package let at: Moment
        package let severity: String
        package let isMerged: Bool

        var isRelease: Bool { if case .released = kind { true } else { false } }

        package init(_ kind: Kind, at: Moment, severity: String, isMerged: Bool = false) {
            self.kind = kind
            self.at = at
            self.severity = severity
            self.isMerged = isMerged
        }
    }

    package let openedAt: Moment
    /// When a person answered it first, as far as the incident itself knows; for promises that it comes under later.
    package let answeredAt: Moment?
    package let promises: [IncidentPromise]
    /// By the name of the promise; sets, since the order in which they were told says nothing (R20).
    package private(set) var events: [String: Set<ClockEvent>]

    package init(
        openedAt: Moment, answeredAt: Moment? = nil, promises: [IncidentPromise], events: [String: Set<ClockEvent>] = [:]
    ) {
        self.openedAt = openedAt
        self.answeredAt = answeredAt
        self.promises = promises
        self.events = events
    }

    package mutating func take(_ change: Change) {
        for isFirstResponse in [true, false] {
            let own = promises.filter { $0.isFirstResponse == isFirstResponse }
            for promise in own { add(change, to: promise) }
            let wanted = change.isMerged ? nil : own.first { $0.covers(change.severity) }
            for other in own where other.name != wanted?.name { cancel(other, at: change.at) }
            if let wanted { tend(wanted, among: own, change) }
            for promise in own { separate(promise.name) }
        }
    }

    /// What the change itself is for a clock that there is.
    private mutating func add(_ change: Change, to promise: IncidentPromise) {
        guard events[promise.name] != nil else { return }
        switch change.kind {
        case .answered(let isHuman):
            if promise.isFirstResponse { events[promise.name]?.insert(ClockEvent(.respond(isHuman: isHuman), at: change.at)) }
        case .resolved: events[promise.name]?.insert(ClockEvent(.stop, at: change.at))
        case .reopened:
            if !promise.isFirstResponse { events[promise.name]?.insert(ClockEvent(.reopen, at: change.at)) }
        case .opened, .changed, .released: break
        }
    }

    /// A clock that has its answer keeps it; what still runs is no longer promised.
    private mutating func cancel(_ promise: IncidentPromise, at: Moment) {
        guard let known = events[promise.name], !isOver(known, promise), !known.contains(where: { $0.kind == .cancel }) else {
            return
        }
        events[promise.name]?.insert(ClockEvent(.cancel, at: at))
    }

    /// The promise that the incident is under now has a running clock, with all that the others of its kind know.
    private mutating func tend(_ promise: IncidentPromise, among own: [IncidentPromise], _ change: Change) {
        let past = Set(
            own.flatMap { events[$0.name] ?? [] }.filter {
                switch $0.kind {
                case .respond, .stop, .reopen: true
                case .start, .retarget, .resume, .pause, .cancel: false
                }
            })
        if let known = events[promise.name] {
            if known.contains(where: { $0.kind == .cancel }) {
                var kept = known.filter { $0.kind != .cancel }.union(past)
                // Out of a merge it is as it was. From another severity nothing was promised in between, and from now on the
                // target is set anew.
                if !change.isRelease {
                    for gone in known where gone.kind == .cancel {
                        kept.insert(ClockEvent(.retarget(seconds: ServiceBounds.targetSecondsMax), at: gone.at))
                    }
                    kept.insert(ClockEvent(.retarget(seconds: promise.targetSeconds), at: change.at))
                }
                events[promise.name] = kept
            }
        } else {
            // What was answered before is answered, whoever was promised it.
            let isAnswered =
                change.kind != .opened && answeredAt.map { $0 < change.at } ?? false
                || past.contains { $0.kind == .respond(isHuman: true) || $0.kind == .stop }
            guard !(promise.isFirstResponse && isAnswered) else { return }
            var begun = past.union([ClockEvent(.start, at: openedAt)])
            if change.kind != .opened {
                // Until the change this was not promised, so nothing could be missed.
                begun.insert(ClockEvent(.retarget(seconds: ServiceBounds.targetSecondsMax), at: openedAt))
                begun.insert(ClockEvent(.retarget(seconds: promise.targetSeconds), at: change.at))
            }
            events[promise.name] = begun
            add(change, to: promise)
        }
        if case .released(let answeredAt?) = change.kind, promise.isFirstResponse {
            events[promise.name]?.insert(ClockEvent(.respond(isHuman: true), at: answeredAt))
        }
    }

    /// Whether nothing more can happen to it by itself: answered, or stopped and not reopened since.
    private func isOver(_ events: Set<ClockEvent>, _ promise: IncidentPromise) -> Bool {
        if promise.isFirstResponse, events.contains(where: { $0.kind == .respond(isHuman: true) || $0.kind == .stop }) {
            return true
        }
        guard let stop = events.filter({ $0.kind == .stop }).map(\.at).max() else { return false }
        return !events.contains { $0.kind == .reopen && $0.at >= stop }
    }

    /// Of one second a clock takes the stop last (R20), so what begins anew in the second of its stop begins with the next.
    private mutating func separate(_ name: String) {
        guard let known = events[name] else { return }
        for event in known where event.kind == .reopen {
            guard known.contains(where: { $0.kind == .stop && $0.at.seconds == event.at.seconds && $0.at <= event.at }) else {
                continue
            }
            events[name]?.remove(event)
            events[name]?.insert(ClockEvent(.reopen, at: Moment(seconds: event.at.seconds + 1)))
        }
    }
}

package import Kernel

/// One trouble that was told as two: the incident that is merged comes to rest and names its survivor, which takes its later
/// alerts. Nothing is lost by it: taken out again, it is where it was, with the alerts that came in between.
extension Incident {
    /// Incidents that one takes in, those that came with others included.
    package static let absorbedMax = 50

    /// One that was merged into this one.
    package struct Absorbed: Sendable, Hashable {
        package let incident: IncidentID
        package let number: Int64
        package let fingerprint: String
        package let openedAt: Moment
        package let acknowledgedAt: Moment?
        /// Alerts of its fingerprint that came here since.
        package internal(set) var alerts: Int
        package internal(set) var lastAlertAt: Moment?
        /// The one it came with, which had taken it in before.
        package let via: IncidentID?

        package init(
            incident: IncidentID, number: Int64, fingerprint: String, openedAt: Moment, acknowledgedAt: Moment?, alerts: Int = 0,
            lastAlertAt: Moment? = nil, via: IncidentID? = nil
        ) {
            self.incident = incident
            self.number = number
            self.fingerprint = fingerprint
            self.openedAt = openedAt
            self.acknowledgedAt = acknowledgedAt
            self.alerts = alerts
            self.lastAlertAt = lastAlertAt
            self.via = via
        }
    }

    /// Where a merged one has gone, and how it was then.
    package struct Merge: Sendable, Hashable {
        package let survivor: IncidentID
        package let number: Int64
        package let from: Phase
        package let at: Moment
    }

    /// One of two incidents, with what people call it.
    package struct Named: Sendable {
        package var incident: Incident
        package let id: IncidentID
        package let number: Int64

        package init(_ incident: Incident, id: IncidentID, number: Int64) {
            self.incident = incident
            self.id = id
            self.number = number
        }
    }

    /// Whether alerts of this fingerprint are its own or those of one that it took in.
    package func takes(_ fingerprint: String) -> Bool {
        self.fingerprint == fingerprint || absorbed.contains { $0.fingerprint == fingerprint }
    }

    /// Merges one open incident into another; what is refused changes neither.
    package static func merge(
        _ merged: inout Named, into survivor: inout Named, by actor: IncidentActor, reason: String, at now: Moment
    ) throws(Refusal) -> (merged: [Action], survivor: [Action]) {
        guard merged.id != survivor.id else {
            throw Refusal(
                .unprocessable, reason: "incident.same", "An incident is not merged into itself.", facts: ["field": "into"])
        }
        try merged.incident.requireOpen()
        guard survivor.incident.isOpen else {
            throw Refusal(
                .conflict, reason: "incident.survivor",
                survivor.incident.merge.map { "INC-\(survivor.number) was merged itself, into INC-\($0.number); name that one." }
                    ?? "INC-\(survivor.number) is resolved. Reopen it first.", facts: ["field": "into"])
        }
        let reason = try merged.incident.written(reason, max: reasonBytesMax)
        let taken = merged.incident.absorbed.map { one in
            Absorbed(
                incident: one.incident, number: one.number, fingerprint: one.fingerprint, openedAt: one.openedAt,
                acknowledgedAt: one.acknowledgedAt, alerts: one.alerts, lastAlertAt: one.lastAlertAt, via: merged.id)
        }
        guard survivor.incident.absorbed.count + taken.count < absorbedMax else {
            throw Refusal(
                .conflict, reason: "incident.many", "INC-\(survivor.number) has taken in \(absorbedMax) already.",
                facts: ["field": "into"])
        }
        let atSurvivor = max(now, survivor.incident.lastChangeAt)
        let atMerged = max(now, merged.incident.lastChangeAt)
        survivor.incident.absorbed +=
            [
                Absorbed(
                    incident: merged.id, number: merged.number, fingerprint: merged.incident.fingerprint,
                    openedAt: merged.incident.openedAt, acknowledgedAt: merged.incident.acknowledgedAt)
            ] + taken
        var told: [Action] = [
            .record(
                TimelineEntry(
                    at: atSurvivor, kind: .merged, actor: actor,
                    text: "INC-\(merged.number), \(merged.incident.title), is the same trouble: \(reason)"))
        ]
        if merged.incident.severity > survivor.incident.severity {
            told += survivor.incident.worsen(
                to: merged.incident.severity, by: actor, reason: "INC-\(merged.number) was as bad.", at: atSurvivor)
        }
        survivor.incident.lastChangeAt = atSurvivor
        merged.incident.merge = Merge(
            survivor: survivor.id, number: survivor.number, from: merged.incident.phase, at: atMerged)
        merged.incident.phase = .resolved
        merged.incident.resolvedAt = atMerged
        merged.incident.resolvedBy = actor
        merged.incident.lastChangeAt = atMerged
        let line = TimelineEntry(
            at: atMerged, kind: .merged, actor: actor, text: "Merged into INC-\(survivor.number): \(reason)")
        return ([.record(line)] + merged.incident.rest(), told)
    }

    /// Takes a merged incident out again. Alerts of its fingerprint that came in between are its own from now on.
    package static func unmerge(
        _ merged: inout Named, from survivor: inout Named, by actor: IncidentActor, reason: String, at now: Moment
    ) throws(Refusal) -> (merged: [Action], survivor: [Action]) {
        guard let merge = merged.incident.merge, merge.survivor == survivor.id else {
            throw Refusal(.conflict, reason: "incident.not-merged", "INC-\(merged.number) is not merged into another.")
        }
        let reason = try merged.incident.written(reason, max: reasonBytesMax)
        let own = survivor.incident.absorbed.first { $0.incident == merged.id }
        let back = survivor.incident.absorbed.filter { $0.via == merged.id }
        survivor.incident.absorbed.removeAll { $0.incident == merged.id || $0.via == merged.id }
        let between =
            (own?.alerts ?? 0) + back.reduce(0) { $0 + $1.alerts }
            - merged.incident.absorbed.reduce(0) { $0 + $1.alerts }
        survivor.incident.alertCount -= between
        let atSurvivor = max(now, survivor.incident.lastChangeAt)
        let atMerged = max(now, merged.incident.lastChangeAt)
        survivor.incident.lastChangeAt = atSurvivor
        merged.incident.absorbed = merged.incident.absorbed.map { one in
            var one = one
            guard let there = back.first(where: { $0.incident == one.incident }) else { return one }
            one.alerts = there.alerts
            one.lastAlertAt = there.lastAlertAt
            return one
        }
        merged.incident.alertCount += between
        merged.incident.lastAlertAt =
            ([merged.incident.lastAlertAt] + ([own].compactMap(\.self) + back).compactMap(\.lastAlertAt))
            .reduce(merged.incident.lastAlertAt, max)
        merged.incident.merge = nil
        merged.incident.lastChangeAt = atMerged
        let came = between == 0 ? "" : " \(between) alerts that came meanwhile are counted here."
        let told = TimelineEntry(
            at: atSurvivor, kind: .unmerged, actor: actor, text: "INC-\(merged.number) is a trouble of its own: \(reason)")
        let actions = merged.incident.goOn(
            from: merge.from == .mitigated && between > 0 ? .triggered : merge.from, by: actor,
            "Taken out of INC-\(survivor.number): \(reason)\(came)", at: atMerged)
        return (actions, [.record(told)])
    }
}

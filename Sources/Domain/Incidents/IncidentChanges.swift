import Kernel

/// What each event does, one function each.
extension Incident {
    mutating func takeAlert(_ alert: Alert, at now: Moment) throws(Refusal) -> [Action] {
        precondition(takes(alert.fingerprint), "an alert of another trouble")
        precondition(merge == nil, "an alert of a merged incident goes to its survivor")
        switch taking(alertAt: now) {
        case .opensNew:
            throw Refusal(.conflict, reason: "incident.closed", "This incident is over; what happens now is a new one.")
        case .reopens:
            count(alert, at: now)
            return trigger(
                .reopened, by: .system, "It has returned: \(alert.title)", page: .returned(max(severity, alert.severity).urgency),
                at: now)
        case .repeats: count(alert, at: now)
        }
        if phase == .mitigated {
            return trigger(
                .reopened, by: .system, "The mitigation does not hold: \(alert.title)", page: .returned(urgency), at: now)
        }
        var actions: [Action] = []
        if alertCount <= Incident.repetitionsRecordedMax || alertCount % Incident.repetitionRecordedEvery == 0 {
            let text = "Alert \(alertCount): \(alert.title)"
            actions.append(.record(TimelineEntry(at: now, kind: .repeated, actor: .system, text: text)))
        }
        if alert.severity > severity { actions += worsen(to: alert.severity, by: .system, reason: alert.title, at: now) }
        return actions
    }

    private mutating func count(_ alert: Alert, at now: Moment) {
        alertCount += 1
        lastAlertAt = now
        guard alert.fingerprint != fingerprint, let place = absorbed.lastIndex(where: { $0.fingerprint == alert.fingerprint })
        else { return }
        absorbed[place].alerts += 1
        absorbed[place].lastAlertAt = now
    }

    mutating func acknowledge(by actor: IncidentActor, at now: Moment) throws(Refusal) -> [Action] {
        try requireOpen()
        guard phase == .triggered else {
            guard acknowledgedBy == actor else {
                throw Refusal(
                    .conflict, reason: "incident.acknowledged",
                    "Somebody else took this on already. Add a note, or have it assigned to you.",
                    facts: ["acknowledgedBy": acknowledgedBy?.person?.text ?? "system"])
            }
            return []
        }
        phase = .acknowledged
        acknowledgedBy = actor
        acknowledgedAt = acknowledgedAt ?? now
        var actions: [Action] = [
            .record(TimelineEntry(at: now, kind: .acknowledged, actor: actor, text: "Acknowledged.")), .stopEscalation,
        ]
        if assignee == nil { assignee = actor.person }
        if urgency == .high { actions.append(awaitProgress(from: now)) }
        return actions
    }

    mutating func lapse(at now: Moment) -> [Action] {
        guard phase == .acknowledged, let lapsesAt, lapsesAt <= now else { return [] }
        return trigger(
            .acknowledgementLapsed, by: .system,
            "Acknowledged \(Incident.acknowledgementSeconds / 60) minutes ago and neither mitigated nor resolved.",
            page: .lapsed(urgency), at: now)
    }

    mutating func change(
        _ severity: Severity, by actor: IncidentActor, reason: String, at now: Moment
    ) throws(Refusal) -> [Action] {
        try requireOpen()
        let reason = try written(reason, max: Incident.reasonBytesMax)
        guard severity != self.severity else { return [] }
        if severity > self.severity { return worsen(to: severity, by: actor, reason: reason, at: now) }
        self.severity = severity
        priority = severity.usualPriority
        var actions: [Action] = [
            .record(
                TimelineEntry(at: now, kind: .severityChanged, actor: actor, text: "Lowered to \(severity.rawValue): \(reason)"))
        ]
        if urgency == .low && lapsesAt != nil {
            lapsesAt = nil
            actions.append(.cancelWake)
        }
        return actions
    }

    mutating func worsen(to severity: Severity, by actor: IncidentActor, reason: String, at now: Moment) -> [Action] {
        self.severity = severity
        priority = severity.usualPriority
        var actions: [Action] = [
            .record(
                TimelineEntry(at: now, kind: .severityChanged, actor: actor, text: "Raised to \(severity.rawValue): \(reason)")),
            .page(.worsened(urgency)),
        ]
        if phase == .acknowledged && urgency == .high && lapsesAt == nil { actions.append(awaitProgress(from: now)) }
        return actions
    }

    mutating func mitigate(by actor: IncidentActor, text: String, at now: Moment) throws(Refusal) -> [Action] {
        try requireOpen()
        let text = try written(text, max: Incident.noteBytesMax)
        guard phase != .mitigated else {
            throw Refusal(.conflict, reason: "incident.mitigated", "This is mitigated already. Add a note, or resolve it.")
        }
        // Who mitigates has taken it on.
        if phase == .triggered {
            acknowledgedBy = actor
            acknowledgedAt = acknowledgedAt ?? now
        }
        if assignee == nil { assignee = actor.person }
        phase = .mitigated
        mitigatedAt = now
        return [.record(TimelineEntry(at: now, kind: .mitigated, actor: actor, text: text))] + rest()
    }

    mutating func resolve(by actor: IncidentActor, reason: String, at now: Moment) throws(Refusal) -> [Action] {
        try requireOpen()
        let reason = try written(reason, max: Incident.reasonBytesMax)
        phase = .resolved
        resolvedAt = now
        resolvedBy = actor
        return [.record(TimelineEntry(at: now, kind: .resolved, actor: actor, text: reason))] + rest()
    }

    mutating func reopen(by actor: IncidentActor, reason: String, at now: Moment) throws(Refusal) -> [Action] {
        guard phase == .resolved else {
            throw Refusal(.conflict, reason: "incident.open", "This incident is still open.")
        }
        try requireUnmerged()
        let reason = try written(reason, max: Incident.reasonBytesMax)
        return trigger(.reopened, by: actor, reason, page: .returned(urgency), at: now)
    }

    /// Back to where nobody has it: people are told anew, from the first level.
    private mutating func trigger(
        _ kind: TimelineEntry.Kind, by actor: IncidentActor, _ text: String, page: Page, at now: Moment
    ) -> [Action] {
        if phase == .resolved { reopenCount += 1 }
        phase = .triggered
        acknowledgedBy = nil
        mitigatedAt = nil
        resolvedAt = nil
        resolvedBy = nil
        let hadWake = lapsesAt != nil
        lapsesAt = nil
        return [
            .record(TimelineEntry(at: now, kind: kind, actor: actor, text: cut(text, Incident.noteBytesMax))), .page(page),
            .startEscalation,
        ]
            + (hadWake ? [.cancelWake] : [])
    }

    /// Nobody needs to be told any longer.
    mutating func rest() -> [Action] {
        defer { lapsesAt = nil }
        return lapsesAt == nil ? [.stopEscalation] : [.stopEscalation, .cancelWake]
    }

    private mutating func awaitProgress(from now: Moment) -> Action {
        let moment = now.adding(seconds: Incident.acknowledgementSeconds)
        lapsesAt = moment
        return .wake(at: moment)
    }

    /// Out of a merge, in the phase in which it went in.
    mutating func goOn(from before: Phase, by actor: IncidentActor, _ text: String, at now: Moment) -> [Action] {
        guard before != .triggered else {
            // It was never over, so this is no reopening.
            phase = .acknowledged
            return trigger(.unmerged, by: actor, text, page: .returned(urgency), at: now)
        }
        phase = before
        resolvedAt = nil
        resolvedBy = nil
        let line = TimelineEntry(at: now, kind: .unmerged, actor: actor, text: cut(text, Incident.noteBytesMax))
        return [.record(line)] + (before == .acknowledged && urgency == .high ? [awaitProgress(from: now)] : [])
    }

    private func requireUnmerged() throws(Refusal) {
        guard let merge else { return }
        throw Refusal(
            .conflict, reason: "incident.merged",
            "This incident was merged into INC-\(merge.number). Work on that one, or take this out of it again.",
            facts: ["survivor": merge.survivor.text])
    }

    func requireOpen() throws(Refusal) {
        try requireUnmerged()
        guard isOpen else {
            throw Refusal(.conflict, reason: "incident.resolved", "This incident is resolved. Reopen it first, or add a note.")
        }
    }

    /// What a person wrote, without space around it; refuses nothing and too much.
    func written(_ text: String, max bytes: Int) throws(Refusal) -> String {
        var trimmed = Substring(text)
        while trimmed.first?.isWhitespace == true { trimmed.removeFirst() }
        while trimmed.last?.isWhitespace == true { trimmed.removeLast() }
        guard !trimmed.isEmpty else {
            throw Refusal(
                .invalid, reason: "incident.text", "Say why in a sentence; the timeline is read by people who were not there.")
        }
        guard trimmed.utf8.count <= bytes else {
            throw Refusal(.tooLarge, reason: "incident.text", "At most \(bytes) bytes; link to anything longer.")
        }
        return String(trimmed)
    }
}

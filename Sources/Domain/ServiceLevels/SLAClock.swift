package import Kernel

/// The clock of a promise: a pure function of calendar, terms, maintenance and the set of events up to an instant.
///
/// It walks the time line once, event by event, as a watch would have lived it: so a breach is dated when it became true, and
/// nothing that happens later moves it. What is asked about the whole (due, overdue, warnings) is then read off the counted
/// spans. Whole seconds, half-open intervals, no percentages and no rounding anywhere.
package enum SLAClock {
    /// Reads the clock under the contract version in force at its start (R12).
    ///
    /// Refuses with `sla.no-version` when none is, and `sla.span` when more than a century lies between start and `asOf`.
    /// Before the start the answer names the version in force at `asOf`, or the first.
    package static func evaluate(
        calendar: ServiceCalendar, contract: ServiceContract, maintenance: [MaintenanceWindow] = [], events: [ClockEvent],
        asOf: Moment, isTraced: Bool = false
    ) throws(Refusal) -> ClockReading {
        let start = events.filter { $0.kind == .start && $0.at.seconds <= asOf.seconds }.map(\.at).min()
        let version: (number: Int, terms: ClockTerms)
        if let start {
            guard let inForce = contract.version(inForceAt: start) else {
                throw Refusal(
                    .unprocessable, reason: "sla.no-version", "No version of the contract was in force when the clock started.",
                    facts: ["startedAt": start.text(fraction: 0)])
            }
            guard asOf.seconds - start.seconds <= ServiceBounds.spanSecondsMax else {
                throw Refusal(.unprocessable, reason: "sla.span", "More than a century lies between the start and asOf.")
            }
            version = inForce
        } else {
            version = contract.version(inForceAt: asOf) ?? (1, contract.versions[0].terms)
        }
        return read(
            calendar: calendar, terms: version.terms, contractVersion: version.number, maintenance: maintenance, events: events,
            asOf: asOf, isTraced: isTraced)
    }

    /// Reads a clock whose terms were pinned when it started; what the product does at run time.
    package static func read(
        calendar: ServiceCalendar, terms: ClockTerms, contractVersion: Int = 1, maintenance: [MaintenanceWindow] = [],
        events: [ClockEvent], asOf: Moment, isTraced: Bool = false
    ) -> ClockReading {
        let now = asOf.seconds
        let known = events.filter { $0.at.seconds <= now }.sorted(by: ClockEvent.comesBefore)
        guard let start = known.first(where: { $0.kind == .start })?.at.seconds else {
            return notStarted(terms: terms, contractVersion: contractVersion)
        }
        let excluded = terms.maintenanceNoticeSeconds.map { notice in
            Span.union(maintenance.filter { $0.isAnnounced(noticeSeconds: notice) }.map(\.span))
        }
        let walk = ServiceWalk(
            calendar: calendar, maintenance: excluded ?? [], from: start, until: now + ServiceBounds.horizonSeconds)
        var life = ClockLife(terms: terms, walk: walk, startedAt: start, isTraced: isTraced)
        // What came before the start, at its own second included, never happened to this clock (R22).
        for event in known.drop(while: { $0.kind != .start }) { life.take(event) }
        life.advance(to: now)
        return life.reading(asOf: now, contractVersion: contractVersion)
    }

    /// R22: before the start nothing exists.
    private static func notStarted(terms: ClockTerms, contractVersion: Int) -> ClockReading {
        ClockReading(
            startedAt: nil, elapsedSeconds: 0, targetSeconds: terms.targetSeconds, dueAt: nil, overdueFrom: nil,
            state: .notStarted,
            outcome: .open, breachedAt: nil, warnings: terms.warnPercents.map { ClockReading.Warning(percent: $0, firedAt: nil) },
            cycles: [], contractVersion: contractVersion, nextWakeUp: nil, trace: [])
    }
}

package import Kernel
package import ServiceLevels

/// What a case of a report is about, as its data name it: `run`, `incident` or `onboarding`, and which.
package struct CaseSubject: Sendable, Equatable {
    package static let kinds = ["run", "incident", "onboarding"]

    package let kind: String
    /// An id; of an incident its number, such as `INC-12`.
    package let text: String

    package init(_ kind: String, _ text: String) {
        self.kind = kind
        self.text = text
    }

    package init?(json: JSONValue) {
        for kind in CaseSubject.kinds {
            guard let text = json[kind]?.string else { continue }
            self.init(kind, text)
            return
        }
        return nil
    }
}

/// One clock as the attached data of a report has it.
package struct ClockLine: Sendable, Equatable {
    package let clock: String
    package let subject: CaseSubject
    package let objective: String
    /// Key of the calendar line that it is read with.
    package let calendar: String
    package let events: [ClockEvent]
    /// A breach that was written down and that maintenance published afterwards would take back: it stays.
    package let recordedBreachAt: Moment?

    package init(
        clock: String, subject: CaseSubject, objective: String, calendar: String, events: [ClockEvent], recordedBreachAt: Moment?
    ) {
        self.clock = clock
        self.subject = subject
        self.objective = objective
        self.calendar = calendar
        self.events = events
        self.recordedBreachAt = recordedBreachAt
    }

    /// What had happened before an instant.
    func events(before end: Int64) -> [ClockEvent] { events.filter { $0.at.seconds < end } }

    package var json: JSONValue {
        .object([
            "kind": "clock", "clock": .string(clock), subject.kind: .string(subject.text),
            "objective": .string(objective), "calendar": .string(calendar), "events": .array(events.map(\.json)),
            "recordedBreachAt": recordedBreachAt.map { .string($0.text(fraction: 0)) },
        ])
    }

    package init(json: JSONValue) throws(Refusal) {
        guard let clock = json["clock"]?.string, let subject = CaseSubject(json: json),
            let objective = json["objective"]?.string, let calendar = json["calendar"]?.string, let listed = json["events"]?.array
        else { throw Refusal(.invalid, reason: "report.line", "A clock lacks a member.") }
        var events: [ClockEvent] = []
        for event in listed { events.append(try ClockEvent(json: event)) }
        self.init(
            clock: clock, subject: subject, objective: objective, calendar: calendar, events: events,
            recordedBreachAt: json["recordedBreachAt"]?.moment)
    }
}

/// How one clock stands at the end of a month, and what was decided about it in the month.
package struct ClockJudgement: Sendable, Equatable {
    package struct Decision: Sendable, Equatable {
        package let isMet: Bool
        package let at: Moment
        /// Counted by the end of the month, or by the stop before it.
        package let elapsedSeconds: Int64
        package let targetSeconds: Int64
        package let dueAt: Moment?
    }

    /// Cycles that were decided in the month, usually one or none; a clock that was started anew can have several.
    package let decisions: [Decision]
    /// Not decided by the end of the month.
    package let isOpen: Bool
    /// Ended in the month without a decision, since the run was cancelled.
    package let isCancelled: Bool

    /// Reads the clock as it stood when the month ended. What happened at that instant or later does not exist yet, so a report
    /// that is built late says the same; time that ran up to it does, so a target used up in the last second is missed.
    package static func of(
        _ line: ClockLine, terms: ClockTerms, calendar: ServiceCalendar, maintenance: [MaintenanceWindow], period: Span
    ) -> ClockJudgement {
        let events = line.events(before: period.end)
        func read(_ at: Moment) -> ClockReading {
            SLAClock.read(calendar: calendar, terms: terms, maintenance: maintenance, events: events, asOf: at)
        }
        let last = read(Moment(seconds: period.end))
        var decisions: [Decision] = []
        var wasBreached = false
        func take(_ reading: ClockReading, stoppedAt: Moment?) {
            let decided = DecidedCase(reading.outcome, breachedAt: reading.breachedAt, stoppedAt: stoppedAt)
            if reading.breachedAt != nil { wasBreached = true }
            guard let decided, decided.at.seconds >= period.start, decided.at.seconds < period.end else { return }
            decisions.append(
                Decision(
                    isMet: decided.isMet, at: decided.at, elapsedSeconds: reading.elapsedSeconds,
                    targetSeconds: reading.targetSeconds, dueAt: reading.dueAt))
        }
        for cycle in last.cycles { take(read(cycle.stoppedAt), stoppedAt: cycle.stoppedAt) }
        take(last, stoppedAt: last.state == .stopped ? last.stoppedAt : nil)
        if !wasBreached, let recorded = line.recordedBreachAt, recorded.seconds >= period.start, recorded.seconds < period.end {
            decisions.removeAll(where: \.isMet)
            decisions.append(
                Decision(
                    isMet: false, at: recorded, elapsedSeconds: last.elapsedSeconds, targetSeconds: last.targetSeconds,
                    dueAt: last.dueAt))
            wasBreached = true
        }
        let isOpen = last.state == .running || last.state == .paused
        return ClockJudgement(
            decisions: decisions,
            isOpen: isOpen && last.breachedAt == nil && (line.recordedBreachAt.map { $0.seconds >= period.end } ?? true),
            isCancelled: last.state == .cancelled && !wasBreached && decisions.isEmpty
                && (last.stoppedAt.map { $0.seconds >= period.start } ?? false))
    }
}

package import Kernel
package import ServiceLevels

/// A missed clock that the report lists.
package struct ListedBreach: Sendable, Equatable {
    package let clock: String
    package let subject: CaseSubject
    package let objective: String
    package let startedAt: Moment?
    package let dueAt: Moment?
    package let breachedAt: Moment
    package let elapsedSeconds: Int64
    package let targetSeconds: Int64
    /// Seconds by reason from the start to the end of the month, largest first.
    package let seconds: JSONValue
    package let trace: JSONValue
    package let isTraceCut: Bool

    /// Names one breach of one clock: a clock that was started anew can have several.
    package var key: String { "\(clock)@\(breachedAt.text(fraction: 0))" }

    package var json: JSONValue {
        .object([
            "key": .string(key), "clock": .string(clock), subject.kind: .string(subject.text), "objective": .string(objective),
            "startedAt": startedAt.map { .string($0.text(fraction: 0)) }, "dueAt": dueAt.map { .string($0.text(fraction: 0)) },
            "breachedAt": .string(breachedAt.text(fraction: 0)), "elapsedSeconds": JSONValue(elapsedSeconds),
            "targetSeconds": JSONValue(targetSeconds), "seconds": seconds, "trace": trace, "isTraceCut": .bool(isTraceCut),
        ])
    }

    init?(json: JSONValue) {
        guard let clock = json["clock"]?.string, let subject = CaseSubject(json: json),
            let objective = json["objective"]?.string, let breachedAt = json["breachedAt"]?.moment, let elapsed = json["elapsedSeconds"]?.int64,
            let target = json["targetSeconds"]?.int64
        else { return nil }
        self.clock = clock
        self.subject = subject
        self.objective = objective
        startedAt = json["startedAt"]?.moment
        dueAt = json["dueAt"]?.moment
        self.breachedAt = breachedAt
        elapsedSeconds = elapsed
        targetSeconds = target
        seconds = json["seconds"] ?? .array([])
        trace = json["trace"] ?? .array([])
        isTraceCut = json["isTraceCut"]?.bool ?? false
    }

    init(
        _ line: ClockLine, _ decision: ClockJudgement.Decision, terms: ClockTerms, calendar: ServiceCalendar,
        maintenance: [MaintenanceWindow], period: Span
    ) {
        let reading = SLAClock.read(
            calendar: calendar, terms: terms, maintenance: maintenance,
            events: line.events(before: period.end), asOf: Moment(seconds: period.end), isTraced: true)
        var sums: [(reason: String, seconds: Int64)] = []
        for interval in reading.trace where interval.reason != .stopped {
            let length = interval.to.seconds - interval.from.seconds
            if let index = sums.firstIndex(where: { sameBytes($0.reason, interval.reason.text) }) {
                sums[index].seconds += length
            } else {
                sums.append((interval.reason.text, length))
            }
        }
        clock = line.clock
        subject = line.subject
        objective = line.objective
        startedAt = reading.startedAt
        dueAt = decision.dueAt
        breachedAt = decision.at
        elapsedSeconds = decision.elapsedSeconds
        targetSeconds = decision.targetSeconds
        seconds = .array(
            sums.sorted { ($1.seconds, $0.reason) < ($0.seconds, $1.reason) }.map {
                ["reason": .string($0.reason), "seconds": JSONValue($0.seconds)]
            })
        trace = .array(reading.trace.prefix(ReportBounds.traceIntervalsMax).map(\.json))
        isTraceCut = reading.trace.count > ReportBounds.traceIntervalsMax
    }
}

/// The counts of a month, one clock after the other: its memory does not grow with their number.
///
/// The state is a value that JSON holds, so a build that was interrupted goes on after the last page of clocks.
package struct MonthTally: Sendable, Equatable {
    package struct Count: Sendable, Equatable {
        package var met: Int64 = 0
        package var breached: Int64 = 0
        package var cancelled: Int64 = 0
        package var open: Int64 = 0
    }

    /// By objective.
    package private(set) var counts: [String: Count]
    /// The earliest, in their order; at most `ReportBounds.breachesListedMax`.
    package private(set) var breaches: [ListedBreach] = []
    package private(set) var clocks: Int64 = 0

    package init(_ terms: ReportTerms) {
        counts = Dictionary(terms.objectives.map { ($0.name, Count()) }, uniquingKeysWith: { first, _ in first })
    }

    /// Counts a clock. False when it says nothing about the month, and then it is no line of the data either.
    @discardableResult
    package mutating func take(_ line: ClockLine, terms: ReportTerms, calendar: ServiceCalendar) -> Bool {
        guard let objective = terms.objective(line.objective), let counted = objective.terms else { return false }
        let judged = ClockJudgement.of(
            line, terms: counted, calendar: calendar, maintenance: objective.maintenance, period: terms.period)
        guard judged.isOpen || judged.isCancelled || !judged.decisions.isEmpty else { return false }
        var count = counts[line.objective] ?? Count()
        clocks += 1
        if judged.isOpen { count.open += 1 }
        if judged.isCancelled { count.cancelled += 1 }
        for decision in judged.decisions {
            if decision.isMet {
                count.met += 1
            } else {
                count.breached += 1
                list(line, decision, objective, counted, calendar, terms)
            }
        }
        counts[line.objective] = count
        return true
    }

    /// Counts a run that was judged without a clock. False when it says nothing about the month.
    @discardableResult
    package mutating func take(_ line: RunLine, terms: ReportTerms) -> Bool {
        guard let objective = terms.objective(line.objective), objective.terms == nil, line.at.seconds >= terms.period.start,
            line.at.seconds < terms.period.end
        else { return false }
        var count = counts[line.objective] ?? Count()
        if line.isGood { count.met += 1 } else { count.breached += 1 }
        counts[line.objective] = count
        return true
    }

    /// Clocks that missed their targets. Runs that were touched are counted with their objective and not listed one by one.
    package func missedClocks(_ terms: ReportTerms) -> Int64 {
        terms.objectives.reduce(Int64(0)) { $0 + ($1.terms == nil ? 0 : counts[$1.name]?.breached ?? 0) }
    }

    private mutating func list(
        _ line: ClockLine, _ decision: ClockJudgement.Decision, _ objective: ReportTerms.Objective,
        _ counted: ClockTerms, _ calendar: ServiceCalendar, _ terms: ReportTerms
    ) {
        func comesBefore(_ other: ListedBreach) -> Bool { (decision.at, line.clock) < (other.breachedAt, other.clock) }
        let isFull = breaches.count >= ReportBounds.breachesListedMax
        if isFull, let last = breaches.last, !comesBefore(last) { return }
        let breach = ListedBreach(
            line, decision, terms: counted, calendar: calendar, maintenance: objective.maintenance,
            period: terms.period)
        var (low, high) = (0, breaches.count)
        while low < high {
            let middle = (low + high) / 2
            if comesBefore(breaches[middle]) { high = middle } else { low = middle + 1 }
        }
        breaches.insert(breach, at: low)
        if isFull { breaches.removeLast() }
    }

    // MARK: Kept between pages

    package var json: JSONValue {
        [
            "clocks": JSONValue(clocks),
            "counts": .object(
                JSONObject(
                    counts.sorted { $0.key < $1.key }.map { name, count in
                        (
                            key: name,
                            value: [
                                "met": JSONValue(count.met), "breached": JSONValue(count.breached),
                                "cancelled": JSONValue(count.cancelled), "open": JSONValue(count.open),
                            ]
                        )
                    })),
            "breaches": .array(breaches.map(\.json)),
        ]
    }

    package init(json: JSONValue) throws(Fault) {
        guard let clocks = json["clocks"]?.int64, let counted = json["counts"]?.object, let listed = json["breaches"]?.array
        else { throw Fault("read the counts of a report", "a member is missing", isRetryable: false) }
        self.clocks = clocks
        counts = [:]
        for (name, value) in counted {
            counts[name] = Count(
                met: value["met"]?.int64 ?? 0, breached: value["breached"]?.int64 ?? 0,
                cancelled: value["cancelled"]?.int64 ?? 0, open: value["open"]?.int64 ?? 0)
        }
        breaches = listed.compactMap(ListedBreach.init)
    }
}

/// The incidents of a month: those that were opened in it, and the outages among all that touch it.
package struct IncidentTally: Sendable {
    package struct Case: Sendable, Equatable {
        package let number: Int64
        package let alert: String
        package let severity: String
        package let openedAt: Moment
        package let acknowledgedAt: Moment?
        package let resolvedAt: Moment?

        package init(
            number: Int64, alert: String, severity: String, openedAt: Moment, acknowledgedAt: Moment?, resolvedAt: Moment?
        ) {
            self.number = number
            self.alert = alert
            self.severity = severity
            self.openedAt = openedAt
            self.acknowledgedAt = acknowledgedAt
            self.resolvedAt = resolvedAt
        }

        package var json: JSONValue {
            func text(_ moment: Moment?) -> JSONValue? { moment.map { .string($0.text(fraction: 3)) } }
            return .object([
                "kind": "incident", "number": JSONValue(number), "alert": .string(alert), "severity": .string(severity),
                "openedAt": text(openedAt), "acknowledgedAt": text(acknowledgedAt), "resolvedAt": text(resolvedAt),
            ])
        }

        package init(json: JSONValue) throws(Refusal) {
            guard let number = json["number"]?.int64, let alert = json["alert"]?.string,
                let severity = json["severity"]?.string, let openedAt = json["openedAt"]?.moment
            else { throw Refusal(.invalid, reason: "report.line", "An incident lacks a member.") }
            self.init(
                number: number, alert: alert, severity: severity, openedAt: openedAt,
                acknowledgedAt: json["acknowledgedAt"]?.moment, resolvedAt: json["resolvedAt"]?.moment)
        }
    }

    package private(set) var opened: [Case] = []
    package private(set) var outages: [Span] = []

    package init() {}

    /// What was not answered or ended by the end of the month had not been, when the month ended.
    package mutating func take(_ item: Case, terms: ReportTerms) {
        let end = terms.period.end
        func known(_ moment: Moment?) -> Moment? { moment.flatMap { $0.seconds < end ? $0 : nil } }
        if terms.availability?.alerts.contains(where: { sameBytes($0, item.alert) }) == true {
            let span = Span(start: item.openedAt.seconds, end: min(item.resolvedAt?.seconds ?? end, end))
            if span.start < span.end, span.end > terms.period.start { outages.append(span) }
        }
        guard item.openedAt.seconds >= terms.period.start, item.openedAt.seconds < end else { return }
        opened.append(
            Case(
                number: item.number, alert: item.alert, severity: item.severity, openedAt: item.openedAt,
                acknowledgedAt: known(item.acknowledgedAt), resolvedAt: known(item.resolvedAt)))
    }
}

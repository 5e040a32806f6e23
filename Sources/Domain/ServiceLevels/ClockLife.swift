import Kernel

/// The life of one clock from its start: takes events in order and keeps what has been counted.
struct ClockLife {
    private enum Phase { case running, stopped, cancelled }

    private let terms: ClockTerms
    private let isTraced: Bool
    private var walk: ServiceWalk
    private var phase = Phase.running
    private var target: Int64
    private var activeReasons: Set<String> = []

    // The current cycle.
    private var startedAt: Int64
    private var stoppedAt: Int64?
    private var counted = CountedSpans()
    /// What would have been counted since the last stop, had there been none: for counting through, and for the due date, which
    /// a stop does not change (R7).
    private var closed: [Span] = []
    private var breachedAt: Int64?

    private var cycles: [ClockReading.Cycle] = []
    private var trace: [ClockReading.TraceInterval] = []
    /// The explanation since the last stop, in case the closed interval turns out to count.
    private var closedTrace: [ClockReading.TraceInterval] = []
    private var traceCountAtStop = 0

    init(terms: ClockTerms, walk: ServiceWalk, startedAt: Int64, isTraced: Bool) {
        self.terms = terms
        self.walk = walk
        self.startedAt = startedAt
        self.isTraced = isTraced
        target = terms.targetSeconds
    }

    /// Active reasons that this contract lists (R9).
    private var pausing: [String] {
        guard let listed = terms.pauseReasons else { return activeReasons.sorted() }
        return activeReasons.filter { listed.contains($0) }.sorted()
    }

    private var isPaused: Bool { terms.pauseReasons.map { !activeReasons.isDisjoint(with: $0) } ?? !activeReasons.isEmpty }

    /// Lives on to the event and lets it happen. Events arrive in the order of R20; after a cancel nothing happens any more.
    mutating func take(_ event: ClockEvent) {
        let now = event.at.seconds
        advance(to: now)
        guard phase != .cancelled else { return }
        switch event.kind {
        case .start: break
        case .reopen: reopen(at: now)
        case .retarget(let seconds):
            target = seconds
            if breachedAt == nil && counted.total > target { breachedAt = now }
        case .resume(let reason): activeReasons.remove(reason)
        case .pause(let reason): activeReasons.insert(reason)
        case .respond(let isHuman):
            if isHuman && terms.metric == .firstResponse { stop(at: now) }
        case .stop: stop(at: now)
        case .cancel:
            stop(at: now)
            phase = .cancelled
        }
    }

    private mutating func stop(at now: Int64) {
        guard phase == .running else { return }
        phase = .stopped
        stoppedAt = now
        traceCountAtStop = trace.count
    }

    private mutating func reopen(at now: Int64) {
        guard phase == .stopped, terms.metric != .firstResponse else { return }
        switch terms.reopening {
        case .resume: break
        case .restart:
            cycles.append(
                ClockReading.Cycle(
                    startedAt: Moment(seconds: startedAt), stoppedAt: Moment(seconds: stoppedAt ?? now),
                    elapsedSeconds: counted.total,
                    outcome: outcome))
            startedAt = now
            counted = CountedSpans()
            breachedAt = nil
        case .countThrough:
            for span in closed { counted.append(span) }
            if breachedAt == nil && counted.total > target { breachedAt = now }
            trace.removeSubrange(traceCountAtStop...)
            for interval in closedTrace { ClockLife.note(interval, in: &trace) }
        }
        closed = []
        closedTrace = []
        stoppedAt = nil
        phase = .running
    }

    /// Lives on to `now` without an event.
    mutating func advance(to now: Int64) {
        let reasons = pausing
        while let (span, kind) = walk.step(to: now) {
            let isOpen = kind == .open && reasons.isEmpty
            if isOpen {
                if phase == .running { count(span) } else { closed.append(span) }
            }
            guard isTraced else { continue }
            let reason: ClockReading.Reason =
                switch kind {
                case .closed: .outsideServiceHours
                case .open: reasons.isEmpty ? .service : .paused(reasons)
                case .maintenance: reasons.isEmpty ? .maintenance : .paused(reasons)
                }
            switch phase {
            case .running: ClockLife.note(ClockLife.interval(span, isOpen, reason), in: &trace)
            case .stopped:
                ClockLife.note(ClockLife.interval(span, false, .stopped), in: &trace)
                ClockLife.note(ClockLife.interval(span, isOpen, isOpen ? .countedThrough : reason), in: &closedTrace)
            case .cancelled: ClockLife.note(ClockLife.interval(span, false, .cancelled), in: &trace)
            }
        }
    }

    private mutating func count(_ span: Span) {
        if breachedAt == nil && counted.total + span.length > target { breachedAt = span.start + target - counted.total }
        counted.append(span)
    }

    private static func interval(_ span: Span, _ isCounted: Bool, _ reason: ClockReading.Reason) -> ClockReading.TraceInterval {
        ClockReading.TraceInterval(
            from: Moment(seconds: span.start), to: Moment(seconds: span.end), isCounted: isCounted, reason: reason)
    }

    /// Appends, or lengthens the last interval when it says the same.
    private static func note(_ next: ClockReading.TraceInterval, in list: inout [ClockReading.TraceInterval]) {
        if let last = list.last, last.to == next.from, last.isCounted == next.isCounted, last.reason == next.reason {
            list[list.count - 1] = ClockReading.TraceInterval(
                from: last.from, to: next.to, isCounted: last.isCounted, reason: last.reason)
        } else {
            list.append(next)
        }
    }

    private var outcome: ClockReading.Outcome {
        if breachedAt != nil { return .breached }
        return phase == .stopped ? .met : .open
    }

    private var state: ClockReading.State {
        switch phase {
        case .running: isPaused ? .paused : .running
        case .stopped: .stopped
        case .cancelled: .cancelled
        }
    }

    /// What the clock says now; call after `advance(to: now)`.
    func reading(asOf now: Int64, contractVersion: Int) -> ClockReading {
        let thresholds = terms.warnPercents.map { percent in
            (percent: percent, seconds: (target * Int64(percent) + 99) / 100)
        }
        let warnings = thresholds.map { threshold in
            ClockReading.Warning(
                percent: threshold.percent, firedAt: counted.reaching(threshold.seconds).map { Moment(seconds: $0) })
        }
        // As if running on: nothing was stopped, and nothing else happens. Only a pause that still holds ends the projection.
        var projected = counted
        for span in closed { projected.append(span) }
        let unfired = thresholds.filter { $0.seconds > counted.total }.map(\.seconds)
        if !isPaused {
            let needed = max(target + 1, state == .running ? unfired.max() ?? 0 : 0)
            var ahead = walk
            while projected.total < needed, let (span, kind) = ahead.step(to: now + ServiceBounds.horizonSeconds) {
                if kind == .open { projected.append(span) }
            }
        }
        var wakeUps: [Int64] = []
        if state == .running {
            wakeUps = unfired.compactMap { projected.reaching($0) }
            if breachedAt == nil, let overdue = projected.exceeding(target) { wakeUps.append(overdue + 1) }
        }
        return ClockReading(
            startedAt: Moment(seconds: startedAt), elapsedSeconds: counted.total, targetSeconds: target,
            dueAt: projected.reaching(target).map { Moment(seconds: $0) },
            overdueFrom: projected.exceeding(target).map { Moment(seconds: $0) }, state: state, outcome: outcome,
            breachedAt: breachedAt.map { Moment(seconds: $0) }, warnings: warnings, cycles: cycles,
            contractVersion: contractVersion,
            nextWakeUp: wakeUps.min().map { Moment(seconds: $0) }, trace: trace,
            stoppedAt: phase == .running ? nil : stoppedAt.map { Moment(seconds: $0) })
    }
}

/// Spans in ascending order with the seconds counted before each, so that thresholds are found by bisection.
struct CountedSpans {
    private var spans: [(span: Span, before: Int64)] = []
    private(set) var total: Int64 = 0

    mutating func append(_ span: Span) {
        spans.append((span, total))
        total += span.length
    }

    /// The earliest instant at which counted time is `seconds` or more (positive); a closing time is a possible answer.
    func reaching(_ seconds: Int64) -> Int64? {
        guard seconds <= total else { return nil }
        return at(seconds, first: { $0.before + $0.span.length >= seconds })
    }

    /// The latest instant at which counted time is still `seconds`: from then on it grows beyond. Nil while it has not.
    func exceeding(_ seconds: Int64) -> Int64? {
        guard seconds < total else { return nil }
        return at(seconds, first: { $0.before + $0.span.length > seconds })
    }

    /// In the first span for which `isThere` holds (it holds for all after it).
    private func at(_ seconds: Int64, first isThere: ((span: Span, before: Int64)) -> Bool) -> Int64 {
        var (low, high) = (0, spans.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if isThere(spans[middle]) { high = middle } else { low = middle + 1 }
        }
        return spans[low].span.start + seconds - spans[low].before
    }
}

package import Kernel

/// One fact in the life of a clock. A clock is a pure function of the set of these (R20).
package struct ClockEvent: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case start
        case reopen
        case retarget(seconds: Int64)
        case resume(reason: String)
        case pause(reason: String)
        /// Only a human ends a first response (R21).
        case respond(isHuman: Bool)
        case stop
        case cancel
    }

    /// Only the instant matters, not the offset it was written with; a clock sees the whole second in which it lies.
    package let at: Moment
    package let kind: Kind

    package init(_ kind: Kind, at: Moment) {
        self.at = at
        self.kind = kind
    }

    /// The word a document uses.
    package var type: String {
        switch kind {
        case .start: "start"
        case .reopen: "reopen"
        case .retarget: "retarget"
        case .resume: "resume"
        case .pause: "pause"
        case .respond: "respond"
        case .stop: "stop"
        case .cancel: "cancel"
        }
    }

    static let types = ["start", "reopen", "retarget", "resume", "pause", "respond", "stop", "cancel"]

    /// The order in which a clock takes events: by second, at one second by kind (R20), and what is left by what they say, so
    /// that no order of arrival can matter. Of two targets at one second the shorter is taken last and stays.
    static func comesBefore(_ lhs: ClockEvent, _ rhs: ClockEvent) -> Bool {
        let (left, right) = (lhs.sortKey, rhs.sortKey)
        if (left.second, left.rank, left.number) != (right.second, right.rank, right.number) {
            return (left.second, left.rank, left.number) < (right.second, right.rank, right.number)
        }
        return left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    /// In the order in which a clock takes them.
    package static func ordered(_ events: Set<ClockEvent>) -> [ClockEvent] { events.sorted(by: comesBefore) }

    private var sortKey: (second: Int64, rank: Int, number: Int64, text: String) {
        switch kind {
        case .start: (at.seconds, 0, 0, "")
        case .reopen: (at.seconds, 1, 0, "")
        case .retarget(let seconds): (at.seconds, 2, -seconds, "")
        case .resume(let reason): (at.seconds, 3, 0, reason)
        case .pause(let reason): (at.seconds, 4, 0, reason)
        case .respond(let isHuman): (at.seconds, 5, isHuman ? 0 : 1, "")
        case .stop: (at.seconds, 6, 0, "")
        case .cancel: (at.seconds, 7, 0, "")
        }
    }
}

extension ClockEvent {
    /// Reads `{at, type, reason?, targetSeconds?, actor?}`. A pause without a reason pauses for the reason "".
    package static func parse(_ json: JSONValue, at pointer: String = "", issues: inout [AssetIssue]) -> ClockEvent? {
        let known = ["at", "type", "reason", "targetSeconds", "actor"]
        guard let fields = DocumentFields(json, at: pointer, known: known, issues: &issues) else { return nil }
        let moment = fields.moment("at", issues: &issues)
        let type = fields.word("type", of: types, issues: &issues)
        let reason = fields.text("reason", isRequired: false, issues: &issues) ?? ""
        guard let moment, let type else { return nil }
        if type != "retarget", fields.value("targetSeconds") != nil {
            issues.append(AssetIssue(fields.child("targetSeconds"), "Only a retarget sets a target.", remedy: "Remove it."))
            return nil
        }
        switch type {
        case "start": return ClockEvent(.start, at: moment)
        case "reopen": return ClockEvent(.reopen, at: moment)
        case "resume": return ClockEvent(.resume(reason: reason), at: moment)
        case "pause": return ClockEvent(.pause(reason: reason), at: moment)
        case "stop": return ClockEvent(.stop, at: moment)
        case "cancel": return ClockEvent(.cancel, at: moment)
        case "retarget":
            let target = fields.whole("targetSeconds", in: 1...ServiceBounds.targetSecondsMax, issues: &issues)
            return target.map { ClockEvent(.retarget(seconds: $0), at: moment) }
        case "respond":
            let actor = fields.word("actor", of: ["human", "system"], issues: &issues)
            return actor.map { ClockEvent(.respond(isHuman: $0 == "human"), at: moment) }
        default: return nil
        }
    }

    /// Reads one event that this type wrote; a refusal `sla.event` names what is wrong.
    package init(json: JSONValue) throws(Refusal) {
        var issues: [AssetIssue] = []
        guard let event = ClockEvent.parse(json, issues: &issues), issues.isEmpty else {
            throw Refusal(.invalid, reason: "sla.event", issues.first?.description ?? "This is no event of a clock.")
        }
        self = event
    }

    package var json: JSONValue {
        var reason: String?
        var target: Int64?
        var actor: String?
        switch kind {
        case .retarget(let seconds): target = seconds
        case .resume(let text), .pause(let text): reason = text.isEmpty ? nil : text
        case .respond(let isHuman): actor = isHuman ? "human" : "system"
        case .start, .reopen, .stop, .cancel: break
        }
        return .object([
            "at": .string(at.text(fraction: at.microseconds % 1_000_000 == 0 ? 0 : 6)), "type": .string(type),
            "reason": reason.map(JSONValue.string), "targetSeconds": target.map { JSONValue($0) },
            "actor": actor.map(JSONValue.string),
        ])
    }
}

/// Work on the system that was announced beforehand; excluded from counting when the notice was long enough (R17).
package struct MaintenanceWindow: Hashable, Sendable {
    package let announcedAt: Moment
    package let start: Moment
    package let end: Moment

    package init(announcedAt: Moment, start: Moment, end: Moment) {
        self.announcedAt = announcedAt
        self.start = start
        self.end = end
    }

    /// An announcement exactly `noticeSeconds` before the start is in time.
    package func isAnnounced(noticeSeconds: Int64) -> Bool { start.seconds - announcedAt.seconds >= noticeSeconds }

    /// As explain documents have it.
    package var json: JSONValue {
        [
            "announcedAt": .string(announcedAt.text(fraction: 0)), "start": .string(start.text(fraction: 0)),
            "end": .string(end.text(fraction: 0)),
        ]
    }

    var span: Span { Span(start: start.seconds, end: end.seconds) }

    package static func parse(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> MaintenanceWindow? {
        guard let fields = DocumentFields(json, at: pointer, known: ["announcedAt", "start", "end"], issues: &issues) else {
            return nil
        }
        let announcedAt = fields.moment("announcedAt", issues: &issues)
        let start = fields.moment("start", issues: &issues)
        let end = fields.moment("end", issues: &issues)
        guard let announcedAt, let start, let end else { return nil }
        guard start <= end else {
            issues.append(AssetIssue(fields.child("end"), "The end lies before the start.", remedy: "Exchange them."))
            return nil
        }
        return MaintenanceWindow(announcedAt: announcedAt, start: start, end: end)
    }
}

extension MaintenanceWindow {
    /// What of these windows may be left out when each calendar month allows so much of it, in seconds of service time, the
    /// earliest first. Windows that were announced too late use nothing up.
    ///
    /// The months are those of the calendar's zone; where one is used up in the middle of a window, the window is cut there.
    package static func capped(
        _ windows: [MaintenanceWindow], noticeSeconds: Int64, capSeconds: Int64, calendar: ServiceCalendar
    ) -> [MaintenanceWindow] {
        let early = windows.filter { $0.isAnnounced(noticeSeconds: noticeSeconds) }.sorted {
            ($0.start, $0.end) < ($1.start, $1.end)
        }
        guard let first = early.first, let last = early.map(\.end).max() else { return [] }
        var out: [MaintenanceWindow] = []
        var date = calendar.zone.localTime(at: first.start).date
        while let month = CivilDate(year: date.year, month: date.month, day: 1) {
            let period = Availability.month(month, in: calendar.zone)
            guard period.start < last.seconds else { break }
            let service = Span.union(Array(ServiceIntervals(calendar: calendar, from: period.start, until: period.end)))
            let taken = Availability.earliest(capSeconds, of: Span.intersection(service, Span.union(early.map(\.span))))
            for window in early {
                for span in Span.intersection([window.span], taken) {
                    out.append(
                        MaintenanceWindow(
                            announcedAt: window.announcedAt, start: Moment(seconds: span.start), end: Moment(seconds: span.end)))
                }
            }
            date = month.adding(days: CivilDate.days(in: month.month, of: month.year))
        }
        return out
    }

    /// What of announced maintenance terms leave out: nothing without a notice, and each month no more than the cap.
    package static func leftOut(
        of windows: [MaintenanceWindow], by terms: ClockTerms, capSeconds: Int64?, calendar: ServiceCalendar
    ) -> [MaintenanceWindow] {
        guard let notice = terms.maintenanceNoticeSeconds else { return [] }
        guard let capSeconds else { return windows }
        return capped(windows, noticeSeconds: notice, capSeconds: capSeconds, calendar: calendar)
    }
}

package import Kernel

/// A stretch in which the service is worked on, as people were told of it.
///
/// What may be left out of counting depends on how early it was told, so nothing here may pretend to have been told earlier: what
/// goes beyond an earlier notice counts as told when it was changed.
package struct MaintenanceNotice: Hashable, Sendable {
    package static let titleCharactersMax = 200
    /// Longer than this is no maintenance.
    package static let longestSeconds: Int64 = 14 * 86_400
    package static let aheadSeconds: Int64 = 400 * 86_400

    package let announcedAt: Moment
    package let start: Moment
    /// Exclusive.
    package let end: Moment

    package init(announcedAt: Moment, start: Moment, end: Moment) {
        self.announcedAt = announcedAt
        self.start = start
        self.end = end
    }

    /// Told now.
    package static func announced(from start: Moment, to end: Moment, at now: Moment) throws(Refusal) -> MaintenanceNotice {
        guard start >= now else {
            throw Refusal(
                .invalid, reason: "maintenance.past",
                "Maintenance is announced before it begins; what has been counted stays counted.", facts: ["field": "start"])
        }
        guard end > start, end.seconds - start.seconds <= longestSeconds else {
            throw Refusal(
                .invalid, reason: "maintenance.length",
                "Maintenance ends after it begins, at most \(longestSeconds / 86_400) days later.", facts: ["field": "end"])
        }
        guard start.seconds - now.seconds <= aheadSeconds else {
            throw Refusal(
                .invalid, reason: "maintenance.ahead",
                "Maintenance is announced at most \(aheadSeconds / 86_400) days ahead.", facts: ["field": "start"])
        }
        return MaintenanceNotice(announcedAt: now, start: start, end: end)
    }

    /// Moved before it begins. A stretch inside the earlier one was told with it.
    package func moved(from start: Moment, to end: Moment, at now: Moment) throws(Refusal) -> MaintenanceNotice {
        guard now < self.start else {
            throw Refusal(
                .conflict, reason: "maintenance.begun",
                "It has begun, so it is not moved any more. End it, and announce another.",
                facts: [:])
        }
        let moved = try MaintenanceNotice.announced(from: start, to: end, at: now)
        let isInside = self.start <= start && end <= self.end
        return MaintenanceNotice(announcedAt: isInside ? announcedAt : now, start: start, end: moved.end)
    }

    package enum Cancelling: Hashable, Sendable {
        /// It never was.
        case before
        /// It has begun and ends now.
        case during(MaintenanceNotice)
    }

    package func cancelled(at now: Moment) throws(Refusal) -> Cancelling {
        if now <= start { return .before }
        guard now < end else {
            throw Refusal(.conflict, reason: "maintenance.over", "It is over; what happened is not cancelled.", facts: [:])
        }
        return .during(MaintenanceNotice(announcedAt: announcedAt, start: start, end: now))
    }
}

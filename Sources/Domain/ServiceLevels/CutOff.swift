package import Kernel

/// A wall time of every day of service by which a case has to be done, such as the hour at which a bank stops taking payments.
///
/// A case that begins goes by the first cut-off that lies at least a lead of service time ahead; what begins later goes by the
/// next one. The clock of the case gets the service time until then as its target, so everything that holds for a clock (R1 to
/// R22) holds for it.
package enum CutOff {
    /// Local dates that are looked at for one.
    package static let daysMax = 400

    /// The cut-off for what begins at `start`, and the seconds of service until then; nil when the calendar has none within
    /// `daysMax` days. A day has one when its last second before the wall time is service.
    ///
    /// - Parameters:
    ///   - secondOfDay: the wall time in the calendar's zone, 1 to 86 400.
    ///   - leadSeconds: service time that has to lie between the start and the cut-off, at least 1.
    package static func next(
        after start: Moment, at secondOfDay: Int, leadSeconds: Int64, calendar: ServiceCalendar
    ) -> (at: Moment, targetSeconds: Int64)? {
        guard let reached = calendar.instant(afterServiceSeconds: max(1, leadSeconds), from: start) else { return nil }
        let first = calendar.zone.localTime(at: reached).date
        for days in 0..<daysMax {
            let at = calendar.zone.instant(of: first.adding(days: days), secondOfDay: secondOfDay)
            guard at >= reached, calendar.isOpen(at: at.adding(seconds: -1)) else { continue }
            return (at, calendar.serviceSeconds(from: start, to: at))
        }
        return nil
    }
}

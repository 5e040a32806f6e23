package import Kernel

extension Timetable {
    /// A time as the zone's clocks show it, with how far they are ahead of UTC: `2026-03-29 03:00 CEST +02:00`.
    package func spoken(_ moment: Moment) -> String {
        let offset = zone?.offsetSeconds(at: moment) ?? 0
        let local = Moment(seconds: moment.seconds + Int64(offset))
        let wall = local.text(fraction: 0).prefix(16).replacingT()
        let name = zone?.abbreviation(at: moment) ?? "UTC"
        // Zones without letters of their own are named by their offset already.
        let shown = name.first.map { $0 == "+" || $0 == "-" } ?? true ? "" : "\(name) "
        return "\(wall) \(shown)\(Timetable.offsetText(offset))"
    }

    private static func offsetText(_ seconds: Int) -> String {
        let minutes = abs(seconds) / 60
        return (seconds < 0 ? "-" : "+") + twoDigits(minutes / 60) + ":" + twoDigits(minutes % 60)
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// The rule in words: `at 07:30 on mon, fri (Europe/Berlin)`.
    package var words: String {
        switch rule {
        case .every(let minutes):
            if minutes % 1440 == 0 { return minutes == 1440 ? "every day (UTC)" : "every \(minutes / 1440) days (UTC)" }
            if minutes % 60 == 0 { return minutes == 60 ? "every hour" : "every \(minutes / 60) hours" }
            return minutes == 1 ? "every minute" : "every \(minutes) minutes"
        case .at(let minutes, let days, let zone):
            let times = minutes.map { Timetable.twoDigits($0 / 60) + ":" + Timetable.twoDigits($0 % 60) }
            return "at \(times.joined(separator: ", ")) \(days.words) (\(zone.identifier))"
        }
    }
}

extension Timetable.Days {
    fileprivate var words: String {
        switch self {
        case .week(let days):
            let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
            return days.count == 7 ? "every day" : "on " + days.sorted().map { names[$0 - 1] }.joined(separator: ", ")
        case .month(let days, let last): return "on " + Timetable.Days.places(days, last, "day") + " of the month"
        case .business(let calendar, let places, let last):
            guard !places.isEmpty || last else { return "on business days of \(calendar)" }
            return "on " + Timetable.Days.places(places, last, "business day") + " of the month of \(calendar)"
        }
    }

    private static func places(_ places: Set<Int>, _ last: Bool, _ what: String) -> String {
        var parts = places.isEmpty ? [] : ["\(what) " + places.sorted().map(String.init).joined(separator: ", ")]
        if last { parts.append("the last \(what)") }
        return parts.joined(separator: " and ")
    }
}

extension Substring {
    fileprivate func replacingT() -> String { String(map { $0 == "T" ? " " : $0 }) }
}

extension Schedule {
    /// What becomes of times that could not be kept.
    package var catchUpWords: String {
        switch catchUp {
        case .none: "none is made up for"
        case .last: "one run stands for all of them"
        case .all: "only the latest \(catchUpMax) are made up for"
        }
    }

    /// What becomes of a time at which an earlier run has not ended.
    package var overlapWords: String {
        switch overlap {
        case .skip: "a time is left out while a run is open"
        case .queue: "up to \(overlapMax) times wait while a run is open"
        case .cancelRunning: "a run that is open is ended first"
        case .allow: "up to \(overlapMax) runs are open side by side"
        }
    }
}

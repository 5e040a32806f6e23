import Kernel
import ServiceLevels
import Showcase

/// How fast clocks are computed again: what a report, a verification and every page about a clock rest on.
enum SLABench {
    static let clocks = 200_000
    /// A month of a million runs has two million clocks; at this pace they are read in under two minutes.
    private static let rateBar: Int64 = 20_000_000

    static func run() throws -> [BenchResult] {
        let zone = try ZoneRules.load("Europe/Berlin")
        let office = [ServiceWindow(from: 8 * 3600, to: 12 * 3600), ServiceWindow(from: 13 * 3600, to: 18 * 3600)]
        let calendar = ServiceCalendar(zone: zone, week: Dictionary(uniqueKeysWithValues: (1...5).map { ($0, office) }))
        let terms = ClockTerms(
            targetSeconds: 72_000, warnPercents: [50, 75, 90], pauseReasons: ["waiting_on_supplier"], metric: .approvalCycle)
        let start: Int64 = 1_772_434_800
        let asOf = Moment(seconds: start + 31 * 86_400)
        var breached = 0
        let clock = ContinuousClock()
        let took = clock.measure {
            for index in 0..<Int64(clocks) {
                let begun = start + index % 20 * 86_400 + index % 30_000
                let events = [
                    ClockEvent(.start, at: Moment(seconds: begun)),
                    ClockEvent(.pause(reason: "waiting_on_supplier"), at: Moment(seconds: begun + 120)),
                    ClockEvent(.resume(reason: "waiting_on_supplier"), at: Moment(seconds: begun + 3600)),
                    ClockEvent(.stop, at: Moment(seconds: begun + 86_400 * (index % 7))),
                ]
                let reading = SLAClock.read(calendar: calendar, terms: terms, events: events, asOf: asOf)
                if reading.outcome == .breached { breached += 1 }
            }
        }
        guard breached > 0, breached < clocks else {
            throw Fault("measuring clocks", "all came out the same", isRetryable: false)
        }
        let milliseconds = max(1, took.components.seconds * 1000 + took.components.attoseconds / 1_000_000_000_000_000)
        return [
            BenchResult(
                "sla clocks", Int64(clocks) * 1_000_000 / milliseconds, "per 1000 s", atLeast: rateBar,
                note: "\(clocks) clocks of four events, up to six days, five-day calendar of two windows, Berlin, one core")
        ]
    }
}

internal import Tenancy
internal import Workflows

/// The shape of schedules, for editors; the room of workflows judges them.
enum ScheduleShapes {
    static func schedule(value: Shape, expression: Shape, length: Shape) -> ObjectShape {
        ObjectShape(
            "a schedule", "What begins runs by itself: an event, times, or both.",
            [
                optional(
                    "on",
                    .object(
                        ObjectShape(
                            "a beginning", "The event that begins a run.",
                            [
                                required(
                                    "with", .table(keys: .memberName, values: value, count: 1...50),
                                    "attributes and the values they have, `type` among them."),
                                optional("when", expression, "further condition about `event`."),
                            ])), "the event; the run's input is `{event}`."),
                optional("every", length, "a pace in whole minutes, up to a week, counted in UTC since 1970."),
                optional(
                    "at", .list(of: .text(.line), count: 1...ScheduleBounds.timesOfDayMax),
                    "times of the day as clocks of the zone show them, such as \"07:30\"."),
                optional("days", days, "which days; every day unless given."),
                optional("zone", .text(.line), "IANA name of the zone; needed with `at`."),
                optional(
                    "overlap", policy(Overlap.allCases.map(\.rawValue), "what becomes of a time at which a run is open"),
                    "skip unless given."),
                optional(
                    "catchUp", policy(CatchUp.allCases.map(\.rawValue), "what becomes of times that were missed"),
                    "last unless given."),
                optional("input", value, "the run's input; `schedule.nominal`, `schedule.number` and `schedule.date` are known."),
            ])
    }

    private static func policy(_ words: [String], _ what: String) -> Shape {
        .either([
            .choice(words),
            .object(
                ObjectShape(
                    "a policy", "A policy with a bound: \(what).",
                    [
                        required("policy", .choice(words), what + "."),
                        optional("most", .integer(1...ScheduleBounds.waitingMax), "how many at most."),
                    ])),
        ])
    }

    private static let days = Shape.either([
        .list(of: .choice(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), count: 1...7),
        .object(
            ObjectShape(
                "a choice of days", "Days of the month, or business days of a calendar.",
                [
                    optional(
                        "ofMonth", places(ScheduleBounds.monthDaysMax),
                        "days of the month; one that a month lacks has no time in it."),
                    optional("business", .text(.slug), "a calendar; its days with service count."),
                    optional(
                        "nth", places(ScheduleBounds.businessDayMax), "which business days of the month; all unless given."),
                ])),
    ])

    private static func places(_ most: Int) -> Shape {
        .list(of: .either([.integer(1...most), .choice(["last"])]), count: 1...(most + 1))
    }
}

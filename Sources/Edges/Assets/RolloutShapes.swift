internal import Tenancy
internal import Workflows

/// The shape of rollouts, for editors; the room of workflows judges them.
enum RolloutShapes {
    static let rollout = ObjectShape(
        "a rollout", "How a version of a workflow that is tried comes into use.",
        [
            required("kind", .choice(["rollout"]), "always `rollout`."),
            required("name", .text(.slug), "the workflow's name, and the file's."),
            optional("title", .text(.line), "as shown on pages."),
            optional("description", .text(.prose), "what it is for, for people."),
            required("candidate", .text(.version), "the version that is tried; `candidates/<name>.yaml` holds it."),
            required("stage", .choice(["shadow", "pilot", "live"]), "where it begins."),
            optional("share", .integer(1...100), "percent of the new runs in the pilot; 10, or 100 with `when`, unless given."),
            optional("when", .text(.prose), "an expression over `case`: which new runs the pilot may take."),
            optional("minimum", .integer(1...Rollout.minimumMax), "runs counted before a verdict; 30 unless given."),
            optional("windowHours", .integer(1...Rollout.windowHoursMax), "how far back runs count; 168 unless given."),
            optional(
                "promote", .choice(["propose", "automatic"]),
                "whether a person confirms the next stage; `propose` unless given."),
            optional("bars", .list(of: .object(bar), count: 0...Rollout.barsMax), "what the candidate has to show."),
        ])

    private static let bar = ObjectShape(
        "a bar", "A promise about one metric, with either `atMost` or `atLeast`.",
        [
            required("metric", .choice(RolloutMetric.allCases.map(\.rawValue)), "what is counted."),
            optional("atMost", .integer(-100...1_000_000), "percent or minutes; against live, points or percent of live's."),
            optional("atLeast", .integer(-100...1_000_000), "the same from below."),
            optional("against", .choice(["live"]), "compared with live in the same time."),
            optional("hard", .boolean, "broken, new runs go by the live version again at once."),
        ])
}

package import Kernel

/// A run that was judged without a clock, as the attached data of a report has it.
package struct RunLine: Sendable, Equatable {
    /// What is said of a run that nobody touched.
    package static let untouched = "untouched"

    package let run: String
    package let objective: String
    /// `untouched`, or how it was touched first, or how it ended without its effect.
    package let cause: String
    package let at: Moment

    package var isGood: Bool { cause == RunLine.untouched }

    package init(run: String, objective: String, cause: String, at: Moment) {
        self.run = run
        self.objective = objective
        self.cause = cause
        self.at = at
    }

    package var json: JSONValue {
        [
            "kind": "run", "run": .string(run), "objective": .string(objective), "cause": .string(cause),
            "judgedAt": .string(at.text(fraction: 0)),
        ]
    }

    package init(json: JSONValue) throws(Refusal) {
        guard let run = json["run"]?.string, let objective = json["objective"]?.string, let cause = json["cause"]?.string,
            let at = json["judgedAt"]?.moment
        else { throw Refusal(.invalid, reason: "report.line", "A run lacks a member.") }
        self.init(run: run, objective: objective, cause: cause, at: at)
    }
}

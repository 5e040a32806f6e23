package import Kernel

/// What the product knows of one or several incidents: what a post-mortem is drafted from.
package struct PostmortemFacts: Sendable, Hashable {
    package struct Trouble: Sendable, Hashable {
        package let id: IncidentID
        package let number: Int64
        package let title: String
        package let alert: String
        package let severity: Severity
        package let alerts: Int
        package let openedAt: Moment
        package let acknowledgedAt: Moment?
        package let resolvedAt: Moment

        package init(
            id: IncidentID, number: Int64, title: String, alert: String, severity: Severity, alerts: Int, openedAt: Moment,
            acknowledgedAt: Moment?, resolvedAt: Moment
        ) {
            self.id = id
            self.number = number
            self.title = title
            self.alert = alert
            self.severity = severity
            self.alerts = alerts
            self.openedAt = openedAt
            self.acknowledgedAt = acknowledgedAt
            self.resolvedAt = resolvedAt
        }

        var name: String { "INC-\(number)" }
    }

    package struct Line: Sendable, Hashable {
        package let at: Moment
        package let incident: Int64
        package let kind: String
        /// Empty where the product did it by itself.
        package let who: String
        package let text: String

        package init(at: Moment, incident: Int64, kind: String, who: String, text: String) {
            self.at = at
            self.incident = incident
            self.kind = kind
            self.who = who
            self.text = text
        }
    }

    package struct Told: Sendable, Hashable {
        package let person: String
        package let channel: String
        package let state: String
        package let decidedAt: Moment
        package let attempts: Int

        package init(person: String, channel: String, state: String, decidedAt: Moment, attempts: Int) {
            self.person = person
            self.channel = channel
            self.state = state
            self.decidedAt = decidedAt
            self.attempts = attempts
        }
    }

    package struct Followed: Sendable, Hashable {
        package let title: String
        package let state: String
        package let done: Int
        package let steps: Int
        package let startedAt: Moment

        package init(title: String, state: String, done: Int, steps: Int, startedAt: Moment) {
            self.title = title
            self.state = state
            self.done = done
            self.steps = steps
            self.startedAt = startedAt
        }
    }

    /// Clocks of the linked runs by objective and how they ended.
    package struct Clocks: Sendable, Hashable {
        package let objective: String
        package let breached: Int
        package let met: Int
        package let open: Int

        package init(objective: String, breached: Int, met: Int, open: Int) {
            self.objective = objective
            self.breached = breached
            self.met = met
            self.open = open
        }
    }

    /// The first opened first; never empty.
    package let troubles: [Trouble]
    /// In the order of time.
    package let lines: [Line]
    package let told: [Told]
    package let followed: [Followed]
    /// By id only: what they are about is for those who may see runs.
    package let runs: [RunID]
    package let clocks: [Clocks]
    package let takenAt: Moment

    package init(
        troubles: [Trouble], lines: [Line], told: [Told], followed: [Followed], runs: [RunID], clocks: [Clocks],
        takenAt: Moment
    ) {
        precondition(!troubles.isEmpty, "a post-mortem without trouble")
        self.troubles = troubles.sorted { ($0.openedAt, $0.number) < ($1.openedAt, $1.number) }
        self.lines = lines.sorted { $0.at < $1.at }
        self.told = told.sorted { $0.decidedAt < $1.decidedAt }
        self.followed = followed.sorted { $0.startedAt < $1.startedAt }
        self.runs = runs
        self.clocks = clocks.sorted { $0.objective < $1.objective }
        self.takenAt = takenAt
    }

    /// What the facts say by themselves; cause and lessons are for people.
    package var draft: [Postmortem.Section: String] {
        [.summary: summary, .impact: impact, .detection: detection, .response: response]
    }

    private var summary: String {
        troubles.map { trouble in
            let answered =
                trouble.acknowledgedAt.map { "taken on after \(PostmortemFacts.words($0.seconds(since: trouble.openedAt)))" }
                ?? "taken on by nobody"
            return "\(trouble.name), \(trouble.severity.rawValue): \(trouble.title). Opened at "
                + "\(trouble.openedAt.text(fraction: 0)), \(answered), over after "
                + "\(PostmortemFacts.words(trouble.resolvedAt.seconds(since: trouble.openedAt)))."
        }.joined(separator: "\n")
    }

    private var impact: String {
        let broken = clocks.filter { $0.breached > 0 }.map { "\($0.objective) \($0.breached)" }
        return "\(runs.count) runs are linked. Targets missed: "
            + (broken.isEmpty ? "none." : broken.joined(separator: ", ") + ".")
    }

    private var detection: String {
        let first = troubles[0]
        let alerts = troubles.reduce(0) { $0 + $1.alerts }
        return "The alert \(first.alert) opened \(first.name) at \(first.openedAt.text(fraction: 0)); "
            + "\(alerts) alerts in all."
    }

    private var response: String {
        var out: [String] = []
        if let page = told.first {
            let failed = told.filter { $0.state == "failed" }.count
            out.append(
                "\(page.person) was told first, by \(page.channel), at \(page.decidedAt.text(fraction: 0)); "
                    + "\(told.count) messages in all, \(failed) of them not delivered.")
        } else {
            out.append("Nobody was told.")
        }
        for one in followed {
            out.append(
                "The runbook \(one.title) was followed from \(one.startedAt.text(fraction: 0)): "
                    + "\(one.done) of \(one.steps) steps done, \(one.state).")
        }
        return out.joined(separator: "\n")
    }

    /// `2 h 05 m`, `4 m 10 s`.
    static func words(_ seconds: Int64) -> String {
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) m \(two(seconds % 60)) s" }
        return "\(seconds / 3600) h \(two(seconds % 3600 / 60)) m"
    }

    package var json: JSONValue {
        func text(_ moment: Moment) -> JSONValue { .string(moment.text(fraction: 6)) }
        return [
            "takenAt": text(takenAt),
            "incidents": .array(
                troubles.map { trouble in
                    [
                        "id": .string(trouble.id.text), "number": .string(trouble.name), "title": .string(trouble.title),
                        "alert": .string(trouble.alert), "severity": .string(trouble.severity.rawValue),
                        "alerts": JSONValue(trouble.alerts), "openedAt": text(trouble.openedAt),
                        "acknowledgedAt": trouble.acknowledgedAt.map(text) ?? .null, "resolvedAt": text(trouble.resolvedAt),
                    ]
                }),
            "timeline": .array(
                lines.map { line in
                    [
                        "at": text(line.at), "incident": .string("INC-\(line.incident)"), "kind": .string(line.kind),
                        "who": .string(line.who), "text": .string(line.text),
                    ]
                }),
            "pages": .array(
                told.map { page in
                    [
                        "person": .string(page.person), "channel": .string(page.channel), "state": .string(page.state),
                        "decidedAt": text(page.decidedAt), "attempts": JSONValue(page.attempts),
                    ]
                }),
            "runbooks": .array(
                followed.map { one in
                    [
                        "title": .string(one.title), "state": .string(one.state), "done": JSONValue(one.done),
                        "steps": JSONValue(one.steps), "startedAt": text(one.startedAt),
                    ]
                }),
            "runs": .array(runs.map { .string($0.text) }),
            "clocks": .array(
                clocks.map { clock in
                    [
                        "objective": .string(clock.objective), "breached": JSONValue(clock.breached),
                        "met": JSONValue(clock.met), "open": JSONValue(clock.open),
                    ]
                }),
        ]
    }
}

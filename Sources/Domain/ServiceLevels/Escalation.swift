import Kernel

/// Who is told when, if nobody answers: levels one after the other, repeated, all in seconds after the trigger.
package struct Escalation: Hashable, Sendable {
    package struct Level: Hashable, Sendable {
        package let name: String
        /// How long this level has before the next one is told.
        package let timeoutSeconds: Int64

        package init(name: String, timeoutSeconds: Int64) {
            self.name = name
            self.timeoutSeconds = timeoutSeconds
        }
    }

    package struct Notification: Hashable, Sendable {
        package let level: String
        package let second: Int64

        package init(level: String, second: Int64) {
            self.level = level
            self.second = second
        }
    }

    /// What happened to the incident, in seconds after the trigger.
    package struct Course: Hashable, Sendable {
        package let acknowledgedAt: Int64?
        /// An acknowledgement that is followed by no resolution for so long lapses, and the escalation begins anew.
        package let ackTimeoutSeconds: Int64?
        package let resolvedAt: Int64?
        /// Nothing later than this is listed.
        package let horizonSeconds: Int64?

        package init(
            acknowledgedAt: Int64? = nil, ackTimeoutSeconds: Int64? = nil, resolvedAt: Int64? = nil, horizonSeconds: Int64? = nil
        ) {
            self.acknowledgedAt = acknowledgedAt
            self.ackTimeoutSeconds = ackTimeoutSeconds
            self.resolvedAt = resolvedAt
            self.horizonSeconds = horizonSeconds
        }
    }

    package let levels: [Level]
    /// Passes after the first.
    package let repeats: Int

    package init(levels: [Level], repeats: Int) {
        self.levels = levels
        self.repeats = repeats
    }

    /// Who is told when, and when nobody is left to tell (then the duty manager is paged).
    ///
    /// An acknowledgement or a resolution at the very second of an escalation wins.
    package func play(_ course: Course) -> (notified: [Notification], exhaustedAt: Int64?) {
        var notified: [Notification] = []
        if let exhaustedAt = pass(from: 0, until: course.acknowledgedAt, course, &notified) { return (notified, exhaustedAt) }
        guard let acknowledged = course.acknowledgedAt, let timeout = course.ackTimeoutSeconds else { return (notified, nil) }
        let exhaustedAt = pass(from: acknowledged + timeout, until: nil, course, &notified)
        return (notified, exhaustedAt)
    }

    /// All passes from one trigger; the second of exhaustion unless something ended them before.
    private func pass(from start: Int64, until answered: Int64?, _ course: Course, _ notified: inout [Notification]) -> Int64? {
        func isOver(_ second: Int64) -> Bool {
            if let answered, answered <= second, second > start || answered < start { return true }
            if let resolved = course.resolvedAt, resolved <= second, second > 0 { return true }
            return course.horizonSeconds.map { second > $0 } ?? false
        }
        var second = start
        for _ in 0...repeats {
            for level in levels {
                guard !isOver(second) else { return nil }
                notified.append(Notification(level: level.name, second: second))
                second += level.timeoutSeconds
            }
        }
        return isOver(second) ? nil : second
    }

    static func explain(_ document: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> JSONValue? {
        let members = [
            "kind", "id", "expect", "working", "levels", "repeats", "acknowledgedAt", "ackTimeoutSeconds", "resolvedAt",
            "horizonSeconds",
        ]
        guard let fields = DocumentFields(document, at: pointer, known: members, issues: &issues) else { return nil }
        let before = issues.count
        let seconds = 0...ServiceBounds.targetSecondsMax
        let items = fields.items("levels", max: ServiceBounds.levelsMax, isRequired: true, issues: &issues)
        let levels = items.compactMap { item, at -> Level? in
            guard let inner = DocumentFields(item, at: at, known: ["name", "timeoutSeconds"], issues: &issues) else { return nil }
            let name = inner.text("name", issues: &issues)
            guard let timeout = inner.whole("timeoutSeconds", in: seconds, issues: &issues), let name else { return nil }
            return Level(name: name, timeoutSeconds: timeout)
        }
        if fields.value("levels")?.array?.isEmpty == true {
            issues.append(AssetIssue(fields.child("levels"), "An escalation needs somebody to tell.", remedy: "Give a level."))
        }
        let repeats = fields.whole("repeats", in: 0...Int64(ServiceBounds.repeatsMax), isRequired: false, issues: &issues) ?? 0
        let course = Course(
            acknowledgedAt: fields.whole("acknowledgedAt", in: seconds, isRequired: false, issues: &issues),
            ackTimeoutSeconds: fields.whole("ackTimeoutSeconds", in: seconds, isRequired: false, issues: &issues),
            resolvedAt: fields.whole("resolvedAt", in: seconds, isRequired: false, issues: &issues),
            horizonSeconds: fields.whole("horizonSeconds", in: seconds, isRequired: false, issues: &issues))
        guard issues.count == before else { return nil }
        let (notified, exhaustedAt) = Escalation(levels: levels, repeats: Int(repeats)).play(course)
        return .object([
            "notified": .array(notified.map { .array([.string($0.level), JSONValue($0.second)]) }),
            "exhaustedAt": exhaustedAt.map { JSONValue($0) } ?? .null,
        ])
    }
}

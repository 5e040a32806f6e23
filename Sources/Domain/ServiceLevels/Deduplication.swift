import Kernel

/// How alerts become incidents: one open incident per key, and a reopening when the same trouble returns soon.
package struct Deduplication: Hashable, Sendable {
    package struct Event: Hashable, Sendable {
        package let second: Int64
        package let isTrigger: Bool
        package let key: String

        package init(second: Int64, isTrigger: Bool, key: String) {
            self.second = second
            self.isTrigger = isTrigger
            self.key = key
        }
    }

    package struct Result: Hashable, Sendable {
        package let incidents: Int
        /// Triggers that the first incident has taken, its own included.
        package let alertsOnFirst: Int
        package let reopened: Int

        package init(incidents: Int, alertsOnFirst: Int, reopened: Int) {
            self.incidents = incidents
            self.alertsOnFirst = alertsOnFirst
            self.reopened = reopened
        }
    }

    /// A trigger at most so long after the resolution reopens; 0 means never.
    package let reopenWindowSeconds: Int64

    package init(reopenWindowSeconds: Int64) {
        self.reopenWindowSeconds = reopenWindowSeconds
    }

    /// Whether a trigger now belongs to the incident that was resolved then.
    package func reopens(at second: Int64, resolvedAt: Int64) -> Bool {
        reopenWindowSeconds > 0 && second - resolvedAt <= reopenWindowSeconds
    }

    /// Plays events in order of their second; those of one second keep their order.
    package func play(_ events: [Event]) -> Result {
        // The number of a key's latest incident, and when it was resolved.
        var latest: [String: (number: Int, resolvedAt: Int64?)] = [:]
        var (incidents, alertsOnFirst, reopened) = (0, 0, 0)
        let ordered = events.enumerated().sorted { ($0.element.second, $0.offset) < ($1.element.second, $1.offset) }
        for event in ordered.map(\.element) {
            let held = latest[event.key]
            guard event.isTrigger else {
                if let held, held.resolvedAt == nil { latest[event.key] = (held.number, event.second) }
                continue
            }
            if let held, held.resolvedAt.map({ reopens(at: event.second, resolvedAt: $0) }) ?? true {
                if held.resolvedAt != nil { reopened += 1 }
                latest[event.key] = (held.number, nil)
                if held.number == 1 { alertsOnFirst += 1 }
            } else {
                incidents += 1
                latest[event.key] = (incidents, nil)
                if incidents == 1 { alertsOnFirst += 1 }
            }
        }
        return Result(incidents: incidents, alertsOnFirst: alertsOnFirst, reopened: reopened)
    }

    static func explain(_ document: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> JSONValue? {
        let members = ["kind", "id", "expect", "working", "events", "reopenWindowSeconds"]
        guard let fields = DocumentFields(document, at: pointer, known: members, issues: &issues) else { return nil }
        let before = issues.count
        let seconds = 0...ServiceBounds.targetSecondsMax
        let window = fields.whole("reopenWindowSeconds", in: seconds, isRequired: false, issues: &issues) ?? 0
        let items = fields.items("events", max: ServiceBounds.casesMax, isRequired: true, issues: &issues)
        let events = items.compactMap { item, at -> Event? in
            guard let triple = item.array, triple.count == 3 else {
                issues.append(AssetIssue(at, "An event is a list of three.", remedy: "Write [120, \"trigger\", \"key\"]."))
                return nil
            }
            let second = readWhole(triple[0], at: at + "/0", in: seconds, issues: &issues)
            let key = readText(triple[2], at: at + "/2", issues: &issues)
            guard let word = triple[1].string, ["trigger", "resolve"].contains(word) else {
                issues.append(AssetIssue(at + "/1", "\(shown(triple[1])) is not an event.", remedy: "Use trigger or resolve."))
                return nil
            }
            guard let second, let key else { return nil }
            return Event(second: second, isTrigger: word == "trigger", key: key)
        }
        guard issues.count == before else { return nil }
        let result = Deduplication(reopenWindowSeconds: window).play(events)
        return .object([
            "incidents": JSONValue(result.incidents), "alertsOnFirst": JSONValue(result.alertsOnFirst),
            "reopened": JSONValue(result.reopened),
        ])
    }
}

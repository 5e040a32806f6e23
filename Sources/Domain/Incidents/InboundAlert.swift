package import Kernel

/// An alert of another system about one tenant, read from the forms in which such systems send them.
package struct InboundAlert: Sendable, Hashable {
    package enum Deed: Sendable, Hashable { case trigger, resolve }

    /// Alerts in one message.
    package static let alertsMax = 500
    package static let messageBytesMax = 524_288
    package static let keyBytesMax = 255
    package static let summaryBytesMax = 1024
    /// PagerDuty's keys have exactly so many characters.
    package static let routingKeyLength = 32

    package let deed: Deed
    /// The system that sent it.
    package let source: String
    /// Tells one trouble of that system from another.
    package let key: String
    package let summary: String
    package let severity: Severity

    package init(deed: Deed, source: String, key: String, summary: String, severity: Severity) {
        self.deed = deed
        self.source = source
        self.key = key
        self.summary = summary
        self.severity = severity
    }

    /// What tells it apart, and what a person needs first; names as the catalogue uses them.
    package var facts: [String: String] {
        ["source": source, "key": cut(key, InboundAlert.keyBytesMax), "summary": summary, "severity": severity.rawValue]
    }

    /// Reads an event in the form of PagerDuty's Events API v2: one alert, and the routing key that it came with.
    ///
    /// Refused with `alert.event`: another form, another key than 32 characters, and `acknowledge`, since here people take
    /// trouble on and machines do not. A trigger without a key of its own is told apart by what it says.
    package static func pagerDuty(_ json: JSONValue) throws(Refusal) -> (alert: InboundAlert, routingKey: String) {
        guard let routingKey = json["routing_key"]?.string, routingKey.utf8.count == routingKeyLength else {
            throw refusal("routing_key has exactly \(routingKeyLength) characters.", field: "routing_key")
        }
        let given = json["dedup_key"]?.string
        guard given.map({ (1...keyBytesMax).contains($0.utf8.count) }) ?? true else {
            throw refusal("dedup_key has 1 to \(keyBytesMax) bytes.", field: "dedup_key")
        }
        switch json["event_action"]?.string {
        case "resolve":
            guard let key = given else { throw refusal("A resolve needs the dedup_key of its trigger.", field: "dedup_key") }
            return (InboundAlert(deed: .resolve, source: "events", key: key, summary: "", severity: .sev4), routingKey)
        case "trigger":
            guard let payload = json["payload"], let summary = payload["summary"]?.string, !summary.isEmpty else {
                throw refusal("A trigger needs a payload with a summary.", field: "payload/summary")
            }
            let severity: Severity
            switch payload["severity"]?.string {
            case "critical": severity = .sev1
            case "error": severity = .sev2
            case "warning": severity = .sev3
            case "info": severity = .sev4
            default: throw refusal("severity is critical, error, warning or info.", field: "payload/severity")
            }
            let source = payload["source"]?.string ?? ""
            guard !source.isEmpty else { throw refusal("A trigger needs a payload with its source.", field: "payload/source") }
            return (
                InboundAlert(
                    deed: .trigger, source: "events", key: given ?? cut("\(source)/\(summary)", keyBytesMax),
                    summary: cut(summary, summaryBytesMax), severity: severity), routingKey
            )
        default: throw refusal("event_action is trigger or resolve; people acknowledge here.", field: "event_action")
        }
    }

    /// Reads a message of Prometheus' Alertmanager (version 4): each of its alerts by itself, told apart by its fingerprint.
    ///
    /// Severity is read from the label of that name; what it does not know is sev3, so that nobody is woken by a misspelling
    /// and nothing is lost.
    package static func alertmanager(_ json: JSONValue) throws(Refusal) -> [InboundAlert] {
        guard json["version"]?.string == "4", let items = json["alerts"]?.array else {
            throw refusal("This is no message of an Alertmanager, version 4.", field: "version")
        }
        guard items.count <= alertsMax else { throw refusal("A message has at most \(alertsMax) alerts.", field: "alerts") }
        var found: [InboundAlert] = []
        for (index, item) in items.enumerated() {
            let deed: Deed
            switch item["status"]?.string {
            case "firing": deed = .trigger
            case "resolved": deed = .resolve
            default: throw refusal("status is firing or resolved.", field: "alerts/\(index)/status")
            }
            guard let labels = item["labels"]?.object, let key = item["fingerprint"]?.string, !key.isEmpty else {
                throw refusal("An alert has labels and a fingerprint.", field: "alerts/\(index)/fingerprint")
            }
            let name = labels["alertname"]?.string ?? "an alert without a name"
            let severity: Severity =
                switch labels["severity"]?.string {
                case "critical", "page", "error": .sev2
                case "info", "none": .sev4
                default: .sev3
                }
            let words = item["annotations"]?["summary"]?.string ?? name
            found.append(
                InboundAlert(
                    deed: deed, source: "alertmanager", key: cut(key, keyBytesMax),
                    summary: cut(words == name ? name : "\(name): \(words)", summaryBytesMax), severity: severity))
        }
        return found
    }

    private static func refusal(_ message: String, field: String) -> Refusal {
        Refusal(.invalid, reason: "alert.event", message, facts: ["field": field])
    }
}

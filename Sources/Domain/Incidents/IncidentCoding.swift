package import Kernel

/// The state as it is stored; every instant with microseconds, so that nothing changes on the way.
extension Incident {
    package var json: JSONValue {
        var object: JSONObject = [
            "phase": .string(phase.rawValue), "alert": .string(alert.rawValue), "fingerprint": .string(fingerprint),
            "title": .string(title), "severity": .string(severity.rawValue), "priority": .string(priority.rawValue),
            "alertCount": JSONValue(alertCount), "reopenCount": JSONValue(reopenCount), "openedAt": Incident.text(openedAt),
            "lastAlertAt": Incident.text(lastAlertAt), "lastChangeAt": Incident.text(lastChangeAt),
        ]
        object["assignee"] = assignee.map { .string($0.text) }
        object["acknowledgedBy"] = acknowledgedBy.map { JSONValue($0.person) }
        object["acknowledgedAt"] = acknowledgedAt.map(Incident.text)
        object["mitigatedAt"] = mitigatedAt.map(Incident.text)
        object["resolvedAt"] = resolvedAt.map(Incident.text)
        object["resolvedBy"] = resolvedBy.map { JSONValue($0.person) }
        object["lapsesAt"] = lapsesAt.map(Incident.text)
        object["merge"] = merge.map(\.json)
        if !absorbed.isEmpty { object["absorbed"] = .array(absorbed.map(\.json)) }
        return .object(object)
    }

    fileprivate static func text(_ moment: Moment) -> JSONValue { .string(moment.text(fraction: 6)) }

    /// Reads what `json` writes; refuses anything else with `incident.state`, naming the member.
    package init(json: JSONValue) throws(Refusal) {
        guard let object = json.object else { throw Incident.unreadable("the whole") }
        func required<Value>(_ key: String, _ read: (JSONValue) -> Value?) throws(Refusal) -> Value {
            guard let value = object[key].flatMap(read) else { throw Incident.unreadable(key) }
            return value
        }
        func optional<Value>(_ key: String, _ read: (JSONValue) -> Value?) throws(Refusal) -> Value? {
            guard let json = object[key] else { return nil }
            guard let value = read(json) else { throw Incident.unreadable(key) }
            return value
        }
        phase = try required("phase") { $0.string.flatMap { Phase(rawValue: $0) } }
        alert = try required("alert") { $0.string.flatMap { AlertName(rawValue: $0) } }
        fingerprint = try required("fingerprint", \.string)
        title = try required("title", \.string)
        severity = try required("severity") { $0.string.flatMap { Severity(rawValue: $0) } }
        priority = try required("priority") { $0.string.flatMap { Priority(rawValue: $0) } }
        alertCount = try required("alertCount", \.int)
        reopenCount = try required("reopenCount", \.int)
        openedAt = try required("openedAt", \.moment)
        lastAlertAt = try required("lastAlertAt", \.moment)
        lastChangeAt = try required("lastChangeAt", \.moment)
        assignee = try optional("assignee") { $0.string.flatMap { PersonID($0) } }
        acknowledgedBy = try optional("acknowledgedBy") { IncidentActor(json: $0) }
        acknowledgedAt = try optional("acknowledgedAt", \.moment)
        mitigatedAt = try optional("mitigatedAt", \.moment)
        resolvedAt = try optional("resolvedAt", \.moment)
        resolvedBy = try optional("resolvedBy") { IncidentActor(json: $0) }
        lapsesAt = try optional("lapsesAt", \.moment)
        merge = try optional("merge") { Merge(json: $0) }
        for item in try optional("absorbed", \.array) ?? [] {
            guard let one = Absorbed(json: item) else { throw Incident.unreadable("absorbed") }
            absorbed.append(one)
        }
        guard merge == nil || phase == .resolved else { throw Incident.unreadable("merge") }
        guard (resolvedAt != nil) == (phase == .resolved) else { throw Incident.unreadable("resolvedAt") }
    }

    private static func unreadable(_ member: String) -> Refusal {
        Refusal(
            .invalid, reason: "incident.state", "The stored state of an incident cannot be read at \(member).",
            facts: ["member": member])
    }
}

extension Incident.Merge {
    fileprivate var json: JSONValue {
        [
            "survivor": JSONValue(survivor), "number": JSONValue(number), "from": .string(from.rawValue), "at": Incident.text(at),
        ]
    }

    fileprivate init?(json: JSONValue) {
        guard let survivor = json["survivor"]?.string.flatMap({ IncidentID($0) }), let number = json["number"]?.int,
            let from = json["from"]?.string.flatMap({ Incident.Phase(rawValue: $0) }), let at = json["at"]?.moment
        else { return nil }
        self.init(survivor: survivor, number: Int64(number), from: from, at: at)
    }
}

extension Incident.Absorbed {
    fileprivate var json: JSONValue {
        var object: JSONObject = [
            "incident": JSONValue(incident), "number": JSONValue(number), "fingerprint": .string(fingerprint),
            "openedAt": Incident.text(openedAt), "alerts": JSONValue(alerts),
        ]
        object["acknowledgedAt"] = acknowledgedAt.map(Incident.text)
        object["lastAlertAt"] = lastAlertAt.map(Incident.text)
        object["via"] = via.map { JSONValue($0) }
        return .object(object)
    }

    /// Nil for what `json` does not write.
    package init?(json: JSONValue) {
        guard let incident = json["incident"]?.string.flatMap({ IncidentID($0) }), let number = json["number"]?.int,
            let fingerprint = json["fingerprint"]?.string, let openedAt = json["openedAt"]?.moment,
            let alerts = json["alerts"]?.int
        else { return nil }
        self.init(
            incident: incident, number: Int64(number), fingerprint: fingerprint, openedAt: openedAt,
            acknowledgedAt: json["acknowledgedAt"]?.moment, alerts: alerts, lastAlertAt: json["lastAlertAt"]?.moment,
            via: json["via"]?.string.flatMap { IncidentID($0) })
    }
}

import Finance
package import Kernel

/// The forms on the wire. Reading is strict on both sides: server and worker are of one release (`hello` carries the version), so
/// a member nobody knows is a mistake and not a newer friend.
extension WorkLease {
    /// `connections` are those of the answer that the lease came in.
    init(json: JSONValue, at pointer: String, connections: [SharedConnection]) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        let place: Int = try fields.required("connection")
        guard connections.indices.contains(place) else {
            throw .handoff("lease", at: pointer + "/connection", "There is no connection \(place) in this answer.")
        }
        self.init(
            token: try fields.required("token"), task: try fields.required("task"), run: try fields.optional("run"),
            attempt: try fields.required("attempt"), kind: try fields.required("kind"), phase: try fields.required("phase"),
            idempotencyKey: try fields.required("idempotencyKey"), input: fields.raw("input") ?? .null,
            connection: connections[place].configuration, secrets: connections[place].secrets,
            expiresAt: try fields.moment("expiresAt"), traceparent: try fields.optional("traceparent"))
        try fields.finish()
    }

    func json(connectionAt place: Int) -> JSONValue {
        .object([
            "token": .string(token), "task": JSONValue(task), "run": run.map { JSONValue($0) }, "attempt": JSONValue(attempt),
            "kind": kind.json, "phase": phase.json, "idempotencyKey": .string(idempotencyKey), "input": input,
            "connection": JSONValue(place), "expiresAt": .string(expiresAt.text(fraction: 6)),
            "traceparent": traceparent?.json,
        ])
    }
}

extension WorkKind: JSONCoded {}
extension WorkLease.Phase: JSONCoded, CaseIterable {
    package static let allCases: [WorkLease.Phase] = [.full, .search]
}
extension ReportVerdict: JSONCoded, CaseIterable {
    package static let allCases: [ReportVerdict] = [.accepted, .pending, .stale]
}

extension WorkAsk: JSONCoded {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            id: try fields.required("id"), verb: try fields.required("verb"), input: fields.raw("input") ?? .null,
            connection: fields.raw("connection") ?? .null, secrets: try fields.table("secrets"))
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "id": .string(id), "verb": .string(verb), "input": input, "connection": connection, "secrets": .table(secrets),
        ])
    }
}

extension WorkOutcome: JSONCoded {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        let name: String = try fields.required("outcome")
        switch name {
        case "completed": self = .completed(output: fields.raw("output") ?? .null)
        case "found": self = .found(output: fields.raw("output") ?? .null)
        case "absent": self = .absent
        case "refused": self = .refused(code: try fields.required("code"), message: try fields.required("message"))
        case "failed":
            self = .failed(
                code: try fields.required("code"), message: try fields.required("message"),
                retryAfterSeconds: try fields.optional("retryAfterSeconds"))
        case "inDoubt": self = .inDoubt(message: try fields.required("message"))
        case "mismatch": self = .mismatch(differences: fields.raw("differences") ?? .null)
        case "needsDecision":
            self = .needsDecision(
                name: try fields.required("name"), message: try fields.required("message"),
                evidence: fields.raw("evidence") ?? .null)
        default: throw .handoff("outcome", at: pointer + "/outcome", "No outcome is called `\(name.prefix(40))`.")
        }
        try fields.finish()
    }

    package var json: JSONValue {
        switch self {
        case .completed(let output): ["outcome": "completed", "output": output]
        case .found(let output): ["outcome": "found", "output": output]
        case .absent: ["outcome": "absent"]
        case .refused(let code, let message): ["outcome": "refused", "code": .string(code), "message": .string(message)]
        case .failed(let code, let message, let retryAfter):
            .object([
                "outcome": "failed", "code": .string(code), "message": .string(message),
                "retryAfterSeconds": retryAfter.map { JSONValue($0) },
            ])
        case .inDoubt(let message): ["outcome": "inDoubt", "message": .string(message)]
        case .mismatch(let differences): ["outcome": "mismatch", "differences": differences]
        case .needsDecision(let name, let message, let evidence):
            ["outcome": "needsDecision", "name": .string(name), "message": .string(message), "evidence": evidence]
        }
    }
}

extension HopTelemetry: JSONCoded {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            name: try fields.required("name"), startedAt: try fields.moment("startedAt"),
            durationMicroseconds: try fields.required("durationMicroseconds"), facts: try fields.table("facts"))
        try fields.finish()
    }

    package var json: JSONValue {
        [
            "name": .string(name), "startedAt": .string(startedAt.text(fraction: 6)),
            "durationMicroseconds": JSONValue(durationMicroseconds), "facts": .table(facts),
        ]
    }
}

extension WorkReport: JSONCoded {
    /// Network exchanges told of in one report; a read of many pages keeps the first ones.
    package static let telemetryMax = 200

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            token: try fields.required("token"), outcome: try fields.required("outcome"),
            telemetry: try fields.list("telemetry", max: WorkReport.telemetryMax))
        try fields.finish()
    }

    package var json: JSONValue { ["token": .string(token), "outcome": outcome.json, "telemetry": telemetry.json] }
}

extension JSONFields {
    /// Members of one table; secrets of a connection and facts of an exchange are few.
    static let tableMax = 64

    /// An object whose member names are free and whose values are texts; absent is empty.
    mutating func table(_ name: String) throws(Refusal) -> [String: String] {
        guard let value = raw(name) else { return [:] }
        let here = pointer + "/" + name
        guard let object = value.object, object.count <= JSONFields.tableMax else {
            throw .handoff("table", at: here, "An object of at most \(JSONFields.tableMax) texts is due here.")
        }
        var out: [String: String] = [:]
        for member in object { out[member.key] = try String(json: member.value, at: here + "/" + AssetIssue.token(member.key)) }
        return out
    }

    mutating func moment(_ name: String) throws(Refusal) -> Moment {
        let text: String = try required(name)
        guard let moment = Moment(text) else {
            throw .handoff("time", at: pointer + "/" + name, "A time in RFC 3339 is due here.")
        }
        return moment
    }

    mutating func optionalMoment(_ name: String) throws(Refusal) -> Moment? {
        guard let text: String = try optional(name) else { return nil }
        guard let moment = Moment(text) else {
            throw .handoff("time", at: pointer + "/" + name, "A time in RFC 3339 is due here.")
        }
        return moment
    }

    /// A whole number in a range.
    mutating func count(_ name: String, in range: ClosedRange<Int>) throws(Refusal) -> Int {
        let value: Int = try required(name)
        guard range.contains(value) else {
            throw .handoff(
                "range", at: pointer + "/" + name, "A number from \(range.lowerBound) to \(range.upperBound) is due here.")
        }
        return value
    }
}

extension JSONValue {
    /// Sorted, so that equal tables give equal texts.
    static func table(_ table: [String: String]) -> JSONValue {
        .object(JSONObject(table.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) }))
    }
}

extension Refusal {
    static func handoff(_ reason: String, at pointer: String, _ message: String) -> Refusal {
        Refusal(.invalid, reason: "handoff.\(reason)", message, facts: ["pointer": pointer.isEmpty ? "/" : pointer])
    }
}

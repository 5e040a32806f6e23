package import Kernel

extension AuditEntry {
    /// The envelope; absent members are left out, so that an added optional member never changes old bytes.
    package var json: JSONValue {
        .object([
            "v": JSONValue(AuditEntry.envelopeVersion), "id": JSONValue(id), "tenant": JSONValue(tenant),
            "env": .string(environment),
            "occurredAt": .string(occurredAt.text(fraction: 6)), "recordedAt": .string(recordedAt.text(fraction: 6)),
            "actor": .object([
                "type": .string(actor.kind.rawValue), "id": .string(actor.id), "session": actor.session.map { JSONValue($0) },
                "ip": actor.address.map(JSONValue.string), "ua": actor.userAgent.map(JSONValue.string),
            ]),
            "onBehalfOf": onBehalfOf.map { JSONValue($0) }, "action": .string(action),
            "object": .object([
                "type": .string(object.type), "id": .string(object.id), "versionHash": object.versionHash.map(JSONValue.string),
            ]),
            "decision": decision.map {
                .object([
                    "policy": .string($0.policy), "version": .string($0.version), "rule": .string($0.rule),
                    "outcome": .string($0.outcome),
                ])
            },
            "beforeHash": beforeHash.map(JSONValue.string), "afterHash": afterHash.map(JSONValue.string),
            "reason": reason.map(JSONValue.string), "correlation": correlationJSON, "facts": factsJSON,
        ])
    }

    private var factsJSON: JSONValue? { facts == [:] ? Optional.none : facts }

    private var correlationJSON: JSONValue? {
        guard correlation != Correlation() else { return nil }
        return .object([
            "run": correlation.run.map { JSONValue($0) }, "task": correlation.task.map { JSONValue($0) },
            "request": correlation.requestID.map(JSONValue.string), "trace": correlation.traceID.map(JSONValue.string),
        ])
    }

    /// What is hashed: RFC 8785 of `json`. A refusal when it is larger than `bytesMax` or holds what has no canonical form,
    /// such as a number beyond double precision; the transaction that wanted to write it fails with it.
    package func canonicalBytes() throws(Refusal) -> [UInt8] {
        let bytes: [UInt8]
        do throws(JSONParseFailure) {
            bytes = try json.canonicalBytes()
        } catch {
            throw Refusal(.invalid, reason: "audit.canonical", "An audit entry has no canonical form: \(error.message)")
        }
        guard bytes.count <= AuditEntry.bytesMax else {
            throw Refusal(
                .tooLarge, reason: "audit.bytes",
                "An audit entry of \(bytes.count) bytes is larger than the \(AuditEntry.bytesMax) permitted.")
        }
        return bytes
    }

    /// Reads an envelope, as exports hold it. Unknown members are refused: an auditor must not overlook anything.
    package init(json: JSONValue) throws(Refusal) {
        let known = [
            "v", "id", "tenant", "env", "occurredAt", "recordedAt", "actor", "onBehalfOf", "action", "object", "decision",
            "beforeHash",
            "afterHash", "reason", "correlation", "facts",
        ]
        let members = try EnvelopeFields(json, "the entry", known: known)
        guard json["v"]?.int == AuditEntry.envelopeVersion else { throw .envelope("`v` is not \(AuditEntry.envelopeVersion)") }
        let actor = try EnvelopeFields(members.value("actor"), "actor", known: ["type", "id", "session", "ip", "ua"])
        guard let kind = ActorKind(rawValue: try actor.text("type")) else { throw .envelope("the actor's type is unknown") }
        let object = try EnvelopeFields(members.value("object"), "object", known: ["type", "id", "versionHash"])
        var decision: Decision?
        if let json = json["decision"] {
            let fields = try EnvelopeFields(json, "decision", known: ["policy", "version", "rule", "outcome"])
            decision = Decision(
                policy: try fields.text("policy"), version: try fields.text("version"), rule: try fields.text("rule"),
                outcome: try fields.text("outcome"))
        }
        let correlation = try EnvelopeFields(
            json["correlation"] ?? [:], "correlation", known: ["run", "task", "request", "trace"])
        self.init(
            id: try members.id("id"), tenant: try members.id("tenant"), environment: try members.text("env"),
            occurredAt: try members.moment("occurredAt"), recordedAt: try members.moment("recordedAt"),
            actor: Actor(
                kind, id: try actor.text("id"), session: try actor.idIfAny("session"), address: try actor.textIfAny("ip"),
                userAgent: try actor.textIfAny("ua")),
            onBehalfOf: try members.idIfAny("onBehalfOf"), action: try members.text("action"),
            object: AuditObject(
                type: try object.text("type"), id: try object.text("id"), versionHash: try object.textIfAny("versionHash")),
            decision: decision, beforeHash: try members.textIfAny("beforeHash"), afterHash: try members.textIfAny("afterHash"),
            reason: try members.textIfAny("reason"),
            correlation: Correlation(
                run: try correlation.idIfAny("run"), task: try correlation.idIfAny("task"),
                requestID: try correlation.textIfAny("request"), traceID: try correlation.textIfAny("trace")),
            facts: json["facts"] ?? [:])
    }
}

/// Members of a closed part of the envelope.
private struct EnvelopeFields {
    let json: JSONValue
    let part: String

    init(_ json: JSONValue, _ part: String, known: [String]) throws(Refusal) {
        guard let object = json.object else { throw .envelope("\(part) is not an object") }
        for key in object.keys where !known.contains(where: { sameBytes($0, key) }) {
            throw .envelope("\(part) has the unknown member `\(key.prefix(40))`")
        }
        self.json = json
        self.part = part
    }

    func value(_ name: String) throws(Refusal) -> JSONValue {
        guard let value = json[name] else { throw .envelope("\(part) lacks `\(name)`") }
        return value
    }

    func text(_ name: String) throws(Refusal) -> String {
        guard let text = try value(name).string else { throw .envelope("`\(name)` of \(part) is not a text") }
        return text
    }

    func textIfAny(_ name: String) throws(Refusal) -> String? { json[name] == nil ? nil : try text(name) }

    func moment(_ name: String) throws(Refusal) -> Moment {
        guard let moment = Moment(try text(name)) else { throw .envelope("`\(name)` of \(part) is not an instant") }
        return moment
    }

    func id<Subject>(_ name: String) throws(Refusal) -> ID<Subject> {
        guard let id = ID<Subject>(try text(name)) else { throw .envelope("`\(name)` of \(part) is not an id") }
        return id
    }

    func idIfAny<Subject>(_ name: String) throws(Refusal) -> ID<Subject>? { json[name] == nil ? nil : try id(name) }
}

extension Refusal {
    fileprivate static func envelope(_ what: String) -> Refusal {
        Refusal(.invalid, reason: "audit.envelope", "This is not an audit entry: \(what).")
    }
}

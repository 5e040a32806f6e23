package import Kernel

extension RetryPolicy {
    package var json: JSONValue {
        [
            "attempts": JSONValue(attemptsMax), "initialSeconds": JSONValue(initialSeconds),
            "factorPercent": JSONValue(factorPercent),
            "capSeconds": JSONValue(capSeconds), "jitterPercent": JSONValue(jitterPercent),
        ]
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "retry policy")
        self.init(
            attemptsMax: try fields.int("attempts"), initialSeconds: try fields.int("initialSeconds"),
            factorPercent: try fields.int("factorPercent"), capSeconds: try fields.int("capSeconds"),
            jitterPercent: try fields.int("jitterPercent"))
    }
}

extension WorkRequest {
    package var json: JSONValue {
        [
            "key": .string(key), "kind": .string(kind.rawValue), "title": .string(title), "connection": .string(connection),
            "input": input, "idempotencyKey": .string(idempotencyKey), "retry": retry.json,
            "timeoutSeconds": JSONValue(timeoutSeconds),
        ]
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "work request")
        guard let kind = Kind(rawValue: try fields.string("kind")) else { throw fields.refusal("names no known kind") }
        self.init(
            key: try fields.string("key"), kind: kind, title: try fields.string("title"),
            connection: try fields.string("connection"), input: fields.value("input"),
            idempotencyKey: try fields.string("idempotencyKey"), retry: try RetryPolicy(json: fields.value("retry")),
            timeoutSeconds: try fields.int("timeoutSeconds"))
    }
}

extension HumanRequest {
    package var json: JSONValue {
        .object([
            "key": .string(key), "kind": .string(kind.rawValue), "title": .string(title), "code": code.map(JSONValue.string),
            "object": object, "objectHash": .string(objectHash), "rounds": .array(rounds.map(\.json)),
            "resolutions": .array(resolutions.map(\.json)), "deadlines": .array(deadlines.map(\.json)), "evidence": evidence,
            "riskClass": .string(riskClass), "form": form?.json,
        ])
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "human request")
        var issues: [AssetIssue] = []
        let form = json["form"].flatMap { TaskForm.parse($0, at: "/form", issues: &issues) }
        guard issues.isEmpty else { throw fields.refusal("has a form that does not read") }
        guard let kind = Kind(rawValue: try fields.string("kind")) else { throw fields.refusal("names no known kind") }
        self.init(
            key: try fields.string("key"), kind: kind, title: try fields.string("title"),
            code: try fields.optionalString("code"), object: fields.value("object"),
            objectHash: try fields.string("objectHash"),
            rounds: try readList(fields, "rounds") { json throws(Refusal) in try ApprovalStep(json: json) },
            resolutions: try readList(fields, "resolutions") { json throws(Refusal) in try Resolution(json: json) },
            deadlines: try readList(fields, "deadlines") { json throws(Refusal) in try Deadline(json: json) },
            evidence: fields.value("evidence"), riskClass: try fields.string("riskClass"), form: form)
    }
}

func readList<Item>(
    _ fields: Fields, _ name: String, _ read: (JSONValue) throws(Refusal) -> Item
) throws(Refusal) -> [Item] {
    var out: [Item] = []
    for item in try fields.array(name) { out.append(try read(item)) }
    return out
}

extension ApprovalStep {
    package var json: JSONValue {
        ["roles": .array(roles.map(JSONValue.string)), "quorum": JSONValue(quorum), "label": .string(label)]
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "approval step")
        self.init(roles: try fields.strings("roles"), quorum: try fields.int("quorum"), label: try fields.string("label"))
    }
}

extension Resolution {
    package var json: JSONValue {
        .object([
            "name": .string(name), "label": .string(label), "consequence": .string(consequence),
            "duty": duty.map(JSONValue.string),
            "needsReason": .bool(needsReason), "takesForm": takesForm ? nil : false,
        ])
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "resolution")
        self.init(
            name: try fields.string("name"), label: try fields.string("label"), consequence: try fields.string("consequence"),
            duty: try fields.optionalString("duty"), needsReason: try fields.bool("needsReason"),
            takesForm: json["takesForm"] == nil ? true : try fields.bool("takesForm"))
    }
}

extension Deadline {
    package var json: JSONValue {
        var members: JSONObject = ["key": .string(key), "name": .string(name), "at": at.exactJSON]
        switch act {
        case .notify: members["act"] = "notify"
        case .escalate(let role):
            members["act"] = "escalate"
            members["role"] = .string(role)
        case .reassign(let role):
            members["act"] = "reassign"
            members["role"] = .string(role)
        }
        return .object(members)
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "deadline")
        let act: Act
        switch try fields.string("act") {
        case "notify": act = .notify
        case "escalate": act = .escalate(role: try fields.string("role"))
        case "reassign": act = .reassign(role: try fields.string("role"))
        case let other: throw fields.refusal("knows no act '\(other)'")
        }
        self.init(key: try fields.string("key"), name: try fields.string("name"), at: try fields.moment("at"), act: act)
    }
}

extension SignatureNote {
    package var json: JSONValue {
        .object([
            "person": JSONValue(person), "natural": JSONValue(natural), "role": .string(role), "label": .string(label),
            "at": at.exactJSON, "round": JSONValue(round), "count": JSONValue(count), "of": JSONValue(of),
            "answer": answer.map(JSONValue.string), "behalf": behalf?.json,
        ])
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "signature")
        self.init(
            person: try fields.id("person"), natural: try fields.id("natural"), role: try fields.string("role"),
            label: try fields.string("label"), at: try fields.moment("at"), round: try fields.int("round"),
            count: try fields.int("count"), of: try fields.int("of"),
            answer: try fields.optionalString("answer"), behalf: try PersonDecision.Behalf(ifAny: json["behalf"]))
    }
}

package import Kernel

/// The state as it is stored; every instant with microseconds, so that nothing changes on the way.
extension RunbookExecution {
    package var json: JSONValue {
        var object: JSONObject = [
            "phase": .string(phase.rawValue), "alert": .string(alert.rawValue), "title": .string(title),
            "version": .string(version), "drill": .bool(isDrill), "startedAt": RunbookExecution.text(startedAt),
            "startedBy": startedBy.json,
        ]
        object["endedAt"] = endedAt.map(RunbookExecution.text)
        object["steps"] = .array(steps.map(\.json))
        return .object(object)
    }

    /// Reads what `json` writes; refuses anything else with `runbook.state`, naming the member.
    package init(json: JSONValue) throws(Refusal) {
        let reader = RunbookReader(json)
        var steps: [Step] = []
        for item in try reader.member("steps", \.array) { steps.append(try Step(json: item, number: steps.count + 1)) }
        self.init(
            phase: try reader.member("phase") { $0.string.flatMap(Phase.init(rawValue:)) },
            alert: try reader.member("alert") { $0.string.flatMap(AlertName.init(rawValue:)) },
            title: try reader.member("title", \.string), version: try reader.member("version", \.string),
            isDrill: try reader.member("drill", \.bool), startedAt: try reader.member("startedAt", \.moment),
            startedBy: try reader.member("startedBy") { Person(json: $0) }, endedAt: try reader.ifAny("endedAt", \.moment),
            steps: steps)
    }

    fileprivate static func text(_ moment: Moment) -> JSONValue { .string(moment.text(fraction: 6)) }

    fileprivate static func table(_ values: [String: String]) -> JSONValue {
        .object(JSONObject(values.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) }))
    }
}

/// Members by name, refused by name.
private struct RunbookReader {
    private let object: JSONObject

    init(_ json: JSONValue) { object = json.object ?? [:] }

    func member<Value>(_ key: String, _ read: (JSONValue) -> Value?) throws(Refusal) -> Value {
        guard let value = object[key].flatMap(read) else {
            throw Refusal(
                .invalid, reason: "runbook.state", "The stored state of a runbook's execution cannot be read at \(key).",
                facts: ["member": key])
        }
        return value
    }

    func ifAny<Value>(_ key: String, _ read: (JSONValue) -> Value?) throws(Refusal) -> Value? {
        object[key] == nil ? nil : try member(key, read)
    }

    static func table(_ json: JSONValue) -> [String: String]? {
        guard let object = json.object else { return nil }
        var out: [String: String] = [:]
        for member in object {
            guard let value = member.value.string else { return nil }
            out[member.key] = value
        }
        return out
    }
}

extension RunbookExecution.Person {
    fileprivate var json: JSONValue { ["person": JSONValue(id), "natural": JSONValue(natural)] }

    fileprivate init?(json: JSONValue) {
        guard let id = json["person"]?.string.flatMap({ PersonID($0) }),
            let natural = json["natural"]?.string.flatMap({ PersonID($0) })
        else { return nil }
        self.init(id: id, natural: natural)
    }
}

extension RunbookExecution.Step {
    fileprivate var json: JSONValue {
        var object: JSONObject = [
            "title": .string(title), "verb": .string(verb.rawValue), "text": .string(text), "second": .bool(needsSecond),
            "parameters": RunbookExecution.table(parameters), "state": .string(state.rawValue),
        ]
        object["preview"] = preview.map(\.json)
        object["ending"] = ending.map(\.json)
        return .object(object)
    }

    fileprivate init(json: JSONValue, number: Int) throws(Refusal) {
        let reader = RunbookReader(json)
        let preview = try reader.ifAny("preview") { $0 }
        let ending = try reader.ifAny("ending") { $0 }
        self.init(
            number: number, title: try reader.member("title", \.string),
            verb: try reader.member("verb") { $0.string.flatMap(Runbook.Verb.init(rawValue:)) },
            text: try reader.member("text", \.string), needsSecond: try reader.member("second", \.bool),
            parameters: try reader.member("parameters", RunbookReader.table),
            state: try reader.member("state") { $0.string.flatMap(RunbookExecution.State.init(rawValue:)) },
            preview: try preview.map { json throws(Refusal) in try RunbookExecution.Preview(json: json) },
            ending: try ending.map { json throws(Refusal) in try RunbookExecution.Ending(json: json) })
    }
}

extension RunbookExecution.Preview {
    fileprivate var json: JSONValue {
        var object: JSONObject = [
            "hash": .string(hash), "parameters": RunbookExecution.table(parameters), "content": content,
            "second": .bool(needsSecond), "undo": .bool(isUndo), "at": RunbookExecution.text(at), "by": by.json,
        ]
        object["operation"] = operation.map(JSONValue.string)
        return .object(object)
    }

    fileprivate init(json: JSONValue) throws(Refusal) {
        let reader = RunbookReader(json)
        self.init(
            hash: try reader.member("hash", \.string), parameters: try reader.member("parameters", RunbookReader.table),
            content: try reader.member("content") { $0 }, operation: try reader.ifAny("operation", \.string),
            needsSecond: try reader.member("second", \.bool), isUndo: try reader.member("undo", \.bool),
            at: try reader.member("at", \.moment), by: try reader.member("by") { RunbookExecution.Person(json: $0) })
    }
}

extension RunbookExecution.Ending {
    fileprivate var json: JSONValue {
        var object: JSONObject = [
            "at": RunbookExecution.text(at), "by": by.json, "reason": .string(reason), "hash": .string(hash),
        ]
        object["operation"] = operation.map(JSONValue.string)
        return .object(object)
    }

    fileprivate init(json: JSONValue) throws(Refusal) {
        let reader = RunbookReader(json)
        self.init(
            at: try reader.member("at", \.moment), by: try reader.member("by") { RunbookExecution.Person(json: $0) },
            reason: try reader.member("reason", \.string), hash: try reader.member("hash", \.string),
            operation: try reader.ifAny("operation", \.string))
    }
}

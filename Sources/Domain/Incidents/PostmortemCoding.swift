package import Kernel

/// The state as it is stored; every instant with microseconds, so that nothing changes on the way.
extension Postmortem {
    package var json: JSONValue {
        var object: JSONObject = [
            "phase": .string(phase.rawValue), "facts": facts, "sections": locked["sections"] ?? [:],
            "actions": .array(actions.map(\.json)),
            "authors": .array(authors.map(\.text).sorted().map(JSONValue.string)), "returnedBecause": .string(returnedBecause),
            "hash": .string(hash),
        ]
        object["submittedBy"] = submittedBy.map { .string($0.text) }
        object["submittedAt"] = submittedAt.map { .string($0.text(fraction: 6)) }
        object["publishedBy"] = publishedBy.map { .string($0.text) }
        object["publishedAt"] = publishedAt.map { .string($0.text(fraction: 6)) }
        return .object(object)
    }

    /// Reads what `json` writes; refuses anything else with `postmortem.state`, naming the member.
    package init(json: JSONValue) throws(Refusal) {
        let reader = PostmortemReader(json)
        var sections: [Section: String] = [:]
        for member in try reader.member("sections", \.object) {
            guard let section = Section(rawValue: member.key), let text = member.value.string else {
                throw PostmortemReader.unreadable("sections")
            }
            sections[section] = text
        }
        let authors = try reader.member("authors", \.array).compactMap { $0.string.flatMap { PersonID($0) } }
        self.init(facts: try reader.member("facts") { $0 }, sections: sections, authors: Set(authors))
        phase = try reader.member("phase") { $0.string.flatMap(Phase.init(rawValue:)) }
        for item in try reader.member("actions", \.array) { actions.append(try Action(json: item, number: actions.count + 1)) }
        returnedBecause = try reader.member("returnedBecause", \.string)
        hash = try reader.member("hash", \.string)
        submittedBy = try reader.ifAny("submittedBy") { $0.string.flatMap { PersonID($0) } }
        submittedAt = try reader.ifAny("submittedAt", \.moment)
        publishedBy = try reader.ifAny("publishedBy") { $0.string.flatMap { PersonID($0) } }
        publishedAt = try reader.ifAny("publishedAt", \.moment)
    }
}

extension Postmortem.Action {
    package var json: JSONValue {
        var object: JSONObject = [
            "number": JSONValue(number), "title": .string(title), "owner": .string(owner.text), "due": .string("\(due)"),
            "state": .string(state.rawValue), "note": .string(note),
        ]
        object["settledAt"] = settledAt.map { .string($0.text(fraction: 6)) }
        object["settledBy"] = settledBy.map { .string($0.text) }
        return .object(object)
    }

    fileprivate init(json: JSONValue, number: Int) throws(Refusal) {
        let reader = PostmortemReader(json)
        self.init(
            number: number, title: try reader.member("title", \.string),
            owner: try reader.member("owner") { $0.string.flatMap { PersonID($0) } },
            due: try reader.member("due") { $0.string.flatMap { CivilDate($0) } },
            state: try reader.member("state") { $0.string.flatMap(State.init(rawValue:)) },
            settledAt: try reader.ifAny("settledAt", \.moment),
            settledBy: try reader.ifAny("settledBy") { $0.string.flatMap { PersonID($0) } },
            note: try reader.member("note", \.string))
    }
}

/// Members by name, refused by name.
private struct PostmortemReader {
    private let object: JSONObject

    init(_ json: JSONValue) { object = json.object ?? [:] }

    static func unreadable(_ member: String) -> Refusal {
        Refusal(
            .invalid, reason: "postmortem.state", "The stored state of a post-mortem cannot be read at \(member).",
            facts: ["member": member])
    }

    func member<Value>(_ key: String, _ read: (JSONValue) -> Value?) throws(Refusal) -> Value {
        guard let value = object[key].flatMap(read) else { throw PostmortemReader.unreadable(key) }
        return value
    }

    func ifAny<Value>(_ key: String, _ read: (JSONValue) -> Value?) throws(Refusal) -> Value? {
        object[key] == nil ? nil : try member(key, read)
    }
}

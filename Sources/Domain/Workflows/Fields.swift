import Kernel

/// Reads the members of one stored JSON object; a missing or mistyped one is a refusal that names it.
struct Fields {
    let object: JSONObject
    let what: String

    init(_ json: JSONValue, _ what: String) throws(Refusal) {
        guard case .object(let object) = json else {
            throw Refusal(.invalid, reason: "workflow.encoding", "A \(what) has to be an object.")
        }
        self.object = object
        self.what = what
    }

    func refusal(_ problem: String) -> Refusal {
        Refusal(.invalid, reason: "workflow.encoding", "The \(what) \(problem).")
    }

    /// The member, or null when it is absent.
    func value(_ name: String) -> JSONValue { object[name] ?? .null }

    func string(_ name: String) throws(Refusal) -> String {
        guard let text = object[name]?.string else { throw refusal("has no text '\(name)'") }
        return text
    }

    func optionalString(_ name: String) throws(Refusal) -> String? {
        guard let value = object[name], value != .null else { return nil }
        guard let text = value.string else { throw refusal("has a '\(name)' that is no text") }
        return text
    }

    func int(_ name: String) throws(Refusal) -> Int {
        guard let number = object[name]?.int else { throw refusal("has no whole number '\(name)'") }
        return number
    }

    func optionalInt(_ name: String) throws(Refusal) -> Int? {
        guard let value = object[name], value != .null else { return nil }
        guard let number = value.int else { throw refusal("has a '\(name)' that is no whole number") }
        return number
    }

    func bool(_ name: String) throws(Refusal) -> Bool {
        guard let flag = object[name]?.bool else { throw refusal("has no truth value '\(name)'") }
        return flag
    }

    func moment(_ name: String) throws(Refusal) -> Moment {
        guard let moment = object[name]?.moment else { throw refusal("has no instant '\(name)'") }
        return moment
    }

    func id<S>(_ name: String) throws(Refusal) -> ID<S> {
        guard let text = object[name]?.string, let id = ID<S>(text) else { throw refusal("has no id '\(name)'") }
        return id
    }

    func array(_ name: String) throws(Refusal) -> [JSONValue] {
        guard let items = object[name]?.array else { throw refusal("has no list '\(name)'") }
        return items
    }

    func strings(_ name: String) throws(Refusal) -> [String] {
        var out: [String] = []
        for item in try array(name) {
            guard let text = item.string else { throw refusal("has a '\(name)' that does not hold text only") }
            out.append(text)
        }
        return out
    }

    func members(_ name: String) throws(Refusal) -> JSONObject {
        guard let object = object[name]?.object else { throw refusal("has no object '\(name)'") }
        return object
    }
}

extension Moment {
    /// RFC 3339 with microseconds, so that a stored instant reads back unchanged.
    var exactJSON: JSONValue { .string(text(fraction: 6)) }
}

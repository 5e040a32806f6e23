internal import Kernel

/// Typed access to an object that its `Shape` has already accepted, so a missing or mistyped member is a bug of ours.
struct Fields {
    let json: JSONValue

    init(_ json: JSONValue) { self.json = json }

    func text(_ name: String) -> String {
        guard let value = json[name]?.string else { preconditionFailure("`\(name)` passed its shape without being a text") }
        return value
    }

    func textIfAny(_ name: String) -> String? { json[name]?.string }

    func integer(_ name: String, or fallback: Int) -> Int { json[name]?.int ?? fallback }

    func flag(_ name: String, or fallback: Bool) -> Bool { json[name]?.bool ?? fallback }

    func list(_ name: String) -> [JSONValue] { json[name]?.array ?? [] }

    func texts(_ name: String) -> [String] { list(name).compactMap(\.string) }

    /// A table of texts in the order it was written.
    func table(_ name: String) -> [String: String] {
        var out: [String: String] = [:]
        for (key, value) in json[name]?.object ?? JSONObject() { out[key] = value.string }
        return out
    }
}

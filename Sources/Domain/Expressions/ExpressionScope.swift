import Kernel

/// The names an expression may use with their types, in the order in which their values are given.
package struct ExpressionScope: Sendable {
    package let names: [String]
    package let types: [CELType]
    let slots: [String: Int]
    /// Functions that are declared and have no body: for checks only.
    let functions: [FunctionSignature]
    /// Namespace in which names are looked up first; empty for none.
    package let container: String
    /// For checks only: names that are not known may be anything, since somebody else looks after them.
    let isOpen: Bool
    let zones: ZoneSource?

    /// Names of which anything may be the value.
    package init(_ names: [String], container: String = "", zones: ZoneSource? = nil) {
        self.init(names.map { ($0, .dyn) }, container: container, zones: zones)
    }

    package init(
        _ variables: [(String, CELType)], functions: [FunctionSignature] = [], container: String = "", isOpen: Bool = false,
        zones: ZoneSource? = nil
    ) {
        self.isOpen = isOpen
        names = variables.map(\.0)
        types = variables.map(\.1)
        self.functions = functions
        self.container = container
        self.zones = zones
        var slots: [String: Int] = [:]
        for (slot, name) in names.enumerated() { slots[name] = slot }
        self.slots = slots
    }

    var offer: String {
        names.isEmpty ? "No names are known here." : "Known are: \(names.joined(separator: ", "))."
    }

    /// Container resolution of the language: the innermost namespace first.
    func candidates(_ name: String, isAbsolute: Bool) -> [String] {
        guard !isAbsolute, !container.isEmpty else { return [name] }
        var out: [String] = []
        var parts = container.split(separator: ".")
        while !parts.isEmpty {
            out.append(parts.joined(separator: ".") + "." + name)
            parts.removeLast()
        }
        return out + [name]
    }

    /// The function that `a.b.name(...)` means when `a.b` is a namespace and no value.
    func function(_ name: String, on target: Syntax?, hiding locals: [String]) -> String? {
        guard let path = target?.path else { return nil }
        guard path.isAbsolute || slots[path.names[0]] == nil && !locals.contains(path.names[0]) else { return nil }
        return function((path.names + [name]).joined(separator: "."), isAbsolute: path.isAbsolute)
    }

    func function(_ name: String, isAbsolute: Bool) -> String? {
        candidates(name, isAbsolute: isAbsolute).first { candidate in
            FunctionTable.standard.knows(candidate) || functions.contains { sameBytes($0.name, candidate) }
        }
    }

    func signatures(_ name: String) -> [FunctionSignature] {
        let declared = functions.filter { sameBytes($0.name, name) }
        return declared.isEmpty ? Declarations.standard.named(name) : declared
    }
}

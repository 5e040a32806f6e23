import Kernel

/// A place in the data at hand: `$` is the current item, `$item.currency` the whole object, `$['@odata.nextLink']` an odd name,
/// `$.lines[0].sku` deeper in. Only member names and indexes, so that reading costs what the path is long.
struct ValuePath: Sendable, Hashable, CustomStringConvertible {
    static let stepsMax = 16
    /// What a path may begin with: `$` alone is the innermost item.
    static let roots: Set<String> = [
        "", "item", "page", "headers", "key", "input", "created", "connection", "entry", "found", "task", "confirm", "paging",
    ]
    /// Known only where a request is signed or a session is opened, so that no mapping can put a secret anywhere else.
    static let guardedRoots: Set<String> = ["secret", "session", "request"]

    enum Step: Sendable, Hashable {
        case member(String)
        case index(Int)
    }

    let root: String
    let steps: [Step]

    /// Nil when the text is no path; `problem` says why.
    static func parse(_ text: String) -> Result<ValuePath, Problem> {
        var scanner = Scanner(text)
        guard scanner.take(UInt8(ascii: "$")) else { return .failure(Problem("A path begins with `$`.")) }
        let root = scanner.name() ?? ""
        guard roots.contains(root) || guardedRoots.contains(root) else {
            let known = roots.filter { !$0.isEmpty }.sorted().map { "$" + $0 }.joined(separator: ", ")
            return .failure(Problem("Nothing is called `$\(root)`; known are \(known)."))
        }
        var steps: [Step] = []
        while !scanner.isAtEnd {
            guard let step = scanner.step() else { return .failure(Problem("The path is wrong at character \(scanner.at + 1).")) }
            steps.append(step)
            guard steps.count <= stepsMax else { return .failure(Problem("A path has at most \(stepsMax) steps.")) }
        }
        return .success(ValuePath(root: root, steps: steps))
    }

    struct Problem: Error {
        let message: String
        init(_ message: String) { self.message = message }
    }

    /// The value there; absent and `null` are both nil.
    func value(in scope: MappingScope) -> JSONValue? {
        guard var value = scope[root] else { return nil }
        for step in steps {
            let next: JSONValue? =
                switch step {
                case .member(let name): value[name]
                case .index(let index): value[index]
                }
            guard let next else { return nil }
            value = next
        }
        // Not in one expression with `nil`, which would be JSON's null there.
        if value.isNull { return nil }
        return value
    }

    var description: String {
        "$" + root
            + steps.map { step in
                switch step {
                case .member(let name):
                    name.utf8.allSatisfy(ValuePath.isNameByte) && !name.isEmpty ? "." + name : "['" + name + "']"
                case .index(let index): "[\(index)]"
                }
            }.joined()
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private struct Scanner {
        private let bytes: [UInt8]
        private(set) var at = 0

        init(_ text: String) { bytes = Array(text.utf8) }

        var isAtEnd: Bool { at == bytes.count }

        mutating func take(_ byte: UInt8) -> Bool {
            guard at < bytes.count, bytes[at] == byte else { return false }
            at += 1
            return true
        }

        mutating func name() -> String? {
            let start = at
            while at < bytes.count, ValuePath.isNameByte(bytes[at]) { at += 1 }
            return start == at ? nil : String(decoding: bytes[start..<at], as: UTF8.self)
        }

        mutating func step() -> Step? {
            if take(UInt8(ascii: ".")) { return name().map(Step.member) }
            guard take(UInt8(ascii: "[")) else { return nil }
            if take(UInt8(ascii: "'")) {
                guard let end = bytes[at...].firstIndex(of: UInt8(ascii: "'")), end > at else { return nil }
                let name = String(decoding: bytes[at..<end], as: UTF8.self)
                at = end + 1
                return take(UInt8(ascii: "]")) ? .member(name) : nil
            }
            guard let digits = name(), digits.utf8.count <= 5, let index = Int(digits), take(UInt8(ascii: "]")) else {
                return nil
            }
            return .index(index)
        }
    }
}

/// What the nodes of one mapping share: the named types, and what its look-ups are called.
struct MappingLibrary: Sendable {
    static let empty = MappingLibrary(types: [:], titles: [:])

    let types: [String: MappingNode]
    /// Look-up → what it looks for, in words: `supplier's tax`.
    let titles: [String: String]
}

/// The data a mapping may look at, by the names of `ValuePath.roots`.
struct MappingScope: Sendable {
    private var values: [String: JSONValue]
    let library: MappingLibrary

    init(_ values: [String: JSONValue], library: MappingLibrary = .empty) {
        self.values = values
        self.library = library
    }

    subscript(root: String) -> JSONValue? {
        get { values[root] }
        set { values[root] = newValue }
    }

    /// The scope for one object of an answer: `$` and `$item` are it.
    func focused(on item: JSONValue) -> MappingScope {
        var scope = self
        scope[""] = item
        scope["item"] = item
        return scope
    }

    /// The scope for one element of a list inside: `$` is it, `$item` stays.
    func entering(_ element: JSONValue) -> MappingScope {
        var scope = self
        scope[""] = element
        return scope
    }

    /// For expressions: every name but the innermost, which is called `this` there.
    var bindings: [String: JSONValue] {
        var out: [String: JSONValue] = [:]
        for root in ValuePath.roots { out[root.isEmpty ? "this" : root] = values[root] ?? .null }
        return out
    }
}

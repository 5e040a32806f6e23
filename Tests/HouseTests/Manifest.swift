import Foundation

/// What `Package.swift` declares: targets, their folders and what they use. Read as text, since a test cannot ask SwiftPM.
struct Manifest: Sendable {
    struct Target: Sendable {
        let name: String
        /// Relative to the root.
        let folder: String
        /// Our own targets and the modules of packages that it may import.
        let uses: Set<String>
        /// Whether the manifest leaves out a `README.md`, so that the file has to exist.
        let hasReadme: Bool
    }

    let targets: [Target]

    static let project = Manifest(Tree.project.file("Package.swift")?.text ?? "")

    /// Names of `let hummingbird: Target.Dependency = .product(name: "Hummingbird", …)` by the name of the constant.
    init(_ text: String) {
        var products: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 2, words[0] == "let", line.contains(".product(name:") else { continue }
            products[String(words[1].prefix { $0 != ":" })] = String(line).quotedTexts.first
        }
        targets = Manifest.calls(in: text).compactMap { Manifest.target(of: $0, products: products) }
    }

    private struct Call {
        let function: String
        let arguments: String
    }

    /// The calls that make targets, each with the text between its parentheses.
    private static func calls(in text: String) -> [Call] {
        let openings = ["room(", "program(", "tests(of:", ".target(", ".executableTarget(", ".testTarget(", ".systemLibrary("]
        var calls: [Call] = []
        var isInFunction = false
        var rest = text[...]
        while let lineEnd = rest.firstIndex(where: \.isNewline) {
            let line = rest[..<lineEnd]
            if line.hasPrefix("func ") { isInFunction = true }
            if line.hasPrefix("}") { isInFunction = false }
            let words = String(line).trimmed
            if !isInFunction, let opening = openings.first(where: { words.hasPrefix($0) }) {
                let start = rest.firstIndex(of: "(") ?? lineEnd
                calls.append(Call(function: opening, arguments: balanced(rest[start...])))
            }
            rest = rest[rest.index(after: lineEnd)...]
        }
        return calls
    }

    private static func balanced(_ text: Substring) -> String {
        var depth = 0
        for index in text.indices {
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" {
                depth -= 1
                if depth == 0 { return String(text[..<index].dropFirst()) }
            }
        }
        return String(text)
    }

    private static func target(of call: Call, products: [String: String]) -> Target? {
        let quoted = call.arguments.quotedTexts
        let uses = usedNames(in: call.arguments, products: products)
        switch call.function {
        case "room(":
            guard quoted.count >= 2 else { return nil }
            let folder = quoted[0].isEmpty ? "Sources/\(quoted[1])" : "Sources/\(quoted[0])/\(quoted[1])"
            return Target(name: quoted[1], folder: folder, uses: uses, hasReadme: true)
        case "program(":
            return quoted.first.map { Target(name: $0, folder: "Sources/Programs/\($0)", uses: uses, hasReadme: true) }
        case "tests(of:":
            return quoted.first.map {
                Target(name: "\($0)Tests", folder: "Tests/\($0)Tests", uses: uses.union([$0]), hasReadme: false)
            }
        default:
            guard let name = text(after: "name:", in: call.arguments), let folder = text(after: "path:", in: call.arguments)
            else { return nil }
            return Target(name: name, folder: folder, uses: uses, hasReadme: call.arguments.contains("\"README.md\""))
        }
    }

    private static func text(after label: String, in arguments: String) -> String? {
        arguments.range(of: label).flatMap { String(arguments[$0.upperBound...]).quotedTexts.first }
    }

    /// The texts and constants of the list after `uses:` or `dependencies:`.
    private static func usedNames(in arguments: String, products: [String: String]) -> Set<String> {
        guard let label = arguments.range(of: "uses:") ?? arguments.range(of: "dependencies:") else { return [] }
        let rest = arguments[label.upperBound...]
        guard let start = rest.firstIndex(of: "["), let end = rest.firstIndex(of: "]") else { return [] }
        let inside = rest[rest.index(after: start)..<end]
        var names: Set<String> = []
        for part in inside.split(separator: ",") {
            let word = String(part).trimmed
            if let name = word.quotedTexts.first { names.insert(name) } else if let name = products[word] { names.insert(name) }
        }
        return names
    }

    /// Everything that ends up in a program's link line, the program's own target included.
    func closure(of name: String) -> Set<String> {
        var seen: Set<String> = []
        var waiting = [name]
        while let next = waiting.popLast() {
            guard seen.insert(next).inserted, let target = targets.first(where: { $0.name == next }) else { continue }
            waiting.append(contentsOf: target.uses)
        }
        return seen
    }
}

import Foundation
import Testing

@Suite("Calls that lose errors, money or control are written nowhere")
struct CallTests {
    @Test("an error is never forced away", arguments: ["try!", "as!", "fatalError("])
    func noForce(call: String) {
        #expect(findings(of: call).isEmpty, "\(list(findings(of: call)))")
    }

    @Test("work belongs to a task that someone awaits", arguments: ["DispatchQueue", "Task.detached"])
    func noDetachedWork(call: String) {
        #expect(findings(of: call).isEmpty, "\(list(findings(of: call)))")
    }

    @Test(
        "text from outside meets our own bounded parsers only",
        arguments: [
            "Regex", "NSRegularExpression", "JSONDecoder", "JSONEncoder", "JSONSerialization", "URL(string", "URLComponents",
        ])
    func noForeignParsers(call: String) {
        #expect(findings(of: call).isEmpty, "\(list(findings(of: call)))")
    }

    @Test("only programs print; everything else logs or returns")
    func onlyProgramsPrint() {
        let findings = Tree.sources.filter { !$0.path.hasPrefix("Sources/Programs/") }.flatMap { file in
            file.places("print(") { line, _ in line.callsFreeFunction("print") }
        }
        #expect(findings.isEmpty, "\(list(findings))")
    }

    @Test("a dropped error has its reason beside it")
    func droppedErrorsHaveReasons() {
        let findings = Tree.sources.flatMap { file in
            file.places("try? without a comment saying why losing the error is right") { line, index in
                line.mentions("try?") && !file.hasReason(at: index)
            }
        }
        #expect(findings.isEmpty, "\(list(findings))")
    }

    @Test("no binary fraction comes near money, prices, quantities or rates")
    func noDoubleNearMoney() {
        let findings = Tree.sources.filter { file in CallTests.exactPlaces.contains { file.path.hasPrefix($0) } }.flatMap {
            file in
            file.places("Double or Float") { line, _ in line.mentions("Double") || line.mentions("Float") }
        }
        #expect(findings.isEmpty, "\(list(findings))")
    }

    /// Folders and files, by the beginning of their path, in which amounts are read, kept, compared or sent.
    private static let exactPlaces = [
        "Sources/Kernel/Money", "Sources/Kernel/Amount", "Sources/Kernel/Currency", "Sources/Kernel/Exact",
        "Sources/Domain/Finance/",
        "Sources/Domain/Policies/", "Sources/Domain/Workflows/", "Sources/Edges/Formats/", "Sources/Edges/Connectors/",
        "Sources/Edges/Records/", "Sources/Workers/Handoff/", "Sources/Workers/Reader/", "Sources/Programs/Showcase/",
    ]

    @Test("nothing is public: the package is the only reader of its own declarations")
    func nothingIsPublic() {
        let findings = Tree.sources.flatMap { file in
            file.places("public") { line, _ in line.mentions("public") || line.mentions("open class") }
        }
        #expect(findings.isEmpty, "\(list(findings))")
    }

    @Test("no module holds a type of its own name, since the type would hide the module")
    func noTypeNamedLikeItsModule() {
        let kinds = ["struct", "class", "enum", "actor", "protocol", "typealias"]
        let findings = Tree.sources.filter { !$0.path.hasPrefix("Sources/Programs/") }.flatMap { file -> [String] in
            guard let room = file.room?.name else { return [] }
            return file.places("a type called \(room)") { line, _ in kinds.contains { line.mentions("\($0) \(room)") } }
        }
        #expect(findings.isEmpty, "\(list(findings))")
    }

    @Test("no test sleeps; it waits for a condition or moves the clock")
    func noTestSleeps() {
        let findings = Tree.tests.filter { !$0.path.hasPrefix("Tests/HouseTests/") && !$0.path.hasPrefix("Tests/TestKit/") }
            .flatMap { file in
                file.places("a sleeping test") { line, _ in
                    line.mentions("Task.sleep") || line.callsFreeFunction("sleep") || line.mentions("usleep(")
                }
            }
        #expect(findings.isEmpty, "\(list(findings))")
    }

    private func findings(of call: String) -> [String] {
        Tree.sources.flatMap { file in file.places(call) { line, _ in line.mentions(call) } }
    }
}

extension String {
    /// Whether the function is called by its bare name: neither `thing.print(…)` nor the declaration `func print(…)`.
    func callsFreeFunction(_ name: String) -> Bool {
        guard mentions(name + "(") else { return false }
        var rest = self[...]
        while let found = rest.range(of: name + "(") {
            let before = self[..<found.lowerBound]
            let isPartOfName = before.utf8.last.map { $0.isNamePart || $0 == UInt8(ascii: ".") } ?? false
            if !isPartOfName && !before.hasSuffix("func ") { return true }
            rest = rest[found.upperBound...]
        }
        return false
    }
}

extension SourceFile {
    /// A comment on the line itself, or on the line directly above it.
    fileprivate func hasReason(at index: Int) -> Bool {
        let above = index > 0 ? text.comments[index - 1].trimmed : ""
        return !text.comments[index].trimmed.isEmpty || !above.isEmpty
    }
}

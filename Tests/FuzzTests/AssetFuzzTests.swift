import Kernel
import Policies
import Tenancy
import TestBasics
import Testing
import Workflows

@testable import Assets

/// Configuration: the files of this project's own tree, changed as texts and in their structure.
extension FuzzTests {
    @Suite("any configuration at all")
    struct AssetFuzzTests {
        private struct Sample {
            let kind: AssetKind
            let bytes: [UInt8]
            let json: JSONValue
        }

        /// Every YAML file below `Tenants/`, by the folder or name that tells its kind.
        private static func samples() throws -> [Sample] {
            let folders: [String: AssetKind] = [
                "calendars": .calendar, "on-call": .onCall, "workflows": .workflow, "policies": .policy, "connectors": .connector,
                "contracts": .contract, "connections": .connection, "tests": .policyTests, "patterns": .pattern,
            ]
            var out: [Sample] = []
            var open = ["\(Checkout.root)/Tenants"]
            while let folder = open.popLast() {
                for name in try FileBytes.names(in: folder).sorted() {
                    let path = "\(folder)/\(name)"
                    if !name.contains(".") {
                        if name != "samples" { open.append(path) }
                        continue
                    }
                    guard name.hasSuffix(".yaml") else { continue }
                    let last = folder.split(separator: "/").last.map(String.init) ?? ""
                    let named = AssetKind(rawValue: String(name.dropLast(5)))
                    guard let kind = folders[last] ?? named else { continue }
                    let bytes = try FileBytes.read(path, maxBytes: 1_000_000)
                    let document = try #require(YAMLReader.read(bytes, path: name).document, "\(path)")
                    out.append(Sample(kind: kind, bytes: bytes, json: document.json))
                }
            }
            return out
        }

        /// The patterns of this project, unchanged: workflows are judged with what they give.
        private static func shelf() throws -> PatternShelf {
            var shelf = PatternShelf()
            for sample in try samples() where sample.kind == .pattern {
                shelf.add(try #require(YAMLReader.read(sample.bytes, path: "pattern.yaml").document))
            }
            return shelf
        }

        private static let scope = Scope.tenant("firm", partner: "harbour")

        /// Every issue says what and how to mend it, at a place of the file.
        private static func verdict(_ issues: [LocatedIssue], lines: Int) -> Verdict {
            for issue in issues {
                if issue.line < 1 || issue.line > lines + 1 || issue.column < 1 { return .broken("no such place: \(issue)") }
                if issue.message.isEmpty || issue.remedy.isEmpty { return .broken("no words: \(issue)") }
            }
            return issues.contains { $0.severity == .error } ? .refused : .taken
        }

        @Test("a YAML file is a document or issues with line and column, and so is what it says", arguments: AssetKind.allCases)
        func files(kind: AssetKind) throws {
            let samples = try AssetFuzzTests.samples().filter { $0.kind == kind }
            guard !samples.isEmpty else { return }
            let isLarge = kind == .workflow || kind == .connector
            let shelf = try AssetFuzzTests.shelf()
            var round = FuzzRound("\(kind.rawValue)-file", inputs: isLarge ? 150 : 250)
            try round.run(make: { Mutator.text(from: samples.map(\.bytes), by: &$0) }) { bytes in
                let lines = bytes.count { $0 == 10 } + 1
                let read = YAMLReader.read(bytes, path: "t.yaml")
                guard let written = read.document else {
                    return read.issues.isEmpty
                        ? .broken("no document and no issue") : AssetFuzzTests.verdict(read.issues, lines: lines)
                }
                let whole = kind == .workflow ? shelf.resolved(written) : (written, [])
                guard let document = whole.document else { return AssetFuzzTests.verdict(whole.issues, lines: lines) }
                var issues: [AssetIssue] = []
                let made = AssetKinds.read(kind, document.json, scope: AssetFuzzTests.scope, issues: &issues)
                if made == nil, !issues.contains(where: { $0.severity == .error }) { return .broken("no asset and no issue") }
                return AssetFuzzTests.verdict(read.issues + issues.map(document.located), lines: lines)
            }
        }

        @Test("an asset of any structure is taken, or every fault in it has a place and a remedy", arguments: AssetKind.allCases)
        func structures(kind: AssetKind) throws {
            let samples = try AssetFuzzTests.samples().filter { $0.kind == kind }.map(\.json)
            guard !samples.isEmpty else { return }
            let isLarge = kind == .workflow || kind == .connector
            var noted: [AssetIssue] = []
            let patterns = try AssetFuzzTests.samples().filter { $0.kind == .pattern }.compactMap {
                WorkflowPattern.parse($0.json, issues: &noted)
            }
            #expect(noted.isEmpty)
            var round = FuzzRound("\(kind.rawValue)-structure", inputs: isLarge ? 150 : 400)
            try round.run(make: { TreeMutator.value(from: samples, by: &$0).bytes }) { bytes in
                guard let written = try? JSONValue(parsing: bytes) else { return .refused }  // deeper than JSON may be
                let whole = kind == .workflow ? PatternExpansion.expand(written, among: patterns) : nil
                if let problems = whole?.problems, !problems.isEmpty { return .refused }
                let json = whole?.expansion.json ?? written
                var issues: [AssetIssue] = []
                let made = AssetKinds.read(kind, json, scope: AssetFuzzTests.scope, issues: &issues)
                if kind == .policy, let policy = Policy.parse(json, issues: &issues) { _ = policy.runTests() }
                for issue in issues {
                    if !issue.pointer.isEmpty, !issue.pointer.hasPrefix("/") { return .broken("pointer \(issue.pointer)") }
                    if issue.message.isEmpty || issue.remedy.isEmpty { return .broken("no words at \(issue.pointer)") }
                }
                let hasErrors = issues.contains { $0.severity == .error }
                if made == nil, !hasErrors { return .broken("no asset and no issue") }
                return hasErrors ? .refused : .taken
            }
        }

        @Test("a definition of plain Serverless Workflow is taken or refused with a place")
        func plain() throws {
            let file = try FileBytes.read("\(Checkout.root)/Tests/Fixtures/plain-workflows/samples.json", maxBytes: 1_000_000)
            let samples = (try JSONValue(parsing: file)["cases"]?.array ?? []).compactMap { $0["cel"]?.string }
            var round = FuzzRound("plain-workflow", inputs: 800)
            try round.run(make: { Mutator.text(from: samples.map { Array($0.utf8) }, by: &$0) }) { bytes in
                let read = YAMLReader.read(bytes, path: "t.yaml")
                guard let document = read.document else { return read.issues.isEmpty ? .broken("no issue") : .refused }
                var issues: [AssetIssue] = []
                let made = WorkflowDefinition.parse(document.json, issues: &issues)
                if made == nil, issues.isEmpty { return .broken("no definition and no issue") }
                return AssetFuzzTests.verdict(issues.map(document.located), lines: bytes.count { $0 == 10 } + 1)
            }
        }
    }
}

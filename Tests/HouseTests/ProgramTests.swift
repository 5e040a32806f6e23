import Foundation
import Glibc
import Testing

/// What the built programs load, as the system's own loader answers. A program that is not built beside the tests is skipped and
/// counted.
@Suite("A program holds only the libraries of its trade")
struct ProgramTests {
    struct Rule: Sendable, CustomTestStringConvertible {
        let program: String
        let needs: [String]
        let mustNotHave: [String]
        var testDescription: String { program }
    }

    static let networking = "libFoundation" + "Networking"

    static let rules = [
        Rule(program: "countersignd", needs: ["libpq"], mustNotHave: ["libcurl", "libxml2", networking]),
        Rule(program: "countersign", needs: ["libcurl"], mustNotHave: ["libpq", networking]),
        Rule(program: "countersign-watchdog", needs: ["libcurl", "libpq"], mustNotHave: ["libxml2", networking]),
        Rule(program: "countersign-worker", needs: ["libcurl"], mustNotHave: ["libpq", "libxml2", networking, "libFoundation"]),
        Rule(
            program: "countersign-reader", needs: ["libxml2"],
            mustNotHave: ["libcurl", "libpq", "libssl", networking, "libFoundation"]),
        Rule(program: "countersign-launch", needs: [], mustNotHave: ["libcurl", "libpq", "libssl", "libxml2", "libFoundation"]),
        Rule(program: "erp-sandbox", needs: [], mustNotHave: ["libcurl", "libpq", networking]),
    ]

    @Test("each program links what it needs and not what it must not have", arguments: rules)
    func linksAreRight(rule: Rule) throws {
        for folder in ProgramTests.folders {
            let path = folder + "/" + rule.program
            guard access(path, X_OK) == 0 else {
                print("skipped 1: \(rule.program) is not built in \(folder)")
                continue
            }
            let libraries = try ProgramTests.libraries(of: path)
            for need in rule.needs { #expect(libraries.contains { $0.hasPrefix(need + ".so") }, "\(path) does not link \(need)") }
            let forbidden = libraries.filter { library in rule.mustNotHave.contains { library.hasPrefix($0 + ".so") } }
            #expect(forbidden.isEmpty, "\(path) links \(list(forbidden))")
        }
    }

    /// Where the test bundle lies, and the release build beside it.
    static let folders: [String] = {
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let release = bundle.deletingLastPathComponent().appendingPathComponent("release")
        return bundle.path == release.path ? [bundle.path] : [bundle.path, release.path]
    }()

    /// File names of all shared libraries that the loader would bring in, direct and indirect.
    static func libraries(of path: String) throws -> [String] {
        let pipe = try #require(popen("ldd '\(path)' 2>/dev/null", "r"))
        defer { pclose(pipe) }
        var bytes: [UInt8] = []
        while case let next = fgetc(pipe), next != EOF { bytes.append(UInt8(truncatingIfNeeded: next)) }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            line.split(whereSeparator: \.isWhitespace).first.map { String($0.split(separator: "/").last ?? "") }
        }
    }
}

import Foundation
import Testing

@Suite("What is written is finished, ours, and says nothing about the machine it was written on")
struct WordTests {
    @Test("nothing carries a mark of unfinished work")
    func nothingIsUnfinished() {
        // Written in halves, so that this file passes its own rule.
        let marks = ["TO" + "DO", "FIX" + "ME", "HA" + "CK"]
        let phrases = ["for " + "now", "not " + "implemented", "not yet " + "implemented", "coming " + "soon"]
        let findings = WordTests.ours.flatMap { file in
            file.numberedLines.compactMap { number, line -> String? in
                let lowered = line.lowercased()
                let mark = marks.first { line.mentions($0) } ?? phrases.first { lowered.mentions($0) }
                return mark.map { "\(file.path):\(number): \($0)" }
            }
        }
        #expect(findings.isEmpty, "\(list(findings))")
    }

    @Test("no comment calls the code beside it a stopgap")
    func noStopgaps() {
        let words = ["place" + "holder", "st" + "ub", "temp" + "orary hack", "work in " + "progress", "quick " + "fix"]
        let findings = (Tree.sources + Tree.tests).flatMap { file in
            file.text.comments.enumerated().compactMap { index, line -> String? in
                let lowered = line.lowercased()
                return words.first { lowered.mentions($0) }.map { "\(file.path):\(index + 1): \($0)" }
            }
        }
        #expect(findings.isEmpty, "\(list(findings))")
    }

    @Test("no file knows where its author sat or which tools lay on the desk")
    func nothingOfTheWorkplace() {
        let names = [
            "clau" + "de", "anthro" + "pic", "chat" + "gpt", "co" + "pilot", "cur" + "sor ai", "code" + "x cli", "ai " + "helper",
        ]
        let findings = WordTests.ours.flatMap { file in
            file.numberedLines.compactMap { number, line -> String? in
                let lowered = line.lowercased()
                let place = PathScan.project.finding(in: line) ?? names.first { lowered.mentions($0) }
                let issue = WordTests.namesAnIssue(lowered) ? "an issue's number" : nil
                return (place ?? issue).map { "\(file.path):\(number): \($0)" }
            }
        }
        #expect(findings.isEmpty, "\(list(findings))")
    }

    @Test("a path of one machine is found wherever it stands, and a path of every machine is not")
    func pathsOfOneMachine() {
        let scan = PathScan(machine: [path("disk1", "checkouts", "countersign")], heads: ["api"])
        let strange = [
            path("disk1", "checkouts", "countersign", "Makefile"), path("disk2", "wheels", "x.whl"), path("home", "mia", "x"),
            path("Users", "mia", "x"), path("root", "x"), path("tmp", "notes", "x"), path("opt", "toolchain", "usr"),
            path("work", ""),
        ]
        for path in strange {
            for line in [path, "see \(path).", "let at = \"\(path)\"", "`\(path)`", "--folder=\(path)", "(\(path))", "x:\(path)"]
            {
                #expect(scan.finding(in: line) != nil, "not found: \(line)")
            }
        }
        #expect(scan.finding(in: "file://" + path("home", "mia", "x")) != nil)
        let common = [
            "cat /etc/hosts", "#!/usr/bin/env bash", "2> /dev/null", "/api/v1/documents", "a/b/c",
            "https://countersign.example/a/b",
            "// and/or", "</a></b>", "let x = folder + " + literal("pages", "x"), "\"\\(folder)" + path("pages", "x") + "\"",
            "/opt/countersign/bin",
            "/tmp/countersign-test/x", "1/2/3 and ../../up", "…" + path("x", "y"), "contains(\"/../\")",
        ]
        for line in common { #expect(scan.finding(in: line) == nil, "\(line): \(scan.finding(in: line) ?? "")") }
        #expect(PathScan.project.machine.contains { Tree.project.root.hasPrefix($0) })
        #expect(PathScan.project.heads.isSuperset(of: ["api", "t", "handoff"]), "the routes were not understood")
    }

    /// Written in parts, so that this file passes its own rule.
    private func literal(_ names: String...) -> String { "\"/" + names.joined(separator: "/") + "\"" }
    private func path(_ names: String...) -> String { "/" + names.joined(separator: "/") }

    @Test("no folder is a drawer for whatever fits nowhere")
    func noDrawers() {
        let drawers: Set<String> = ["Models", "Helpers", "Utils", "Utilities", "Extensions", "Common", "Misc"]
        let folders = Set(
            Tree.project.files.filter { $0.isBelow("Sources") || $0.isBelow("Tests") }.flatMap { file in
                file.path.split(separator: "/").dropLast().map(String.init)
            })
        let found = folders.intersection(drawers).sorted()
        #expect(found.isEmpty, "\(list(found))")
    }

    /// All text that belongs to the project.
    private static let ours: [Tree.File] = Tree.project.files.filter { !$0.path.hasSuffix(".resolved") }

    /// The number of an issue in any writing; trackers move, and the reason belongs in the sentence itself.
    private static func namesAnIssue(_ line: String) -> Bool {
        guard let found = line.range(of: "issue #") else { return false }
        return line[found.upperBound...].first?.isNumber ?? false
    }
}

extension Tree.File {
    /// Lines with their numbers, counted from one.
    var numberedLines: [(number: Int, line: String)] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { ($0.offset + 1, String($0.element)) }
    }
}

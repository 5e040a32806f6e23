import Kernel

/// The Markdown of a runbook, taken apart: sections by their headings, steps by their numbers, commands by their backticks.
struct RunbookBody {
    /// What a runbook may tell people to type: the verb after `countersign`, and what may follow it; an empty list takes all.
    static let commands: [(verb: String, objects: [String])] = [
        ("get", ["runs", "incidents", "tasks", "workers", "clocks"]), ("describe", ["run"]), ("logs", []), ("retry", ["task"]),
        ("discard", ["task"]), ("operation", []), ("rollout", ["list", "show", "hold"]),
        ("acknowledge", ["incident"]), ("resolve", ["incident"]), ("sla", ["explain", "correct", "confirm", "corrections"]),
        ("contract", ["list", "show", "diff", "submit", "sign", "reject", "end"]),
        ("maintenance", ["list", "announce", "change", "cancel"]),
        ("slo", ["list", "show", "explain"]), ("heartbeat", ["list", "rotate", "end"]),
        ("audit", ["list", "export", "verify"]), ("on-call", ["now", "coverage", "test"]),
        ("incident", ["mitigate", "reopen", "severity", "priority", "assign", "merge", "unmerge", "note"]),
        ("runbook", ["list", "show", "start", "do", "status"]), ("work-stop", ["place", "list", "release"]),
        ("webhook", ["list", "show", "deliveries"]),
    ]

    private(set) var sections: [Runbook.Section: String] = [:]
    private(set) var steps: [Runbook.Step] = []

    init(_ text: String, issues: inout [RunbookIssue]) {
        guard text.utf8.count <= Runbook.bodyBytesMax else {
            issues.append(
                RunbookIssue(
                    .body(line: 1), "The body has more than \(Runbook.bodyBytesMax) bytes.",
                    remedy: "Nobody reads so much at three in the morning; shorten it."))
            return
        }
        var found: [(section: Runbook.Section, line: Int, lines: [Substring])] = []
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = raw.last == "\r" ? raw.dropLast() : raw
            RunbookBody.judgeCommands(in: line, at: index + 1, issues: &issues)
            if line.hasPrefix("## ") {
                let name = String(line.dropFirst(3))
                guard let section = Runbook.Section(rawValue: name) else {
                    issues.append(
                        RunbookIssue(
                            .body(line: index + 1), "\(cut(name, 60)) is no section of a runbook.",
                            remedy: "Use \(Runbook.Section.allCases.map(\.rawValue).joined(separator: ", "))."))
                    continue
                }
                found.append((section, index + 1, []))
            } else if !found.isEmpty {
                found[found.count - 1].lines.append(line)
            }
        }
        judgeOrder(found.map { ($0.section, $0.line) }, issues: &issues)
        for (section, line, lines) in found {
            let content = RunbookBody.trimmed(lines)
            if content.isEmpty {
                issues.append(
                    RunbookIssue(.body(line: line), "\(section.rawValue) says nothing.", remedy: "Write at least a sentence."))
            }
            sections[section] = content
            if section == .steps { readSteps(lines, from: line + 1, issues: &issues) }
        }
        if steps.isEmpty, let heading = found.first(where: { $0.section == .steps }) {
            issues.append(
                RunbookIssue(
                    .body(line: heading.line), "There is no step.",
                    remedy: "Write `1. **Title** `guidance`: text`, numbered from 1."))
        }
    }

    private func judgeOrder(_ found: [(section: Runbook.Section, line: Int)], issues: inout [RunbookIssue]) {
        for section in Runbook.Section.allCases {
            let places = found.filter { $0.section == section }
            if places.isEmpty {
                issues.append(
                    RunbookIssue(
                        .file, "The section \(section.rawValue) is missing.", remedy: "Add it as `## \(section.rawValue)`."))
            } else if places.count > 1 {
                issues.append(
                    RunbookIssue(.body(line: places[1].line), "\(section.rawValue) stands here twice.", remedy: "Keep one."))
            }
        }
        let order = Runbook.Section.allCases
        for (left, right) in zip(found, found.dropFirst()) {
            guard let first = order.firstIndex(of: left.section), let second = order.firstIndex(of: right.section) else {
                continue
            }
            if first > second {
                issues.append(
                    RunbookIssue(
                        .body(line: right.line), "\(right.section.rawValue) comes after \(left.section.rawValue).",
                        remedy: "Keep the order that everybody knows: \(order.map(\.rawValue).joined(separator: ", "))."))
            }
        }
    }

    /// An item begins at the margin; indented lines and lines after it belong to it until the next.
    private mutating func readSteps(_ lines: [Substring], from first: Int, issues: inout [RunbookIssue]) {
        var items: [(number: Int, line: Int, text: String)] = []
        for (index, line) in lines.enumerated() {
            let digits = line.prefix { ("0"..."9").contains($0) }
            if !digits.isEmpty, digits.count <= 3, line.dropFirst(digits.count).hasPrefix(". "), let number = Int(digits) {
                items.append((number, first + index, String(line.dropFirst(digits.count + 2))))
            } else if !items.isEmpty, let word = line.firstIndex(where: { !$0.isWhitespace }) {
                items[items.count - 1].text += " " + line[word...]
            }
        }
        if items.count > Runbook.stepsMax {
            issues.append(
                RunbookIssue(
                    .body(line: items[Runbook.stepsMax].line), "There are more than \(Runbook.stepsMax) steps.",
                    remedy: "Shorten it."))
            return
        }
        for (index, item) in items.enumerated() {
            if item.number != index + 1 {
                issues.append(
                    RunbookIssue(
                        .body(line: item.line), "Step \(index + 1) is numbered \(item.number).",
                        remedy: "Number the steps from 1."))
            }
            guard let parts = RunbookBody.parts(of: item.text) else {
                issues.append(
                    RunbookIssue(
                        .body(line: item.line), "The step has no title and verb.",
                        remedy: "Write `\(item.number). **Title** `guidance`: text`."))
                continue
            }
            let read = Runbook.Invocation.read(parts.verb)
            if let problem = read.problem {
                issues.append(RunbookIssue(.body(line: item.line), problem.message, remedy: problem.remedy))
            }
            guard let invocation = read.invocation else { continue }
            steps.append(
                Runbook.Step(
                    number: item.number, title: parts.title, verb: invocation.verb, arguments: invocation.arguments,
                    needsSecond: invocation.needsSecond, text: parts.text, line: item.line))
        }
    }

    /// `**Title** ` + verb in backticks + `: text`.
    private static func parts(of item: String) -> (title: String, verb: String, text: String)? {
        guard item.hasPrefix("**") else { return nil }
        let rest = item.dropFirst(2)
        var at = rest.startIndex
        while at < rest.endIndex, !rest[at...].hasPrefix("** `") { at = rest.index(after: at) }
        guard at > rest.startIndex, at < rest.endIndex else { return nil }
        let after = rest[rest.index(at, offsetBy: 4)...]
        guard let close = after.firstIndex(of: "`"), after[close...].hasPrefix("`: ") else { return nil }
        let text = after[after.index(close, offsetBy: 3)...]
        return text.isEmpty ? nil : (String(rest[..<at]), String(after[..<close]), String(text))
    }

    /// Every `countersign …` in backticks has to be a command that exists.
    private static func judgeCommands(in line: Substring, at number: Int, issues: inout [RunbookIssue]) {
        for (index, piece) in line.split(separator: "`", omittingEmptySubsequences: false).enumerated() where index % 2 == 1 {
            let words = piece.split(separator: " ")
            guard words.first == "countersign" else { continue }
            let known = words.count > 1 ? commands.first { $0.verb == words[1] } : nil
            let isKnown = known.map { $0.objects.isEmpty || (words.count > 2 && $0.objects.contains(String(words[2]))) } ?? false
            guard !isKnown else { continue }
            let list = commands.map { $0.objects.isEmpty ? $0.verb : "\($0.verb) \($0.objects.joined(separator: "|"))" }
            issues.append(
                RunbookIssue(
                    .body(line: number), "There is no command `\(cut(String(piece), 60))`.",
                    remedy: "Use \(list.joined(separator: ", "))."))
        }
    }

    private static func trimmed(_ lines: [Substring]) -> String {
        let isBlank = { (line: Substring) in line.allSatisfy(\.isWhitespace) }
        let start = lines.firstIndex { !isBlank($0) } ?? lines.endIndex
        let end = (lines.lastIndex { !isBlank($0) } ?? start - 1) + 1
        return start < end ? lines[start..<end].joined(separator: "\n") : ""
    }
}

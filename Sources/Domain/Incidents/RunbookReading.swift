package import Kernel

extension Runbook {
    /// Reads a runbook and judges it; nil when it cannot be used. Every problem becomes an issue.
    ///
    /// `fileName` is the last part of the path (`sla-breach.md`), `matter` the front matter as JSON, `body` the Markdown after.
    /// With `asOf` an expired runbook is an issue too: for checks. At run time leave it out and ask `isExpired(on:)`, since an
    /// overdue runbook is shown with a warning and never hidden.
    package static func parse(
        fileName: String, matter: JSONValue, body: String, asOf: CivilDate? = nil, issues: inout [RunbookIssue]
    ) -> Runbook? {
        let before = issues.count
        var head = RunbookMatter(matter)
        let alert = head.word("alert", AlertName.init(rawValue:), of: AlertName.allCases.map(\.rawValue))
        let title = head.text("title")
        let severity = head.word("severity", Severity.init(rawValue:), of: Severity.allCases.map(\.rawValue))
        let owner = head.text("owner")
        let author = head.text("author")
        let approver = head.text("approver")
        let reviewed = head.date("reviewed")
        let expires = head.date("expires")
        let tested = head.date("tested")
        let drilledEvery = head.days("drilledEvery", in: Runbook.drillDays)
        let summary = head.text("summary")
        issues += head.issues
        if let alert, fileName != alert.runbookFile {
            issues.append(
                RunbookIssue(
                    .file, "The file is named \(cut(fileName, 80)) and answers \(alert.rawValue).",
                    remedy: "Name it \(alert.runbookFile)."))
        }
        if let alert, let severity, severity != alert.definition.severity {
            issues.append(
                RunbookIssue(
                    .matter(pointer: "/severity"), "The alert opens as \(alert.definition.severity.rawValue).",
                    remedy: "Write \(alert.definition.severity.rawValue)."))
        }
        if let author, let approver, author == approver {
            issues.append(
                RunbookIssue(
                    .matter(pointer: "/approver"), "The author approved their own runbook.", remedy: "Let somebody else read it.")
            )
        }
        judgeDates(reviewed: reviewed, expires: expires, tested: tested, asOf: asOf, issues: &issues)
        let content = RunbookBody(body, issues: &issues)
        guard issues.count == before, let alert, let title, let severity, let owner, let author, let approver, let reviewed,
            let expires,
            let tested, let summary
        else { return nil }
        return Runbook(
            alert: alert, title: title, severity: severity, owner: owner, author: author, approver: approver, reviewed: reviewed,
            expires: expires, tested: tested, drilledEvery: drilledEvery, summary: summary, sections: content.sections,
            steps: content.steps)
    }

    private static func judgeDates(
        reviewed: CivilDate?, expires: CivilDate?, tested: CivilDate?, asOf: CivilDate?, issues: inout [RunbookIssue]
    ) {
        if let reviewed, let expires, expires <= reviewed || expires.daysSince1970 - reviewed.daysSince1970 > reviewDaysMax {
            issues.append(
                RunbookIssue(
                    .matter(pointer: "/expires"), "A review on \(reviewed) cannot last until \(expires).",
                    remedy: "Give a date after the review, at most a year."))
        }
        guard let asOf else { return }
        if let expires, asOf >= expires {
            issues.append(
                RunbookIssue(
                    .matter(pointer: "/expires"), "The runbook expired on \(expires).",
                    remedy: "Walk through it, correct it, and renew reviewed and expires."))
        }
        for (name, date) in [("reviewed", reviewed), ("tested", tested)] {
            if let date, date > asOf {
                issues.append(
                    RunbookIssue(
                        .matter(pointer: "/\(name)"), "\(date) lies in the future.", remedy: "Give the day on which it happened.")
                )
            }
        }
    }
}

/// The front matter, member by member.
private struct RunbookMatter {
    static let members = [
        "alert", "title", "severity", "owner", "author", "approver", "reviewed", "expires", "tested", "drilledEvery", "summary",
    ]
    static let lineBytesMax = 300

    private let object: JSONObject
    private(set) var issues: [RunbookIssue] = []

    init(_ json: JSONValue) {
        object = json.object ?? [:]
        if json.object == nil {
            issues.append(
                RunbookIssue(
                    .matter(pointer: ""), "There is no front matter.",
                    remedy: "Give \(RunbookMatter.members.joined(separator: ", "))."))
        }
        for key in object.keys where !RunbookMatter.members.contains(key) {
            report(key, "\(cut(key, 40)) is not known here.", "Known are \(RunbookMatter.members.joined(separator: ", ")).")
        }
    }

    private mutating func report(_ key: String, _ message: String, _ remedy: String) {
        issues.append(RunbookIssue(.matter(pointer: "/" + AssetIssue.token(key)), message, remedy: remedy))
    }

    mutating func text(_ key: String) -> String? {
        guard let text = object[key]?.string, !text.isEmpty, text.utf8.count <= RunbookMatter.lineBytesMax else {
            report(key, "\(key) is missing or no text.", "Give a text of at most \(RunbookMatter.lineBytesMax) bytes.")
            return nil
        }
        return text
    }

    mutating func word<Value>(_ key: String, _ read: (String) -> Value?, of words: [String]) -> Value? {
        guard let text = text(key) else { return nil }
        if let value = read(text) { return value }
        report(key, "\(cut(text, 60)) is no \(key).", "Use \(words.joined(separator: ", ")).")
        return nil
    }

    mutating func date(_ key: String) -> CivilDate? {
        guard let text = text(key) else { return nil }
        if let date = CivilDate(text) { return date }
        report(key, "\(cut(text, 60)) is no date.", "Write YYYY-MM-DD.")
        return nil
    }

    /// A number of days, or none.
    mutating func days(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let json = object[key] else { return nil }
        if let days = json.int, range.contains(days) { return days }
        report(key, "\(key) is no number of days.", "Write a whole number from \(range.lowerBound) to \(range.upperBound).")
        return nil
    }
}

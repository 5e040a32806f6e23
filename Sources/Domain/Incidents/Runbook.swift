package import Kernel

/// What to do when an alert has fired, for somebody who was asleep a minute ago. One Markdown file an alert.
package struct Runbook: Sendable, Hashable {
    /// Written as a numbered item: `1. **Title** ` followed by the verb in backticks, a colon, and the text.
    package struct Step: Sendable, Hashable {
        package let number: Int
        package let title: String
        package let verb: Verb
        /// What the runbook gives the verb, by parameter; a fact of the incident stands in braces.
        package let arguments: [String: String]
        /// Somebody else has to confirm it than who asked for the preview.
        package let needsSecond: Bool
        /// Markdown, wrapped lines joined.
        package let text: String
        /// In the body, from 1.
        package let line: Int

        package init(
            number: Int, title: String, verb: Verb, arguments: [String: String] = [:], needsSecond: Bool = false, text: String,
            line: Int
        ) {
            self.number = number
            self.title = title
            self.verb = verb
            self.arguments = arguments
            self.needsSecond = needsSecond
            self.text = text
            self.line = line
        }
    }

    /// The sections every runbook has, in this order, as headings of the second level.
    package enum Section: String, Sendable, Hashable, CaseIterable {
        case happening = "What is happening"
        case safe = "What is safe"
        case firstLook = "First look"
        case steps = "Steps"
        case over = "How you know it is over"
        case notOver = "If it is not over"
        case afterwards = "Afterwards"
    }

    package static let bodyBytesMax = 65_536
    package static let stepsMax = 50
    /// A review is good for a year.
    package static let reviewDaysMax = 366
    /// Nobody drills every week, and what is not drilled in a year is not known.
    package static let drillDays = 7...366
    /// A drill is due so many days after the last one where the runbook does not say.
    package static let drillDaysUsual = 366

    package let alert: AlertName
    package let title: String
    package let severity: Severity
    package let owner: String
    package let author: String
    /// Never the author.
    package let approver: String
    package let reviewed: CivilDate
    /// The first date on which it must not be relied on.
    package let expires: CivilDate
    package let tested: CivilDate
    /// A drill is due so many days after the last one; nil is `drillDaysUsual`.
    package let drilledEvery: Int?
    package let summary: String
    /// Markdown by section, without headings.
    package let sections: [Section: String]
    package let steps: [Step]

    package init(
        alert: AlertName, title: String, severity: Severity, owner: String, author: String, approver: String, reviewed: CivilDate,
        expires: CivilDate, tested: CivilDate, drilledEvery: Int? = nil, summary: String, sections: [Section: String],
        steps: [Step]
    ) {
        self.alert = alert
        self.title = title
        self.severity = severity
        self.owner = owner
        self.author = author
        self.approver = approver
        self.reviewed = reviewed
        self.expires = expires
        self.tested = tested
        self.drilledEvery = drilledEvery
        self.summary = summary
        self.sections = sections
        self.steps = steps
    }

    /// An overdue one is shown with a warning and never hidden.
    package func isExpired(on date: CivilDate) -> Bool { date >= expires }
}

/// One thing wrong with a runbook, and where.
package struct RunbookIssue: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Place: Sendable, Hashable {
        /// The file as a whole, such as its name.
        case file
        /// RFC 6901 into the front matter.
        case matter(pointer: String)
        /// A line of the body, from 1.
        case body(line: Int)
    }

    package let place: Place
    package let message: String
    package let remedy: String

    package init(_ place: Place, _ message: String, remedy: String) {
        self.place = place
        self.message = message
        self.remedy = remedy
    }

    package var description: String {
        switch place {
        case .file: "\(message) \(remedy)"
        case .matter(let pointer): "\(pointer): \(message) \(remedy)"
        case .body(let line): "line \(line) of the body: \(message) \(remedy)"
        }
    }
}

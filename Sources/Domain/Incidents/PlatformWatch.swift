package import Kernel

/// Whether the platform itself is well, as somebody outside it sees it: a pure value that is told what each look found and
/// answers what has to be said.
///
/// It keeps nothing on disk. After a restart of the watchdog trouble that still stands is told of again: the lesser evil.
package struct PlatformWatch: Sendable, Equatable {
    package static let subjectsMax = 200

    /// When something is said.
    package struct Terms: Sendable, Equatable {
        /// Looks in a row that have to find something ill before anybody is woken.
        package var failuresMin: Int
        /// What stays ill is said again after so many seconds.
        package var repeatSeconds: Int64

        package init(failuresMin: Int = 2, repeatSeconds: Int64 = 900) {
            self.failuresMin = failuresMin
            self.repeatSeconds = repeatSeconds
        }
    }

    /// What one look found of one subject.
    package struct Finding: Sendable, Equatable {
        package let subject: String
        /// Nil: it is well.
        package let trouble: String?

        package init(_ subject: String, trouble: String?) {
            self.subject = subject
            self.trouble = trouble
        }
    }

    package struct Message: Sendable, Equatable {
        package enum Kind: String, Sendable { case ill, still, over }

        package let kind: Kind
        package let subject: String
        /// What was found when it fell ill, or last.
        package let text: String
        package let since: Moment

        package init(kind: Kind, subject: String, text: String, since: Moment) {
            self.kind = kind
            self.subject = subject
            self.text = text
            self.since = since
        }

        /// As mail and chats show it: which installation, what, how it stands.
        package func title(site: String) -> String {
            switch kind {
            case .ill: "[\(site)] \(subject) is ill: \(text)"
            case .still: "[\(site)] \(subject) is still ill: \(text)"
            case .over: "[\(site)] \(subject) is well again"
            }
        }

        package func body(site: String, at now: Moment) -> String {
            let times = "Since \(since.text(fraction: 0)), told at \(now.text(fraction: 0))."
            return kind == .over
                ? "\(title(site: site))\n\n\(times)\nNothing is asked of you.\n"
                : "\(title(site: site))\n\n\(times)\nThe platform may not be able to page by itself. Begin with the page\n"
                    + "\"When the watchdog calls\" of the operating manual.\n"
        }
    }

    private struct State: Sendable, Equatable {
        var failures = 0
        var since: Moment
        var text: String
        var toldAt: Moment?
        var isWell = false
    }

    package let terms: Terms
    private var states: [String: State] = [:]

    package init(_ terms: Terms = Terms()) { self.terms = terms }

    /// Whether anything is ill that has been found often enough.
    package var isIll: Bool { states.values.contains { !$0.isWell && $0.failures >= terms.failuresMin } }

    /// Takes what a look found and answers what is due to be said. What no channel takes stays due and comes again.
    package mutating func take(_ findings: [Finding], at now: Moment) -> [Message] {
        for finding in findings.prefix(PlatformWatch.subjectsMax) {
            guard let trouble = finding.trouble else {
                // What nobody was told of needs no word that it is over.
                if states[finding.subject]?.toldAt == nil {
                    states[finding.subject] = nil
                } else {
                    states[finding.subject]?.isWell = true
                }
                continue
            }
            var state = states[finding.subject] ?? State(since: now, text: trouble)
            if state.isWell {
                // It fell ill again before the end of the last time could be told: one trouble.
                state.isWell = false
            }
            state.failures += 1
            state.text = trouble
            states[finding.subject] = state
        }
        return states.sorted { $0.key < $1.key }.compactMap { subject, state in
            func message(_ kind: Message.Kind) -> Message {
                Message(kind: kind, subject: subject, text: state.text, since: state.since)
            }
            if state.isWell { return message(.over) }
            guard state.failures >= terms.failuresMin else { return nil }
            guard let told = state.toldAt else { return message(.ill) }
            return now.seconds(since: told) >= terms.repeatSeconds ? message(.still) : nil
        }
    }

    /// At least one channel has taken the message.
    package mutating func said(_ message: Message, at now: Moment) {
        switch message.kind {
        case .ill, .still: states[message.subject]?.toldAt = now
        case .over: if states[message.subject]?.isWell == true { states[message.subject] = nil }
        }
    }
}

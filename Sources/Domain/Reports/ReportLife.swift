package import Kernel

/// The states of a monthly report: who may do what next, and that nobody signs what they wrote.
///
/// Figures are fixed when the rows have been read; texts may change until the report goes into review. The hash that is signed
/// is the hash that was shown, so a signature never covers words that came later.
package struct ReportLife: Sendable, Equatable {
    package enum Phase: String, Sendable, CaseIterable {
        /// The rows are being read.
        case building
        case draft
        case inReview = "in-review"
        case signedOff = "signed-off"
        case sent
        case archived
    }

    package enum Event: Sendable, Equatable {
        case built
        case edited(by: PersonID)
        case submitted(by: PersonID, hash: String)
        case returned(by: PersonID, reason: String)
        case signed(by: PersonID, hash: String)
        case sent(by: PersonID)
        case archived(by: PersonID)
    }

    package private(set) var phase: Phase
    /// The human beings who wrote: whoever drafted, edited or submitted.
    package private(set) var authors: Set<PersonID>
    /// Of the frozen document, from the review on.
    package private(set) var hash: String?

    package init(draftedBy author: PersonID) {
        phase = .building
        authors = [author]
    }

    package init(phase: Phase, authors: Set<PersonID>, hash: String?) {
        self.phase = phase
        self.authors = authors
        self.hash = hash
    }

    /// The word for the audit log.
    package mutating func handle(_ event: Event) throws(Refusal) -> String {
        switch event {
        case .built:
            try expect(.building)
            phase = .draft
            return "report.drafted"
        case .edited(let person):
            try expect(.draft)
            authors.insert(person)
            return "report.edited"
        case .submitted(let person, let hash):
            try expect(.draft)
            authors.insert(person)
            self.hash = hash
            phase = .inReview
            return "report.submitted"
        case .returned:
            try expect(.inReview)
            hash = nil
            phase = .draft
            return "report.returned"
        case .signed(let person, let shown):
            try expect(.inReview)
            guard !authors.contains(person) else {
                throw Refusal(
                    .forbidden, reason: "report.own",
                    "You wrote on this report, so somebody else has to sign it off.", facts: ["rule": "sod.report"])
            }
            guard let hash, sameBytes(shown, hash) else {
                throw Refusal(
                    .stale, reason: "report.hash", "The report has changed since it was shown to you. Read it again.",
                    facts: ["field": "hash"])
            }
            phase = .signedOff
            return "report.signed-off"
        case .sent:
            guard phase == .signedOff || phase == .sent else { throw refusal(.signedOff) }
            phase = .sent
            return "report.sent"
        case .archived:
            try expect(.sent)
            phase = .archived
            return "report.archived"
        }
    }

    /// A signed report is never changed; a new revision beside it says what was wrong.
    package var isAmendable: Bool {
        switch phase {
        case .building, .draft, .inReview: false
        case .signedOff, .sent, .archived: true
        }
    }

    private func expect(_ wanted: Phase) throws(Refusal) {
        guard phase == wanted else { throw refusal(wanted) }
    }

    private func refusal(_ wanted: Phase) -> Refusal {
        Refusal(
            .conflict, reason: "report.state", "The report is \(phase.rawValue), and this needs one that is \(wanted.rawValue).",
            facts: ["state": phase.rawValue])
    }
}

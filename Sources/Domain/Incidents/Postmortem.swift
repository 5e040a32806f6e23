package import Kernel

/// What is written after trouble, so that it does not come back: the facts as the product knows them, what people make of
/// them, and what they promise to do.
///
/// A draft is written by anybody who manages incidents. It is submitted, read by somebody who has written none of it, and then
/// published and locked; what was promised is settled after that as well.
package struct Postmortem: Sendable, Hashable {
    package enum Phase: String, Sendable, Hashable, CaseIterable {
        case draft
        case inReview = "in-review"
        case published
    }

    /// What people write, in the order in which it is read.
    package enum Section: String, Sendable, Hashable, CaseIterable {
        case summary, impact, detection, response, cause
        case wentWell = "went-well"
        case wentBadly = "went-badly"
        case lessons

        package var title: String {
            switch self {
            case .summary: "Summary"
            case .impact: "Impact"
            case .detection: "Detection"
            case .response: "Response"
            case .cause: "Cause"
            case .wentWell: "What went well"
            case .wentBadly: "What went badly"
            case .lessons: "Lessons"
            }
        }

        /// Nobody learns from one that leaves these out.
        package var isRequired: Bool { self != .wentWell && self != .wentBadly }
    }

    /// Something that somebody has promised to do until a day.
    package struct Action: Sendable, Hashable {
        package enum State: String, Sendable, Hashable, CaseIterable { case open, done, dropped }

        package let number: Int
        package let title: String
        package internal(set) var owner: PersonID
        /// The last day on which it is in time.
        package internal(set) var due: CivilDate
        package internal(set) var state: State
        package internal(set) var settledAt: Moment?
        package internal(set) var settledBy: PersonID?
        /// What was done, or why it was dropped or moved; empty until then.
        package internal(set) var note: String

        package func isOverdue(on date: CivilDate) -> Bool { state == .open && due < date }
    }

    package typealias Person = RunbookExecution.Person

    package enum Event: Sendable, Hashable {
        case wrote(Section, text: String, by: Person)
        /// The facts are looked up again.
        case looked(facts: JSONValue, by: Person)
        case promised(title: String, owner: PersonID, due: CivilDate, by: Person)
        case moved(action: Int, owner: PersonID, due: CivilDate, reason: String, by: Person)
        case settled(action: Int, as: Action.State, note: String, by: Person)
        case submitted(by: Person)
        case returned(by: Person, reason: String)
        /// `hash` is of all that is locked by it.
        case published(by: Person, hash: String)
    }

    package static let sectionBytesMax = 20_000
    package static let titleBytesMax = 300
    package static let noteBytesMax = 2_000
    package static let actionsMax = 50
    /// Incidents of one trouble that are told together.
    package static let incidentsMax = 10

    package internal(set) var phase: Phase = .draft
    package internal(set) var facts: JSONValue
    package internal(set) var sections: [Section: String]
    package internal(set) var actions: [Action] = []
    /// The natural persons who have written or promised something in it; none of them reviews it.
    package internal(set) var authors: Set<PersonID>
    package internal(set) var submittedBy: PersonID?
    package internal(set) var submittedAt: Moment?
    /// Why it came back from its review; empty otherwise.
    package internal(set) var returnedBecause = ""
    package internal(set) var publishedBy: PersonID?
    package internal(set) var publishedAt: Moment?
    package internal(set) var hash = ""

    /// A draft with what the facts say by themselves.
    package init(facts: JSONValue, sections: [Section: String], by person: Person) {
        self.facts = facts
        self.sections = sections
        authors = [person.natural]
    }

    init(facts: JSONValue, sections: [Section: String], authors: Set<PersonID>) {
        self.facts = facts
        self.sections = sections
        self.authors = authors
    }

    /// Sections that have to be written and are not.
    package var missing: [Section] { Section.allCases.filter { $0.isRequired && (sections[$0] ?? "").isEmpty } }

    /// What publishing locks; its hash proves later that nothing was changed. What becomes of actions is not of it.
    package var locked: JSONValue {
        [
            "facts": facts,
            "sections": .object(
                JSONObject(
                    Section.allCases.compactMap { section in
                        sections[section].map { (key: section.rawValue, value: JSONValue.string($0)) }
                    })),
            "actions": .array(actions.map { ["number": JSONValue($0.number), "title": .string($0.title)] }),
        ]
    }
}

extension Postmortem {
    /// Applies one event, or refuses it and changes nothing.
    package mutating func handle(_ event: Event, at now: Moment) throws(Refusal) {
        switch event {
        case .wrote(let section, let text, let person):
            try requireDraft()
            sections[section] = try Postmortem.text(text, section.rawValue, max: Postmortem.sectionBytesMax)
            authors.insert(person.natural)
        case .looked(let facts, _):
            try requireDraft()
            self.facts = facts
        case .promised(let title, let owner, let due, let person):
            try promise(title, owner: owner, due: due, by: person, at: now)
        case .moved(let number, let owner, let due, let reason, _):
            try requireOpen(number)
            try Postmortem.requireAhead(due, now)
            let reason = try Postmortem.text(reason, "reason", max: Postmortem.noteBytesMax)
            actions[number - 1].owner = owner
            actions[number - 1].due = due
            actions[number - 1].note = reason
        case .settled(let number, let state, let note, let person):
            try requireOpen(number)
            guard state != .open else {
                throw Refusal(
                    .invalid, reason: "postmortem.settled", "An action ends as done or dropped.", facts: ["field": "as"])
            }
            let note = try Postmortem.text(note, "note", max: Postmortem.noteBytesMax)
            actions[number - 1].state = state
            actions[number - 1].note = note
            actions[number - 1].settledAt = now
            actions[number - 1].settledBy = person.id
        case .submitted(let person): try submit(by: person, at: now)
        case .returned(_, let reason):
            // Taking it back asks for nobody: it is the signature that has to be another's.
            try requireReview(by: nil)
            returnedBecause = try Postmortem.text(reason, "reason", max: Postmortem.noteBytesMax)
            phase = .draft
        case .published(let person, let hash):
            try requireReview(by: person)
            phase = .published
            publishedBy = person.id
            publishedAt = now
            self.hash = hash
        }
    }

    private mutating func promise(
        _ title: String, owner: PersonID, due: CivilDate, by person: Person, at now: Moment
    ) throws(Refusal) {
        try requireDraft()
        guard actions.count < Postmortem.actionsMax else {
            throw Refusal(
                .tooLarge, reason: "postmortem.actions",
                "A post-mortem has at most \(Postmortem.actionsMax) actions; fewer are done more often.")
        }
        try Postmortem.requireAhead(due, now)
        let title = try Postmortem.text(title, "title", max: Postmortem.titleBytesMax)
        actions.append(
            Action(number: actions.count + 1, title: title, owner: owner, due: due, state: .open, note: ""))
        authors.insert(person.natural)
    }

    private mutating func submit(by person: Person, at now: Moment) throws(Refusal) {
        try requireDraft()
        guard missing.isEmpty else {
            throw Refusal(
                .unprocessable, reason: "postmortem.incomplete",
                "These sections are still to be written: \(missing.map(\.title).joined(separator: ", ")).",
                facts: ["field": missing[0].rawValue])
        }
        guard !actions.isEmpty else {
            throw Refusal(
                .unprocessable, reason: "postmortem.no-actions",
                "Nothing is promised. Add an action with an owner and a day, if only to decide that nothing is changed.",
                facts: ["field": "actions"])
        }
        phase = .inReview
        authors.insert(person.natural)
        submittedBy = person.id
        submittedAt = now
        returnedBecause = ""
    }

    private func requireDraft() throws(Refusal) {
        guard phase == .draft else {
            throw Refusal(
                .conflict, reason: "postmortem.locked",
                phase == .published
                    ? "It is published and stays as it is." : "It is being reviewed. Have it returned to change it.")
        }
    }

    /// Whoever reads it for all has written none of it.
    private func requireReview(by person: Person?) throws(Refusal) {
        guard phase == .inReview else {
            throw Refusal(
                .conflict, reason: "postmortem.not-submitted",
                phase == .published ? "It is published already." : "It has not been submitted yet.")
        }
        guard person.map({ !authors.contains($0.natural) }) ?? true else {
            throw Refusal(
                .forbidden, reason: "postmortem.second-person", "You have written part of it, so someone else has to review it.")
        }
    }

    private func requireOpen(_ number: Int) throws(Refusal) {
        guard actions.indices.contains(number - 1) else {
            throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        }
        guard actions[number - 1].state == .open else {
            throw Refusal(
                .conflict, reason: "postmortem.settled", "Action \(number) is \(actions[number - 1].state.rawValue) already.")
        }
    }

    private static func requireAhead(_ due: CivilDate, _ now: Moment) throws(Refusal) {
        guard due >= CivilDate(utc: now) else {
            throw Refusal(
                .invalid, reason: "postmortem.due", "The day on which it is due lies behind us.", facts: ["field": "due"])
        }
    }

    private static func text(_ written: String, _ field: String, max bytes: Int) throws(Refusal) -> String {
        var trimmed = Substring(written)
        while trimmed.first?.isWhitespace == true { trimmed.removeFirst() }
        while trimmed.last?.isWhitespace == true { trimmed.removeLast() }
        guard !trimmed.isEmpty else {
            throw Refusal(.invalid, reason: "postmortem.text", "\(field) is empty.", facts: ["field": field])
        }
        guard trimmed.utf8.count <= bytes else {
            throw Refusal(
                .tooLarge, reason: "postmortem.text", "\(field) may have at most \(bytes) bytes.", facts: ["field": field])
        }
        return String(trimmed)
    }
}

/// By when a post-mortem has to be published, and when its people are reminded.
package enum PostmortemRule {
    /// Less than severe trouble has one where somebody wants it.
    package static func dueDays(_ severity: Severity) -> Int? {
        switch severity {
        case .sev1: 5
        case .sev2: 10
        case .sev3, .sev4: nil
        }
    }

    /// The last day on which it is in time, by the day of the resolution.
    package static func due(_ severity: Severity, resolvedAt: Moment) -> CivilDate? {
        dueDays(severity).map { CivilDate(utc: resolvedAt).adding(days: $0) }
    }

    /// What was forgotten for so long is nobody's any more.
    package static let lookbackDays: Int64 = 90
    /// An owner hears of an action so long before its day, and then again so often.
    package static let noticeDays = 2
    package static let remindAgainDays: Int64 = 7
}

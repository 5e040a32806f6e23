package import Kernel

/// How far a tenant has come from its beginning to its first governed case.
///
/// Most steps are settled by what the product itself has recorded, so that nobody can say what is not so; a few are acts of
/// people. A step that is settled stays so: a fact may take the place of a word, never the other way round. Nothing here reads a
/// clock; every time is that of the fact or of the act.
package struct Onboarding: Sendable, Equatable {
    package static let reasonCharactersMax = 500

    /// In the order in which one usually goes; none waits for another.
    package enum Step: String, CaseIterable, Sendable {
        case configuration, people
        case signIn = "sign-in"
        case secrets, access
        case connectionTest = "connection-test"
        case brand, contract, document
        case governedCase = "governed-case"

        /// Nothing in the product can show it, so a person says it.
        package var isConfirmed: Bool { self == .access }

        /// One may do without it, with a reason. Whatever a governed case rests on cannot be left out.
        package var isSkippable: Bool {
            switch self {
            case .access, .brand, .contract: true
            case .configuration, .people, .signIn, .secrets, .connectionTest, .document, .governedCase: false
            }
        }

        package var title: String {
            switch self {
            case .configuration: "Configuration is applied"
            case .people: "People are let in"
            case .signIn: "An administrator has signed in"
            case .secrets: "Keys of the connections are set"
            case .access: "Access to the systems is approved"
            case .connectionTest: "Connections are tested"
            case .brand: "The brand is published"
            case .contract: "The contract is signed"
            case .document: "The first document is here"
            case .governedCase: "The first governed case is completed"
            }
        }

        /// What is missing while it is open.
        package var missing: String {
            switch self {
            case .configuration: "The tenant's folder is not applied yet."
            case .people: "Nobody of the tenant may sign in. Name them in people.yaml and apply it."
            case .signIn: "No administrator of the tenant has signed in. Hand one of them a sign-in link."
            case .secrets: "A connection names a secret that is not set, or there is no connection."
            case .access: "Somebody has to say that the owner of the systems has approved the access."
            case .connectionTest: "A connection has not answered a test yet."
            case .brand: "The tenant wears its partner's brand. Publish its own, or go on without."
            case .contract: "No contract is signed by both sides."
            case .document: "No document has been handed in."
            case .governedCase: "No run has come to its end."
            }
        }

        /// The command that goes on with it, on the machine of whoever does so.
        package func command(for slug: String) -> String {
            switch self {
            case .configuration, .people: "countersign apply Tenants"
            case .signIn: "countersign person link PERSON --tenant \(slug)"
            case .secrets: "countersignd secret --tenant \(slug) --name NAME"
            case .access: "countersign onboarding confirm access --tenant \(slug) --reason WHY"
            case .connectionTest: "countersign connection test NAME --tenant \(slug)"
            case .brand: "countersign brand publish --tenant \(slug)"
            case .contract: "countersign contract list --tenant \(slug)"
            case .document: "countersign submit FILE --tenant \(slug)"
            case .governedCase: "countersign get runs --tenant \(slug)"
            }
        }

        /// Below the tenant's pages, where it is gone on with; empty where only a command helps.
        package var page: String {
            switch self {
            case .configuration, .secrets: ""
            case .people, .signIn: "/people"
            case .access: "/onboarding"
            case .connectionTest: "/platform"
            case .brand: ""
            case .contract: "/service/contracts"
            case .document: "/documents"
            case .governedCase: "/runs"
            }
        }
    }

    /// How a step came to be settled.
    package enum How: String, Sendable, CaseIterable { case fact, confirmed, skipped }

    package struct Settlement: Sendable, Equatable {
        package let how: How
        package let at: Moment
        /// Nil where a fact names nobody.
        package let by: PersonID?
        package let reason: String

        package init(_ how: How, at: Moment, by: PersonID?, reason: String = "") {
            self.how = how
            self.at = at
            self.by = by
            self.reason = reason
        }
    }

    /// What the product has recorded about one step.
    package struct Sighting: Sendable, Equatable {
        package let step: Step
        package let at: Moment
        package let by: PersonID?

        package init(_ step: Step, at: Moment, by: PersonID? = nil) {
            self.step = step
            self.at = at
            self.by = by
        }
    }

    package enum Event: Sendable {
        /// What is recorded now; asking again changes nothing.
        case seen([Sighting])
        case confirmed(Step, by: PersonID, reason: String, at: Moment)
        case skipped(Step, by: PersonID, reason: String, at: Moment)
    }

    package enum Action: Sendable, Equatable {
        case record(Step, Settlement)
        /// The first governed case is completed, and with it the onboarding, whatever else is still open.
        case complete(at: Moment)
    }

    package let startedAt: Moment
    package private(set) var settled: [Step: Settlement]
    package private(set) var completedAt: Moment?

    package init(startedAt: Moment, settled: [Step: Settlement] = [:], completedAt: Moment? = nil) {
        self.startedAt = startedAt
        self.settled = settled
        self.completedAt = completedAt
    }

    package var open: [Step] { Step.allCases.filter { settled[$0] == nil } }
    package var next: Step? { open.first }

    package mutating func handle(_ event: Event) throws(Refusal) -> [Action] {
        switch event {
        case .seen(let sightings):
            var actions: [Action] = []
            for sighting in sightings where !sighting.step.isConfirmed && settled[sighting.step]?.how != .fact {
                actions.append(settle(sighting.step, Settlement(.fact, at: sighting.at, by: sighting.by)))
            }
            if completedAt == nil, let first = settled[.governedCase] {
                completedAt = first.at
                actions.append(.complete(at: first.at))
            }
            return actions
        case .confirmed(let step, let person, let reason, let at):
            try check(step, reason)
            guard step.isConfirmed else {
                throw Refusal(
                    .unprocessable, reason: "onboarding.fact",
                    "\(step.title): this is seen by itself once it is so. \(step.missing)", facts: ["step": step.rawValue])
            }
            return [settle(step, Settlement(.confirmed, at: at, by: person, reason: reason))]
        case .skipped(let step, let person, let reason, let at):
            try check(step, reason)
            guard step.isSkippable else {
                throw Refusal(
                    .unprocessable, reason: "onboarding.needed", "\(step.title): no case can be governed without it.",
                    facts: ["step": step.rawValue])
            }
            return [settle(step, Settlement(.skipped, at: at, by: person, reason: reason))]
        }
    }

    private mutating func settle(_ step: Step, _ settlement: Settlement) -> Action {
        settled[step] = settlement
        return .record(step, settlement)
    }

    /// What is settled stays so; only a fact may take the place of a word.
    private func check(_ step: Step, _ reason: String) throws(Refusal) {
        guard (1...Onboarding.reasonCharactersMax).contains(reason.unicodeScalars.count),
            reason.contains(where: { !$0.isWhitespace })
        else {
            throw Refusal(
                .invalid, reason: "onboarding.reason", "Say why in 1 to \(Onboarding.reasonCharactersMax) characters.",
                facts: ["field": "reason"])
        }
        guard let known = settled[step] else { return }
        throw Refusal(
            .conflict, reason: "onboarding.settled",
            known.how == .skipped ? "This step is skipped already." : "This step is done already.", facts: ["step": step.rawValue]
        )
    }
}

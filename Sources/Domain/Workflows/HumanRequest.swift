package import Kernel

/// Something a person has to answer before the run goes on.
package struct HumanRequest: Sendable, Equatable {
    package enum Kind: String, Sendable { case approval, exception, task }

    /// Unique in the run: step path, `#`, visit.
    package let key: String
    package let kind: Kind
    package let title: String
    /// The exception code, for exceptions.
    package let code: String?
    /// What the person sees and what the signature binds to.
    package let object: JSONValue
    /// Hexadecimal SHA-256 of the canonical form of `object`.
    package let objectHash: String
    /// Who has to sign, round after round. Exceptions and tasks have one round; an exception has a
    /// quorum of one, and a task is done when as many different people have given the same answer.
    package let rounds: [ApprovalStep]
    /// The answers on offer; empty for approvals, which know `approve` and `reject`.
    package let resolutions: [Resolution]
    package let deadlines: [Deadline]
    /// What helps to decide and is not signed: findings, differences, policy decisions.
    package let evidence: JSONValue
    package let riskClass: String
    /// What is filled in with an answer; nil when nothing is.
    package let form: TaskForm?

    package init(
        key: String, kind: Kind, title: String, code: String?, object: JSONValue, objectHash: String, rounds: [ApprovalStep],
        resolutions: [Resolution], deadlines: [Deadline], evidence: JSONValue, riskClass: String, form: TaskForm? = nil
    ) {
        self.form = form
        self.key = key
        self.kind = kind
        self.title = title
        self.code = code
        self.object = object
        self.objectHash = objectHash
        self.rounds = rounds
        self.resolutions = resolutions
        self.deadlines = deadlines
        self.evidence = evidence
        self.riskClass = riskClass
    }

    /// Signatures over all rounds.
    package var signaturesNeeded: Int { rounds.reduce(0) { $0 + $1.quorum } }
}

/// One round of signatures.
package struct ApprovalStep: Sendable, Equatable {
    package static let quorumMax = 10
    package static let roundsMax = 10

    /// The role that signs, and roles that an escalation added.
    package let roles: [String]
    package let quorum: Int
    package let label: String

    package init(roles: [String], quorum: Int, label: String) {
        self.roles = roles
        self.quorum = quorum
        self.label = label
    }

    package var role: String { roles.first ?? "" }
}

/// One way to answer an exception or a task.
package struct Resolution: Sendable, Equatable {
    package let name: String
    package let label: String
    /// What will happen, as a sentence; shown before the person answers.
    package let consequence: String
    /// The duty that this answer is, for duty separation; nil when it is none.
    package let duty: String?
    package let needsReason: Bool
    /// Whether the task's form is filled in with this answer.
    package let takesForm: Bool

    package init(
        name: String, label: String, consequence: String, duty: String?, needsReason: Bool, takesForm: Bool = true
    ) {
        self.takesForm = takesForm
        self.name = name
        self.label = label
        self.consequence = consequence
        self.duty = duty
        self.needsReason = needsReason
    }
}

/// Something that happens while a request stays open; it never answers the request.
package struct Deadline: Sendable, Equatable {
    package enum Act: Sendable, Equatable {
        case notify
        /// People of this role may answer too.
        case escalate(role: String)
        /// People of this role answer instead.
        case reassign(role: String)
    }

    /// Key of the timer, unique in the run.
    package let key: String
    package let name: String
    /// Computed once when the request opens.
    package let at: Moment
    package let act: Act

    package init(key: String, name: String, at: Moment, act: Act) {
        self.key = key
        self.name = name
        self.at = at
        self.act = act
    }
}

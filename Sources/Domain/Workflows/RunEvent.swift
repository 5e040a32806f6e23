package import Kernel

/// Everything that can happen to a run; each is a command row that its lane applies once.
///
/// What machines send late or twice (`start`, `workFinished`, `timerFired`) is a no-op with a record. What people send late is a
/// refusal, since they have to learn that somebody was quicker.
package enum RunEvent: Sendable, Equatable {
    case start(input: JSONValue)
    case workFinished(key: String, WorkResult)
    case personDecided(PersonDecision)
    case timerFired(key: String)
    /// A person asks for a dead task to be tried again.
    case retried(key: String, by: PersonID)
    case cancelled(by: PersonID, reason: String)
    /// An event from outside, or from another run, in the JSON form of CloudEvents.
    case eventArrived(JSONValue)
    /// An event that reached the tenant, for the steps that wait for it now.
    case eventOffered(JSONValue, Subscription.Takes)
    /// Until it is resumed the run takes no step; what machines send meanwhile is kept.
    case paused(by: PersonID, reason: String)
    case resumed(by: PersonID)
    /// A person lets a step be that waits for a machine or a time; never one that waits for a person's decision.
    case skipped(step: String, by: PersonID, reason: String)
    /// The run goes back to a step it has been through; what was recorded before that step stays.
    case rewound(step: String, by: PersonID, reason: String)
    /// A person gives a dead task up for good: its step fails, and the definition says what follows.
    case discarded(key: String, by: PersonID, reason: String)
    /// A person does not wait for the next attempt of a step.
    case stepRetried(step: String, by: PersonID)
    /// What is still to come of the deadlines of a step's open request comes later; of every open request with an empty step.
    case deadlinesExtended(step: String, seconds: Int64, by: PersonID, reason: String)
    /// The workflow that a step runs has ended.
    case childEnded(key: String, ChildResult)
    /// The run around this one has ended, or waits for it no longer.
    case abandoned(reason: String)
}

/// How a piece of work ended, after all its attempts.
package enum WorkResult: Sendable, Equatable {
    case completed(JSONValue)
    /// The other side declined for a business reason; trying again changes nothing. The code is an exception code.
    case refused(code: String, message: String)
    /// All attempts are used up without an answer; a person decides about a replay.
    case dead(code: String, message: String)
    /// A write was found that differs from what was asked; carries what differs.
    case mismatch(JSONValue)
    /// The other side would go on if a person said so.
    case needsDecision(ERPQuestion)
}

/// What another system asks before it goes on with a write. Only a recorded decision of a person answers it.
package struct ERPQuestion: Sendable, Equatable {
    /// What the other side calls its question; a confirmation has to name the same.
    package let name: String
    /// In the other side's words.
    package let message: String
    /// What the question was about, as the mapping says.
    package let evidence: JSONValue

    package init(name: String, message: String, evidence: JSONValue) {
        self.name = name
        self.message = message
        self.evidence = evidence
    }

    var json: JSONValue { ["name": .string(name), "message": .string(message), "evidence": evidence] }
}

/// What a person answered to an approval, an exception or a task.
package struct PersonDecision: Sendable, Equatable {
    package static let reasonScalarsMax = 2000

    package let taskKey: String
    /// The account that acted.
    package let person: PersonID
    /// Roles the account holds in the scope of this run, at this moment.
    package let roles: Set<String>
    /// `approve`, `reject`, or the name of a resolution of the exception or task.
    package let verdict: String
    package let reason: String?
    /// Hash of the object that was on the screen; a decision about another version is refused.
    package let objectHash: String
    /// The human being behind the account: duty separation compares these, never accounts.
    package let natural: PersonID
    /// What was filled in, by the names of the form's fields.
    package let values: JSONValue?
    /// Whose right is used, when it is not the account's own; `roles` are then theirs.
    package let behalf: Behalf?

    /// Somebody who has given their decisions to a deputy for a time.
    package struct Behalf: Sendable, Equatable {
        package let person: PersonID
        package let natural: PersonID
        /// The delegation that permits it.
        package let delegation: String

        package init(person: PersonID, natural: PersonID, delegation: String) {
            self.person = person
            self.natural = natural
            self.delegation = delegation
        }
    }

    /// The human beings behind the decision: a deputy and whom they stand for are looked at alike by every rule about duties.
    package var naturals: [PersonID] { [natural] + (behalf.map { [$0.natural] } ?? []) }

    package init(
        taskKey: String, person: PersonID, roles: Set<String>, verdict: String, reason: String?, objectHash: String,
        natural: PersonID, values: JSONValue? = nil, behalf: Behalf? = nil
    ) {
        self.values = values
        self.behalf = behalf
        self.taskKey = taskKey
        self.person = person
        self.roles = roles
        self.verdict = verdict
        self.reason = reason
        self.objectHash = objectHash
        self.natural = natural
    }

    var trimmedReason: String {
        var scalars = Substring(reason ?? "").unicodeScalars
        while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
        while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        return String(scalars)
    }
}

extension WorkResult {
    package var json: JSONValue {
        switch self {
        case .completed(let output): ["result": "completed", "output": output]
        case .refused(let code, let message): ["result": "refused", "code": .string(code), "message": .string(message)]
        case .dead(let code, let message): ["result": "dead", "code": .string(code), "message": .string(message)]
        case .mismatch(let differences): ["result": "mismatch", "differences": differences]
        case .needsDecision(let question): ["result": "needsDecision", "question": question.json]
        }
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "work result")
        switch try fields.string("result") {
        case "completed": self = .completed(fields.value("output"))
        case "refused": self = .refused(code: try fields.string("code"), message: try fields.string("message"))
        case "dead": self = .dead(code: try fields.string("code"), message: try fields.string("message"))
        case "mismatch": self = .mismatch(fields.value("differences"))
        case "needsDecision":
            let question = try Fields(fields.value("question"), "question")
            self = .needsDecision(
                ERPQuestion(
                    name: try question.string("name"), message: try question.string("message"),
                    evidence: question.value("evidence")))
        case let other: throw fields.refusal("knows no result '\(other)'")
        }
    }
}

extension PersonDecision.Behalf {
    package var json: JSONValue {
        ["person": JSONValue(person), "natural": JSONValue(natural), "delegation": .string(delegation)]
    }

    /// Nil for none.
    package init?(ifAny json: JSONValue?) throws(Refusal) {
        guard let json, !json.isNull else { return nil }
        let fields = try Fields(json, "behalf")
        self.init(
            person: try fields.id("person"), natural: try fields.id("natural"), delegation: try fields.string("delegation"))
    }
}

extension PersonDecision {
    package var json: JSONValue {
        .object([
            "task": .string(taskKey), "person": JSONValue(person), "roles": .array(roles.sorted().map(JSONValue.string)),
            "verdict": .string(verdict), "reason": reason.map(JSONValue.string), "objectHash": .string(objectHash),
            "natural": JSONValue(natural), "values": values,
            "behalf": behalf?.json,
        ])
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "decision")
        self.init(
            taskKey: try fields.string("task"), person: try fields.id("person"), roles: Set(try fields.strings("roles")),
            verdict: try fields.string("verdict"), reason: try fields.optionalString("reason"),
            objectHash: try fields.string("objectHash"), natural: try fields.id("natural"),
            values: json["values"], behalf: try Behalf(ifAny: json["behalf"]))
    }
}

extension RunEvent {
    /// The form in which a command row keeps the event, so that recorded events can be replayed.
    package var json: JSONValue {
        switch self {
        case .start(let input): ["event": "start", "input": input]
        case .workFinished(let key, let result): ["event": "workFinished", "key": .string(key), "result": result.json]
        case .personDecided(let decision): ["event": "personDecided", "decision": decision.json]
        case .timerFired(let key): ["event": "timerFired", "key": .string(key)]
        case .retried(let key, let person): ["event": "retried", "key": .string(key), "by": JSONValue(person)]
        case .cancelled(let person, let reason): ["event": "cancelled", "by": JSONValue(person), "reason": .string(reason)]
        case .eventArrived(let event): ["event": "eventArrived", "content": event]
        case .eventOffered(let event, let takes):
            ["event": "eventOffered", "content": event, "takes": .string(takes.rawValue)]
        case .paused(let person, let reason): ["event": "paused", "by": JSONValue(person), "reason": .string(reason)]
        case .resumed(let person): ["event": "resumed", "by": JSONValue(person)]
        case .skipped(let step, let person, let reason):
            ["event": "skipped", "step": .string(step), "by": JSONValue(person), "reason": .string(reason)]
        case .rewound(let step, let person, let reason):
            ["event": "rewound", "step": .string(step), "by": JSONValue(person), "reason": .string(reason)]
        case .discarded(let key, let person, let reason):
            ["event": "discarded", "key": .string(key), "by": JSONValue(person), "reason": .string(reason)]
        case .stepRetried(let step, let person): ["event": "stepRetried", "step": .string(step), "by": JSONValue(person)]
        case .deadlinesExtended(let step, let seconds, let person, let reason):
            [
                "event": "deadlinesExtended", "step": .string(step), "seconds": JSONValue(seconds), "by": JSONValue(person),
                "reason": .string(reason),
            ]
        case .childEnded(let key, let result): ["event": "childEnded", "key": .string(key), "result": result.json]
        case .abandoned(let reason): ["event": "abandoned", "reason": .string(reason)]
        }
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "run event")
        switch try fields.string("event") {
        case "start": self = .start(input: fields.value("input"))
        case "workFinished":
            self = .workFinished(key: try fields.string("key"), try WorkResult(json: fields.value("result")))
        case "personDecided": self = .personDecided(try PersonDecision(json: fields.value("decision")))
        case "timerFired": self = .timerFired(key: try fields.string("key"))
        case "retried": self = .retried(key: try fields.string("key"), by: try fields.id("by"))
        case "cancelled": self = .cancelled(by: try fields.id("by"), reason: try fields.string("reason"))
        case "eventArrived": self = .eventArrived(fields.value("content"))
        case "eventOffered":
            guard let takes = Subscription.Takes(rawValue: try fields.string("takes")) else {
                throw fields.refusal("is for nobody that is known")
            }
            self = .eventOffered(fields.value("content"), takes)
        case "paused": self = .paused(by: try fields.id("by"), reason: try fields.string("reason"))
        case "resumed": self = .resumed(by: try fields.id("by"))
        case "skipped":
            self = .skipped(
                step: try fields.string("step"), by: try fields.id("by"), reason: try fields.string("reason"))
        case "rewound":
            self = .rewound(
                step: try fields.string("step"), by: try fields.id("by"), reason: try fields.string("reason"))
        case "discarded":
            self = .discarded(key: try fields.string("key"), by: try fields.id("by"), reason: try fields.string("reason"))
        case "stepRetried": self = .stepRetried(step: try fields.string("step"), by: try fields.id("by"))
        case "deadlinesExtended":
            self = .deadlinesExtended(
                step: try fields.string("step"), seconds: Int64(try fields.int("seconds")), by: try fields.id("by"),
                reason: try fields.string("reason"))
        case "childEnded":
            self = .childEnded(key: try fields.string("key"), try ChildResult(json: fields.value("result")))
        case "abandoned": self = .abandoned(reason: try fields.string("reason"))
        case let other: throw fields.refusal("knows no event '\(other)'")
        }
    }
}

import Kernel
import Policies

/// What people answer, and what happens while they do not.
extension RunPass {
    mutating func decide(_ decision: PersonDecision) throws(Refusal) {
        let found = state.active.firstIndex { activation in
            if case .person(let person) = activation.wait { person.request.key == decision.taskKey } else { false }
        }
        guard let place = found, case .person(let person) = state.active[place].wait else {
            throw Refusal(
                .conflict, reason: "request.closed", "This request was already answered or taken back.",
                facts: ["request": decision.taskKey])
        }
        guard decision.objectHash == person.request.objectHash else {
            throw Refusal(
                .stale, reason: "request.changed", "What you saw has changed since. Look at it again before you decide.",
                facts: ["request": decision.taskKey, "shown": decision.objectHash, "current": person.request.objectHash])
        }
        let round = person.request.rounds[person.round]
        guard let role = round.roles.first(where: { decision.roles.contains($0) }) else {
            throw Refusal(
                .forbidden, reason: "request.role",
                "This needs the role \(round.roles.joined(separator: " or ")), which you do not hold here.",
                facts: ["request": decision.taskKey, "roles": round.roles.joined(separator: ",")])
        }
        guard (decision.reason ?? "").unicodeScalars.count <= PersonDecision.reasonScalarsMax else {
            throw Refusal(
                .tooLarge, reason: "request.reason", "A reason may have at most \(PersonDecision.reasonScalarsMax) characters.")
        }
        guard decision.behalf == nil || person.request.kind == .approval else {
            throw Refusal(
                .forbidden, reason: "delegation.approvals",
                "A deputy signs and rejects approvals; exceptions and tasks are answered by whoever holds the role.")
        }
        switch person.request.kind {
        case .approval: try approve(decision, person, as: role, at: place)
        case .exception, .task: try resolve(decision, person, as: role, at: place)
        }
    }

    private mutating func approve(
        _ decision: PersonDecision, _ open: PersonWait, as role: String, at place: Int
    ) throws(Refusal) {
        switch decision.verdict {
        case "reject":
            guard !decision.trimmedReason.isEmpty else {
                throw Refusal(
                    .invalid, reason: "request.reason", "Say why you reject it; the supplier and your colleagues will ask.")
            }
            let receipt = close(open, decision, "rejected", as: role, rules: [])
            enqueueLeave(state.active[place].path, output: answer(open, decision, receipt, ["outcome": "rejected"]))
        case "approve":
            let signers = Set(open.signatures.flatMap(\.naturals))
            guard signers.isDisjoint(with: decision.naturals) else {
                throw Refusal(
                    .conflict, reason: "sod.distinct-signers",
                    signers.contains(decision.natural)
                        ? "You already signed this, so the next signature has to be someone else's."
                        : "Whom you stand for has signed this already, by their own hand or a deputy's.",
                    facts: ["request": decision.taskKey])
            }
            let rules = try permit(open.duty, decision)
            try sign(decision, open, as: role, at: place, rules: rules)
        default:
            throw Refusal(.invalid, reason: "request.verdict", "An approval is answered by approve or reject.")
        }
    }

    private mutating func sign(
        _ decision: PersonDecision, _ open: PersonWait, as role: String, at place: Int, rules: [String]
    ) throws(Refusal) {
        var person = open
        let round = person.request.rounds[person.round]
        let note = SignatureNote(
            person: decision.person, natural: decision.natural, role: role, label: round.label, at: now, round: person.round,
            count: person.signatures.count + 1, of: person.request.signaturesNeeded, behalf: decision.behalf)
        person.signatures.append(note)
        if let duty = person.duty {
            for natural in decision.naturals { state.acts.append(DutySeparation.Act(duty: duty, person: natural.text)) }
        }
        actions.append(.signed(key: person.request.key, note))
        record(
            "approval.signed", state.active[place].path, "\(round.label): signature \(note.count) of \(note.of).",
            ["person": JSONValue(decision.person), "role": .string(role)])
        actions.append(
            .audit(action: "approval.signed", facts: receipt(person, decision, as: role, rules: rules, ["signature": note.json])))
        if person.signatures.filter({ $0.round == person.round }).count >= round.quorum { person.round += 1 }
        guard person.round == person.request.rounds.count else {
            state.active[place].wait = .person(person)
            return
        }
        let receipt = close(person, decision, "approved", as: role, rules: rules)
        enqueueLeave(
            state.active[place].path,
            output: answer(
                person, decision, receipt, ["outcome": "approved", "signatures": .array(person.signatures.map(\.json))]))
    }

    private mutating func resolve(
        _ decision: PersonDecision, _ person: PersonWait, as role: String, at place: Int
    ) throws(Refusal) {
        guard !person.signatures.contains(where: { $0.naturals.contains(decision.natural) }) else {
            throw Refusal(
                .conflict, reason: "sod.distinct-signers",
                "You already answered this, so the next answer has to be someone else's.", facts: ["request": decision.taskKey])
        }
        guard let resolution = person.request.resolutions.first(where: { $0.name == decision.verdict }) else {
            let names = person.request.resolutions.map(\.name).joined(separator: ", ")
            throw Refusal(.invalid, reason: "request.verdict", "This is answered by one of: \(names).")
        }
        if resolution.needsReason, decision.trimmedReason.isEmpty {
            throw Refusal(.invalid, reason: "request.reason", "Say why; the reason is kept with the decision.")
        }
        let values = try filled(person.request.form, resolution, decision)
        let rules = try permit(resolution.duty, decision)
        if let duty = resolution.duty { state.acts.append(DutySeparation.Act(duty: duty, person: decision.natural.text)) }
        var given: JSONObject = ["resolution": .string(resolution.name)]
        if values != .null { given["values"] = values }
        let path = state.active[place].path
        if person.request.rounds[person.round].quorum > 1 {
            let hash = environment.hash(.object(given))
            let answered = count(hash, decision, person, as: role, rules: rules, path)
            guard answered.isAgreed else { return state.active[place].wait = .person(answered.person) }
            given["people"] = .array(
                answered.person.signatures.filter { $0.answer == hash }.map {
                    ["person": JSONValue($0.person), "at": $0.at.exactJSON]
                })
        }
        let receipt = close(person, decision, resolution.name, as: role, rules: rules, values: values)
        enqueueLeave(path, output: answer(person, decision, receipt, given))
    }

    /// One answer of several that are wanted. Two count together when they are the same, resolution and every value. Only the
    /// hash is kept until they do, so that nobody answers what a colleague has answered.
    private mutating func count(
        _ hash: String, _ decision: PersonDecision, _ open: PersonWait, as role: String, rules: [String], _ path: String
    ) -> (person: PersonWait, isAgreed: Bool) {
        var person = open
        let round = person.request.rounds[person.round]
        let alike = person.signatures.count { $0.answer == hash } + 1
        let note = SignatureNote(
            person: decision.person, natural: decision.natural, role: role, label: round.label, at: now, round: person.round,
            count: alike, of: round.quorum, answer: hash)
        person.signatures.append(note)
        actions.append(.signed(key: person.request.key, note))
        record(
            "task.answered", path, "\(round.label): answer \(person.signatures.count); \(round.quorum) alike are needed.",
            ["person": JSONValue(decision.person), "role": .string(role)])
        let facts: JSONObject = [
            "answerHash": .string(hash), "alike": JSONValue(alike), "needed": JSONValue(round.quorum),
        ]
        actions.append(.audit(action: "task.answered", facts: receipt(person, decision, as: role, rules: rules, facts)))
        return (person, alike >= round.quorum)
    }

    /// Duty separation over the chain of this run; answers the rules that were asked.
    private func permit(_ duty: String?, _ decision: PersonDecision) throws(Refusal) -> [String] {
        guard let duty else { return [] }
        guard let name = definition.duties else { return [] }
        guard let rules = environment.policies[name]?.dutySeparation else {
            throw Refusal(
                .unavailable, reason: "configuration.duties",
                "The rules about duty separation are missing, so nobody can sign this now.")
        }
        for natural in decision.naturals { try rules.permit(duty: duty, by: natural, chain: state.acts) }
        return rules.rulesAsked(about: duty)
    }

    /// Ends the request; answers the hash of the decision's receipt, by which the decision is known from here on.
    private mutating func close(
        _ person: PersonWait, _ decision: PersonDecision, _ outcome: String, as role: String, rules: [String],
        values: JSONValue = .null
    ) -> JSONValue {
        cancelDeadlines(person)
        actions.append(.close(key: person.request.key, outcome: outcome, by: decision.person))
        record(
            "\(person.request.kind.rawValue).closed", String(person.request.key.prefix { $0 != "#" }),
            "\(person.request.title): \(outcome).",
            ["person": JSONValue(decision.person), "reason": JSONValue(decision.reason)])
        var facts: JSONObject = ["outcome": .string(outcome)]
        // The log is bound to what was filled in without telling it again.
        if values != .null { facts["valuesHash"] = .string(environment.hash(values)) }
        let receipt = receipt(person, decision, as: role, rules: rules, facts)
        actions.append(
            .audit(
                action: "\(person.request.kind.rawValue).\(person.request.kind == .approval ? outcome : "resolved")",
                facts: receipt))
        return receipt["hash"] ?? .null
    }

    private func answer(
        _ person: PersonWait, _ decision: PersonDecision, _ receipt: JSONValue, _ facts: JSONObject
    ) -> JSONValue {
        var out = facts
        out["receipt"] = receipt
        out["by"] = JSONValue(decision.person)
        out["at"] = now.exactJSON
        out["reason"] = JSONValue(decision.reason)
        out["objectHash"] = .string(person.request.objectHash)
        if let code = person.request.code { out["code"] = .string(code) }
        return .object(out)
    }

    /// The decision receipt: who, as what, about which version, under which rules; with the hash of itself.
    private func receipt(
        _ person: PersonWait, _ decision: PersonDecision, as role: String, rules: [String], _ more: JSONObject
    ) -> JSONValue {
        var facts: JSONObject = [
            "request": .string(person.request.key), "title": .string(person.request.title),
            "objectHash": .string(person.request.objectHash),
            "person": JSONValue(decision.person), "natural": JSONValue(decision.natural), "role": .string(role),
            "verdict": .string(decision.verdict), "reason": JSONValue(decision.reason), "at": now.exactJSON,
            "dutyRules": .array(rules.map(JSONValue.string)),
        ]
        if let behalf = decision.behalf {
            facts["onBehalfOf"] = JSONValue(behalf.person)
            facts["delegation"] = .string(behalf.delegation)
        }
        if let code = person.request.code { facts["code"] = .string(code) }
        if let name = definition.duties, let policy = environment.policies[name] {
            facts["dutyPolicy"] = .string("\(policy.name)@\(policy.version)")
        }
        for member in more { facts[member.key] = member.value }
        facts["hash"] = .string(environment.hash(.object(facts)))
        return .object(facts)
    }

    /// A deadline passed while the request is open: tell, add a role, or hand over. It never answers.
    mutating func pass(_ deadline: Deadline, of open: PersonWait, at place: Int) {
        var person = open
        person.passed.append(deadline.name)
        let path = state.active[place].path
        var facts: JSONObject = [
            "request": .string(person.request.key), "title": .string(person.request.title), "deadline": .string(deadline.name),
        ]
        switch deadline.act {
        case .notify: record("deadline.passed", path, "The deadline \(deadline.name) passed.")
        case .escalate(let role):
            person.request = person.request.offered(to: role, from: person.round, alone: false)
            facts["role"] = .string(role)
            record("deadline.escalated", path, "The request was escalated to \(role).")
            actions.append(.ask(person.request))
            actions.append(.audit(action: "request.escalated", facts: .object(facts)))
        case .reassign(let role):
            person.request = person.request.offered(to: role, from: person.round, alone: true)
            facts["role"] = .string(role)
            record("deadline.reassigned", path, "The request was handed to \(role).")
            actions.append(.ask(person.request))
            actions.append(.audit(action: "request.reassigned", facts: .object(facts)))
        }
        state.active[place].wait = .person(person)
        actions.append(.notify(topic: "deadline.passed", facts: .object(facts)))
    }
}

extension HumanRequest {
    /// The request with another role for the rounds that are still open, beside the others or instead of them.
    fileprivate func offered(to role: String, from round: Int, alone: Bool) -> HumanRequest {
        let changed = rounds.enumerated().map { index, step in
            guard index >= round, !step.roles.contains(role) || alone else { return step }
            return ApprovalStep(roles: alone ? [role] : step.roles + [role], quorum: step.quorum, label: step.label)
        }
        return HumanRequest(
            key: key, kind: kind, title: title, code: code, object: object, objectHash: objectHash, rounds: changed,
            resolutions: resolutions, deadlines: deadlines, evidence: evidence, riskClass: riskClass, form: form)
    }
}

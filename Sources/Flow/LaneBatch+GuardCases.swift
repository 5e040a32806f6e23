internal import Kernel
internal import Policies
internal import Records
internal import Seals
internal import Tenancy
internal import Workflows

extension GuardStop {
    /// The hardest of what binds it.
    var effect: Guardrails.Effect {
        findings.contains { $0.effect == .forbid } ? .forbid : findings.contains { $0.effect == .hold } ? .hold : .approval
    }

    /// The case for people. What they answer is bound to the act and to the rules that bind it.
    func request(key: String, about run: RunRow) -> HumanRequest {
        let isApproval = effect == .approval
        var object = self.object.object ?? [:]
        object["number"] = .string(run.subject)
        object["supplierName"] = .string(run.counterparty)
        object["rules"] = .array(findings.map { .string($0.key) })
        let shown = JSONValue.object(object)
        return HumanRequest(
            key: key, kind: isApproval ? .approval : .exception, title: "Guardrail: \(findings.first?.label ?? "")",
            code: isApproval ? nil : LaneBatch.guardrailCode, object: shown,
            // Texts and flags always have a canonical form.
            objectHash: (try? ObjectHash.hexText(of: shown)) ?? "",
            rounds: isApproval
                ? rounds : [ApprovalStep(roles: LaneBatch.holdRoles, quorum: 1, label: "Controller")],
            resolutions: isApproval ? [] : GuardStop.resolutions, deadlines: [],
            evidence: [
                "guardrail": .object([
                    "act": JSONValue(act), "facts": .string(factsHash), "rules": .array(findings.map { .string($0.key) }),
                    "task": task.map { JSONValue($0) }, "parked": parked.map { JSONValue($0) },
                    "again": again.map { JSONValue($0) },
                ]),
                "findings": .array(findings.map(\.json)),
            ], riskClass: "standard")
    }

    /// One round for each role that has to sign, with the largest number that a rule asks of it.
    private var rounds: [ApprovalStep] {
        var out: [ApprovalStep] = []
        for finding in findings {
            guard let role = finding.role else { continue }
            let label = role.prefix(1).uppercased() + role.dropFirst().map { $0 == "-" ? " " : String($0) }.joined()
            if let place = out.firstIndex(where: { $0.role == role }) {
                out[place] = ApprovalStep(roles: [role], quorum: max(out[place].quorum, finding.quorum), label: label)
            } else {
                out.append(ApprovalStep(roles: [role], quorum: finding.quorum, label: label))
            }
        }
        return out
    }

    static let lookAgain = "look-again"
    static let giveUp = "give-up"

    private static let resolutions = [
        Resolution(
            name: lookAgain, label: "Look again", consequence: "The rules are asked anew; what they no longer bind goes on.",
            duty: nil, needsReason: false),
        Resolution(
            name: giveUp, label: "Do not do it",
            consequence: "The workflow hears that this does not happen, and goes on from there.",
            duty: nil, needsReason: true),
    ]

    static func act(of task: TaskRow) -> AnyID? { task.request["evidence"]?["guardrail"]?["act"]?.string.flatMap { AnyID($0) } }
    static func write(of task: TaskRow) -> TaskID? {
        task.request["evidence"]?["guardrail"]?["task"]?.string.flatMap { TaskID($0) }
    }
}

/// The rules of a case: the engine's usual ones, and one more, since no definition says which duty this is.
enum GuardCase {
    static let duty = "override-guardrail"

    static func isOne(_ task: TaskRow) -> Bool { task.taskClass == "person" && task.key.hasPrefix(LaneBatch.guardrailPrefix) }

    /// The round that is open, counted from 0; nil when all are signed.
    static func round(_ request: HumanRequest, _ signatures: [JSONValue]) -> Int? {
        request.rounds.indices.first { index in
            signatures.count { $0["round"]?.int == index } < request.rounds[index].quorum
        }
    }

    /// The role in which this person may answer. Whoever had any hand in the run cannot sign it past a guardrail.
    static func permit(
        _ decision: PersonDecision, _ task: TaskRow, _ request: HumanRequest, state: RunState
    ) throws(Refusal) -> String {
        guard task.finishedAt == nil else {
            throw Refusal(.conflict, reason: "request.closed", "This request was already answered or taken back.")
        }
        guard decision.objectHash == request.objectHash else {
            throw Refusal(
                .stale, reason: "request.changed", "What you saw has changed since. Look at it again before you decide.")
        }
        guard decision.behalf == nil else {
            throw Refusal(
                .forbidden, reason: "delegation.guardrail",
                "What passes a guardrail is signed by whoever holds the role, and by no deputy.")
        }
        let signatures = task.progress["signatures"]?.array ?? []
        guard let round = round(request, signatures) else {
            throw Refusal(.conflict, reason: "request.closed", "This request was already answered or taken back.")
        }
        let roles = request.rounds[round].roles
        guard let role = roles.first(where: { decision.roles.contains($0) }) else {
            throw Refusal(
                .forbidden, reason: "request.role",
                "This needs the role \(roles.joined(separator: " or ")), which you do not hold here.",
                facts: ["roles": roles.joined(separator: ",")])
        }
        guard decision.verdict == "approve" else { return role }
        guard !signatures.contains(where: { $0["natural"]?.string == decision.natural.text }) else {
            throw Refusal(
                .conflict, reason: "sod.distinct-signers",
                "You already signed this, so the next signature has to be someone else's.")
        }
        let chain = state.actsOnChain.map { (duty: $0.duty, person: $0.person) } + earlier(state)
        if let own = chain.first(where: { sameBytes($0.person, decision.natural.text) }) {
            throw Refusal(
                .forbidden, reason: "sod.guardrail",
                "You had a hand in this already (\(own.duty)), so someone else has to sign it past a guardrail.",
                facts: ["rule": "sod.guardrail", "duty": duty, "conflictsWith": own.duty, "person": decision.natural.text])
        }
        return role
    }

    /// What was done before a payment was asked for, as the request for it says.
    private static func earlier(_ state: RunState) -> [(duty: String, person: String)] {
        (state.input["chain"]?.array ?? []).compactMap { act in
            guard let duty = act["duty"]?.string, let person = act["person"]?.string else { return nil }
            return (duty, person)
        }
    }
}

extension LaneBatch {
    /// A person answers a case about a guardrail.
    mutating func decideCase(
        _ task: TaskRow, _ decision: PersonDecision, limit: JSONValue?
    ) throws(Refusal) -> JSONValue {
        guard let id = task.run, let run = runs[id], let context = contexts[run.pinnedText],
            let state = states[id] ?? (try? RunState(json: run.state))  // one that does not read is held
        else {
            throw Refusal(.unavailable, reason: "run.held", "The run is held, so nothing about it can be decided now.")
        }
        let request = try HumanRequest(json: task.request)
        let role = try GuardCase.permit(decision, task, request, state: state)
        let reason = (decision.reason ?? "").split(whereSeparator: \.isWhitespace).joined(separator: " ")
        switch (request.kind, decision.verdict) {
        case (.approval, "approve"):
            try requireLimit(limit, request)
            signCase(task, request, decision, as: role, state: state, context: context)
        case (.approval, "reject"), (.exception, GuardStop.giveUp):
            guard !reason.isEmpty else {
                throw Refusal(.invalid, reason: "request.reason", "Say why; the reason is kept with the decision.")
            }
            judgeCase(task, request, decision, "declined", reason: reason, context: context)
            goOn(after: task)
        case (.exception, GuardStop.lookAgain):
            closeCase(task, decision, GuardStop.lookAgain, context: context, facts: [:])
            goOn(after: task)
        default:
            let words = request.kind == .approval ? ["approve", "reject"] : request.resolutions.map(\.name)
            throw Refusal(.invalid, reason: "request.verdict", "This is answered by one of: \(words.joined(separator: ", ")).")
        }
        return decided(tasks[task.id] ?? task, of: id)
    }

    /// What the sender of a decision is told.
    func decided(_ task: TaskID, of run: RunID) -> JSONValue {
        tasks[task].map { decided($0, of: run) } ?? ["run": JSONValue(run)]
    }

    private func decided(_ after: TaskRow, of run: RunID) -> JSONValue {
        .object([
            "task": JSONValue(after.id), "run": JSONValue(run), "status": .string(after.state),
            "outcome": after.outcome.map(JSONValue.string), "phase": runs[run].map { .string($0.phase) },
            "entry": audit.last.map { JSONValue($0.id) },
        ])
    }

    private func requireLimit(_ limit: JSONValue?, _ request: HumanRequest) throws(Refusal) {
        guard let limit else {
            throw Refusal(.stale, reason: "approval.limit-form", "Decide again: your approval limit was not sent along.")
        }
        var amount: Money?
        if let text = request.object["amount"]?.string,
            let currency = request.object["currency"]?.string.flatMap({ Currency($0) })
        {
            amount = try Amount(text, currency: currency).money()
        }
        if let beyond = ApprovalLimit.refusal(limit: try ApprovalLimit.read(limit), amount: amount) { throw beyond }
    }

    private mutating func signCase(
        _ task: TaskRow, _ request: HumanRequest, _ decision: PersonDecision, as role: String, state: RunState,
        context: RunContext
    ) {
        guard let id = task.run, let run = runs[id] else { return }
        let before = task.progress["signatures"]?.array ?? []
        let round = GuardCase.round(request, before) ?? 0
        let note = SignatureNote(
            person: decision.person, natural: decision.natural, role: role, label: request.rounds[round].label, at: now,
            round: round, count: before.count + 1, of: request.signaturesNeeded)
        sign(task.key, note, run: run)
        remember(DutySeparation.Act(duty: GuardCase.duty, person: decision.natural.text), of: id, state)
        self.note(
            id, type: "guardrail.signed", step: "",
            summary: "\(note.label): signature \(note.count) of \(note.of), past a guardrail.",
            by: decision.person, data: ["act": JSONValue(GuardStop.act(of: task)), "role": .string(role)])
        enter(
            run.tenant, action: "guardrail.signed", object: (type: "run", id: id.text), run: id, by: decision.person,
            facts: caseReceipt(task, request, decision, "approve", context, ["role": .string(role)]))
        guard GuardCase.round(request, tasks[task.id]?.progress["signatures"]?.array ?? []) == nil else { return }
        judgeCase(tasks[task.id] ?? task, request, decision, "approved", reason: nil, context: context)
        goOn(after: task)
    }

    /// The signer had a hand in this run from here on.
    private mutating func remember(_ act: DutySeparation.Act, of run: RunID, _ state: RunState) {
        var state = state
        state.note(act)
        states[run] = state
        runs[run]?.put(state: state.json)
        changedRuns.insert(run)
    }

    private mutating func judgeCase(
        _ task: TaskRow, _ request: HumanRequest, _ decision: PersonDecision, _ verdict: String, reason: String?,
        context: RunContext
    ) {
        guard let act = GuardStop.act(of: task) else { return }
        let evidence = request.evidence["guardrail"] ?? .null
        guardStatements.append(
            GuardrailQueries.judge(
                lane: lane, tenant: task.tenant, id: act,
                verdict: .object([
                    "decision": .string(verdict), "rules": evidence["rules"] ?? [], "facts": evidence["facts"] ?? .null,
                    "reason": reason.map { .string("\(request.title) was declined: \($0)") },
                    "by": JSONValue(decision.person), "at": JSONValue(now),
                ]), at: now))
        closeCase(task, decision, verdict, context: context, facts: ["reason": JSONValue(reason)])
    }

    private mutating func closeCase(
        _ task: TaskRow, _ decision: PersonDecision, _ outcome: String, context: RunContext, facts: JSONObject
    ) {
        guard let id = task.run, let request = try? HumanRequest(json: task.request),  // read before by who calls
            let act = GuardStop.act(of: task)
        else { return }
        finishTask(task.key, run: id, state: "done", outcome: outcome)
        cancelTimer(id: id.anySubject, key: LaneBatch.guardrailPrefix + act.text)
        note(
            id, type: "guardrail.\(outcome)", step: "", summary: "\(request.title): \(outcome).", by: decision.person,
            data: ["act": JSONValue(act), "reason": facts["reason"] ?? .null])
        enter(
            task.tenant, action: "guardrail.\(outcome)", object: (type: "run", id: id.text), run: id, by: decision.person,
            facts: caseReceipt(task, request, decision, outcome, context, facts))
        tell(
            task.tenant, "request.closed", run: id,
            ["task": JSONValue(task.id), "kind": .string(task.kind), "outcome": .string(outcome)])
    }

    private func caseReceipt(
        _ task: TaskRow, _ request: HumanRequest, _ decision: PersonDecision, _ verdict: String, _ context: RunContext,
        _ more: JSONObject
    ) -> JSONValue {
        var facts: JSONObject = [
            "request": .string(task.key), "title": .string(request.title), "objectHash": .string(request.objectHash),
            "person": JSONValue(decision.person), "natural": JSONValue(decision.natural), "verdict": .string(verdict),
            "rules": request.evidence["guardrail"]?["rules"] ?? [], "at": JSONValue(now),
        ]
        for member in more { facts[member.key] = member.value }
        facts["hash"] = .string(context.environment.hash(.object(facts)))
        return .object(facts)
    }

    /// What waited for the case is judged again.
    private mutating func goOn(after task: TaskRow) {
        letEventGo(task)
        if let write = GuardStop.write(of: task) { looks[task.tenant, default: []].append(write) }
    }
}

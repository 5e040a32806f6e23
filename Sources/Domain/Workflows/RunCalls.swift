import Expressions
import Kernel
import Policies

/// The calls of a definition: policies and matching answer at once, workers and people later.
extension RunPass {
    mutating func decidePolicy(_ name: String, _ input: JSONValue, _ path: String) throws(StepError) -> JSONValue {
        let policy = try policy(name, path)
        do throws(Refusal) {
            let decision = try policy.decide(input)
            let rules = decision.rulesFired.map(\.label).joined(separator: "; ")
            let recorded = decision.recorded(salt: state.seed, hash: environment.hash)
            record("policy.decided", path, rules.isEmpty ? "\(policy.title) decided." : rules, recorded)
            actions.append(
                .audit(
                    action: "policy.decided",
                    facts: [
                        "step": .string(path),
                        "receipt": decision.receipt(salt: state.seed, hash: environment.hash),
                    ]))
            return decision.json
        } catch {
            throw StepError(kind: .policy, type: error.reason, title: policy.title, detail: error.message, step: path)
        }
    }

    private func policy(_ name: String, _ path: String) throws(StepError) -> Policy {
        guard let policy = environment.policies[name] else {
            throw engineError("CONFIGURATION", "The policy '\(name)' is not among those pinned for this run.", step: path)
        }
        return policy
    }

    mutating func match(
        _ name: String, _ input: JSONValue, _ node: StepNode, _ path: String
    ) throws(StepError) -> JSONValue {
        let policy = try policy(name, path)
        do throws(Refusal) {
            let result = try environment.matcher(input, policy)
            let verdict = result["result"]?.string ?? ""
            let holds = result["holds"]?.array ?? []
            let summary =
                holds.isEmpty ? "The invoice agrees with order and receipts." : "\(holds.count) differences hold the invoice."
            record(
                verdict == "held" ? "match.held" : "match.compared", path,
                verdict == "notApplicable" ? "There is no order to compare with." : summary, result)
            // The documents compared are large and lie in the run; the receipt is bound to them by their fingerprint.
            let decision = PolicyDecision(
                policy: policy.name, version: policy.version, outcome: ["result": .string(verdict), "holds": .array(holds)],
                rulesFired: InvoiceMatching.rulesFired(by: holds, in: policy),
                inputsUsed: ["fingerprint": .string(environment.hash(input))])
            actions.append(
                .audit(
                    action: "match.decided",
                    facts: [
                        "step": .string(path), "policy": .string(policy.name), "version": .string(policy.version),
                        "result": .string(verdict), "holds": .array(holds), "hash": .string(environment.hash(result)),
                        "receipt": decision.receipt(hash: environment.hash),
                    ]))
            return result
        } catch {
            throw StepError(kind: .policy, type: error.reason, title: node.title, detail: error.message, step: path)
        }
    }

    mutating func dispatch(_ call: WorkCall, _ node: StepNode, _ path: String, _ visit: Int) throws(StepError) {
        let key = "\(path)#\(visit)"
        let input = try evaluated(call.input, bindings(at: path), at: path)
        // The same work on the same data has the same key over all visits, so that the other side recognises a write; a read is
        // new on each visit.
        let subject: JSONValue = [
            "definition": .string(definition.name), "step": .string(path), "visit": JSONValue(call.kind.isWrite ? 0 : visit),
            "input": input, "run": .string(state.seed),
        ]
        var idempotencyKey = "\(path)/\(environment.hash(subject))"
        if let template = call.idempotencyKey {
            guard let own = try evaluated(template, bindings(at: path), at: path).string, !own.isEmpty, own.utf8.count <= 200
            else {
                throw engineError("EXPRESSION", "The idempotency key is no text of 1 to 200 bytes.", step: path)
            }
            idempotencyKey = own
        }
        let request = WorkRequest(
            key: key, kind: call.kind, title: node.title, connection: call.connection, input: input,
            idempotencyKey: idempotencyKey, retry: call.retry, timeoutSeconds: call.timeoutSeconds)
        wait(.work(request, dead: nil), at: path)
        actions.append(.dispatch(request))
    }

    mutating func ask(_ call: HumanCall, _ node: StepNode, _ path: String, _ visit: Int) throws(StepError) {
        let key = "\(path)#\(visit)"
        let bindings = bindings(at: path)
        let object = try evaluated(call.object, bindings, at: path)
        let rounds = try rounds(try evaluated(call.rounds, bindings, at: path), path)
        var title = node.title
        if let template = call.title, let text = try evaluated(template, bindings, at: path).string { title = text }
        var code: String?
        if let template = call.code { code = try evaluated(template, bindings, at: path).string }
        let deadlines = call.deadlines.map { rule in
            let at = rule.isServiceTime ? environment.serviceInstant(rule.seconds, now) : now.adding(seconds: rule.seconds)
            return Deadline(key: "\(key)/\(rule.name)", name: rule.name, at: at, act: rule.act)
        }
        let request = HumanRequest(
            key: key, kind: call.kind, title: title, code: code, object: object, objectHash: environment.hash(object),
            rounds: rounds,
            resolutions: call.resolutions, deadlines: deadlines, evidence: try evaluated(call.evidence, bindings, at: path),
            riskClass: try evaluated(call.riskClass, bindings, at: path).string ?? "standard", form: call.form)
        wait(.person(PersonWait(request: request, duty: call.duty, round: 0, signatures: [], passed: [])), at: path)
        actions.append(.ask(request))
        actions.append(contentsOf: deadlines.map { .setTimer(key: $0.key, at: $0.at) })
        var facts: JSONObject = ["request": .string(key), "title": .string(title), "objectHash": .string(request.objectHash)]
        if let code { facts["code"] = .string(code) }
        actions.append(.audit(action: "\(call.kind.rawValue).opened", facts: .object(facts)))
    }

    private func rounds(_ json: JSONValue, _ path: String) throws(StepError) -> [ApprovalStep] {
        guard let items = json.array, !items.isEmpty, items.count <= ApprovalStep.roundsMax else {
            throw engineError("CONFIGURATION", "An approval needs 1 to \(ApprovalStep.roundsMax) rounds.", step: path)
        }
        var out: [ApprovalStep] = []
        for item in items {
            guard let role = item["role"]?.string, let quorum = item["quorum"]?.int, (1...ApprovalStep.quorumMax).contains(quorum)
            else {
                throw engineError("CONFIGURATION", "A round of an approval names a role and a quorum.", step: path)
            }
            out.append(ApprovalStep(roles: [role], quorum: quorum, label: item["label"]?.string ?? DefinitionParser.spoken(role)))
        }
        return out
    }
}

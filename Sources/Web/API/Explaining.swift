internal import Flow
internal import Kernel
internal import Records
internal import Tenancy

extension Services {
    /// Signing more than the tenant's `stepUpAbove` takes a fresh proof. As with an approval limit, an amount in another currency
    /// or one that cannot be told exactly is above it.
    func requireProof(signing task: TaskRow, _ verdict: String, _ context: TenantContext) async throws {
        guard verdict == "approve", task.kind == "approval", let run = task.run,
            let written = try await assets.current(for: context.scope.id).all("tenant").first?.content["stepUpAbove"]
        else { return }
        if let above = TenantDocument.stepUpAbove(written) {
            let amount = try await looking.run(context.scope.id, run).amount
            guard ApprovalLimit.refusal(limit: above, amount: amount) != nil else { return }
        }
        // A bound that cannot be read lifts no control.
        try signingIn.requireFreshProof(context.visitor.identity)
    }

    /// Who decides an approval: the person, or the person as the deputy that a delegation makes them.
    func actor(_ context: TenantContext, deciding task: TaskRow, under delegation: String?) async throws -> Actor {
        guard let delegation, !delegation.isEmpty else { return context.actor }
        guard let id = DelegationID(delegation) else {
            throw Refusal(
                .invalid, reason: "delegation.none", "This is no delegation's id.", facts: ["field": "delegation"])
        }
        guard let run = task.run else { return context.actor }
        return try await looking.delegating.standing(
            in: id, as: context.actor, workflow: try await looking.run(context.scope.id, run).workflow, scope: context.scope)
    }
}

/// Who may do what, and why or why not: for those who have to answer that.
struct Explanation: Sendable {
    let isAllowed: Bool
    /// One sentence.
    let sentence: String
    let findings: [Authority.Finding]
    /// The rule that stands in the way of signing the approval that was asked about.
    let rule: String?

    /// By the rules that a request of that person would meet now, with a session and not with a limited key.
    ///
    /// `approval` is one that waits: then duty separation, limits and quorum are asked too, by the engine itself.
    static func make(
        _ services: Services, person: PersonRow, permission: Permission, entity: String?, approval: TaskID?,
        context: TenantContext
    ) async throws -> Explanation {
        guard person.state == "active" else {
            return Explanation(
                isAllowed: false, sentence: "\(person.name) is not named in a people file any more.", findings: [], rule: nil)
        }
        let authority = try await services.access.authority(of: person)
        let verdict = authority.verdict(permission, in: context.node, entity: entity, at: context.now)
        let findings = authority.findings(permission, in: context.node, entity: entity, at: context.now)
        guard verdict.isAllowed, let approval else {
            let sentence =
                verdict.isAllowed || !verdict.explanation.hasPrefix("No role of yours")
                ? verdict.explanation : "No role of \(person.name) includes: \(permission.title.lowercased())."
            return Explanation(isAllowed: verdict.isAllowed, sentence: sentence, findings: findings, rule: nil)
        }
        let task = try await services.looking.task(context.scope.id, approval)
        guard task.kind == "approval", task.finishedAt == nil, let run = task.run else {
            throw Refusal(.unprocessable, reason: "explain.approval", "No approval of that id waits for a signature.")
        }
        let limit = try ApprovalLimit.read(person.roles["approvalLimit"] ?? .null)
        let actor = Actor(
            tenant: context.scope.id, person: person.id, natural: person.natural, name: person.name,
            roles: authority.roleNames(in: context.node, entity: entity, at: context.now), approvalLimit: limit)
        let row = try await services.looking.run(context.scope.id, run)
        let objection: Refusal?
        if let refusal = ApprovalLimit.refusal(limit: limit, amount: row.amount) {
            objection = refusal
        } else {
            objection = try await services.looking.objection(to: actor, signing: task, run: row)
        }
        return Explanation(
            isAllowed: objection == nil,
            sentence: objection?.message ?? "\(verdict.explanation) Nothing stands in the way of signing this one.",
            findings: findings, rule: objection?.reason)
    }

    var json: JSONValue {
        [
            "allowed": .bool(isAllowed), "explanation": .string(sentence), "rule": rule.map(JSONValue.string) ?? .null,
            "grants": .array(
                findings.map { finding in
                    [
                        "role": .string(finding.grant.role), "scope": .string(finding.grant.scope.path),
                        "standing": .string(finding.standing.rawValue), "explanation": .string(finding.explanation),
                    ]
                }),
        ]
    }
}

package import Kernel
internal import Policies
internal import Postgres
internal import Records
internal import Tenancy

/// Decisions of policies as recorded, and what a new version of a policy would have made of them. Reads only.
extension Looking {
    /// Decisions looked at by one replay, the newest first.
    package static let replayMax = 10_000
    private static let replayPage = 500

    /// A decision of a policy with the run it was about.
    package struct ListedDecision: Sendable {
        package let id: AuditEntryID
        package let at: Moment
        package let action: String
        package let run: RunID?
        package let step: String
        package let receipt: JSONValue
        package let subject: String
        package let counterparty: String
        package let amount: Money?

        init(_ row: Row) throws {
            id = try row.get("id", as: AuditEntryID.self)
            at = try row.get("at", as: Moment.self)
            action = try row.get("action", as: String.self)
            run = try row.get("run_id", as: RunID?.self)
            let content = try row.get("content", as: JSONValue.self)
            step = content["step"]?.string ?? ""
            receipt = content["receipt"] ?? .null
            subject = try row.get("subject", as: String?.self) ?? ""
            counterparty = try row.get("counterparty", as: String?.self) ?? ""
            let minor = try row.get("amount_minor", as: Int64?.self)
            let currency = try row.get("currency", as: String?.self).flatMap { Currency($0) }
            // The column was derived from the document; one out of range counts as untold.
            if let minor, let currency { amount = try? Money(minorUnits: minor, currency: currency) } else { amount = nil }
        }
    }

    /// One page of decisions, newest first; of one policy, or of all.
    package func decisions(
        _ tenant: TenantID, policy: String? = nil, before: (Moment, AuditEntryID)? = nil, limit: Int
    ) async throws -> [ListedDecision] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                AuditQueries.decisions(tenant: tenant, policy: policy, before: before, limit: min(limit, Looking.replayPage))
            ).map(ListedDecision.init)
        }
    }

    /// Replays the recorded decisions of a policy with `content`, a version that need not be published.
    ///
    /// Refuses content that is no sound policy, with the first thing wrong. The report says in `isComplete` whether all decisions
    /// since `since` were looked at.
    package func impact(
        of content: JSONValue, tenant: TenantID, since: Moment? = nil, limit: Int = replayMax
    ) async throws -> JSONValue {
        var issues: [AssetIssue] = []
        let made = Policy.parse(content, issues: &issues)
        let first = issues.first { $0.severity == .error }
        guard let policy = made, first == nil else {
            throw Refusal(
                .unprocessable, reason: "policy.unsound", "\(first?.message ?? "This is no policy.") \(first?.remedy ?? "")",
                facts: ["field": "policy\(first?.pointer ?? "")"])
        }
        let most = max(1, min(limit, Looking.replayMax))
        if policy.guardrails != nil { return try await impact(of: policy, tenant: tenant, since: since, most: most) }
        var recorded: [ListedDecision] = []
        var cursor: (Moment, AuditEntryID)?
        var isComplete = false
        while recorded.count < most, !isComplete {
            let page = try await decisions(
                tenant, policy: policy.name, before: cursor, limit: min(Looking.replayPage, most - recorded.count))
            let wanted = page.filter { entry in since.map { entry.at >= $0 } ?? true }
            recorded += wanted
            isComplete = page.count < Looking.replayPage && recorded.count < most || wanted.count < page.count
            cursor = page.last.map { ($0.at, $0.id) }
            if page.isEmpty { isComplete = true }
        }
        var earlier: [String: Policy] = [:]
        for version in Set(recorded.compactMap { $0.receipt["version"]?.string }) {
            guard let row = try await assets.version("policy", policy.name, version, for: tenant) else { continue }
            var ignored: [AssetIssue] = []
            earlier[version] = Policy.parse(row.content, issues: &ignored)
        }
        var impact = PolicyImpact(of: policy, earlier: earlier)
        for entry in recorded {
            impact.add(
                PolicyImpact.Recorded(
                    receipt: entry.receipt, at: entry.at, run: entry.run?.text ?? "", subject: entry.subject,
                    counterparty: entry.counterparty, amount: entry.amount))
        }
        return Looking.report(
            impact, isComplete: isComplete, since: recorded.last?.at,
            before: recorded.first?.receipt["version"]?.string.flatMap { earlier[$0] }, policy)
    }

    private static func report(
        _ impact: PolicyImpact, isComplete: Bool, since: Moment?, before: Policy?, _ policy: Policy
    ) -> JSONValue {
        guard case .object(var report) = impact.json else { return impact.json }
        report["isComplete"] = .bool(isComplete)
        report["since"] = since.map { JSONValue($0) } ?? .null
        report["meaning"] = .array(
            before.map { PolicyDifference.sentences(from: $0, to: policy).map(JSONValue.string) } ?? [])
        return .object(report)
    }

    /// Guardrails are asked about every act, bound or not: those that they let pass have no receipt.
    private func impact(of policy: Policy, tenant: TenantID, since: Moment?, most: Int) async throws -> JSONValue {
        let (decisions, isComplete) = try await guardedDecisions(policy.name, tenant: tenant, since: since, limit: most)
        var impact = PolicyImpact(of: policy, earlier: [:])
        for decision in decisions { impact.add(decision) }
        // The nearest level of that name is the one that a new version would stand in for.
        let current = try await assets.current(for: tenant).guardrails?.levels.first { $0.name == policy.name }?.policy
        return Looking.report(impact, isComplete: isComplete, since: decisions.last?.at, before: current, policy)
    }
}

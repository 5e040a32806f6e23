internal import Kernel
internal import Tenancy

/// Says when a change makes a control weaker: a limit raised, a signature fewer, a tolerance wider, a promise longer.
///
/// It errs towards marking: a mark costs a second look, a missing one costs a control.
struct ControlWatch {
    private let strongRoles: Set<String>

    init(bundle: ConfigurationBundle) {
        var strong: Set<String> = []
        for entry in bundle.entries where entry.kind == .operator {
            for role in entry.content["roles"]?.array ?? [] {
                let permissions = role["permissions"]?.array?.compactMap(\.string) ?? []
                if permissions.contains(where: ControlWatch.strongPermissions.contains), let name = role["name"]?.string {
                    strong.insert(name)
                }
            }
        }
        strongRoles = strong
    }

    private static let strongPermissions: Set<String> = [
        Permission.approvalsDecide.rawValue, Permission.configurationApply.rawValue, Permission.exceptionsResolve.rawValue,
        Permission.runsManage.rawValue,
    ]

    /// Why the change weakens a control; nil when it does not.
    func weakening(kind: String, _ change: FieldChange) -> String? {
        switch AssetKind(rawValue: kind) {
        case .people: return people(change)
        case .operator: return roles(change)
        case .contract: return contract(change)
        case .tenant: return tenant(change)
        case .connection: return connection(change)
        case .brand: return change.path.contains("locks") && change.new == nil && change.old != nil ? "a lock is lifted" : nil
        case .policy: return policy(change)
        case .workflow, .candidate: return workflow(change)
        case .rollout: return rollout(change)
        case .partner, .calendar, .onCall, .connector, .pattern, .policyTests, .runbook, nil: return nil
        }
    }

    private func rollout(_ change: FieldChange) -> String? {
        switch change.path.first {
        case "stage" where change.new != "shadow": "new runs go by another version"
        case "share" where isRaised(change): "more runs go by the version that is tried"
        case "when" where change.new == nil: "every run may go by the version that is tried"
        case "promote" where change.new == "automatic": "a version is promoted without a person"
        case "minimum" where isLowered(change): "a version is judged by fewer runs"
        case "bars" where change.old != nil: "a bar for the version that is tried changes"
        default: nil
        }
    }

    private func people(_ change: FieldChange) -> String? {
        if change.path.contains("approvalLimit") {
            if change.new == nil { return "an approval limit is lifted" }
            if isRaised(change) { return "an approval limit is raised" }
            if change.path.last == "currency" { return "an approval limit changes its currency" }
            return nil
        }
        guard change.new != nil else { return nil }
        if change.path.count == 2, change.path[0] == "people", let roles = change.new?["roles"]?.array, change.old == nil {
            let held = roles.compactMap { $0.string ?? $0["role"]?.string }.filter(strongRoles.contains)
            return held.isEmpty ? nil : "a new person may decide: \(held.joined(separator: ", "))"
        }
        guard change.path.contains("roles") else { return nil }
        let role = change.new?.string ?? change.new?["role"]?.string ?? change.path.last ?? ""
        if change.old == nil, strongRoles.contains(role) { return "a person gains the role \(role)" }
        return change.path.last == "until" ? "a role that ends is given another end" : nil
    }

    private func roles(_ change: FieldChange) -> String? {
        guard change.path.contains("permissions"), let gained = change.new?.string,
            ControlWatch.strongPermissions.contains(gained)
        else {
            return nil
        }
        return "a role gains \(gained)"
    }

    private func contract(_ change: FieldChange) -> String? {
        if change.path.first == ContractPaper.member { return change.new == nil ? nil : "signatures are taken from paper" }
        switch change.path.last ?? "" {
        case "target", "targetSeconds": return isRaised(change) ? "a promise is given more time" : nil
        case "pauseReasons" where change.new == nil: return "every reason stops the clock"
        case _ where change.path.contains("pauseReasons") && change.old == nil && change.new != nil:
            return "one more reason stops the clock"
        case _ where change.path.contains("warnPercents") && change.new == nil && change.old != nil: return "a warning is dropped"
        case _ where change.path.dropLast().last == "objectives" && change.new == nil && change.old != nil:
            return "a promise is dropped"
        case _ where change.path.isEmpty && change.new == nil: return "the contract is dropped"
        default: return nil
        }
    }

    private func tenant(_ change: FieldChange) -> String? {
        if change.path.first == "identity" { return identity(change) }
        switch change.path.last ?? "" {
        case "requiredLevel", "workers":
            let order = ["L0", "L1", "L2"]
            func level(_ value: JSONValue?) -> Int { (value?["requiredLevel"] ?? value)?.string.flatMap(order.firstIndex) ?? 0 }
            return level(change.new) < level(change.old) ? "workers may be less isolated" : nil
        case "documentsYears": return isLowered(change) ? "documents are kept for a shorter time" : nil
        case "historyMonths": return isSooner(change) ? "history is removed sooner, and nothing brings it back" : nil
        default: return nil
        }
    }

    /// Whoever answers for the provider says who somebody is, so every change counts but one that only shuts out.
    private func identity(_ change: FieldChange) -> String? {
        if change.path.count == 1 {
            return change.new == nil ? nil : "another system says who comes in"
        }
        switch change.path[1] {
        case "name": return nil
        case "passwords": return change.new == .bool(false) ? nil : "passwords open accounts again"
        case "trustsAddresses": return change.new == .bool(true) ? "mail addresses count that nobody made sure of" : nil
        // Without a list all of them are allowed.
        case "algorithms" where change.path.count == 2: return "the identity provider is trusted with more"
        case "domains", "trustedMethods", "allow", "algorithms":
            return change.new == nil && change.old != nil ? nil : "the identity provider is trusted with more"
        default: return "another system says who comes in"
        }
    }

    /// A term where there was none counts too: history was kept as long as the documents before.
    private func isSooner(_ change: FieldChange) -> Bool { change.new != nil && (change.old == nil || isLowered(change)) }

    private func connection(_ change: FieldChange) -> String? {
        if change.path.contains("allow"), change.new != nil { return "the worker may dial another place" }
        switch change.path.last ?? "" {
        case "settleSeconds": return isLowered(change) ? "a lost write is searched for sooner" : nil
        case "baseUrl":
            let isOpened = change.old?.string?.hasPrefix("https://") == true && change.new?.string?.hasPrefix("http://") == true
            return isOpened ? "the connection is no longer encrypted" : nil
        default: return nil
        }
    }

    /// By the words that policies use: bounds of bands and tolerances upwards, signatures downwards, rules and steps removed.
    private func policy(_ change: FieldChange) -> String? {
        if change.path.isEmpty { return change.new == nil ? "the policy is dropped" : nil }
        if change.path.contains("tests") {
            return change.new == nil && change.old != nil ? "a test of the policy is dropped" : nil
        }
        let isGone = change.new == nil && change.old != nil
        if isGone, change.path.contains(where: ["steps", "rules", "pairs", "rows", "bands", "duties"].contains) {
            return change.path.contains("steps") ? "a signature is dropped" : "a rule is dropped"
        }
        switch change.path.last ?? "" {
        case "quorum": return isLowered(change) ? "fewer signatures are needed" : nil
        case "over", "upTo": return isRaised(change) ? "a threshold is raised" : nil
        case "absMinor", "pct":
            if change.new?.isNull ?? true { return "a tolerance is no longer checked" }
            return isRaised(change) ? "a tolerance is widened" : nil
        case "amount" where change.path.contains("limits"): return isRaised(change) ? "a limit of a guardrail is raised" : nil
        case "days": return isLowered(change) ? "a guardrail lets go sooner" : nil
        case "acts", "per", "of", "check": return "a guardrail covers something else"
        case "action", "combine", "direction", "mode", "severity", "effect": return "a rule acts differently"
        default: return nil
        }
    }

    private func workflow(_ change: FieldChange) -> String? {
        guard let old = change.old else { return nil }
        let gates = ["human.approve", "policy.decide", "match", "exception.open"]
        func calls(_ value: JSONValue?) -> Int {
            switch value {
            case .object(let object)?:
                (object["call"]?.string.map { gates.contains($0) ? 1 : 0 } ?? 0)
                    + object.members.reduce(0) { $0 + calls($1.value) }
            case .array(let items)?: items.reduce(0) { $0 + calls($1) }
            default: 0
            }
        }
        if calls(change.new) < calls(old) { return "a gate is dropped" }
        if change.path.last == "call", old.string.map(gates.contains) == true { return "a gate is replaced" }
        return nil
    }

    private func isRaised(_ change: FieldChange) -> Bool { compare(change).map { $0 > 0 } ?? (change.new?.isNull ?? false) }
    private func isLowered(_ change: FieldChange) -> Bool { compare(change).map { $0 < 0 } ?? false }

    /// 1 when the new value is larger, by number, amount or duration; nil when they cannot be compared.
    private func compare(_ change: FieldChange) -> Int? {
        guard let old = magnitude(change.old), let new = magnitude(change.new) else { return nil }
        return new == old ? 0 : new > old ? 1 : -1
    }

    private func magnitude(_ value: JSONValue?) -> ExactDecimal? {
        switch value {
        case .number(let number)?: ExactDecimal(number.text)
        case .string(let text)?: ExactDecimal(text) ?? ServiceTarget.seconds(of: text).flatMap { ExactDecimal("\($0)") }
        default: nil
        }
    }
}

package import Kernel

/// Which of several contracts governs a case: all fields of its scope match, and the one with more fields wins.
package struct ScopedContract: Hashable, Sendable {
    package let id: String
    package let tenant: String
    /// Nil means any.
    package let service: String?
    package let priority: String?
    /// Inclusive.
    package let effectiveFrom: Moment
    /// Exclusive; nil means without end.
    package let effectiveTo: Moment?

    package init(id: String, tenant: String, service: String?, priority: String?, effectiveFrom: Moment, effectiveTo: Moment?) {
        self.id = id
        self.tenant = tenant
        self.service = service
        self.priority = priority
        self.effectiveFrom = effectiveFrom
        self.effectiveTo = effectiveTo
    }

    package struct Case: Hashable, Sendable {
        package let tenant: String
        package let service: String?
        package let priority: String?
        package let at: Moment

        package init(tenant: String, service: String?, priority: String?, at: Moment) {
            self.tenant = tenant
            self.service = service
            self.priority = priority
            self.at = at
        }
    }

    private func governs(_ wanted: Case) -> Bool {
        tenant == wanted.tenant && (service == nil || service == wanted.service)
            && (priority == nil || priority == wanted.priority)
            && effectiveFrom <= wanted.at && (effectiveTo.map { wanted.at < $0 } ?? true)
    }

    private var fieldCount: Int { 1 + (service == nil ? 0 : 1) + (priority == nil ? 0 : 1) }

    /// The governing contract, or nil when none is: a gap, which the operator should hear of.
    ///
    /// Two contracts with equally many fields are ordered by the later `effectiveFrom`, then by their place: the first wins.
    package static func choose(from contracts: [ScopedContract], for wanted: Case) -> ScopedContract? {
        var best: ScopedContract?
        for contract in contracts where contract.governs(wanted) {
            guard let held = best else {
                best = contract
                continue
            }
            if (contract.fieldCount, contract.effectiveFrom) > (held.fieldCount, held.effectiveFrom) { best = contract }
        }
        return best
    }
}

extension ScopedContract {
    static func explain(_ document: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> JSONValue? {
        let members = ["kind", "id", "expect", "working", "contracts", "cases"]
        guard let fields = DocumentFields(document, at: pointer, known: members, issues: &issues) else { return nil }
        let before = issues.count
        let contracts = fields.items("contracts", max: ServiceBounds.contractVersionsMax, isRequired: true, issues: &issues)
            .compactMap { item, at in read(item, at: at, issues: &issues) }
        let cases = fields.items("cases", max: ServiceBounds.casesMax, isRequired: true, issues: &issues).compactMap { item, at in
            readCase(item, at: at, issues: &issues)
        }
        guard issues.count == before else { return nil }
        return .array(cases.map { JSONValue(choose(from: contracts, for: $0)?.id) })
    }

    private static func read(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> ScopedContract? {
        let members = ["id", "scope", "effectiveFrom", "effectiveTo"]
        guard let fields = DocumentFields(json, at: pointer, known: members, issues: &issues) else { return nil }
        let id = fields.text("id", issues: &issues)
        let from = fields.moment("effectiveFrom", issues: &issues)
        let to = fields.moment("effectiveTo", isRequired: false, issues: &issues)
        guard let scopeJSON = fields.required("scope", "an object with at least the tenant", issues: &issues),
            let scope = DocumentFields(
                scopeJSON, at: fields.child("scope"), known: ["tenant", "service", "priority"], issues: &issues)
        else { return nil }
        let tenant = scope.text("tenant", issues: &issues)
        let service = scope.text("service", isRequired: false, issues: &issues)
        let priority = scope.text("priority", isRequired: false, issues: &issues)
        guard let id, let from, let tenant else { return nil }
        return ScopedContract(id: id, tenant: tenant, service: service, priority: priority, effectiveFrom: from, effectiveTo: to)
    }

    private static func readCase(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Case? {
        let members = ["tenant", "service", "priority", "at"]
        guard let fields = DocumentFields(json, at: pointer, known: members, issues: &issues) else { return nil }
        let tenant = fields.text("tenant", issues: &issues)
        let service = fields.text("service", isRequired: false, issues: &issues)
        let priority = fields.text("priority", isRequired: false, issues: &issues)
        guard let at = fields.moment("at", issues: &issues), let tenant else { return nil }
        return Case(tenant: tenant, service: service, priority: priority, at: at)
    }
}

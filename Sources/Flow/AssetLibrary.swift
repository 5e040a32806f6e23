package import Kernel
internal import Policies
package import Postgres
package import Records
package import ServiceLevels
package import Tenancy
package import Workflows

/// Which versions a run works by; written into its row at the start and never changed.
package struct PinnedAssets: Sendable, Equatable {
    package struct Reference: Sendable, Equatable {
        package let scope: TenantID
        package let asset: AssetID
        package let version: String
    }

    package let workflow: Reference
    package let policies: [String: Reference]
    package let contract: Reference?
    package let calendar: Reference?

    package var json: JSONValue {
        func form(_ reference: Reference) -> JSONValue {
            ["scope": JSONValue(reference.scope), "asset": JSONValue(reference.asset), "version": .string(reference.version)]
        }
        return .object([
            "workflow": form(workflow),
            "policies": .object(JSONObject(policies.sorted { $0.key < $1.key }.map { (key: $0.key, value: form($0.value)) })),
            "contract": contract.map(form), "calendar": calendar.map(form),
        ])
    }

    package init(json: JSONValue) throws {
        func reference(_ json: JSONValue?) -> Reference? {
            guard let json, let scope = json["scope"]?.string.flatMap({ TenantID($0) }),
                let asset = json["asset"]?.string.flatMap({ AssetID($0) }), let version = json["version"]?.string
            else { return nil }
            return Reference(scope: scope, asset: asset, version: version)
        }
        guard let workflow = reference(json["workflow"]) else {
            throw Fault("read pinned versions", "the workflow is missing", isRetryable: false)
        }
        self.workflow = workflow
        var policies: [String: Reference] = [:]
        for member in json["policies"]?.object ?? [:] { policies[member.key] = reference(member.value) }
        self.policies = policies
        contract = reference(json["contract"])
        calendar = reference(json["calendar"])
    }

    init(workflow: Reference, policies: [String: Reference], contract: Reference?, calendar: Reference?) {
        self.workflow = workflow
        self.policies = policies
        self.contract = contract
        self.calendar = calendar
    }
}

/// What is in force for one tenant now: its own assets over its partner's over the operator's.
package struct TenantAssets: Sendable {
    package let scope: ScopeRow
    /// Every current asset by `kind/name`, nearest scope first.
    let assets: [String: AssetRow]
    package let tenant: TenantDocument?
    /// Who may act here; empty for partners and the operator.
    package let roster: Roster
    /// The operator's people who are active, by their short names: who is on call for this tenant.
    let staff: [String: PersonRow]
    /// Exchanges of shifts that the operator's people have agreed on and that are not over, the latest agreement last.
    let swaps: [SwapRow]

    package func row(_ kind: String, _ name: String) -> AssetRow? { assets["\(kind)/\(name)"] }

    package func all(_ kind: String) -> [AssetRow] {
        assets.values.filter { $0.kind == kind }.sorted { $0.name < $1.name }
    }
}

/// What a run needs to take its next step, all by pinned version.
package struct RunContext: Sendable {
    package let environment: RunEnvironment
    package let contract: ContractDocument?
    package let calendar: ServiceCalendar?
    package let pinned: PinnedAssets
}

/// Published configuration, parsed once per version and kept; the current versions of a tenant are looked up anew when they
/// change.
package final class AssetLibrary: Sendable {
    /// Parsed versions kept in memory; they are immutable, so forgetting one only costs parsing it again.
    package static let parsedMax = 4000

    private struct State {
        var current: [TenantID: (assets: TenantAssets, readAt: Moment)] = [:]
        var rows: [AssetID: AssetRow] = [:]
        var contexts: [String: RunContext] = [:]
        /// The policies that a workflow names, by its version; parsing it for each start would cost more than the start.
        var policyNames: [AssetID: [String]] = [:]
    }

    private let state = Locked(State())
    private let store: Store
    private let clock: WallClock
    private let hash: @Sendable (JSONValue) -> String
    /// Configuration of other replicas' applies is seen after this even when their notification was lost.
    private static let freshSeconds: Int64 = 5

    package init(store: Store, clock: WallClock, hash: @escaping @Sendable (JSONValue) -> String) {
        self.store = store
        self.clock = clock
        self.hash = hash
    }

    package func invalidate() {
        state.withLock { $0.current = [:] }
    }

    /// What `current(for:)` read a moment ago; never waits for the database.
    func known(_ tenant: TenantID) -> TenantAssets? {
        let now = clock.now
        return state.withLock { state in
            state.current[tenant].flatMap { now.seconds(since: $0.readAt) < AssetLibrary.freshSeconds ? $0.assets : nil }
        }
    }

    /// What `context(for:)` has parsed; never waits for the database.
    func known(_ pinned: PinnedAssets) -> RunContext? {
        let key = pinned.json.text
        return state.withLock { $0.contexts[key] }
    }

    /// The tenant, its partner and the operator, nearest first.
    private func line(of tenant: TenantID) async throws -> [ScopeRow] {
        let scopes = try await store.withGate { tx in try await tx.query(ScopeQueries.all()).map(ScopeRow.init) }
        var line: [ScopeRow] = []
        var next: TenantID? = tenant
        while let id = next, line.count < 4, let scope = scopes.first(where: { $0.id == id }) {
            line.append(scope)
            next = scope.parent
        }
        return line
    }

    /// What is in force for the tenant (or partner, or operator) now.
    package func current(for tenant: TenantID) async throws -> TenantAssets {
        let now = clock.now
        if let known = known(tenant) { return known }
        let line = try await line(of: tenant)
        guard let own = line.first else { throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.") }
        var assets: [String: AssetRow] = [:]
        var people: [PersonRow] = []
        var swaps: [SwapRow] = []
        for scope in line {
            let (rows, persons, agreed) = try await store.withTenant(scope.id) { tx in
                let found = try await tx.pipeline([
                    AssetQueries.current(tenant: scope.id), ScopeQueries.people(tenant: scope.id),
                    SwapQueries.upcoming(tenant: scope.id, after: now, limit: OnCalling.swapsMax),
                ])
                return (try found[0].map(AssetRow.init), try found[1].map(PersonRow.init), try found[2].map(SwapRow.init))
            }
            swaps += agreed.filter { $0.state == "agreed" }
            for row in rows where assets["\(row.kind)/\(row.name)"] == nil { assets["\(row.kind)/\(row.name)"] = row }
            people += persons
        }
        var issues: [AssetIssue] = []
        let document =
            own.kind == "tenant"
            ? assets["tenant/\(own.slug)"].flatMap { TenantDocument.parse($0.content, issues: &issues) } : nil
        let found = TenantAssets(
            scope: own, assets: assets, tenant: document,
            roster: AssetLibrary.roster(of: line, people: people, assets: Array(assets.values)),
            staff: Dictionary(
                people.filter { $0.tenant == line.last?.id && $0.state == "active" }.map { ($0.slug, $0) },
                uniquingKeysWith: { first, _ in first }),
            swaps: swaps)
        state.withLock { state in
            state.current[tenant] = (found, now)
            for row in assets.values { state.rows[row.id] = row }
            if state.rows.count > AssetLibrary.parsedMax { state.rows = [:] }
        }
        return found
    }

    /// `line` goes from the tenant up.
    private static func roster(of line: [ScopeRow], people: [PersonRow], assets: [AssetRow]) -> Roster {
        var issues: [AssetIssue] = []
        let roles =
            assets.first { $0.kind == "operator" }.flatMap { OperatorDocument.parse($0.content, issues: &issues) }?.roles ?? []
        guard line.count > 1, line[0].kind == "tenant" else { return Roster([], node: .operator, roles: roles) }
        return Roster(people, node: .tenant(line[0].slug, partner: line[1].slug), roles: roles)
    }

    /// The versions that a run starting now would be pinned to.
    func pins(in assets: TenantAssets, workflow name: String, at now: Moment) throws -> PinnedAssets {
        guard let workflow = assets.row("workflow", name) else {
            throw Refusal(.unprocessable, reason: "workflow.unknown", "No workflow named \(name) is published for this tenant.")
        }
        var policies: [String: PinnedAssets.Reference] = [:]
        for policy in try policyNames(of: workflow) {
            guard let row = assets.row("policy", policy) else {
                throw Refusal(
                    .unprocessable, reason: "policy.unknown", "The policy \(policy) of workflow \(name) is not published.")
            }
            policies[policy] = AssetLibrary.reference(row)
        }
        var contract: AssetRow?
        var calendar: AssetRow?
        for row in assets.all("contract") {
            var problems: [AssetIssue] = []
            guard let document = ContractDocument.parse(row.content, issues: &problems), document.isInForce(at: now) else {
                continue
            }
            contract = row
            calendar = assets.row("calendar", document.calendar)
        }
        return PinnedAssets(
            workflow: AssetLibrary.reference(workflow), policies: policies, contract: contract.map(AssetLibrary.reference),
            calendar: calendar.map(AssetLibrary.reference))
    }

    private func policyNames(of workflow: AssetRow) throws -> [String] {
        if let known = state.withLock({ $0.policyNames[workflow.id] }) { return known }
        var issues: [AssetIssue] = []
        let parsed = WorkflowDefinition.parse(workflow.content, issues: &issues)
        let problem = issues.first { $0.severity == .error }
        guard let definition = parsed, problem == nil else {
            throw Fault("read workflow \(workflow.name)", problem?.description ?? "", isRetryable: false)
        }
        state.withLock { state in
            if state.policyNames.count > AssetLibrary.parsedMax { state.policyNames = [:] }
            state.policyNames[workflow.id] = Array(definition.policies)
        }
        return Array(definition.policies)
    }

    private static func reference(_ row: AssetRow) -> PinnedAssets.Reference {
        PinnedAssets.Reference(scope: row.tenant, asset: row.id, version: row.version)
    }

    /// Everything a run with these pins needs; parsed once.
    ///
    /// A fault that may be retried is the world's; any other says that a pinned version is not there or cannot be read, which
    /// holds the run until somebody mends it.
    package func context(for pinned: PinnedAssets) async throws -> RunContext {
        let key = pinned.json.text
        if let known = known(pinned) { return known }
        let references =
            [pinned.workflow] + Array(pinned.policies.values) + [pinned.contract, pinned.calendar].compactMap(\.self)
        let rows = try await load(references)
        func read<Value>(
            _ what: String, _ reference: PinnedAssets.Reference, _ parse: (JSONValue, inout [AssetIssue]) -> Value?
        ) throws -> Value {
            guard let row = rows[reference.asset] else {
                throw Fault("read \(what) \(reference.version)", "it is not published here", isRetryable: false)
            }
            var issues: [AssetIssue] = []
            let value = parse(row.content, &issues)
            let problem = issues.first { $0.severity == .error }
            // Half a workflow must never run: a step that did not read would be one that asks nobody.
            guard let value, problem == nil else {
                throw Fault(
                    "read \(what) \(row.name) \(row.version)", problem?.description ?? "it has not the form of one",
                    isRetryable: false)
            }
            return value
        }
        var policies: [String: Policy] = [:]
        for (name, reference) in pinned.policies {
            policies[name] = try read("policy", reference) { Policy.parse($0, issues: &$1) }
        }
        let definition = try read("workflow", pinned.workflow) { WorkflowDefinition.parse($0, issues: &$1) }
        let contract = try pinned.contract.map { try read("contract", $0) { ContractDocument.parse($0, issues: &$1) } }
        let calendar = try pinned.calendar.map { try read("calendar", $0) { ServiceCalendar.parse($0, issues: &$1) } }
        let service = calendar
        let environment = RunEnvironment(
            definition: definition, policies: policies, hash: hash,
            serviceInstant: { seconds, start in
                service?.instant(afterServiceSeconds: seconds, from: start) ?? start.adding(seconds: seconds)
            })
        let context = RunContext(environment: environment, contract: contract, calendar: calendar, pinned: pinned)
        state.withLock { state in
            if state.contexts.count > AssetLibrary.parsedMax { state.contexts = [:] }
            state.contexts[key] = context
        }
        return context
    }

    private func load(_ references: [PinnedAssets.Reference]) async throws -> [AssetID: AssetRow] {
        var found: [AssetID: AssetRow] = [:]
        state.withLock { state in
            for reference in references { found[reference.asset] = state.rows[reference.asset] }
        }
        let missing = references.filter { found[$0.asset] == nil }
        for scope in Set(missing.map(\.scope)) {
            let ids = missing.filter { $0.scope == scope }.map(\.asset)
            let rows = try await store.withTenant(scope) { tx in
                try await tx.query(AssetQueries.load(tenant: scope, ids: ids)).map(AssetRow.init)
            }
            for row in rows { found[row.id] = row }
            state.withLock { state in
                for row in rows { state.rows[row.id] = row }
            }
        }
        return found
    }

    /// A published version by its number, in force or not, from the nearest scope that has it.
    func version(_ kind: String, _ name: String, _ version: String, for tenant: TenantID) async throws -> AssetRow? {
        for scope in try await line(of: tenant) {
            let rows = try await store.withTenant(scope.id) { tx in
                try await tx.query(AssetQueries.version(tenant: scope.id, kind: kind, name: name, version: version)).map(
                    AssetRow.init)
            }
            if let row = rows.first { return row }
        }
        return nil
    }

    /// A pinned asset's content, for pages and receipts.
    package func content(of reference: PinnedAssets.Reference) async throws -> JSONValue? {
        try await load([reference])[reference.asset]?.content
    }
}

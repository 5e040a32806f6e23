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

        var json: JSONValue { ["scope": JSONValue(scope), "asset": JSONValue(asset), "version": .string(version)] }

        /// Nil when it is not the form of one.
        init?(json: JSONValue?) {
            guard let json, let scope = json["scope"]?.string.flatMap({ TenantID($0) }),
                let asset = json["asset"]?.string.flatMap({ AssetID($0) }), let version = json["version"]?.string
            else { return nil }
            self.init(scope: scope, asset: asset, version: version)
        }

        init(scope: TenantID, asset: AssetID, version: String) {
            self.scope = scope
            self.asset = asset
            self.version = version
        }
    }

    package let workflow: Reference
    package let policies: [String: Reference]
    package let contract: Reference?
    package let calendar: Reference?
    /// Workflows that the workflow runs inside itself, by `name@version`.
    package let workflows: [String: Reference]
    /// The rollout that the run counts for, if any.
    var rollout: RolloutMark?

    package var json: JSONValue {
        func table(_ references: [String: Reference]) -> JSONValue {
            .object(JSONObject(references.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value.json) }))
        }
        return .object([
            "workflow": workflow.json, "policies": table(policies), "contract": contract?.json, "calendar": calendar?.json,
            "workflows": workflows.isEmpty ? JSONValue?.none : table(workflows), "rollout": rollout?.json,
        ])
    }

    package init(json: JSONValue) throws {
        guard let workflow = Reference(json: json["workflow"]) else {
            throw Fault("read pinned versions", "the workflow is missing", isRetryable: false)
        }
        self.workflow = workflow
        var policies: [String: Reference] = [:]
        for member in json["policies"]?.object ?? [:] { policies[member.key] = Reference(json: member.value) }
        self.policies = policies
        contract = Reference(json: json["contract"])
        calendar = Reference(json: json["calendar"])
        var workflows: [String: Reference] = [:]
        for member in json["workflows"]?.object ?? [:] { workflows[member.key] = Reference(json: member.value) }
        self.workflows = workflows
        rollout = RolloutMark(json: json["rollout"])
    }

    init(
        workflow: Reference, policies: [String: Reference], contract: Reference?, calendar: Reference?,
        workflows: [String: Reference] = [:]
    ) {
        self.workflows = workflows
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
    /// What binds every act of the tenant; nil when nothing does.
    package let guardrails: TenantGuardrails?
    /// Seconds that a write in doubt is waited for, by connection; read once, since every batch asks.
    let settleSeconds: [String: Int]
    /// The signed versions of contracts that govern now or later.
    let contracts: [GoverningContract]
    /// What was announced to the tenant and to those above it, and is not long over.
    let maintenance: [MaintenanceRow]
    /// Published versions of calendars, in the order of their publication.
    let calendars: [CalendarVersion]

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
        /// What a workflow names, by its version; parsing it for each start would cost more than the start.
        var needs: [AssetID: Needs] = [:]
        var rollouts: [AssetID: Rollout] = [:]
        var calendars: [AssetID: ServiceCalendar] = [:]
        var agreements: [AssetID: ContractDocument] = [:]
        var guardrails: [AssetID: Policy] = [:]
    }

    /// What has to be known of a workflow before a run of it begins.
    private struct Needs {
        let policies: [String]
        let workflows: [WorkflowReference]
        let beginning: EventBeginning?
        let schedule: Schedule?
    }

    private let state = Locked(State())
    let store: Store
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
    func line(of tenant: TenantID) async throws -> [ScopeRow] {
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
        var contracts: [GoverningContract] = []
        var maintenance: [MaintenanceRow] = []
        var calendars: [CalendarVersion] = []
        var policies: [(scope: ScopeRow, asset: AssetRow)] = []
        for scope in line {
            let (rows, persons, agreed) = try await store.withTenant(scope.id) { tx in
                let found = try await tx.pipeline([
                    AssetQueries.current(tenant: scope.id), ScopeQueries.people(tenant: scope.id),
                    SwapQueries.upcoming(tenant: scope.id, after: now, limit: OnCalling.swapsMax),
                ])
                return (try found[0].map(AssetRow.init), try found[1].map(PersonRow.init), try found[2].map(SwapRow.init))
            }
            swaps += agreed.filter { $0.state == "agreed" }.sorted(by: SwapRow.isAgreedBefore)
            maintenance += try await announced(scope.id, at: now)
            calendars += try await published(in: scope.id)
            if scope.id == own.id, own.kind == "tenant" { contracts = try await governing(own.id, at: now) }
            // A lower level stands before an upper one, except for what binds: that of all levels does.
            policies += rows.filter { $0.kind == "policy" }.map { (scope: scope, asset: $0) }
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
            swaps: swaps,
            guardrails: own.kind == "tenant"
                ? TenantGuardrails(policies, timeZone: own.timeZone) { guarding($0) } : nil,
            settleSeconds: AssetLibrary.settleSeconds(in: assets.values.filter { $0.kind == "connection" }),
            contracts: contracts, maintenance: maintenance, calendars: calendars)
        state.withLock { state in
            state.current[tenant] = (found, now)
            for row in assets.values { state.rows[row.id] = row }
            if state.rows.count > AssetLibrary.parsedMax { state.rows = [:] }
        }
        return found
    }

    /// A policy of a version; parsed once, nil when it does not read.
    private func guarding(_ row: AssetRow) -> Policy? {
        if let known = state.withLock({ $0.guardrails[row.id] }) { return known }
        var issues: [AssetIssue] = []
        guard let policy = Policy.parse(row.content, issues: &issues), !issues.contains(where: { $0.severity == .error }) else {
            return nil
        }
        state.withLock { state in
            if state.guardrails.count > AssetLibrary.parsedMax { state.guardrails = [:] }
            state.guardrails[row.id] = policy
        }
        return policy
    }

    private static func settleSeconds(in connections: [AssetRow]) -> [String: Int] {
        var out: [String: Int] = [:]
        for row in connections {
            var issues: [AssetIssue] = []
            if let document = ConnectionDocument.parse(row.content, issues: &issues) { out[row.name] = document.settleSeconds }
        }
        return out
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
        return try pins(in: assets, workflow: workflow, at: now)
    }

    /// The same for a workflow of a version that another one names; nil when that version is not in memory.
    func pins(in assets: TenantAssets, workflow: PinnedAssets.Reference, at now: Moment) throws -> PinnedAssets? {
        guard let row = state.withLock({ $0.rows[workflow.asset] }) else { return nil }
        return try pins(in: assets, workflow: row, at: now)
    }

    func pins(in assets: TenantAssets, workflow: AssetRow, at now: Moment) throws -> PinnedAssets {
        let inner = try pinnedByName(workflow, in: assets)
        let contract = GoverningContract.choose(from: assets.contracts, workflow: workflow.name, at: now)
        let calendar = contract.flatMap { assets.row("calendar", $0.calendar) }
        return PinnedAssets(
            workflow: AssetLibrary.reference(workflow), policies: inner.policies,
            contract: contract.map { AssetLibrary.reference($0.row) },
            calendar: calendar.map(AssetLibrary.reference), workflows: inner.workflows)
    }

    /// What a workflow names, as it is in force now: its policies, and the workflows it runs, which have to be of the version
    /// named.
    private func pinnedByName(
        _ workflow: AssetRow, in assets: TenantAssets
    ) throws -> (
        policies: [String: PinnedAssets.Reference], workflows: [String: PinnedAssets.Reference]
    ) {
        let needs = try needs(of: workflow)
        var workflows: [String: PinnedAssets.Reference] = [:]
        for inner in needs.workflows {
            guard let row = assets.row("workflow", inner.name), row.version == inner.version else {
                throw Refusal(
                    .unprocessable, reason: "workflow.unknown",
                    "The workflow \(inner.key), which \(workflow.name) runs, is not the published version.")
            }
            workflows[inner.key] = AssetLibrary.reference(row)
        }
        var policies: [String: PinnedAssets.Reference] = [:]
        for policy in needs.policies {
            guard let row = assets.row("policy", policy) else {
                throw Refusal(
                    .unprocessable, reason: "policy.unknown",
                    "The policy \(policy) of workflow \(workflow.name) is not published.")
            }
            policies[policy] = AssetLibrary.reference(row)
        }
        return (policies, workflows)
    }

    /// What a run is pinned to once it has gone over to `workflow`: the policies and inner workflows in force now, and the
    /// contract and calendar under which its clocks have counted so far.
    func pins(moving pinned: PinnedAssets, to workflow: AssetRow, in assets: TenantAssets) throws -> PinnedAssets {
        let inner = try pinnedByName(workflow, in: assets)
        return PinnedAssets(
            workflow: AssetLibrary.reference(workflow), policies: inner.policies, contract: pinned.contract,
            calendar: pinned.calendar, workflows: inner.workflows)
    }

    /// The rollout of a file; parsed once, nil when it does not read.
    func rollout(_ row: AssetRow) -> Rollout? {
        if let known = state.withLock({ $0.rollouts[row.id] }) { return known }
        var issues: [AssetIssue] = []
        guard let rollout = Rollout.parse(row.content, issues: &issues) else { return nil }
        state.withLock { state in
            if state.rollouts.count > AssetLibrary.parsedMax { state.rollouts = [:] }
            state.rollouts[row.id] = rollout
        }
        return rollout
    }

    /// The workflows in force that events begin; never waits for the database. One that cannot be read begins nothing.
    func beginnings(in assets: TenantAssets) -> [(workflow: String, beginning: EventBeginning)] {
        assets.all("workflow").compactMap { row in
            // Who publishes a workflow is told what is wrong with it, and whoever starts it by hand again.
            (try? needs(of: row))?.beginning.map { (workflow: row.name, beginning: $0) }
        }
    }

    /// Forgets what is in force for a tenant when it was read before an instant; false when it was not.
    func forget(_ tenant: TenantID, readBefore instant: Moment) -> Bool {
        state.withLock { state in
            guard let known = state.current[tenant], known.readAt < instant else { return false }
            state.current[tenant] = nil
            return true
        }
    }

    /// A version that was read before; never waits for the database.
    func known(_ id: AssetID) -> AssetRow? { state.withLock { $0.rows[id] } }

    func remember(_ rows: [AssetRow]) {
        state.withLock { state in
            for row in rows { state.rows[row.id] = row }
        }
    }

    /// The contract of a file; parsed once, nil when it does not read.
    func contract(_ row: AssetRow) -> ContractDocument? {
        if let known = state.withLock({ $0.agreements[row.id] }) { return known }
        var issues: [AssetIssue] = []
        guard let contract = ContractDocument.parse(row.content, issues: &issues) else { return nil }
        state.withLock { state in
            if state.agreements.count > AssetLibrary.parsedMax { state.agreements = [:] }
            state.agreements[row.id] = contract
        }
        return contract
    }

    /// The calendar of a file; parsed once, nil when it does not read.
    package func calendar(_ row: AssetRow) -> ServiceCalendar? {
        if let known = state.withLock({ $0.calendars[row.id] }) { return known }
        var issues: [AssetIssue] = []
        guard let calendar = ServiceCalendar.parse(row.content, issues: &issues) else { return nil }
        state.withLock { state in
            if state.calendars.count > AssetLibrary.parsedMax { state.calendars = [:] }
            state.calendars[row.id] = calendar
        }
        return calendar
    }

    /// When a workflow begins by itself; nil when it does not, or cannot be read.
    func schedule(of workflow: AssetRow) -> Schedule? {
        // Who publishes a workflow is told what is wrong with it.
        (try? needs(of: workflow))?.schedule
    }

    private func needs(of workflow: AssetRow) throws -> Needs {
        if let known = state.withLock({ $0.needs[workflow.id] }) { return known }
        var issues: [AssetIssue] = []
        let parsed = WorkflowDefinition.parse(workflow.content, issues: &issues)
        let problem = issues.first { $0.severity == .error }
        guard let definition = parsed, problem == nil else {
            throw Fault("read workflow \(workflow.name)", problem?.description ?? "", isRetryable: false)
        }
        let needs = Needs(
            policies: definition.policies, workflows: definition.workflows, beginning: definition.beginning,
            schedule: definition.schedule)
        state.withLock { state in
            if state.needs.count > AssetLibrary.parsedMax { state.needs = [:] }
            state.needs[workflow.id] = needs
        }
        return needs
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

    @discardableResult
    func load(_ references: [PinnedAssets.Reference]) async throws -> [AssetID: AssetRow] {
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
}

package import Kernel
internal import Logging
internal import Postgres
package import Records
internal import ServiceLevels
package import Tenancy

/// Brings tenants in: registers those that are to come, and follows each from its beginning to its first governed case.
///
/// What the product records settles most steps by itself. Whoever looks settles what is so by then, and so does a loop; both do
/// it in one transaction with the audit entry, so that looking twice, or dying between, changes nothing.
package final class Onboardings: Sendable {
    package static let pauseSeconds: Int64 = 60

    /// An onboarding as it stands.
    package struct Standing: Sendable {
        package let scope: ScopeRow
        package let row: OnboardingRow
        package let state: Onboarding
    }

    private let platform: Platform
    private let assets: AssetLibrary
    private let scopes: ScopeDirectory
    /// Tenants of which nothing can be seen any more; they are not looked at again.
    private let done = Locked<Set<TenantID>>([])

    package init(platform: Platform, assets: AssetLibrary, scopes: ScopeDirectory) {
        self.platform = platform
        self.assets = assets
        self.scopes = scopes
    }

    private static let nothing = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    // MARK: Registrations

    /// Tenants that are to come: registered with the operator, and not applied yet.
    package func registrations(_ house: ScopeRow) async throws -> [RegistrationRow] {
        let rows = try await platform.store.withTenant(house.id) { tx in
            try await tx.query(OnboardingQueries.registrations(tenant: house.id)).map(RegistrationRow.init)
        }
        let known = Set(try await scopes.all().map(\.slug))
        return rows.filter { !known.contains($0.slug) }
    }

    /// Registers a tenant before there are files of it; its onboarding begins now. Its name is free and its partner known.
    package func register(
        slug: String, name: String, partner: String, as actor: Actor, scope house: ScopeRow
    ) async throws -> RegistrationRow {
        try Onboardings.checkHouse(house)
        let all = try await scopes.all()
        guard TextRule.slug.problem(with: slug) == nil else {
            throw Refusal(
                .unprocessable, reason: "registration.slug",
                "That is no short name. \(TextRule.slug.remedy)", facts: ["field": "slug"])
        }
        guard !all.contains(where: { sameBytes($0.slug, slug) }) else {
            throw Refusal(.conflict, reason: "registration.taken", "\(slug) is taken.", facts: ["field": "slug"])
        }
        guard all.contains(where: { $0.kind == "partner" && sameBytes($0.slug, partner) }) else {
            throw Refusal(
                .unprocessable, reason: "registration.partner", "There is no partner \(partner).", facts: ["field": "partner"])
        }
        guard (1...200).contains(name.unicodeScalars.count), name.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) else {
            throw Refusal(
                .unprocessable, reason: "registration.name", "A name is one line of 1 to 200 characters.",
                facts: ["field": "name"])
        }
        let row = RegistrationRow(
            tenant: house.id, id: platform.newID(), slug: slug, name: name, partner: partner, registeredBy: actor.person,
            registeredAt: platform.clock.now)
        return try await platform.store.withTenant(house.id) { [self] tx in
            guard let made = try await tx.query(OnboardingQueries.register(row)).first.map(RegistrationRow.init) else {
                throw Refusal(
                    .conflict, reason: "registration.taken", "\(slug) is registered already.", facts: ["field": "slug"])
            }
            try await tell(
                "tenant.registered", ("registration", made.id.text), in: house, by: actor.person, at: made.registeredAt,
                ["slug": .string(slug), "name": .string(name), "partner": .string(partner)], tx: tx)
            return made
        }
    }

    /// Takes a registration back. One whose tenant is there has done its part and is not found.
    package func withdraw(
        _ id: RegistrationID, reason: String, as actor: Actor, scope house: ScopeRow
    ) async throws -> RegistrationRow {
        try Onboardings.checkHouse(house)
        try TenantLife.check(reason: reason)
        guard try await registrations(house).contains(where: { $0.id == id }) else { throw Onboardings.nothing }
        let now = platform.clock.now
        return try await platform.store.withTenant(house.id) { [self] tx in
            let gone = try await tx.query(
                OnboardingQueries.withdraw(tenant: house.id, id: id, by: actor.person, at: now, reason: reason)
            ).first.map(RegistrationRow.init)
            guard let gone else { throw Onboardings.nothing }
            try await tell(
                "tenant.registration-withdrawn", ("registration", id.text), in: house, by: actor.person, at: now,
                ["slug": .string(gone.slug), "reason": .string(reason)], tx: tx)
            return gone
        }
    }

    private static func checkHouse(_ scope: ScopeRow) throws(Refusal) {
        guard scope.kind == "operator" else { throw nothing }
    }

    /// What was registered of a tenant that is applied now; nil for one that comes unannounced.
    static func registration(of slug: String, platform: Platform, scopes: ScopeDirectory) async throws -> RegistrationRow? {
        guard let house = try await scopes.all().first(where: { $0.kind == "operator" }) else { return nil }
        return try await platform.store.withTenant(house.id) { tx in
            try await tx.query(OnboardingQueries.registration(tenant: house.id, slug: slug)).first.map(RegistrationRow.init)
        }
    }

    /// Within the transaction that applies a tenant for the first time; nothing at every later time.
    static func begin(
        _ scope: ScopeRow, registered: RegistrationRow?, by person: PersonID?, platform: Platform, at now: Moment,
        tx: Transaction
    ) async throws {
        guard scope.kind == "tenant" else { return }
        let row = OnboardingRow(
            tenant: scope.id, id: platform.newID(), startedAt: min(registered?.registeredAt ?? now, now),
            startedBy: registered?.registeredBy ?? person)
        guard let begun = try await tx.query(OnboardingQueries.begin(row)).first.map(OnboardingRow.init) else { return }
        try await tx.execute(
            AuditQueries.insert([
                AuditRow(
                    tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now,
                    actorKind: person == nil ? "system" : "person", actor: person?.text ?? "apply", action: "onboarding.begun",
                    objectType: "onboarding", objectID: begun.id.text, run: nil,
                    content: ["since": JSONValue(begun.startedAt), "registered": .bool(registered != nil)])
            ]))
    }

    // MARK: Looking

    /// The onboardings of these tenants, those under way first, the newest first.
    package func all(_ tenants: [ScopeRow]) async throws -> [Standing] {
        var found: [Standing] = []
        for scope in tenants where scope.kind == "tenant" {
            if let standing = try await look(at: scope) { found.append(standing) }
        }
        return found.sorted {
            let (first, second) = ($0.state.completedAt == nil, $1.state.completedAt == nil)
            return first == second ? $0.state.startedAt > $1.state.startedAt : first
        }
    }

    package func one(_ scope: ScopeRow) async throws -> Standing {
        guard scope.kind == "tenant", let standing = try await look(at: scope) else { throw Onboardings.nothing }
        return standing
    }

    /// Settles what is so by now, and answers how it stands; nil where none has begun.
    @discardableResult
    package func look(at scope: ScopeRow) async throws -> Standing? {
        let needed = try await needs(of: scope.id)
        let now = platform.clock.now
        let standing = try await platform.store.withTenant(scope.id) { [self] tx -> Standing? in
            guard let before = try await read(scope, locked: false, tx: tx) else { return nil }
            guard before.state.open.contains(where: { !$0.isConfirmed }) || before.state.completedAt == nil else { return before }
            let seen = try await sightings(of: scope.id, needed, tx: tx)
            var trial = before.state
            guard try !trial.handle(.seen(seen)).isEmpty else { return before }
            return try await change(scope, .seen(seen), by: nil, at: now, tx: tx)
        }
        if let standing, standing.state.completedAt != nil, standing.state.open.isEmpty {
            done.withLock { _ = $0.insert(scope.id) }
        }
        return standing
    }

    /// Who may let others in, and what the connections in force rest on.
    private struct Needs {
        var administrators: [String] = []
        var secrets: [String] = []
        var connections: [String] = []
    }

    private func needs(of tenant: TenantID) async throws -> Needs {
        let current = try await assets.current(for: tenant)
        var (needs, issues) = (Needs(), [AssetIssue]())
        if let house = current.all("operator").first.flatMap({ OperatorDocument.parse($0.content, issues: &issues) }) {
            needs.administrators = house.roles.filter { $0.permissions.contains(.peopleManage) }.map(\.name)
        }
        for row in current.all("connection") {
            needs.connections.append(row.name)
            guard let document = ConnectionDocument.parse(row.content, issues: &issues) else { continue }
            needs.secrets += document.secrets.values
        }
        needs.secrets = Array(Set(needs.secrets)).sorted()
        return needs
    }

    private func sightings(of tenant: TenantID, _ needs: Needs, tx: Transaction) async throws -> [Onboarding.Sighting] {
        var found: [Onboarding.Sighting] = []
        let rows = try await tx.query(
            OnboardingQueries.facts(
                tenant: tenant, administrators: needs.administrators, secrets: needs.secrets, connections: needs.connections))
        for row in rows {
            guard let step = Onboarding.Step(rawValue: try row.get("step", as: String.self)) else { continue }
            found.append(
                Onboarding.Sighting(
                    step, at: try row.get("at", as: Moment.self), by: try row.get("by", as: PersonID?.self)))
        }
        return found
    }

    private func read(_ scope: ScopeRow, locked: Bool, tx: Transaction) async throws -> Standing? {
        let query = locked ? OnboardingQueries.lock(tenant: scope.id) : OnboardingQueries.find(tenant: scope.id)
        guard let row = try await tx.query(query).first.map(OnboardingRow.init) else { return nil }
        var settled: [Onboarding.Step: Onboarding.Settlement] = [:]
        for found in try await tx.query(OnboardingQueries.steps(tenant: scope.id)).map(OnboardingStepRow.init) {
            // A step that a later version knows is kept in its row.
            guard let step = Onboarding.Step(rawValue: found.step), let how = Onboarding.How(rawValue: found.how) else {
                continue
            }
            settled[step] = Onboarding.Settlement(how, at: found.at, by: found.by, reason: found.reason)
        }
        return Standing(
            scope: scope, row: row,
            state: Onboarding(startedAt: row.startedAt, settled: settled, completedAt: row.completedAt))
    }

    // MARK: Acting

    /// Says that a step is done that nothing in the product can show.
    package func confirm(
        _ step: Onboarding.Step, reason: String, as actor: Actor, scope: ScopeRow
    ) async throws -> Standing {
        try await act(.confirmed(step, by: actor.person, reason: reason, at: platform.clock.now), as: actor, scope: scope)
    }

    /// Goes on without a step.
    package func skip(
        _ step: Onboarding.Step, reason: String, as actor: Actor, scope: ScopeRow
    ) async throws -> Standing {
        try await act(.skipped(step, by: actor.person, reason: reason, at: platform.clock.now), as: actor, scope: scope)
    }

    private func act(_ event: Onboarding.Event, as actor: Actor, scope: ScopeRow) async throws -> Standing {
        guard scope.kind == "tenant" else { throw Onboardings.nothing }
        guard !actor.isMachine else {
            throw Refusal(.forbidden, reason: "onboarding.machine", "A step is confirmed or skipped by a person, not by a key.")
        }
        // What is so by now comes first: a fact is worth more than a word.
        _ = try await look(at: scope)
        let now = platform.clock.now
        return try await platform.store.withTenant(scope.id) { [self] tx in
            try await change(scope, event, by: actor.person, at: now, tx: tx)
        }
    }

    /// The machine on the locked row: its steps, their audit entries and the news of them are one transaction.
    private func change(
        _ scope: ScopeRow, _ event: Onboarding.Event, by person: PersonID?, at now: Moment, tx: Transaction
    ) async throws -> Standing {
        guard let before = try await read(scope, locked: true, tx: tx) else { throw Onboardings.nothing }
        var state = before.state
        for action in try state.handle(event) {
            switch action {
            case .record(let step, let settlement):
                try await tx.execute(
                    OnboardingQueries.settle(
                        tenant: scope.id, onboarding: before.row.id,
                        OnboardingStepRow(
                            step: step.rawValue, how: settlement.how.rawValue, at: settlement.at, by: settlement.by,
                            reason: settlement.reason)))
                try await tell(
                    "onboarding.step-\(settlement.how == .skipped ? "skipped" : "done")",
                    ("onboarding", before.row.id.text), in: scope, by: person, at: now,
                    [
                        "step": .string(step.rawValue), "how": .string(settlement.how.rawValue), "at": JSONValue(settlement.at),
                        "reason": .string(settlement.reason),
                    ], tx: tx)
                if step == .contract, settlement.how == .fact { try await startClock(of: before.row, scope, at: now, tx: tx) }
            case .complete(let at):
                try await tx.execute(OnboardingQueries.complete(tenant: scope.id, id: before.row.id, at: at))
                try await measure(before.row, ClockEvent(.stop, at: max(at, state.startedAt)), scope, at: now, tx: tx)
                try await tell(
                    "onboarding.completed", ("onboarding", before.row.id.text), in: scope, by: person, at: now,
                    ["at": JSONValue(at), "open": .array(state.open.map { .string($0.rawValue) })], tx: tx)
            }
        }
        return Standing(scope: scope, row: before.row, state: state)
    }

    /// Once there is a contract. It counts from the beginning, or from when the contract governs where that is later: a promise
    /// never reaches back to before it was made, and the clock is pinned to the contract that governs at its start.
    private func startClock(of row: OnboardingRow, _ scope: ScopeRow, at now: Moment, tx: Transaction) async throws {
        let found = try await tx.query(OnboardingQueries.governed(tenant: scope.id, from: row.startedAt)).first
        guard let start = try found?.get("at", as: Moment.self) else { return }
        try await measure(row, ClockEvent(.start, at: start), scope, at: now, tx: tx)
    }

    private func measure(
        _ row: OnboardingRow, _ event: ClockEvent, _ scope: ScopeRow, at now: Moment, tx: Transaction
    ) async throws {
        let command = LaneBatch.measureCommand(
            platform.newID(), .onboarding(AnyID(high: row.id.high, low: row.id.low)), measuring: .onboarding, [event],
            scope: scope, key: "onboarding/\(row.id)/\(event.type)", at: now)
        _ = try await tx.query(CommandQueries.insert(command))
    }

    private func tell(
        _ action: String, _ object: (type: String, id: String), in scope: ScopeRow, by person: PersonID?, at now: Moment,
        _ facts: JSONObject, tx: Transaction
    ) async throws {
        _ = try await tx.pipeline([
            AuditQueries.insert([
                AuditRow(
                    tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now,
                    actorKind: person == nil ? "system" : "person", actor: person?.text ?? "onboarding", action: action,
                    objectType: object.type, objectID: object.id, run: nil, content: .object(facts))
            ]),
            OutboxQueries.insert([
                OutboxRow(
                    tenant: scope.id, lane: scope.lane, at: now, topic: action, run: nil,
                    facts: ["id": .string(object.id), "step": facts["step"] ?? .null])
            ]),
        ])
    }

    /// A person's test of a connection has passed; it is what the step of that name waits for.
    package func noteTest(of connection: String, by person: PersonID, in tenant: TenantID) async throws {
        let now = platform.clock.now
        try await platform.store.withTenant(tenant) { tx in
            try await tx.execute(OnboardingQueries.passed(tenant: tenant, connection: connection, at: now, by: person))
        }
    }

    // MARK: The loop

    /// Runs until cancelled.
    package func run() async {
        await platform.rounds(
            .onboardings, every: .seconds(Onboardings.pauseSeconds), failure: "onboardings were not looked at"
        ) {
            try await lookAtAll()
            return false
        }
    }

    /// All that are under way once; one that cannot be read keeps no other from being looked at.
    package func lookAtAll() async throws {
        for scope in try await scopes.all() where scope.kind == "tenant" && !done.withLock({ $0.contains(scope.id) }) {
            do {
                try await look(at: scope)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                platform.logger.warning(
                    "an onboarding was not looked at", metadata: ["tenant": "\(scope.slug)", "error": "\(error)"])
            }
        }
    }
}

package import Kernel
internal import Postgres
package import Records
package import Tenancy
internal import Workflows

extension DelegationRow {
    /// Refused when its amount cannot be read: reading it as none would lift a bound.
    package func terms() throws(Refusal) -> Delegation {
        var cap: Money?
        if let capMinor {
            guard let currency = capCurrency.flatMap({ Currency($0) }) else {
                throw Refusal(
                    .unavailable, reason: "delegation.form",
                    "The amount of this delegation cannot be read, so nothing can be signed under it.")
            }
            cap = try Money(minorUnits: capMinor, currency: currency)
        }
        return Delegation(
            giver: giver, deputy: deputy, startsAt: startsAt, endsAt: endsAt, workflows: workflows, cap: cap,
            revokedAt: revokedAt)
    }
}

/// Deputies: who decides for whom, until when, and what a deputy may sign at this moment.
package struct Delegating: Sendable {
    package static let pageMax = 200

    /// What somebody asks to be given.
    package struct Wish: Sendable {
        /// Short names of the people file; nil for whoever asks.
        package let giver: String?
        package let deputy: String
        package let startsAt: Moment?
        package let endsAt: Moment
        package let workflows: [String]
        package let cap: Money?
        package let reason: String

        package init(
            giver: String?, deputy: String, startsAt: Moment?, endsAt: Moment, workflows: [String], cap: Money?, reason: String
        ) {
            self.giver = giver
            self.deputy = deputy
            self.startsAt = startsAt
            self.endsAt = endsAt
            self.workflows = workflows
            self.cap = cap
            self.reason = reason
        }
    }

    let platform: Platform
    let assets: AssetLibrary

    package init(platform: Platform, assets: AssetLibrary) {
        self.platform = platform
        self.assets = assets
    }

    private static let nothing = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    // MARK: Reading

    package func page(
        _ tenant: TenantID, before: (Moment, DelegationID)? = nil, limit: Int
    ) async throws -> [DelegationRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                DelegationQueries.page(tenant: tenant, before: before, limit: max(1, min(limit, Delegating.pageMax)))
            ).map(DelegationRow.init)
        }
    }

    /// What this person has given or taken and what is not over.
    package func open(of person: PersonID, in tenant: TenantID) async throws -> [DelegationRow] {
        let now = platform.clock.now
        return try await platform.store.withTenant(tenant) { tx in
            try await tx.query(DelegationQueries.open(tenant: tenant, people: [person], now: now)).map(DelegationRow.init)
        }
    }

    /// Everybody who decides approvals here now, by name: who may be a deputy.
    package func deciders(in tenant: TenantID) async throws -> [PersonRow] {
        let now = platform.clock.now
        let roster = try await assets.current(for: tenant).roster
        let able = Set(roster.members.filter { !roster.rolesToDecide($0, at: now).isEmpty }.map(\.person))
        return try await platform.store.withTenant(tenant) { tx in
            try await tx.query(ScopeQueries.people(tenant: tenant)).map(PersonRow.init)
        }.filter { able.contains($0.id) }.sorted { ($0.name, $0.slug) < ($1.name, $1.slug) }
    }

    // MARK: Making and taking back

    /// `mayForOthers`: whoever looks after people may name a deputy for somebody who cannot, and never themselves.
    package func make(_ wish: Wish, as actor: Actor, mayForOthers: Bool, scope: ScopeRow) async throws -> DelegationRow {
        try Delegating.check(wish, by: actor)
        let now = platform.clock.now
        let roster = try await assets.current(for: scope.id).roster
        return try await platform.store.withTenant(scope.id) { tx in
            _ = try await tx.query(DelegationQueries.making(tenant: scope.id))
            let people = try await tx.query(ScopeQueries.people(tenant: scope.id)).map(PersonRow.init)
            let giver = try Delegating.find(wish.giver, orSelf: actor, among: people, "from")
            let deputy = try Delegating.find(wish.deputy, orSelf: actor, among: people, "to")
            if giver.natural != actor.natural {
                guard mayForOthers, deputy.natural != actor.natural else {
                    throw Refusal(
                        .forbidden, reason: "delegation.others",
                        "You give your own decisions away. For somebody else whoever looks after people does so, and not to "
                            + "themselves.", facts: ["field": "from"])
                }
            }
            guard giver.natural != deputy.natural else {
                throw Refusal(
                    .unprocessable, reason: "delegation.self", "A deputy is somebody else.", facts: ["field": "to"])
            }
            let rights = try Delegating.rights(of: giver, in: roster, at: now, "from")
            _ = try Delegating.rights(of: deputy, in: roster, at: now, "to")
            let row = DelegationRow(
                tenant: scope.id, id: platform.newID(), giver: giver.id, deputy: deputy.id, startsAt: wish.startsAt ?? now,
                endsAt: wish.endsAt, workflows: wish.workflows.sorted(), cap: wish.cap,
                reason: wish.reason.split(whereSeparator: \.isWhitespace).joined(separator: " "), madeBy: actor.person,
                madeAt: now)
            let others = try await tx.query(
                DelegationQueries.open(tenant: scope.id, people: [giver.id, deputy.id], now: now)
            ).map(DelegationRow.init)
            var open: [Delegation] = []
            for other in others { open.append(try other.terms()) }
            try row.terms().check(giverLimit: rights.limit, others: open, at: now)
            _ = try await tx.pipeline([
                DelegationQueries.insert(row), entry(row, "delegation.made", by: actor, lane: scope.lane, at: now),
            ])
            return row
        }
    }

    /// By the giver, by the deputy, or by whoever looks after people. What was signed stays signed.
    package func revoke(
        _ id: DelegationID, as actor: Actor, mayForOthers: Bool, scope: ScopeRow
    ) async throws -> DelegationRow {
        let now = platform.clock.now
        return try await platform.store.withTenant(scope.id) { tx in
            guard var row = try await tx.query(DelegationQueries.lock(tenant: scope.id, id: id)).first.map(DelegationRow.init)
            else { throw Delegating.nothing }
            guard mayForOthers || row.giver == actor.person || row.deputy == actor.person else {
                throw Refusal(
                    .forbidden, reason: "delegation.others",
                    "The giver, the deputy, or whoever looks after people takes a delegation back.")
            }
            let state = try row.terms().state(at: now)
            guard state == .planned || state == .active else {
                throw Refusal(.conflict, reason: "delegation.ended", "It is over already.")
            }
            row.revokedBy = actor.person
            row.revokedAt = now
            _ = try await tx.pipeline([
                DelegationQueries.revoke(tenant: scope.id, id: id, by: actor.person, at: now),
                entry(row, "delegation.revoked", by: actor, lane: scope.lane, at: now),
            ])
            return row
        }
    }

    // MARK: Standing in

    /// The deputy as the engine knows them for one approval: with the giver's roles and limit as they are now, cut by the
    /// delegation. Refused for whom it is not, and when it does not hold.
    package func standing(
        in id: DelegationID, as actor: Actor, workflow: String, scope: ScopeRow
    ) async throws -> Actor {
        let now = platform.clock.now
        let (found, people) = try await platform.store.withTenant(scope.id) { tx in
            (
                try await tx.query(DelegationQueries.find(tenant: scope.id, id: id)).first.map(DelegationRow.init),
                try await tx.query(ScopeQueries.people(tenant: scope.id)).map(PersonRow.init)
            )
        }
        guard let row = found, row.deputy == actor.person, !actor.isMachine,
            let giver = people.first(where: { $0.id == row.giver })
        else {
            throw Refusal(.forbidden, reason: "delegation.none", "You are no deputy by such a delegation.")
        }
        let terms = try row.terms()
        if let refusal = terms.objection(workflow: workflow, at: now) { throw refusal }
        let rights = try Delegating.rights(of: giver, in: try await assets.current(for: scope.id).roster, at: now, "delegation")
        return Actor(
            tenant: actor.tenant, person: actor.person, natural: actor.natural, name: actor.name, roles: rights.roles,
            approvalLimit: try terms.limit(of: rights.limit),
            behalf: PersonDecision.Behalf(person: giver.id, natural: giver.natural, delegation: row.id.text))
    }

    /// What somebody may decide here now; refused for whoever may not decide at all.
    private static func rights(
        of person: PersonRow, in roster: Roster, at now: Moment, _ field: String
    ) throws(Refusal) -> (roles: Set<String>, limit: Money?) {
        guard person.state == "active", let member = roster.members.first(where: { $0.person == person.id }) else {
            throw Refusal(
                .unprocessable, reason: "delegation.person", "\(person.name) is not active here.", facts: ["field": field])
        }
        let roles = roster.rolesToDecide(member, at: now)
        guard !roles.isEmpty else {
            throw Refusal(
                .unprocessable, reason: "delegation.person", "\(person.name) decides no approvals here.",
                facts: ["field": field])
        }
        return (roles, member.limit)
    }

    private static func find(
        _ name: String?, orSelf actor: Actor, among people: [PersonRow], _ field: String
    ) throws(Refusal) -> PersonRow {
        let found = people.first { row in name.map { sameBytes(row.slug, $0) } ?? (row.id == actor.person) }
        guard let found else {
            throw Refusal(
                .unprocessable, reason: "delegation.person",
                "There is nobody of that name here. Give the short name of the people file.", facts: ["field": field])
        }
        return found
    }

    private static func check(_ wish: Wish, by actor: Actor) throws(Refusal) {
        guard !actor.isMachine else {
            throw Refusal(.forbidden, reason: "delegation.machine", "\(actor.name) is a machine and has no decisions to give.")
        }
        let length = wish.reason.unicodeScalars.count
        guard wish.reason.contains(where: { !$0.isWhitespace }), length <= Delegation.reasonScalarsMax else {
            throw Refusal(
                .invalid, reason: "delegation.reason", "Say why, in 1 to \(Delegation.reasonScalarsMax) characters.",
                facts: ["field": "reason"])
        }
        guard wish.workflows.count <= Delegation.workflowsMax, Set(wish.workflows).count == wish.workflows.count else {
            throw Refusal(
                .invalid, reason: "delegation.workflows", "Name each workflow once, and at most \(Delegation.workflowsMax).",
                facts: ["field": "workflows"])
        }
        if let cap = wish.cap, cap.minorUnits <= 0 {
            throw Refusal(
                .invalid, reason: "delegation.amount", "An amount above nothing, or none.", facts: ["field": "maxAmount"])
        }
    }

    private func entry(_ row: DelegationRow, _ action: String, by actor: Actor, lane: Int32, at now: Moment) -> SQL {
        AuditQueries.insert([
            AuditRow(
                tenant: row.tenant, id: platform.newID(), lane: lane, at: now, actorKind: "person", actor: actor.person.text,
                action: action, objectType: "delegation", objectID: row.id.text, run: nil,
                content: .object([
                    "giver": JSONValue(row.giver), "deputy": JSONValue(row.deputy), "startsAt": JSONValue(row.startsAt),
                    "endsAt": JSONValue(row.endsAt), "workflows": .array(row.workflows.map(JSONValue.string)),
                    "capMinor": row.capMinor.map { JSONValue($0) }, "capCurrency": row.capCurrency.map(JSONValue.string),
                    "reason": .string(row.reason),
                ]))
        ])
    }
}

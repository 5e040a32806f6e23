package import Kernel
internal import Postgres
package import Records
package import ServiceLevels
package import Tenancy

/// Who is told of trouble, one layer after the other: the rota in force for a tenant, with the operator's people behind it.
package struct OnCall: Sendable {
    package let document: OnCallDocument
    package let zone: ZoneRules
    private let rotas: [Rota]
    private let staff: [String: PersonRow]

    /// Nil when no rota is published. Of several it is the first by name that names the tenant, then the first that names nobody,
    /// and then the first: nobody is left without one.
    package init?(_ assets: TenantAssets) {
        let documents = OnCall.documents(assets)
        let isTenant = assets.scope.kind == "tenant"
        let named = documents.first { document in
            isTenant && document.serves?.includes(tenant: assets.scope.slug, partner: assets.tenant?.partner) == true
        }
        guard let document = named ?? documents.first(where: { $0.serves == nil }) ?? documents.first else { return nil }
        self.init(document, assets)
    }

    /// Every rota that can be read, by name.
    static func all(_ assets: TenantAssets) -> [OnCall] { documents(assets).compactMap { OnCall($0, assets) } }

    private static func documents(_ assets: TenantAssets) -> [OnCallDocument] {
        assets.all("on-call").compactMap { row in
            var issues: [AssetIssue] = []
            return OnCallDocument.parse(row.content, issues: &issues)
        }
    }

    private init?(_ document: OnCallDocument, _ assets: TenantAssets) {
        // Its shape has checked the name; a zone that was taken away since is a gap.
        guard let zone = try? ZoneRules.load(document.timeZone) else { return nil }
        self.document = document
        self.zone = zone
        staff = assets.staff
        let slugs = Dictionary(assets.staff.values.map { ($0.id, $0.slug) }, uniquingKeysWith: { first, _ in first })
        rotas = document.layers.indices.map { layer in
            let agreed = assets.swaps.filter { $0.rota == document.name && Int($0.layer) == layer }.compactMap { swap in
                slugs[swap.giver].flatMap { giver in
                    slugs[swap.taker].map { Rota.Exchange(start: swap.from, end: swap.to, giver: giver, taker: $0) }
                }
            }
            return document.rota(ofLayer: layer, zone: zone).laying(agreed)
        }
    }

    /// Whoever has the turn in a layer; nil in a gap, and when the person has left.
    package func person(onTurnIn layer: Int, at now: Moment) -> PersonRow? { rotas[layer].onCall(at: now).flatMap { staff[$0] } }

    /// Who is told by a layer now. `number` is the incident's, by which a round robin goes on.
    func people(toldBy layer: Int, number: Int64, at now: Moment) -> [PersonRow] {
        let known = document.layers[layer].people.compactMap { staff[$0] }
        switch document.layers[layer].telling {
        case .turn: return person(onTurnIn: layer, at: now).map { [$0] } ?? []
        case .roundRobin: return known.isEmpty ? [] : [known[Int(number % Int64(known.count))]]
        case .everyone: return known
        }
    }

    /// Who is told of what can wait at a tenant in their digests; empty where nobody is.
    func digested(_ assets: TenantAssets) -> [PersonRow] {
        document.digested(tenant: assets.scope.slug, partner: assets.tenant?.partner).compactMap { staff[$0] }
    }

    package var manager: PersonRow? { staff[document.dutyManager] }

    package func coverage(from now: Moment) -> RotaCoverage {
        RotaCoverage(of: rotas, from: now, weeks: OnCallDocument.coverageWeeks)
    }

    /// The shifts of one layer in the time to come.
    package func shifts(ofLayer layer: Int, from start: Moment, to end: Moment) -> [Rota.Shift] {
        rotas[layer].shifts(from: start, to: end)
    }

    /// Whether somebody has a turn in what is left of an exchange's time.
    func hasTurn(_ slug: String?, of swap: SwapRow, at now: Moment) -> Bool {
        guard let slug, swap.rota == document.name, document.layers.indices.contains(Int(swap.layer)) else { return false }
        return shifts(ofLayer: Int(swap.layer), from: max(swap.from, now), to: swap.to).contains { $0.user == slug }
    }

    package func name(_ slug: String) -> String { staff[slug]?.name ?? slug }

    var settings: ChannelSettings { document.settings }
}

/// What engineers do with their rota: look at it, ask a colleague to take a shift, and try whether a page reaches them.
package struct OnCalling: Sendable {
    package static let swapsMax = 500
    package static let reasonBytesMax = 500
    /// The longest shift that may be given away at once.
    package static let swapDaysMax: Int64 = 62
    /// So many test pages of a scope are shown.
    package static let testsMax = 20

    private let platform: Platform
    private let assets: AssetLibrary

    package init(platform: Platform, assets: AssetLibrary) {
        self.platform = platform
        self.assets = assets
    }

    /// The rota that answers for a tenant; refused when none is published.
    package func rota(for tenant: TenantID) async throws -> OnCall {
        guard let rota = OnCall(try await assets.current(for: tenant)) else {
            throw Refusal(.notFound, reason: "on-call.none", "No rota is published. Write operator/on-call/<name>.yaml.")
        }
        return rota
    }

    /// Exchanges that are not over, asked or answered, in the order in which they were asked.
    package func swaps(in scope: ScopeRow) async throws -> [SwapRow] {
        let now = platform.clock.now
        return try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(SwapQueries.upcoming(tenant: scope.id, after: now, limit: OnCalling.swapsMax)).map(SwapRow.init)
        }
    }

    /// Asks a colleague to take one's turns of a stretch of time. In force once they agree, and not before.
    package func askSwap(
        layer: Int, from: Moment, to: Moment, taker slug: String, reason: String, as actor: Actor, scope: ScopeRow
    ) async throws -> SwapRow {
        let rota = try await ownRota(scope)
        let now = platform.clock.now
        guard rota.document.layers.indices.contains(layer) else {
            throw Refusal(
                .invalid, reason: "on-call.layer", "The rota has \(rota.document.layers.count) layers, counted from 1.",
                facts: ["field": "layer"])
        }
        guard from < to, to > now, to.seconds(since: from) <= OnCalling.swapDaysMax * 86_400 else {
            throw Refusal(
                .invalid, reason: "on-call.time",
                "A shift that is given away ends in the future, after its beginning, and within \(OnCalling.swapDaysMax) days.",
                facts: ["field": "to"])
        }
        guard !reason.isEmpty, reason.utf8.count <= OnCalling.reasonBytesMax else {
            throw Refusal(
                .invalid, reason: "on-call.reason", "Say why in 1 to \(OnCalling.reasonBytesMax) bytes.",
                facts: ["field": "reason"])
        }
        let current = try await assets.current(for: scope.id)
        guard let taker = current.staff[slug], rota.document.layers.contains(where: { $0.people.contains(slug) }) else {
            throw Refusal(
                .unprocessable, reason: "on-call.taker", "\(slug.prefix(60)) is nobody of this rota.", facts: ["field": "taker"])
        }
        guard taker.id != actor.person else {
            throw Refusal(.conflict, reason: "on-call.self", "You have no colleague of your own name; ask somebody else.")
        }
        let mine = current.staff.values.first { $0.id == actor.person }?.slug
        guard rota.shifts(ofLayer: layer, from: max(from, now), to: to).contains(where: { $0.user != nil && $0.user == mine })
        else {
            throw Refusal(.conflict, reason: "on-call.not-yours", "You have no turn of this layer in that time.")
        }
        let row = SwapRow(
            tenant: scope.id, id: platform.newID(), rota: rota.document.name, layer: Int32(layer), from: from, to: to,
            giver: actor.person, taker: taker.id, reason: reason, askedAt: now)
        try await platform.store.withTenant(scope.id) { [platform] tx in
            _ = try await tx.pipeline([
                SwapQueries.insert(row), audit("on-call.swap-asked", row, by: actor, scope, at: now, platform),
            ])
        }
        return row
    }

    /// What may become of a request.
    package enum SwapAnswer: String, Sendable, CaseIterable {
        case agreed, declined, withdrawn
    }

    /// The colleague agrees or declines; whoever asked may take it back while it is open.
    package func answerSwap(_ id: SwapID, _ answer: SwapAnswer, as actor: Actor, scope: ScopeRow) async throws -> SwapRow {
        let rota = try await ownRota(scope)
        let now = platform.clock.now
        let staff = try await assets.current(for: scope.id).staff.values
        let row = try await platform.store.withTenant(scope.id) { [platform] tx in
            guard let row = try await tx.query(SwapQueries.lock(tenant: scope.id, id: id)).first.map(SwapRow.init) else {
                throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
            }
            guard actor.person == (answer == .withdrawn ? row.giver : row.taker) else {
                throw Refusal(
                    .forbidden, reason: "on-call.not-asked",
                    answer == .withdrawn ? "Only who asked takes it back." : "Only the colleague who was asked answers.")
            }
            guard row.state == "asked" else {
                throw Refusal(.conflict, reason: "on-call.answered", "This request is \(row.state) already.")
            }
            guard row.to > now else {
                throw Refusal(.conflict, reason: "on-call.over", "That time is over; nothing can be exchanged in it.")
            }
            // The shift may have gone to somebody else since it was offered.
            if answer == .agreed, !rota.hasTurn(staff.first { $0.id == row.giver }?.slug, of: row, at: now) {
                throw Refusal(
                    .conflict, reason: "on-call.given-away",
                    "Whoever asked has no turn in that time any more; somebody else took it, or the rota has changed.")
            }
            _ = try await tx.pipeline([
                SwapQueries.answer(tenant: scope.id, id: id, state: answer.rawValue, at: now),
                audit("on-call.swap-\(answer.rawValue)", row, by: actor, scope, at: now, platform),
            ])
            return try await tx.query(SwapQueries.lock(tenant: scope.id, id: id)).map(SwapRow.init)[0]
        }
        assets.invalidate()
        return row
    }

    /// Pages the person themselves by every channel of the rota, so that they know before the night.
    package func testPage(as actor: Actor, scope: ScopeRow) async throws -> [PageRow] {
        let rota = try await ownRota(scope)
        let now = platform.clock.now
        let pages = rota.document.channels.map { channel in
            var page = PageRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane, incident: nil, person: actor.person,
                personName: actor.name, channel: channel.rawValue, kind: Paging.Kind.test.rawValue, layer: rota.document.title,
                reason: "somebody wanted to know whether pages arrive", decidedAt: now, dueAt: now)
            if channel == .console {
                page.state = "delivered"
                page.endedAt = now
            }
            return page
        }
        try await platform.store.withTenant(scope.id) { [platform] tx in
            var statements = pages.map(PageQueries.insert)
            statements += pages.filter { $0.state == "queued" }.map(PageQueries.enqueue)
            statements.append(
                AuditQueries.insert([
                    AuditRow(
                        tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: "person",
                        actor: actor.person.text, action: "on-call.test-page", objectType: "rota",
                        objectID: rota.document.name, run: nil,
                        content: ["channels": .array(rota.document.channels.map { .string($0.rawValue) })])
                ]))
            _ = try await tx.pipeline(statements)
        }
        return pages
    }

    /// The last test pages of a scope with what became of them.
    package func tests(in scope: ScopeRow) async throws -> [(page: PageRow, attempts: [PageAttemptRow])] {
        try await proved(scope.id, PageQueries.tests(tenant: scope.id, limit: OnCalling.testsMax))
    }

    /// One of those to whom an incident may be given, by their short name.
    package func engineer(_ slug: String, for tenant: TenantID) async throws -> PersonRow {
        guard let person = try await engineers(for: tenant).first(where: { $0.slug == slug }) else {
            throw Refusal(
                .unprocessable, reason: "incident.person", "\(slug.prefix(60)) is nobody of the rota.",
                facts: ["field": "person"])
        }
        return person
    }

    /// Those to whom an incident may be given: everybody of the rota and the duty manager, by name.
    package func engineers(for tenant: TenantID) async throws -> [PersonRow] {
        let current = try await assets.current(for: tenant)
        guard let rota = OnCall(current)?.document else { return [] }
        let slugs = Set(rota.layers.flatMap(\.people) + [rota.dutyManager])
        return slugs.compactMap { current.staff[$0] }.sorted { $0.name < $1.name }
    }

    /// Every page of an incident with every attempt to deliver it.
    package func pages(
        of incident: IncidentID, tenant: TenantID
    ) async throws -> [(page: PageRow, attempts: [PageAttemptRow])] {
        try await proved(tenant, PageQueries.ofIncident(tenant: tenant, incident: incident, limit: Paging.shownMax))
    }

    private func proved(_ tenant: TenantID, _ sql: SQL) async throws -> [(page: PageRow, attempts: [PageAttemptRow])] {
        try await platform.store.withTenant(tenant) { tx in
            let pages = try await tx.query(sql).map(PageRow.init)
            guard !pages.isEmpty else { return [] }
            let rows = try await tx.query(PageQueries.attempts(tenant: tenant, pages: pages.map(\.id))).map(PageAttemptRow.init)
            let attempts = Dictionary(grouping: rows, by: \.page)
            return pages.map { ($0, attempts[$0.id] ?? []) }
        }
    }

    /// Rotas are the operator's; elsewhere they are only looked at.
    private func ownRota(_ scope: ScopeRow) async throws -> OnCall {
        guard scope.kind == "operator" else {
            throw Refusal(.unprocessable, reason: "on-call.scope", "Rotas are the operator's. Do this in the operator's scope.")
        }
        return try await rota(for: scope.id)
    }
}

private func audit(
    _ action: String, _ row: SwapRow, by actor: Actor, _ scope: ScopeRow, at now: Moment, _ platform: Platform
) -> SQL {
    AuditQueries.insert([
        AuditRow(
            tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: "person", actor: actor.person.text,
            action: action, objectType: "on-call-swap", objectID: row.id.text, run: nil,
            content: [
                "rota": .string(row.rota), "layer": JSONValue(Int(row.layer) + 1), "from": JSONValue(row.from),
                "to": JSONValue(row.to), "giver": JSONValue(row.giver), "taker": JSONValue(row.taker),
                "reason": .string(row.reason),
            ])
    ])
}

extension SwapRow {
    /// In which order exchanges are laid over a rota: whoever agreed later has the turn, and never whoever was asked later.
    static func isAgreedBefore(_ lhs: SwapRow, _ rhs: SwapRow) -> Bool {
        (lhs.answeredAt ?? lhs.askedAt, lhs.askedAt, lhs.id.text) < (rhs.answeredAt ?? rhs.askedAt, rhs.askedAt, rhs.id.text)
    }
}

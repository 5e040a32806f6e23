package import Branding
package import Kernel
internal import Postgres
package import Records
internal import Seals
package import Tenancy

/// Brands as people make them: a draft that is judged whenever it changes, its publication, and the way back.
///
/// What is published is the asset `brand` of the scope, the same that a folder would bring, so nothing that wears a brand asks
/// here.
package struct BrandStudio: Sendable {
    package static let versionsMax = 50
    /// Pictures that a scope may store within a day; they are small, and never forgotten.
    package static let filesPerDayMax: Int64 = 200

    package struct Level: Sendable {
        package let row: ScopeRow
        package let scope: Scope
        package let brand: BrandDocument
    }

    /// Everything that the page and the answers about one scope's brand need.
    package struct Desk: Sendable {
        package let row: ScopeRow
        package let scope: Scope
        /// From the next level up to the operator.
        package let above: [Level]
        /// What this level has published; nil when it wears what comes from above.
        package let own: BrandDocument?
        package let draft: BrandVersionRow?
        /// Newest first, the draft among them.
        package let versions: [BrandVersionRow]
        /// What stands between the draft, or the published brand, and its publication.
        package let issues: [AssetIssue]
        package let tenants: Int

        package var live: BrandVersionRow? { versions.first { $0.state == "published" } }

        /// The draft's content, or what is published where there is none.
        package var edited: BrandDocument {
            draft.map { BrandStudio.document($0.content) } ?? own ?? BrandDocument(values: [:])
        }

        package var resolved: ResolvedBrand { line(with: edited) }

        package var published: ResolvedBrand { line(with: own) }

        private func line(with document: BrandDocument?) -> ResolvedBrand {
            ResolvedBrand((document.map { [(scope, $0)] } ?? []) + above.map { ($0.scope, $0.brand) })
        }

        /// Nil where one person may publish; else why not.
        package var secondPersonReason: String? {
            if resolved[.secondPerson] == BrandDocument.SecondPerson.always.rawValue {
                return "The operator wants a second person for every publication."
            }
            let sensitive = BrandCheck.changes(from: own, to: edited).filter(\.isSensitive).map(\.title)
            guard !sensitive.isEmpty else { return nil }
            let which = sensitive.prefix(4).joined(separator: ", ")
            return "Legal texts, mails or the sender change (\(which)), so a second person confirms."
        }
    }

    package enum Outcome: Sendable, Equatable {
        case published(Int32)
        /// Somebody else has to publish it as well.
        case asked(Int32)
    }

    let platform: Platform
    private let assets: AssetLibrary
    private let scopes: ScopeDirectory

    package init(platform: Platform, assets: AssetLibrary, scopes: ScopeDirectory) {
        self.platform = platform
        self.assets = assets
        self.scopes = scopes
    }

    // MARK: Looking

    /// The brands that are published along the line of a scope, its own first.
    package func levels(of row: ScopeRow) async throws -> [Level] {
        var levels: [Level] = []
        var next: ScopeRow? = row
        var line: [ScopeRow] = []
        while let here = next, line.count < 4 {
            line.append(here)
            next = if let parent = here.parent { try await scopes.scope(parent) } else { nil }
        }
        let partner = line.first { $0.kind == "partner" }?.slug ?? ""
        for here in line {
            let scope = BrandStudio.scope(of: here, partner: partner)
            let current = try await assets.current(for: here.id)
            guard let asset = current.all("brand").first(where: { $0.tenant == here.id }) else { continue }
            levels.append(Level(row: here, scope: scope, brand: BrandStudio.document(asset.content)))
        }
        return levels
    }

    private static func scope(of row: ScopeRow, partner: String) -> Scope {
        switch row.kind {
        case "operator": .operator
        case "partner": .partner(row.slug)
        default: .tenant(row.slug, partner: partner)
        }
    }

    func scope(_ id: TenantID) async throws -> ScopeRow { try await scopes.scope(id) }

    func node(of row: ScopeRow) async throws -> Scope {
        guard row.kind == "tenant", let parent = row.parent else { return BrandStudio.scope(of: row, partner: "") }
        return BrandStudio.scope(of: row, partner: try await scopes.scope(parent).slug)
    }

    /// The brand that people of a scope see.
    package func resolved(for row: ScopeRow) async throws -> ResolvedBrand {
        ResolvedBrand(try await levels(of: row).map { ($0.scope, $0.brand) })
    }

    /// A brand whole, for what is made and sent rather than shown: colours, words, and pictures by their bytes.
    package struct Worn: Sendable {
        package let brand: ResolvedBrand
        package let theme: BrandTheme
        package let language: BrandLanguage
        /// PNG or SVG; nil where the name stands instead.
        package let logo: BrandFileRow?
        package let reportCover: BrandFileRow?
    }

    /// What reports and mails of a scope wear.
    package func worn(by row: ScopeRow) async throws -> Worn {
        let brand = try await resolved(for: row)
        return Worn(
            brand: brand, theme: brand.theme, language: BrandLanguage(tag: row.locale),
            logo: try await picture(brand, .logoLight), reportCover: try await picture(brand, .reportCover))
    }

    private func picture(_ brand: ResolvedBrand, _ field: BrandDocument.Field) async throws -> BrandFileRow? {
        brand[field].isEmpty ? nil : try await file(brand[field])
    }

    package func desk(_ row: ScopeRow, node: Scope) async throws -> Desk {
        let versions = try await platform.store.withTenant(row.id) { tx in
            try await tx.query(BrandQueries.versions(tenant: row.id, limit: BrandStudio.versionsMax)).map(BrandVersionRow.init)
        }
        return try await desk(row, node: node, versions: versions)
    }

    private func desk(_ row: ScopeRow, node: Scope, versions: [BrandVersionRow]) async throws -> Desk {
        let levels = try await levels(of: row)
        let (own, above) = (levels.first { $0.row.id == row.id }?.brand, levels.filter { $0.row.id != row.id })
        let draft = versions.first(where: \.isOpen)
        let all = try await scopes.all()
        let judged = draft?.content ?? own?.json ?? ["kind": "brand"]
        return Desk(
            row: row, scope: node, above: above, own: own, draft: draft, versions: versions,
            issues: try await issues(judged, row, node, above, all), tenants: BrandStudio.tenants(below: row, in: all))
    }

    private static func tenants(below row: ScopeRow, in all: [ScopeRow]) -> Int {
        switch row.kind {
        case "operator": all.count { $0.kind == "tenant" }
        case "partner": all.count { $0.kind == "tenant" && $0.parent == row.id }
        default: 1
        }
    }

    /// What was published once and reads no more sets nothing; its file is refused before it comes here.
    static func document(_ json: JSONValue) -> BrandDocument {
        var ignored: [AssetIssue] = []
        return BrandDocument.parse(json, issues: &ignored) ?? BrandDocument(values: [:])
    }

    private func issues(
        _ content: JSONValue, _ row: ScopeRow, _ node: Scope, _ above: [Level], _ all: [ScopeRow]
    ) async throws -> [AssetIssue] {
        var issues: [AssetIssue] = []
        guard let document = BrandDocument.parse(content, issues: &issues) else { return issues }
        // Nobody must be taken for the operator or another partner; a tenant may well wear its own partner's name.
        let own = row.kind == "tenant" ? [row.id, row.parent] : [row.id]
        let others = all.filter { $0.kind != "tenant" && !own.contains($0.id) }.map(\.name)
        issues += BrandCheck.issues(document, of: node, above: above.map { ($0.scope, $0.brand) }, others: others)
        return issues + (try await missing(document, tenant: row.id))
    }

    /// Pictures that are named and not stored.
    func missing(_ document: BrandDocument, tenant: TenantID) async throws -> [AssetIssue] {
        let named = BrandDocument.Field.allCases.filter { $0.logoSlot != nil && document.values[$0] != nil }
        guard !named.isEmpty else { return [] }
        let names = named.compactMap { document.values[$0] }
        let stored = try await platform.store.withTenant(tenant) { tx in
            Set(
                try await tx.query(BrandQueries.stored(tenant: tenant, names: names)).map { try $0.get("name", as: String.self) })
        }
        return named.compactMap { field in
            guard let name = document.values[field], !stored.contains(name) else { return nil }
            return AssetIssue(
                BrandDocument.pointer(to: field), "The picture `\(name)` is not stored here.", remedy: "Send it first.")
        }
    }

    // MARK: Pictures

    /// Judges a picture and stores what was made of it; answers with its name.
    package func store(_ bytes: [UInt8], for slot: LogoSlot, as actor: Actor, in row: ScopeRow) async throws -> String {
        let file: LogoFile
        do throws(LogoFlaw) {
            file = try LogoFile.read(bytes, for: slot)
        } catch {
            throw Refusal(
                .unprocessable, reason: "brand.picture", "\(slot.title): \(error.description)", facts: ["field": slot.rawValue])
        }
        let now = platform.clock.now
        let name = "\(SHA256.hexText(file.bytes)).\(file.form.rawValue)"
        let stored = BrandFileRow(
            tenant: row.id, name: name, width: Int32(file.width), height: Int32(file.height), bytes: file.bytes, storedAt: now,
            storedBy: actor.person)
        try await platform.store.withTenant(row.id) { tx in
            let count = try await tx.query(BrandQueries.storedSince(tenant: row.id, since: now.adding(seconds: -86_400)))
            guard try count.first?.get("n", as: Int64.self) ?? 0 < BrandStudio.filesPerDayMax else {
                throw Refusal(
                    .tooMany, reason: "brand.pictures",
                    "More than \(BrandStudio.filesPerDayMax) pictures were stored within a day. Come back tomorrow.")
            }
            try await tx.execute(BrandQueries.store(stored))
        }
        return name
    }

    /// A stored picture by its name, whoever stored it; a refusal when there is none.
    package func file(_ name: String) async throws -> BrandFileRow {
        guard TextRule.logoName.problem(with: name) == nil, name.utf8.count == 68 else { throw Refusal.nothingThere }
        let owner = try await platform.store.withGate { tx in
            try await tx.query(BrandQueries.owner(name: name)).first?.get("tenant_id", as: TenantID.self)
        }
        guard let owner else { throw Refusal.nothingThere }
        let row = try await platform.store.withTenant(owner) { tx in
            try await tx.query(BrandQueries.file(tenant: owner, name: name)).first.map(BrandFileRow.init)
        }
        guard let row else { throw Refusal.nothingThere }
        return row
    }

    // MARK: Changing

    /// Writes the draft, which is begun where there is none. `revision` is that of the draft that was on the screen, 0 for none.
    @discardableResult
    package func save(
        _ content: JSONValue, revision: Int32, as actor: Actor, in row: ScopeRow, node: Scope
    ) async throws -> BrandVersionRow {
        var problems: [AssetIssue] = []
        guard let document = BrandDocument.parse(content, issues: &problems) else { throw BrandStudio.unreadable(problems) }
        let state = try await judged(document, row, node)
        let now = platform.clock.now
        let saved = try await platform.store.withTenant(row.id) { tx -> BrandVersionRow in
            let known = try await tx.query(BrandQueries.lock(tenant: row.id)).map(BrandVersionRow.init)
            guard var draft = known.first(where: \.isOpen) else {
                guard revision == 0 else { throw BrandStudio.changedMeanwhile }
                let fresh = BrandVersionRow(
                    tenant: row.id, number: (known.first?.number ?? 0) + 1, state: state, content: document.json,
                    madeBy: actor.person, madeByNatural: actor.natural, madeAt: now)
                guard try await tx.query(BrandQueries.insert(fresh)).count == 1 else { throw BrandStudio.changedMeanwhile }
                return fresh
            }
            guard draft.revision == revision else { throw BrandStudio.changedMeanwhile }
            draft.content = document.json
            draft.state = state
            try await BrandStudio.write(&draft, asker: nil, now: now, tx: tx)
            return draft
        }
        return saved
    }

    private func judged(_ document: BrandDocument, _ row: ScopeRow, _ node: Scope) async throws -> String {
        let above = try await levels(of: row).filter { $0.row.id != row.id }
        let found = try await issues(document.json, row, node, above, try await scopes.all())
        return found.contains { $0.severity == .error } ? "draft" : "validated"
    }

    private static func write(_ draft: inout BrandVersionRow, asker: Actor?, now: Moment, tx: Transaction) async throws {
        let before = draft.revision
        draft.revision += 1
        draft.changedAt = now
        draft.askedBy = asker?.person
        draft.askedByNatural = asker?.natural
        guard try await tx.query(BrandQueries.update(draft, from: before)).count == 1 else { throw changedMeanwhile }
    }

    /// Throws the draft away; what is published stays.
    package func discard(revision: Int32, as actor: Actor, in row: ScopeRow) async throws {
        let now = platform.clock.now
        try await platform.store.withTenant(row.id) { [platform] tx in
            let known = try await tx.query(BrandQueries.lock(tenant: row.id)).map(BrandVersionRow.init)
            guard var draft = known.first(where: \.isOpen), draft.revision == revision else {
                throw BrandStudio.changedMeanwhile
            }
            draft.state = "discarded"
            try await BrandStudio.write(&draft, asker: nil, now: now, tx: tx)
            try await tx.execute(
                AuditQueries.insert([
                    BrandStudio.entry(
                        platform.newID(), row, "brand.discarded", ["version": JSONValue(Int(draft.number))], actor, now)
                ]))
        }
    }

    /// Takes an earlier version's content into a draft of its own and publishes that; the earlier version stays what it was.
    package func rollBack(to number: Int32, as actor: Actor, in row: ScopeRow, node: Scope) async throws -> Outcome {
        let now = platform.clock.now
        let draft = try await platform.store.withTenant(row.id) { tx -> BrandVersionRow in
            let known = try await tx.query(BrandQueries.lock(tenant: row.id)).map(BrandVersionRow.init)
            guard !known.contains(where: \.isOpen) else {
                throw Refusal(
                    .conflict, reason: "brand.draft",
                    "There is a draft. Publish or discard it before you take an earlier version.")
            }
            let rows = try await tx.query(BrandQueries.version(tenant: row.id, number: number))
            guard let old = try rows.first.map(BrandVersionRow.init), old.state == "superseded" else {
                throw Refusal(
                    .notFound, reason: "brand.version", "Version \(number) is none that was published and replaced.")
            }
            let fresh = BrandVersionRow(
                tenant: row.id, number: (known.first?.number ?? 0) + 1, state: "validated", content: old.content,
                madeBy: actor.person, madeByNatural: actor.natural, madeAt: now, restores: number)
            guard try await tx.query(BrandQueries.insert(fresh)).count == 1 else { throw BrandStudio.changedMeanwhile }
            return fresh
        }
        return try await publish(number: draft.number, revision: draft.revision, as: actor, in: row, node: node)
    }

    static let changedMeanwhile = Refusal(
        .conflict, reason: "brand.changed", "Somebody changed the draft meanwhile. Look at it again; yours was not written.")

    static func unreadable(_ issues: [AssetIssue]) -> Refusal {
        let first = issues.first { $0.severity == .error }
        return Refusal(
            .unprocessable, reason: "brand.form",
            first.map { "\($0.pointer): \($0.message) \($0.remedy)" } ?? "This is no brand.",
            facts: ["field": first?.pointer ?? ""])
    }

    static func entry(
        _ id: AuditEntryID, _ row: ScopeRow, _ action: String, _ content: JSONValue, _ actor: Actor?, _ now: Moment
    ) -> AuditRow {
        AuditRow(
            tenant: row.id, id: id, lane: 0, at: now, actorKind: actor == nil ? "system" : "person",
            actor: actor?.person.text ?? "apply", action: action, objectType: "brand", objectID: row.id.text, run: nil,
            content: content)
    }

    func forgetCurrent() { assets.invalidate() }
}

extension Refusal {
    static let nothingThere = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
}

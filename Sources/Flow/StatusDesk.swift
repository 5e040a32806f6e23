package import Incidents
package import Kernel
internal import Postgres
package import Records
internal import Seals

/// What the owner of a status page does: sets it up, names its components, and tells its readers what is going on.
///
/// Nothing becomes public that a person has not written or chosen: a notice has words of its own and never those of the incident
/// that it is about.
package struct StatusDesk: Sendable {
    static let addressDigits = 32

    let platform: Platform

    package init(platform: Platform) { self.platform = platform }

    static let nothing = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
    static let noPage = Refusal(
        .conflict, reason: "status.page", "There is no status page here yet. Set one up first.")

    static func wrong(_ field: String, _ message: String) -> Refusal {
        Refusal(.unprocessable, reason: "status.\(field)", message, facts: ["field": field])
    }

    // MARK: The page

    /// Who may open a page.
    package enum Audience: String, Sendable, CaseIterable {
        case off, anybody
        case signedIn = "signed-in"
    }

    package struct Settings: Sendable {
        package var audience: Audience
        package var title: String
        package var intro: String
        package var language: StatusLanguage
        package var rule: StatusPublishingRule?
        /// Maintenance that the contract announces is shown too.
        package var showsAnnounced: Bool

        package init(
            audience: Audience, title: String, intro: String = "", language: StatusLanguage = .en,
            rule: StatusPublishingRule? = nil, showsAnnounced: Bool = false
        ) {
            self.audience = audience
            self.title = title
            self.intro = intro
            self.language = language
            self.rule = rule
            self.showsAnnounced = showsAnnounced
        }
    }

    package func page(of tenant: TenantID) async throws -> StatusPageRow? {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(StatusQueries.page(tenant: tenant)).first.map(StatusPageRow.init)
        }
    }

    /// Sets the page up or changes it. `revision` is that of the page seen, 0 where there was none.
    package func save(
        _ settings: Settings, revision: Int32, as actor: Actor, scope: ScopeRow
    ) async throws -> StatusPageRow {
        let title = try StatusBounds.checked(settings.title, "title", max: StatusBounds.titleScalarsMax)
        let intro = try StatusBounds.checked(
            settings.intro, "intro", max: StatusBounds.introScalarsMax, mayBreak: true, mayBeEmpty: true)
        return try await change(revision: revision, "status.page-changed", as: actor, scope: scope) { row in
            row.audience = settings.audience.rawValue
            (row.title, row.intro, row.language) = (title, intro, settings.language.rawValue)
            (row.rule, row.showsAnnounced) = (settings.rule?.json, settings.showsAnnounced)
        }
    }

    /// A new address; whoever has the old one finds nothing there from now on.
    package func renewAddress(revision: Int32, as actor: Actor, scope: ScopeRow) async throws -> StatusPageRow {
        let address = Base62.random(count: StatusDesk.addressDigits, entropy: platform.entropy)
        return try await change(revision: revision, "status.address-renewed", as: actor, scope: scope) { $0.address = address }
    }

    private func change(
        revision: Int32, _ action: String, as actor: Actor, scope: ScopeRow,
        _ edit: @Sendable (inout StatusPageRow) -> Void
    ) async throws -> StatusPageRow {
        let now = platform.clock.now
        let address = Base62.random(count: StatusDesk.addressDigits, entropy: platform.entropy)
        let meanwhile = Refusal(
            .conflict, reason: "status.revision", "Somebody has changed the page meanwhile. Load it again.")
        return try await platform.store.withTenant(scope.id) { tx in
            let known = try await tx.query(StatusQueries.lockPage(tenant: scope.id)).first.map(StatusPageRow.init)
            guard (known?.revision ?? 0) == revision else { throw meanwhile }
            guard known != nil || action == "status.page-changed" else { throw StatusDesk.noPage }
            var row = known ?? StatusPageRow(tenant: scope.id, address: address, at: now, by: actor.person)
            edit(&row)
            (row.changedAt, row.changedBy) = (now, actor.person)
            row.revision = revision + 1
            let statement = known == nil ? StatusQueries.insert(row) : StatusQueries.update(row, from: revision)
            guard try await tx.query(statement).count == 1 else { throw meanwhile }
            // The address opens the page, so it stands in no log.
            let content: JSONObject = [
                "audience": .string(row.audience), "title": .string(row.title), "language": .string(row.language),
                "publishesByRule": .bool(row.rule != nil),
            ]
            try await tx.execute(
                entry(action, "status-page", scope.id.text, .object(content), as: actor, scope: scope, at: now))
            return row
        }
    }

    // MARK: Components

    package struct ComponentEdit: Sendable {
        package var name: String
        package var description: String
        package var source: StatusSource
        package var position: Int32

        package init(name: String, description: String = "", source: StatusSource = StatusSource(.hand), position: Int32 = 0) {
            self.name = name
            self.description = description
            self.source = source
            self.position = position
        }
    }

    package func components(of tenant: TenantID) async throws -> [StatusComponentRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(StatusQueries.components(tenant: tenant)).map(StatusComponentRow.init)
        }
    }

    package func add(_ edit: ComponentEdit, as actor: Actor, scope: ScopeRow) async throws -> StatusComponentRow {
        let edit = try checked(edit, scope)
        let now = platform.clock.now
        var row = StatusComponentRow(
            tenant: scope.id, id: platform.newID(), position: edit.position, name: edit.name, at: now)
        (row.description, row.source, row.subject) = (edit.description, edit.source.kind.rawValue, edit.source.subject)
        let made = row
        return try await held(scope.id, missing: StatusDesk.noPage) { tx, _ in
            let count = try await tx.query(StatusQueries.components(tenant: scope.id)).count
            guard count < StatusBounds.componentsMax else {
                throw Refusal(
                    .conflict, reason: "status.components", "A page has at most \(StatusBounds.componentsMax) components.")
            }
            guard try await tx.query(StatusQueries.insert(made)).count == 1 else { throw StatusDesk.nameTaken }
            try await tx.execute(
                entry("status.component-added", "status-component", made.id.text, made.told, as: actor, scope: scope, at: now))
            return made
        }
    }

    package func change(
        _ id: StatusComponentID, _ edit: ComponentEdit, as actor: Actor, scope: ScopeRow
    ) async throws -> StatusComponentRow {
        let edit = try checked(edit, scope)
        return try await change(id, "status.component-changed", as: actor, scope: scope) { row in
            (row.name, row.description, row.position) = (edit.name, edit.description, edit.position)
            (row.source, row.subject) = (edit.source.kind.rawValue, edit.source.subject)
        }
    }

    /// Says by hand what the component is, until when; nil gives it back to the rule.
    package func set(
        _ id: StatusComponentID, _ override: StatusOverride?, as actor: Actor, scope: ScopeRow
    ) async throws -> StatusComponentRow {
        let now = platform.clock.now
        if let until = override?.until {
            guard now < until, until.seconds(since: now) <= StatusBounds.setSecondsMax else {
                throw StatusDesk.wrong("until", "until lies ahead, and at most 31 days; leave it out for no end.")
            }
        }
        return try await change(id, "status.component-set", as: actor, scope: scope) { row in
            (row.setState, row.setUntil) = (override?.state.rawValue, override?.until)
            (row.setBy, row.setByName) = (override.map { _ in actor.person }, override.map { _ in actor.name })
            row.setAt = override.map { _ in now }
        }
    }

    /// Takes the component off the page; its history is kept for who asks for it.
    package func retire(_ id: StatusComponentID, as actor: Actor, scope: ScopeRow) async throws -> StatusComponentRow {
        let now = platform.clock.now
        return try await change(id, "status.component-retired", as: actor, scope: scope) { $0.retiredAt = now }
    }

    private static let nameTaken = Refusal(
        .conflict, reason: "status.name", "There is a component of this name already.", facts: ["field": "name"])

    private func checked(_ edit: ComponentEdit, _ scope: ScopeRow) throws(Refusal) -> ComponentEdit {
        var edit = edit
        edit.name = try StatusBounds.checked(edit.name, "name", max: StatusBounds.nameScalarsMax)
        edit.description = try StatusBounds.checked(
            edit.description, "description", max: StatusBounds.descriptionScalarsMax, mayBeEmpty: true)
        // A partner's page says nothing of what happens inside one of its tenants.
        guard scope.kind == "tenant" || edit.source.kind == .hand || edit.source.kind == .platform else {
            throw StatusDesk.wrong("source", "Only a tenant's page shows its connections and workflows.")
        }
        return edit
    }

    private func change(
        _ id: StatusComponentID, _ action: String, as actor: Actor, scope: ScopeRow,
        _ edit: @escaping @Sendable (inout StatusComponentRow) -> Void
    ) async throws -> StatusComponentRow {
        let now = platform.clock.now
        return try await held(scope.id) { tx, _ in
            let all = try await tx.query(StatusQueries.components(tenant: scope.id)).map(StatusComponentRow.init)
            guard var row = all.first(where: { $0.id == id }) else { throw StatusDesk.nothing }
            edit(&row)
            guard !all.contains(where: { $0.id != id && $0.name.lowercased() == row.name.lowercased() }) else {
                throw StatusDesk.nameTaken
            }
            _ = try await tx.pipeline([
                StatusQueries.update(row),
                entry(action, "status-component", id.text, row.told, as: actor, scope: scope, at: now),
            ])
            return row
        }
    }

    // MARK: Shared

    /// With the page locked; refused with `missing` where there is none. What names an object of a page answers as for any other
    /// that does not exist.
    func held<Value: Sendable>(
        _ tenant: TenantID, missing: Refusal = StatusDesk.nothing,
        _ body: @escaping @Sendable (Transaction, StatusPageRow) async throws -> Value
    ) async throws -> Value {
        try await platform.store.withTenant(tenant) { tx in
            guard let page = try await tx.query(StatusQueries.lockPage(tenant: tenant)).first.map(StatusPageRow.init) else {
                throw missing
            }
            return try await body(tx, page)
        }
    }

    /// `actor` is nil where the owner's rule acted.
    func entry(
        _ action: String, _ type: String, _ id: String, _ content: JSONValue, as actor: Actor?, scope: ScopeRow, at now: Moment
    ) -> SQL {
        AuditQueries.insert([
            AuditRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: actor == nil ? "engine" : "person",
                actor: actor?.person.text ?? "status-rule", action: action, objectType: type, objectID: id, run: nil,
                content: content)
        ])
    }
}

extension StatusComponentRow {
    package var bound: StatusSource {
        StatusSource(StatusSource.Kind(rawValue: source) ?? .hand, subject)
    }

    package var override: StatusOverride? {
        setState.flatMap(StatusState.init(rawValue:)).map { StatusOverride($0, until: setUntil) }
    }

    /// What the audit log keeps.
    var told: JSONValue {
        [
            "name": .string(name), "source": .string(bound.text), "set": JSONValue(setState),
            "until": setUntil.map { JSONValue($0) } ?? .null, "retired": .bool(retiredAt != nil),
        ]
    }
}

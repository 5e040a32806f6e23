package import Incidents
package import Kernel
package import Postgres
package import Records

/// Notices of disruptions and of planned work, and their updates: drafted, published, edited with what was said before kept.
extension StatusDesk {
    /// What somebody wants to tell.
    package struct Draft: Sendable {
        package var kind: StatusKind
        /// Empty for the usual words of the page's language.
        package var title: String
        package var impact: StatusImpact
        package var phase: StatusPhase
        package var text: String
        /// Names or ids of components.
        package var components: [String]
        package var startsAt: Moment?
        package var endsAt: Moment?
        package var incident: IncidentID?
        package var isPublished: Bool

        package init(
            kind: StatusKind = .incident, title: String = "", impact: StatusImpact = .minor, phase: StatusPhase? = nil,
            text: String, components: [String] = [], startsAt: Moment? = nil, endsAt: Moment? = nil, incident: IncidentID? = nil,
            isPublished: Bool
        ) {
            self.kind = kind
            self.title = title
            self.impact = impact
            self.phase = phase ?? kind.phases[0]
            self.text = text
            self.components = components
            self.startsAt = startsAt
            self.endsAt = endsAt
            self.incident = incident
            self.isPublished = isPublished
        }
    }

    /// A notice with every wording of its updates.
    package struct Told: Sendable {
        package var notice: StatusNoticeRow
        package let updates: [StatusUpdateRow]

        /// Each update in the wording that is shown.
        package var latest: [StatusUpdateRow] {
            updates.enumerated().filter { index, row in
                index + 1 == updates.count || updates[index + 1].number != row.number
            }.map(\.element)
        }
    }

    package func notices(
        of tenant: TenantID, openOnly: Bool, before: (Moment, StatusNoticeID)? = nil, limit: Int
    ) async throws -> [Told] {
        try await platform.store.withTenant(tenant) { tx in
            let rows = try await tx.query(
                StatusQueries.notices(tenant: tenant, openOnly: openOnly, publishedOnly: false, before: before, limit: limit)
            ).map(StatusNoticeRow.init)
            let updates = try await tx.query(
                StatusQueries.updates(tenant: tenant, notices: rows.map(\.id), publishedOnly: false)
            ).map(StatusUpdateRow.init)
            return rows.map { row in Told(notice: row, updates: updates.filter { $0.notice == row.id }) }
        }
    }

    package func notice(_ id: StatusNoticeID, of tenant: TenantID) async throws -> Told {
        try await platform.store.withTenant(tenant) { tx in try await told(id, tenant, tx) }
    }

    private func told(_ id: StatusNoticeID, _ tenant: TenantID, _ tx: Transaction) async throws -> Told {
        guard let row = try await tx.query(StatusQueries.notice(tenant: tenant, id: id)).first.map(StatusNoticeRow.init) else {
            throw StatusDesk.nothing
        }
        let updates = try await tx.query(StatusQueries.wordings(tenant: tenant, notice: id)).map(StatusUpdateRow.init)
        return Told(notice: row, updates: updates)
    }

    /// Begins a notice with its first update.
    package func post(_ draft: Draft, as actor: Actor, scope: ScopeRow) async throws -> Told {
        try await held(scope.id, missing: StatusDesk.noPage) { tx, page in
            try await post(draft, on: page, as: actor, scope: scope, tx: tx)
        }
    }

    /// The same in the caller's transaction, which holds the page. `actor` is nil for the owner's rule.
    func post(
        _ draft: Draft, on page: StatusPageRow, as actor: Actor?, scope: ScopeRow, tx: Transaction
    ) async throws -> Told {
        let now = platform.clock.now
        let text = try StatusDesk.checked(draft.text)
        let words = StatusWords(StatusLanguage(rawValue: page.language) ?? .en)
        let title =
            draft.title.isEmpty
            ? words.title(draft.kind) : try StatusBounds.checked(draft.title, "title", max: StatusBounds.titleScalarsMax)
        try StatusDesk.check(draft, at: now)
        let open = try await tx.query(
            StatusQueries.notices(
                tenant: scope.id, openOnly: true, publishedOnly: false, before: nil, limit: StatusBounds.openMax)
        ).count
        guard open < StatusBounds.openMax else {
            throw Refusal(
                .conflict, reason: "status.many", "\(open) notices are open. End one before another one is begun.")
        }
        if let incident = draft.incident, try await tx.query(IncidentQueries.find(tenant: scope.id, id: incident)).isEmpty {
            throw StatusDesk.nothing
        }
        var row = StatusNoticeRow(
            tenant: scope.id, id: platform.newID(), kind: draft.kind.rawValue, title: title, impact: draft.impact.rawValue,
            components: try await components(named: draft.components, scope.id, tx), incident: draft.incident, at: now,
            by: actor?.person)
        (row.startsAt, row.endsAt) = (draft.startsAt, draft.endsAt)
        guard try await tx.query(StatusQueries.insert(row)).count == 1 else {
            throw Refusal(
                .conflict, reason: "status.incident", "This incident has a notice already. Add an update to it.",
                facts: ["field": "incident"])
        }
        try await add(1, draft.phase, text, isPublished: draft.isPublished, to: &row, as: actor, scope: scope, tx: tx)
        return try await told(row.id, scope.id, tx)
    }

    /// Another update of a notice.
    package func update(
        _ id: StatusNoticeID, phase: StatusPhase, text: String, isPublished: Bool, as actor: Actor, scope: ScopeRow
    ) async throws -> Told {
        try await held(scope.id) { tx, _ in
            try await update(id, phase: phase, text: text, isPublished: isPublished, as: actor, scope: scope, tx: tx)
        }
    }

    func update(
        _ id: StatusNoticeID, phase: StatusPhase, text: String, isPublished: Bool, as actor: Actor?, scope: ScopeRow,
        tx: Transaction
    ) async throws -> Told {
        let text = try StatusDesk.checked(text)
        var known = try await told(id, scope.id, tx)
        guard StatusKind(rawValue: known.notice.kind)?.phases.contains(phase) ?? false else {
            throw StatusDesk.wrong("phase", "\(phase.rawValue) is no phase of a notice of this kind.")
        }
        let last = known.updates.last?.number ?? 0
        guard last < StatusBounds.updatesMax else {
            throw Refusal(.conflict, reason: "status.updates", "A notice has at most \(StatusBounds.updatesMax) updates.")
        }
        try await add(last + 1, phase, text, isPublished: isPublished, to: &known.notice, as: actor, scope: scope, tx: tx)
        return try await told(id, scope.id, tx)
    }

    private func add(
        _ number: Int32, _ phase: StatusPhase, _ text: String, isPublished: Bool, to row: inout StatusNoticeRow, as actor: Actor?,
        scope: ScopeRow, tx: Transaction
    ) async throws {
        let now = platform.clock.now
        if isPublished { StatusDesk.publish(phase, in: &row, at: now) }
        _ = try await tx.pipeline([
            StatusQueries.addUpdate(
                tenant: row.tenant, notice: row.id, number: number, phase: phase.rawValue, by: actor?.person, at: now,
                publishedAt: isPublished ? now : nil),
            StatusQueries.addWording(
                tenant: row.tenant, notice: row.id, number: number, wording: 1, text: text, by: actor?.person, at: now),
            StatusQueries.update(row),
            entry(
                isPublished ? "status.published" : "status.drafted", "status-notice", row.id.text,
                [
                    "update": JSONValue(Int(number)), "phase": .string(phase.rawValue), "title": .string(row.title),
                    "text": .string(text), "incident": JSONValue(row.incident?.text),
                ], as: actor, scope: scope, at: now),
        ])
        if isPublished { try await tellSubscribers(of: row, number, wording: 1, tx, at: now) }
    }

    /// A word to everybody who has subscribed to what the notice is about, in the transaction that publishes it.
    private func tellSubscribers(
        of row: StatusNoticeRow, _ number: Int32, wording: Int32, _ tx: Transaction, at now: Moment
    ) async throws {
        guard let page = try await tx.query(StatusQueries.page(tenant: row.tenant)).first.map(StatusPageRow.init),
            let audience = Audience(rawValue: page.audience), audience != .off
        else { return }
        try await tx.execute(
            StatusSubscriberQueries.tell(
                tenant: row.tenant, kind: "update", key: "update/\(row.id.text)/\(number)/\(wording)", notice: row.id,
                number: number, components: row.components, knownOnly: audience == .signedIn, at: now))
    }

    private static func publish(_ phase: StatusPhase, in row: inout StatusNoticeRow, at now: Moment) {
        row.publishedAt = row.publishedAt ?? now
        row.resolvedAt = phase.isLast ? now : nil
    }

    /// Publishes a draft.
    package func publish(
        _ id: StatusNoticeID, update number: Int32, as actor: Actor, scope: ScopeRow
    ) async throws -> Told {
        let now = platform.clock.now
        return try await held(scope.id) { tx, _ in
            var known = try await told(id, scope.id, tx)
            guard let draft = known.latest.first(where: { $0.number == number }),
                let phase = StatusPhase(rawValue: draft.phase)
            else { throw StatusDesk.nothing }
            guard draft.publishedAt == nil else {
                throw Refusal(.conflict, reason: "status.published", "This update is published already.")
            }
            StatusDesk.publish(phase, in: &known.notice, at: now)
            _ = try await tx.pipeline([
                StatusQueries.publishUpdate(tenant: scope.id, notice: id, number: number, at: now),
                StatusQueries.update(known.notice),
                entry(
                    "status.published", "status-notice", id.text,
                    ["update": JSONValue(Int(number)), "phase": .string(draft.phase), "text": .string(draft.text)], as: actor,
                    scope: scope, at: now),
            ])
            try await tellSubscribers(of: known.notice, number, wording: draft.wording, tx, at: now)
            return try await told(id, scope.id, tx)
        }
    }

    /// Says an update in other words; those before are kept. Subscribers are told of it only when somebody wants that.
    package func edit(
        _ id: StatusNoticeID, update number: Int32, text: String, tellsSubscribers: Bool = false, as actor: Actor,
        scope: ScopeRow
    ) async throws -> Told {
        let text = try StatusDesk.checked(text)
        let now = platform.clock.now
        return try await held(scope.id) { tx, _ in
            let known = try await told(id, scope.id, tx)
            guard let said = known.latest.first(where: { $0.number == number }) else { throw StatusDesk.nothing }
            guard said.text != text else { return known }
            guard said.wording < StatusBounds.wordingsMax else {
                throw Refusal(
                    .conflict, reason: "status.wordings",
                    "This update has been said in \(said.wording) ways. Add another update instead.")
            }
            _ = try await tx.pipeline([
                StatusQueries.addWording(
                    tenant: scope.id, notice: id, number: number, wording: said.wording + 1, text: text, by: actor.person,
                    at: now),
                entry(
                    "status.edited", "status-notice", id.text,
                    ["update": JSONValue(Int(number)), "before": .string(said.text), "text": .string(text)], as: actor,
                    scope: scope, at: now),
            ])
            if tellsSubscribers, said.publishedAt != nil {
                try await tellSubscribers(of: known.notice, number, wording: said.wording + 1, tx, at: now)
            }
            return try await told(id, scope.id, tx)
        }
    }

    // MARK: For an incident

    /// What an update for an incident would do: nothing where its tenant shows no page.
    package func outlook(for incident: IncidentID?, of tenant: TenantID) async throws -> (isShown: Bool, isFirst: Bool) {
        try await platform.store.withTenant(tenant) { tx in
            let page = try await tx.query(StatusQueries.page(tenant: tenant)).first.map(StatusPageRow.init)
            guard let page, page.audience != Audience.off.rawValue else { return (false, false) }
            guard let incident else { return (true, true) }
            return (true, try await tx.query(StatusQueries.notice(tenant: tenant, incident: incident)).isEmpty)
        }
    }

    /// Tells readers about an incident: begins its notice, or adds to it. Its components are those that are bound to what the
    /// incident is about. Answers nil where the tenant shows no page.
    package func tell(
        about incident: IncidentID, phase: StatusPhase?, title: String, text: String, as actor: Actor, scope: ScopeRow,
        tx: Transaction
    ) async throws -> Told? {
        guard let page = try await tx.query(StatusQueries.lockPage(tenant: scope.id)).first.map(StatusPageRow.init),
            page.audience != Audience.off.rawValue
        else { return nil }
        if let known = try await tx.query(StatusQueries.notice(tenant: scope.id, incident: incident)).first
            .map(StatusNoticeRow.init)
        {
            let before = try await told(known.id, scope.id, tx).latest.last { $0.publishedAt != nil }
            let phase = phase ?? before.flatMap { StatusPhase(rawValue: $0.phase) } ?? .investigating
            return try await update(known.id, phase: phase, text: text, isPublished: true, as: actor, scope: scope, tx: tx)
        }
        let concerned = try await concerned(by: incident, scope.id, tx)
        return try await post(
            Draft(
                title: title, impact: concerned.impact, phase: phase, text: text,
                components: concerned.components.map(\.text), incident: incident, isPublished: true), on: page, as: actor,
            scope: scope, tx: tx)
    }

    /// The same as a use of its own.
    package func tell(
        about incident: IncidentID, phase: StatusPhase?, title: String = "", text: String, as actor: Actor, scope: ScopeRow
    ) async throws -> Told {
        let told = try await held(scope.id, missing: StatusDesk.noPage) { tx, _ in
            try await tell(about: incident, phase: phase, title: title, text: text, as: actor, scope: scope, tx: tx)
        }
        guard let told else { throw StatusDesk.noPage }
        return told
    }

    /// The components that an open incident is about, and how much readers feel of one of its severity.
    func concerned(
        by incident: IncidentID, _ tenant: TenantID, _ tx: Transaction
    ) async throws -> (components: [StatusComponentID], impact: StatusImpact) {
        guard let row = try await tx.query(IncidentQueries.find(tenant: tenant, id: incident)).first.map(IncidentRow.init) else {
            throw StatusDesk.nothing
        }
        let impact: StatusImpact =
            switch Severity(rawValue: row.severity) ?? .sev4 {
            case .sev1: .critical
            case .sev2: .major
            case .sev3: .minor
            case .sev4: .none
            }
        let all = try await tx.query(StatusQueries.components(tenant: tenant)).map(StatusComponentRow.init)
        let troubles = try await tx.query(StatusQueries.openIncidents(tenant: tenant, limit: StatusSight.incidentsMax))
            .map(StatusSight.Trouble.init)
        let own = troubles.filter { $0.incident == incident }
        return (all.filter { component in own.contains { $0.concerns(component.bound) } }.map(\.id), impact)
    }

    // MARK: Checks

    private static func checked(_ text: String) throws(Refusal) -> String {
        try StatusBounds.checked(text, "text", max: StatusBounds.textScalarsMax, mayBreak: true)
    }

    private static func check(_ draft: Draft, at now: Moment) throws(Refusal) {
        guard draft.kind.phases.contains(draft.phase) else {
            throw wrong(
                "phase", "A notice of \(draft.kind.rawValue) is \(draft.kind.phases.map(\.rawValue).joined(separator: ", ")).")
        }
        guard draft.kind == .maintenance else {
            guard draft.startsAt == nil, draft.endsAt == nil else {
                throw wrong("startsAt", "Only planned maintenance has a time at which it starts and one at which it ends.")
            }
            return
        }
        guard let from = draft.startsAt, let to = draft.endsAt, from < to else {
            throw wrong(
                "startsAt", "Planned maintenance says when it starts (startsAt) and when it ends (endsAt), in this order.")
        }
        guard to.seconds(since: from) <= StatusBounds.maintenanceSecondsMax,
            from.seconds(since: now) <= StatusBounds.aheadSecondsMax, now < to
        else {
            throw wrong("endsAt", "Planned maintenance lasts at most 14 days, begins within 366 days, and is not over yet.")
        }
    }

    private func components(
        named names: [String], _ tenant: TenantID, _ tx: Transaction
    ) async throws -> [StatusComponentID] {
        guard names.count <= StatusBounds.componentsMax else {
            throw StatusDesk.wrong("components", "A notice names at most \(StatusBounds.componentsMax) components.")
        }
        let all = try await tx.query(StatusQueries.components(tenant: tenant)).map(StatusComponentRow.init)
        var out: [StatusComponentID] = []
        for name in names {
            guard let found = all.first(where: { $0.id.text == name || $0.name.lowercased() == name.lowercased() }) else {
                throw StatusDesk.wrong(
                    "components",
                    "There is no component \(name.prefix(80)); there are \(all.map(\.name).joined(separator: ", ")).")
            }
            if !out.contains(found.id) { out.append(found.id) }
        }
        return out
    }
}

package import Incidents
package import Kernel
internal import Postgres
package import Records
internal import Seals

/// Post-mortems: drafted from what the product knows of an incident, written by people, reviewed by another, and published.
package struct Postmortems: Sendable {
    package static let listedMax = 100
    static let linesMax = 500
    static let pagesMax = 200

    /// One with its state and the incidents that it tells.
    package struct Told: Sendable {
        package fileprivate(set) var row: PostmortemRow
        package fileprivate(set) var state: Postmortem
        package let incidents: [IncidentID]
    }

    let platform: Platform
    let assets: AssetLibrary
    let scopes: ScopeDirectory

    package init(platform: Platform, assets: AssetLibrary, scopes: ScopeDirectory) {
        self.platform = platform
        self.assets = assets
        self.scopes = scopes
    }

    static let nothing = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    // MARK: Reading

    package func find(_ id: PostmortemID, in tenant: TenantID) async throws -> Told {
        try await platform.store.withTenant(tenant) { tx in
            guard let row = try await tx.query(PostmortemQueries.find(tenant: tenant, id: id)).first.map(PostmortemRow.init)
            else { throw Postmortems.nothing }
            return try await Postmortems.told(row, tx)
        }
    }

    /// The newest first.
    package func list(_ tenant: TenantID, before: (Moment, PostmortemID)? = nil, limit: Int) async throws -> [Told] {
        try await platform.store.withTenant(tenant) { tx in
            let rows = try await tx.query(
                PostmortemQueries.page(tenant: tenant, before: before, limit: min(limit, Postmortems.listedMax))
            ).map(PostmortemRow.init)
            var out: [Told] = []
            for row in rows { out.append(try await Postmortems.told(row, tx)) }
            return out
        }
    }

    /// The one that tells an incident; nil where none does.
    package func of(_ incident: IncidentID, in tenant: TenantID) async throws -> Told? {
        try await platform.store.withTenant(tenant) { tx in
            guard
                let row = try await tx.query(PostmortemQueries.of(incident: incident, tenant: tenant)).first.map(
                    PostmortemRow.init)
            else { return nil }
            return try await Postmortems.told(row, tx)
        }
    }

    private static func told(_ row: PostmortemRow, _ tx: Transaction) async throws -> Told {
        let incidents = try await tx.query(PostmortemQueries.incidents(of: row.id, tenant: row.tenant)).map {
            try $0.get("incident_id", as: IncidentID.self)
        }
        return Told(row: row, state: try Postmortem(json: row.machine), incidents: incidents)
    }

    /// Names of the operator's people and the scope's own, for documents that leave the product.
    package func names(for tenant: TenantID) async throws -> [PersonID: String] {
        let staff = try await assets.current(for: tenant).staff.values.map { ($0.id, $0.name) }
        let own = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(ScopeQueries.people(tenant: tenant)).map(PersonRow.init).map { ($0.id, $0.name) }
        }
        return Dictionary(staff + own, uniquingKeysWith: { first, _ in first })
    }

    // MARK: Writing

    /// Begins one for incidents that are over. An incident that is told elsewhere is refused, with where.
    package func draft(_ incidents: [IncidentID], as actor: Actor, scope: ScopeRow) async throws -> Told {
        let wanted = Set(incidents)
        guard !wanted.isEmpty, wanted.count <= Postmortem.incidentsMax else {
            throw Refusal(
                .invalid, reason: "postmortem.incidents",
                "A post-mortem tells 1 to \(Postmortem.incidentsMax) incidents.", facts: ["field": "incidents"])
        }
        let now = platform.clock.now
        let names = try await names(for: scope.id)
        return try await platform.store.withTenant(scope.id) { [platform] tx in
            let facts = try await Postmortems.facts(of: Array(wanted), names: names, scope: scope, at: now, tx)
            let state = Postmortem(facts: facts.json, sections: facts.draft, by: actor.author)
            let row = PostmortemRow(
                tenant: scope.id, id: platform.newID(), state: state.phase.rawValue, machine: state.json,
                draftedBy: actor.person, draftedAt: now)
            try await tx.execute(PostmortemQueries.insert(row))
            let told = try await tx.query(
                PostmortemQueries.tell(tenant: scope.id, id: row.id, incidents: Array(wanted)))
            guard told.count == wanted.count else {
                throw Refusal(
                    .conflict, reason: "postmortem.told", "One of these incidents is told in another post-mortem already.",
                    facts: ["field": "incidents"])
            }
            let found = try await Postmortems.told(row, tx)
            try await tell(found, "postmortem.drafted", "A post-mortem is begun.", [:], by: actor, scope, at: now, tx)
            return found
        }
    }

    /// What a person may do to one.
    package enum Change: Sendable {
        case write(Postmortem.Section, text: String)
        case look
        case promise(title: String, owner: PersonID, due: CivilDate)
        case move(action: Int, owner: PersonID, due: CivilDate, reason: String)
        case settle(action: Int, as: Postmortem.Action.State, note: String)
        case submit
        case giveBack(reason: String)
        case publish

        var action: String {
            switch self {
            case .write: "postmortem.written"
            case .look: "postmortem.facts-taken"
            case .promise: "postmortem.action-added"
            case .move: "postmortem.action-moved"
            case .settle: "postmortem.action-settled"
            case .submit: "postmortem.submitted"
            case .giveBack: "postmortem.returned"
            case .publish: "postmortem.published"
            }
        }
    }

    package func change(_ id: PostmortemID, _ change: Change, as actor: Actor, scope: ScopeRow) async throws -> Told {
        let now = platform.clock.now
        let names = try await names(for: scope.id)
        return try await platform.store.withTenant(scope.id) { tx in
            guard
                let row = try await tx.query(PostmortemQueries.lock(tenant: scope.id, id: id)).first.map(PostmortemRow.init)
            else { throw Postmortems.nothing }
            var told = try await Postmortems.told(row, tx)
            var words: [String: JSONValue] = [:]
            switch change {
            case .write(let section, let text):
                try told.state.handle(.wrote(section, text: text, by: actor.author), at: now)
                words["section"] = .string(section.rawValue)
            case .look, .submit:
                // What is submitted is what is known then, whatever was known when it was begun.
                let facts = try await Postmortems.facts(of: told.incidents, names: names, scope: scope, at: now, tx)
                try told.state.handle(.looked(facts: facts.json, by: actor.author), at: now)
                if case .submit = change { try told.state.handle(.submitted(by: actor.author), at: now) }
            case .promise(let title, let owner, let due):
                try told.state.handle(.promised(title: title, owner: owner, due: due, by: actor.author), at: now)
                words = ["action": JSONValue(told.state.actions.count), "owner": JSONValue(owner), "due": .string("\(due)")]
            case .move(let number, let owner, let due, let reason):
                try told.state.handle(
                    .moved(action: number, owner: owner, due: due, reason: reason, by: actor.author), at: now)
                words = ["action": JSONValue(number), "owner": JSONValue(owner), "due": .string("\(due)")]
            case .settle(let number, let state, let note):
                try told.state.handle(.settled(action: number, as: state, note: note, by: actor.author), at: now)
                words = ["action": JSONValue(number), "as": .string(state.rawValue)]
            case .giveBack(let reason): try told.state.handle(.returned(by: actor.author, reason: reason), at: now)
            case .publish:
                let hash = try ObjectHash.hexText(of: told.state.locked)
                try told.state.handle(.published(by: actor.author, hash: hash), at: now)
                words["hash"] = .string(hash)
            }
            told.row.state = told.state.phase.rawValue
            told.row.machine = told.state.json
            told.row.publishedAt = told.state.publishedAt
            told.row.nextDue = told.state.actions.filter { $0.state == .open }.map(\.due).min()
            try await tx.execute(PostmortemQueries.update(told.row))
            try await tell(told, change.action, Postmortems.line(change), words, by: actor, scope, at: now, tx)
            return told
        }
    }

    /// What the timeline of the incidents says; nil for what only the audit log keeps.
    private static func line(_ change: Change) -> String? {
        switch change {
        case .write, .look, .move: nil
        case .promise(let title, _, let due): "Promised until \(due): \(title)"
        case .settle(let number, let state, let note): "Action \(number) is \(state.rawValue): \(note)"
        case .submit: "The post-mortem is submitted for review."
        case .giveBack(let reason): "The post-mortem came back from its review: \(reason)"
        case .publish: "The post-mortem is reviewed and published."
        }
    }

    private func tell(
        _ told: Told, _ action: String, _ line: String?, _ words: [String: JSONValue], by actor: Actor, _ scope: ScopeRow,
        at now: Moment, _ tx: Transaction
    ) async throws {
        var statements: [SQL] = []
        if let line {
            // The timeline numbers its lines; whoever writes one holds the incident. In one order, so that two never wait for
            // each other.
            for incident in told.incidents.sorted(by: { $0.text < $1.text }) {
                statements.append(IncidentQueries.lock(tenant: scope.id, id: incident))
                statements.append(
                    IncidentQueries.append(
                        lane: scope.lane, tenant: scope.id, incident: incident, at: now,
                        kind: TimelineEntry.Kind.postmortem.rawValue, person: actor.person, text: line))
            }
        }
        var content = JSONObject(words.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) })
        content["incidents"] = .array(told.incidents.map { JSONValue($0) })
        content["state"] = .string(told.row.state)
        statements.append(
            AuditQueries.insert([
                AuditRow(
                    tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: "person",
                    actor: actor.person.text, action: action, objectType: "postmortem", objectID: told.row.id.text, run: nil,
                    content: .object(content))
            ]))
        statements.append(
            OutboxQueries.insert([
                OutboxRow(
                    tenant: scope.id, lane: scope.lane, at: now, topic: "incident.postmortem", run: nil,
                    facts: ["postmortem": JSONValue(told.row.id), "state": .string(told.row.state)])
            ]))
        _ = try await tx.pipeline(statements)
    }

    // MARK: Facts

    private static func facts(
        of ids: [IncidentID], names: [PersonID: String], scope: ScopeRow, at now: Moment, _ tx: Transaction
    ) async throws -> PostmortemFacts {
        var troubles: [PostmortemFacts.Trouble] = []
        var lines: [PostmortemFacts.Line] = []
        var told: [PostmortemFacts.Told] = []
        var followed: [PostmortemFacts.Followed] = []
        var runs: Set<RunID> = []
        for id in ids {
            guard let row = try await tx.query(IncidentQueries.find(tenant: scope.id, id: id)).first.map(IncidentRow.init)
            else { throw Postmortems.nothing }
            guard let resolvedAt = row.resolvedAt else {
                throw Refusal(
                    .conflict, reason: "postmortem.open", "INC-\(row.number) is not over yet. Resolve it first.",
                    facts: ["field": "incidents"])
            }
            troubles.append(
                PostmortemFacts.Trouble(
                    id: row.id, number: row.number, title: row.title, alert: row.alert,
                    severity: Severity(rawValue: row.severity) ?? .sev1, alerts: Int(row.occurrences), openedAt: row.openedAt,
                    acknowledgedAt: row.acknowledgedAt, resolvedAt: resolvedAt))
            let read = try await tx.pipeline([
                IncidentQueries.entries(tenant: scope.id, incident: id, limit: linesMax),
                PageQueries.ofIncident(tenant: scope.id, incident: id, limit: pagesMax),
                RunbookQueries.executions(of: id, tenant: scope.id, limit: Guiding.listedMax),
                IncidentQueries.runs(tenant: scope.id, incident: id, limit: Alerting.linkedRunsMax),
            ])
            lines += try read[0].map(IncidentEntryRow.init).map { entry in
                PostmortemFacts.Line(
                    at: entry.at, incident: row.number, kind: entry.kind,
                    who: entry.person.map { names[$0] ?? "an engineer" } ?? "", text: entry.text)
            }
            told += try read[1].map(PageRow.init).filter { ["page", "notice"].contains($0.kind) }.map { page in
                PostmortemFacts.Told(
                    person: page.personName, channel: page.channel, state: page.state, decidedAt: page.decidedAt,
                    attempts: Int(page.attemptsUsed))
            }
            followed += try read[2].map(RunbookExecutionRow.init).map { row in
                let state = try RunbookExecution(json: row.machine)
                return PostmortemFacts.Followed(
                    title: state.title, state: row.state, done: state.steps.count { $0.state == .done },
                    steps: state.steps.count, startedAt: row.startedAt)
            }
            for run in read[3] { runs.insert(try run.get("run_id", as: RunID.self)) }
        }
        let ordered = runs.sorted { $0.text < $1.text }
        let clocks = try await tx.query(ClockQueries.ofRuns(tenant: scope.id, runs: ordered)).map(ClockRow.init)
        return PostmortemFacts(
            troubles: troubles, lines: lines, told: told, followed: followed, runs: ordered,
            clocks: Dictionary(grouping: clocks, by: \.objective).map { objective, clocks in
                PostmortemFacts.Clocks(
                    objective: objective, breached: clocks.count { $0.outcome == "breached" },
                    met: clocks.count { $0.outcome == "met" }, open: clocks.count { $0.outcome == "open" })
            }, takenAt: now)
    }
}

extension Actor {
    /// Whoever writes, as whom and as which natural person they came in.
    fileprivate var author: Postmortem.Person { Postmortem.Person(id: person, natural: natural) }
}

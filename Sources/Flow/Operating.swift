internal import Kernel
package import Postgres
package import Records
internal import Seals
internal import Workflows

/// One act on many runs, or on many dead letters: first shown, then confirmed by the hash of what was shown, then carried out
/// by the lanes, one command for each item.
///
/// The commands are stored with the confirmation, so that nothing is forgotten by a restart, and each is applied once. What has
/// changed since the preview is found out by the run itself: an act that no longer fits is refused there and told as such.
package struct Operating: Sendable {
    /// Runs or dead letters of one operation.
    package static let itemsMax = 1000
    /// A preview is older than this only for those who were away.
    package static let validSeconds: Int64 = 900
    package static let examplesMax = 5

    package enum Kind: String, Sendable, CaseIterable {
        case pause, resume, cancel, migrate, retry, discard

        package var isAboutRuns: Bool { self != .retry && self != .discard }
        package var needsReason: Bool { self != .resume && self != .retry }
    }

    /// What is asked for.
    package struct Request: Sendable {
        package let kind: Kind
        package var runs = OperationQueries.RunFilter()
        package var letters = TaskQueries.DeadFilter()
        package var reason: String?
        /// Of a migration: the version to go over to, and which step becomes which.
        package var version: String?
        package var mapping: [String: String] = [:]

        package init(kind: Kind) { self.kind = kind }
    }

    let platform: Platform
    let desk: CommandDesk
    let assets: AssetLibrary

    package init(platform: Platform, desk: CommandDesk, assets: AssetLibrary) {
        self.platform = platform
        self.desk = desk
        self.assets = assets
    }

    // MARK: Showing

    /// Finds what is meant and asks each run what would happen; nothing is changed but that the preview is kept.
    ///
    /// `needsSecond` asks for a second person whatever the workflows say.
    package func preview(
        _ request: Request, needsSecond: Bool = false, as actor: Actor, scope: ScopeRow
    ) async throws -> OperationRow {
        try Operating.check(request)
        let found = request.kind.isAboutRuns ? try await runs(request, scope) : try await letters(request, scope)
        guard !found.isEmpty else {
            throw Refusal(.unprocessable, reason: "operation.empty", "Nothing matches the selection.")
        }
        let takesTwo = needsSecond || found.contains { $0.needsSecond && $0.obstacle == nil }
        guard !takesTwo || !actor.isMachine else { throw Operating.machine(actor) }
        let now = platform.clock.now
        let parameters: JSONValue = .object([
            "reason": request.reason.map(JSONValue.string), "version": request.version.map(JSONValue.string),
            "mapping": request.mapping.isEmpty ? nil : Operating.json(request.mapping),
        ])
        let items = found.enumerated().map { place, one in
            OperationItemRow(
                ordinal: Int32(place), run: one.run, task: one.task, subject: one.subject, risk: one.risk,
                obstacle: one.obstacle?.json, command: platform.newID(), payload: one.payload)
        }
        let shown: JSONValue = [
            "kind": .string(request.kind.rawValue), "parameters": parameters,
            "items": .array(
                zip(items, found).map { item, one in
                    [
                        "run": JSONValue(item.run?.text), "task": JSONValue(item.task?.text), "stands": .string(one.stands),
                        "obstacle": item.obstacle ?? .null, "payload": item.payload,
                    ]
                }),
        ]
        let row = OperationRow(
            tenant: scope.id, id: platform.newID(), kind: request.kind.rawValue, parameters: parameters,
            selection: Operating.selection(request), hash: try ObjectHash.hexText(of: shown),
            preview: Operating.summary(found),
            needsSecond: takesTwo,
            madeBy: actor.person, madeByNatural: actor.natural, madeAt: now,
            expiresAt: now.adding(seconds: Operating.validSeconds))
        try await platform.store.withTenant(scope.id) { tx in
            _ = try await tx.pipeline([
                OperationQueries.insert(row), OperationQueries.insert(tenant: scope.id, operation: row.id, items),
            ])
        }
        return row
    }

    private static func check(_ request: Request) throws(Refusal) {
        if request.kind.needsReason, request.reason?.allSatisfy(\.isWhitespace) ?? true {
            throw Refusal(
                .invalid, reason: "run.reason", "Say why; the reason is kept with each of them.", facts: ["field": "reason"])
        }
        if (request.reason ?? "").unicodeScalars.count > PersonDecision.reasonScalarsMax {
            throw Refusal(
                .tooLarge, reason: "run.reason", "A reason may have at most \(PersonDecision.reasonScalarsMax) characters.",
                facts: ["field": "reason"])
        }
        if request.kind == .migrate, request.version == nil {
            throw Refusal(
                .invalid, reason: "operation.version", "Say which version they shall go over to.", facts: ["field": "version"])
        }
        let named = request.kind.isAboutRuns ? request.runs.ids?.count : request.letters.ids?.count
        if let named, named > itemsMax { throw tooMany }
    }

    static var tooMany: Refusal {
        Refusal(
            .tooLarge, reason: "operation.size",
            "More than \(itemsMax) match. Narrow the selection, or do it in parts.", facts: ["field": "select"])
    }

    static func json(_ table: [String: String]) -> JSONValue {
        .object(JSONObject(table.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) }))
    }

    private static func selection(_ request: Request) -> JSONValue {
        func ids(_ texts: [String]?) -> JSONValue? { texts.map { JSONValue($0.count) } }
        let (runs, letters) = (request.runs, request.letters)
        return request.kind.isAboutRuns
            ? .object([
                "phases": runs.phases.isEmpty ? nil : .array(runs.phases.map(JSONValue.string)),
                "workflow": runs.workflow.map(JSONValue.string), "version": runs.version.map(JSONValue.string),
                "q": runs.search.map(JSONValue.string), "named": ids(runs.ids?.map(\.text)),
            ])
            : .object([
                "kind": letters.kind.map(JSONValue.string), "connection": letters.connection.map(JSONValue.string),
                "code": letters.code.map(JSONValue.string), "run": letters.run.map { JSONValue($0) },
                "named": ids(letters.ids?.map(\.text)),
            ])
    }

    /// A key is no second person, and what two people have to do no key begins.
    static func machine(_ actor: Actor) -> Refusal {
        Refusal(
            .forbidden, reason: "operation.machine", "This takes two people, and \(actor.name) is a machine. Sign in to do it.")
    }

    // MARK: Confirming

    /// Carries out what was shown. Of two who confirm at once one does; nothing is done twice. `alongside` is stored with it or
    /// not at all; what it refuses is refused for the whole.
    package func confirm(
        _ id: OperationID, hash: String, as actor: Actor, scope: ScopeRow,
        alongside: @Sendable (Transaction) async throws -> Void = { _ in }
    ) async throws -> OperationRow {
        let row = try await find(id, scope: scope)
        try check(row, hash: hash)
        guard !row.needsSecond || !actor.isMachine else { throw Operating.machine(actor) }
        guard !row.needsSecond || row.madeByNatural != actor.natural else {
            throw Refusal(
                .forbidden, reason: "operation.second-person",
                "You asked for this, so someone else has to confirm it.", facts: ["operation": id.text])
        }
        let now = platform.clock.now
        try await platform.store.withTenant(scope.id) { [self] tx in
            try await settle(row, as: "confirmed", by: actor, tx: tx, at: now)
            let items = try await tx.query(
                OperationQueries.items(tenant: scope.id, operation: id, state: nil, after: -1, limit: Operating.itemsMax)
            ).map(OperationItemRow.init)
            let commands = try items.filter { $0.obstacle == nil }.map { item in
                try command(for: item, of: row, by: actor, scope: scope, at: now)
            }
            if !commands.isEmpty { _ = try await tx.query(CommandQueries.insert(commands)) }
            try await tx.execute(
                AuditQueries.insert([
                    entry(row, "operation.confirmed", by: actor, scope: scope, at: now, items: commands.count)
                ]))
            try await tx.execute(
                OutboxQueries.insert([
                    OutboxRow(
                        tenant: scope.id, lane: scope.lane, at: now, topic: "operation.confirmed", run: nil,
                        facts: ["operation": JSONValue(id), "kind": .string(row.kind), "items": JSONValue(commands.count)])
                ]))
            try await alongside(tx)
        }
        desk.nudge(lane: scope.lane)
        return try await find(id, scope: scope)
    }

    /// Puts a preview away that nobody has confirmed.
    package func withdraw(_ id: OperationID, as actor: Actor, scope: ScopeRow) async throws -> OperationRow {
        let row = try await find(id, scope: scope)
        let now = platform.clock.now
        try await platform.store.withTenant(scope.id) { [self] tx in
            try await settle(row, as: "withdrawn", by: actor, tx: tx, at: now)
            try await tx.execute(
                AuditQueries.insert([entry(row, "operation.withdrawn", by: actor, scope: scope, at: now, items: 0)]))
        }
        return try await find(id, scope: scope)
    }

    private func check(_ row: OperationRow, hash: String) throws(Refusal) {
        guard row.state == "previewed" else { throw Operating.settled(row) }
        guard constantTimeEqual(Array(row.hash.utf8), Array(hash.utf8)) else {
            throw Refusal(
                .stale, reason: "operation.hash", "This is not what was shown. Look at the preview again and confirm its hash.",
                facts: ["operation": row.id.text])
        }
        guard platform.clock.now < row.expiresAt else {
            throw Refusal(
                .stale, reason: "operation.expired",
                "The preview is older than \(Operating.validSeconds / 60) minutes. Ask for it anew.",
                facts: ["operation": row.id.text])
        }
    }

    private static func settled(_ row: OperationRow) -> Refusal {
        Refusal(
            .conflict, reason: "operation.settled", "This operation was \(row.state) already.", facts: ["operation": row.id.text])
    }

    private func settle(
        _ row: OperationRow, as state: String, by actor: Actor, tx: Transaction, at now: Moment
    ) async throws {
        let won = try await tx.query(
            OperationQueries.settle(
                tenant: row.tenant, id: row.id, as: state, hash: row.hash, by: actor.person, at: now)
        ).count
        guard won == 1 else { throw Operating.settled(try await current(row, tx)) }
    }

    private func current(_ row: OperationRow, _ tx: Transaction) async throws -> OperationRow {
        try await tx.query(OperationQueries.find(tenant: row.tenant, id: row.id)).first.map(OperationRow.init) ?? row
    }

    private func command(
        for item: OperationItemRow, of row: OperationRow, by actor: Actor, scope: ScopeRow, at now: Moment
    ) throws -> CommandRow {
        guard let kind = Kind(rawValue: row.kind) else { preconditionFailure("an operation of no known kind \(row.kind)") }
        let reason = row.parameters["reason"]?.string ?? ""
        var payload: JSONObject =
            switch kind {
            case .pause: RunEvent.paused(by: actor.person, reason: reason).json.object ?? [:]
            case .resume: RunEvent.resumed(by: actor.person).json.object ?? [:]
            case .cancel, .retry, .discard, .migrate: ["by": JSONValue(actor.person), "reason": .string(reason)]
            }
        for member in item.payload.object ?? [:] { payload[member.key] = member.value }
        payload["operation"] = JSONValue(row.id)
        payload["second"] = .bool(row.madeByNatural != actor.natural)
        let name =
            switch kind {
            case .pause, .resume: "run.steer"
            case .cancel: "run.cancel"
            case .migrate: "run.migrate"
            case .retry: "task.retry"
            case .discard: "task.discard"
            }
        return CommandRow(
            tenant: row.tenant, id: item.command, lane: scope.lane, idempotencyKey: "operation/\(row.id)/\(item.ordinal)",
            kind: name, run: item.run, task: item.task, payload: .object(payload), createdAt: now)
    }

    private func entry(
        _ row: OperationRow, _ action: String, by actor: Actor, scope: ScopeRow, at now: Moment, items: Int
    ) -> AuditRow {
        AuditRow(
            tenant: row.tenant, id: platform.newID(), lane: scope.lane, at: now, actorKind: "person", actor: actor.person.text,
            action: action, objectType: "operation", objectID: row.id.text, run: nil,
            content: [
                "kind": .string(row.kind), "parameters": row.parameters, "selection": row.selection, "hash": .string(row.hash),
                "items": JSONValue(items), "askedBy": JSONValue(row.madeBy), "needsSecond": .bool(row.needsSecond),
            ])
    }
}

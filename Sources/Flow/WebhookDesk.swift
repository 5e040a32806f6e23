package import Kernel
internal import Postgres
package import Records
internal import Seals
internal import Tenancy

/// What a tenant's people do with webhooks: set them up, renew their secrets, stop them, look at what was delivered, send again.
package struct WebhookDesk: Sendable {
    /// For so long after a renewal the secret before signs as well; a second renewal has to wait for its end.
    package static let overlapSeconds: Int64 = 86_400
    /// Messages of one replay, and of one resumption.
    package static let replayMax = 10_000
    /// The log is kept for so long; what is older can neither be seen nor sent again.
    package static let keptDays: Int64 = 30

    private let platform: Platform
    private let assets: AssetLibrary
    private let wake: @Sendable () -> Void

    /// `wake` tells the delivery of this process that something waits.
    package init(platform: Platform, assets: AssetLibrary, wake: @escaping @Sendable () -> Void = {}) {
        self.platform = platform
        self.assets = assets
        self.wake = wake
    }

    private static let nothing = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    // MARK: Reading

    package func all(_ tenant: TenantID) async throws -> [WebhookRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(WebhookQueries.all(tenant: tenant)).map(WebhookRow.init)
        }
    }

    package func one(_ id: WebhookID, _ tenant: TenantID) async throws -> WebhookRow {
        let row = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(WebhookQueries.find(tenant: tenant, id: id)).first.map(WebhookRow.init)
        }
        guard let row else { throw WebhookDesk.nothing }
        return row
    }

    /// What was sent, newest first, with every attempt.
    package func deliveries(
        of id: WebhookID, _ tenant: TenantID, state: String? = nil, before: (Moment, WebhookMessageID)? = nil, limit: Int
    ) async throws -> [(message: WebhookMessageRow, attempts: [WebhookAttemptRow])] {
        try await platform.store.withTenant(tenant) { tx in
            guard try await !tx.query(WebhookQueries.find(tenant: tenant, id: id)).isEmpty else { throw WebhookDesk.nothing }
            let rows = try await tx.query(
                WebhookQueries.page(tenant: tenant, endpoint: id, state: state, before: before, limit: limit)
            ).map(WebhookMessageRow.init)
            let attempts = try await tx.query(
                WebhookQueries.attempts(tenant: tenant, endpoint: id, messages: rows.map(\.id))
            ).map(WebhookAttemptRow.init)
            let byMessage = Dictionary(grouping: attempts, by: \.message)
            return rows.map { ($0, byMessage[$0.id] ?? []) }
        }
    }

    // MARK: Setting up

    /// An endpoint with its secret, which is shown this once.
    package struct Made: Sendable {
        package let row: WebhookRow
        package let secret: String
    }

    package func add(
        name: String, url: String, events: [String], as actor: Actor, scope: ScopeRow
    ) async throws -> Made {
        try WebhookDesk.checkScope(scope)
        let draft = try WebhookDraft(name: name, url: url, events: events, allow: try await allow(scope.id))
        let now = platform.clock.now
        let id: WebhookID = platform.newID()
        let secret = WebhookKey(entropy: platform.entropy).shownText
        let row = WebhookRow(
            tenant: scope.id, id: id, lane: scope.lane, name: draft.name, url: draft.url, events: draft.events.map(\.rawValue),
            secret: platform.secrets.seal(Array(secret.utf8), at: WebhookFeed.place(scope.id, id, version: 1)),
            madeBy: actor.person, madeAt: now)
        try await platform.store.withTenant(scope.id) { tx in
            _ = try await tx.query(WebhookQueries.numbering(tenant: scope.id))
            let known = try await tx.query(WebhookQueries.all(tenant: scope.id)).map(WebhookRow.init)
            guard known.count < WebhookDraft.endpointsMax else {
                throw Refusal(
                    .conflict, reason: "webhook.many",
                    "There are \(WebhookDraft.endpointsMax) webhooks already. Remove one first.")
            }
            try WebhookDesk.checkName(row, among: known)
            _ = try await tx.pipeline([
                WebhookQueries.insert(row), entry("webhook.added", row, as: actor, at: now, facts: WebhookDesk.facts(row)),
            ])
        }
        return Made(row: row, secret: secret)
    }

    package func change(
        _ id: WebhookID, name: String?, url: String?, events: [String]?, as actor: Actor, scope: ScopeRow
    ) async throws -> WebhookRow {
        let allow = try await allow(scope.id)
        return try await act(id, "webhook.changed", as: actor, scope: scope) { row, _, tx in
            _ = try await tx.query(WebhookQueries.numbering(tenant: scope.id))
            let draft = try WebhookDraft(name: name ?? row.name, url: url ?? row.url, events: events ?? row.events, allow: allow)
            (row.name, row.url, row.events) = (draft.name, draft.url, draft.events.map(\.rawValue))
            let known = try await tx.query(WebhookQueries.all(tenant: scope.id)).map(WebhookRow.init)
            try WebhookDesk.checkName(row, among: known)
            return WebhookDesk.facts(row)
        }
    }

    /// A new secret. Until the overlap is over the one before signs as well, so that the receiver can change at leisure.
    package func rotate(_ id: WebhookID, as actor: Actor, scope: ScopeRow) async throws -> Made {
        let secret = WebhookKey(entropy: platform.entropy).shownText
        let row = try await act(id, "webhook.secret-renewed", as: actor, scope: scope) { row, now, _ in
            if let until = row.previousUntil, until > now {
                throw Refusal(
                    .conflict, reason: "webhook.rotating",
                    "The secret before is in force until \(until.text(fraction: 0)). Renew it after that.")
            }
            row.previous = row.secret
            row.previousUntil = now.adding(seconds: WebhookDesk.overlapSeconds)
            row.secretVersion += 1
            row.secret = platform.secrets.seal(
                Array(secret.utf8), at: WebhookFeed.place(scope.id, id, version: row.secretVersion))
            return ["version": JSONValue(Int64(row.secretVersion)), "overlapsUntil": JSONValue(row.previousUntil)]
        }
        return Made(row: row, secret: secret)
    }

    // MARK: Stopping

    /// Sends nothing until somebody resumes; what happens meanwhile is held.
    package func pause(_ id: WebhookID, as actor: Actor, scope: ScopeRow) async throws -> WebhookRow {
        try await act(id, "webhook.paused", as: actor, scope: scope) { row, _, tx in
            guard row.state == "active" else { throw WebhookDesk.wrongState(row, "Only an active webhook can be paused.") }
            (row.state, row.reason) = ("paused", "asked")
            _ = try await tx.pipeline(WebhookQueries.hold(tenant: scope.id, endpoint: id))
            return [:]
        }
    }

    /// Sends again, what was held first and in its order; answers how many that are. One that was turned off begins anew.
    package func resume(_ id: WebhookID, as actor: Actor, scope: ScopeRow) async throws -> (row: WebhookRow, sent: Int) {
        let sent = Locked(0)
        let row = try await act(id, "webhook.resumed", as: actor, scope: scope) { row, now, tx in
            guard row.state != "active" else { throw WebhookDesk.wrongState(row, "It is active already.") }
            (row.state, row.reason, row.failingSince, row.failures) = ("active", "", nil, 0)
            let again = try await tx.query(
                WebhookQueries.replay(
                    tenant: scope.id, endpoint: id, from: WebhookDesk.oldest(now), to: now.adding(seconds: 1), states: ["held"],
                    now: now, limit: WebhookDesk.replayMax))
            sent.withLock { $0 = again.count }
            return ["sent": JSONValue(again.count)]
        }
        wake()
        return (row, sent.withLock(\.self))
    }

    /// For good; its log goes with time.
    package func remove(_ id: WebhookID, as actor: Actor, scope: ScopeRow) async throws -> WebhookRow {
        try await act(id, "webhook.removed", as: actor, scope: scope) { row, _, tx in
            (row.state, row.reason) = ("removed", "asked")
            _ = try await tx.pipeline(WebhookQueries.hold(tenant: scope.id, endpoint: id))
            return ["name": .string(row.name)]
        }
    }

    // MARK: Sending

    /// Sends a test event like any other: signed, tried again, in the log. Answers its id.
    package func test(_ id: WebhookID, as actor: Actor, scope: ScopeRow) async throws -> WebhookMessageID {
        let message: WebhookMessageID = platform.newID()
        _ = try await act(id, "webhook.tested", as: actor, scope: scope) { row, now, tx in
            guard row.state == "active" else {
                throw WebhookDesk.wrongState(row, "It is \(row.state) and sends nothing. Resume it first.")
            }
            let data = WebhookEventType.test.data(facts: ["webhook": .string(id.text)], run: nil)
            try await tx.execute(
                WebhookQueries.send(
                    WebhookFact(
                        tenant: scope.id, id: message, lane: row.lane, sequence: WebhookFeed.sequence(now),
                        type: WebhookEventType.test.rawValue, subject: WebhookEventType.test.subject(of: data), at: now,
                        data: data),
                    to: id))
            return ["message": JSONValue(message)]
        }
        wake()
        return message
    }

    /// What a replay is about: one message, or those of a time that are in one of the states named.
    package enum Replay: Sendable {
        case one(WebhookMessageID)
        case range(from: Moment, to: Moment, states: [String])
    }

    /// How many messages of a time are in which state, and how many of them a replay would send.
    package func preview(
        _ id: WebhookID, from: Moment, to: Moment, states: [String], scope: ScopeRow
    ) async throws -> (counts: [String: Int64], sent: Int64) {
        try WebhookDesk.check(from: from, to: to, states: states, now: platform.clock.now)
        let counts = try await platform.store.withTenant(scope.id) { tx in
            guard try await !tx.query(WebhookQueries.find(tenant: scope.id, id: id)).isEmpty else { throw WebhookDesk.nothing }
            var counts: [String: Int64] = [:]
            for row in try await tx.query(WebhookQueries.count(tenant: scope.id, endpoint: id, from: from, to: to)) {
                counts[try row.get("state", as: String.self)] = try row.get("n", as: Int64.self)
            }
            return counts
        }
        let sent = states.reduce(0) { $0 + (counts[$1] ?? 0) }
        return (counts, min(sent, Int64(WebhookDesk.replayMax)))
    }

    /// Sends again, under the same ids. Answers how many; a receiver that keeps the ids that it has seen takes none twice.
    package func replay(_ id: WebhookID, _ what: Replay, as actor: Actor, scope: ScopeRow) async throws -> Int {
        let sent = Locked(0)
        _ = try await act(id, "webhook.replayed", as: actor, scope: scope) { row, now, tx in
            guard row.state == "active" else {
                throw WebhookDesk.wrongState(row, "It is \(row.state) and sends nothing. Resume it first.")
            }
            switch what {
            case .one(let message):
                let known = try await tx.query(WebhookQueries.message(tenant: scope.id, endpoint: id, id: message))
                guard let known = try known.first.map(WebhookMessageRow.init) else { throw WebhookDesk.nothing }
                guard known.state != "queued" else {
                    throw Refusal(.conflict, reason: "webhook.queued", "This message is on its way already.")
                }
                let again = try await tx.query(
                    WebhookQueries.replayOne(tenant: scope.id, endpoint: id, id: message, now: now))
                sent.withLock { $0 = again.count }
                return ["message": JSONValue(message)]
            case .range(let from, let to, let states):
                try WebhookDesk.check(from: from, to: to, states: states, now: now)
                let again = try await tx.query(
                    WebhookQueries.replay(
                        tenant: scope.id, endpoint: id, from: from, to: to, states: states, now: now, limit: WebhookDesk.replayMax
                    ))
                sent.withLock { $0 = again.count }
                return [
                    "from": JSONValue(from), "to": JSONValue(to), "states": .array(states.map(JSONValue.string)),
                    "sent": JSONValue(again.count),
                ]
            }
        }
        wake()
        return sent.withLock(\.self)
    }

    // MARK: Helpers

    private func allow(_ tenant: TenantID) async throws -> [String] {
        try await assets.current(for: tenant).tenant?.webhookAllow ?? []
    }

    static func oldest(_ now: Moment) -> Moment { now.adding(seconds: -keptDays * 86_400) }

    private static func checkScope(_ scope: ScopeRow) throws(Refusal) {
        guard scope.kind == "tenant" else {
            throw Refusal(.unprocessable, reason: "webhook.scope", "Events belong to tenants; set the webhook up in one.")
        }
    }

    private static func checkName(_ row: WebhookRow, among known: [WebhookRow]) throws(Refusal) {
        guard known.contains(where: { $0.id != row.id && sameBytes($0.name, row.name) }) else { return }
        throw Refusal(
            .conflict, reason: "webhook.name", "There is a webhook of this name already.", facts: ["field": "name"])
    }

    private static func check(from: Moment, to: Moment, states: [String], now: Moment) throws(Refusal) {
        guard from < to, from >= oldest(now) else {
            throw Refusal(
                .unprocessable, reason: "webhook.range",
                "`from` lies before `to`, and not more than \(keptDays) days back.", facts: ["field": "from"])
        }
        guard !states.isEmpty, states.allSatisfy({ ["held", "failed", "delivered"].contains($0) }) else {
            throw Refusal(
                .unprocessable, reason: "webhook.states", "`states` are among held, failed and delivered.",
                facts: ["field": "states"])
        }
    }

    private static func wrongState(_ row: WebhookRow, _ message: String) -> Refusal {
        Refusal(.conflict, reason: "webhook.state", message, facts: ["state": row.state])
    }

    private static func facts(_ row: WebhookRow) -> JSONObject {
        // An address may have a key of the receiver's in its query, so that stays out of the log.
        let place = row.url.prefix { $0 != "?" }
        return ["name": .string(row.name), "url": .string(String(place)), "events": .array(row.events.map(JSONValue.string))]
    }

    private func act(
        _ id: WebhookID, _ action: String, as actor: Actor, scope: ScopeRow,
        _ change: @Sendable (inout WebhookRow, Moment, Transaction) async throws -> JSONObject
    ) async throws -> WebhookRow {
        let now = platform.clock.now
        return try await platform.store.withTenant(scope.id) { tx in
            guard var row = try await tx.query(WebhookQueries.lock(tenant: scope.id, id: id)).first.map(WebhookRow.init) else {
                throw WebhookDesk.nothing
            }
            let facts = try await change(&row, now, tx)
            row.changedAt = now
            _ = try await tx.pipeline([WebhookQueries.update(row), entry(action, row, as: actor, at: now, facts: facts)])
            return row
        }
    }

    private func entry(_ action: String, _ row: WebhookRow, as actor: Actor, at now: Moment, facts: JSONObject) -> SQL {
        AuditQueries.insert([
            AuditRow(
                tenant: row.tenant, id: platform.newID(), lane: row.lane, at: now, actorKind: "person", actor: actor.person.text,
                action: action, objectType: "webhook", objectID: row.id.text, run: nil, content: .object(facts))
        ])
    }
}

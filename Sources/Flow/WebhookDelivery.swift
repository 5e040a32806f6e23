package import Kernel
internal import Incidents
internal import Logging
internal import Postgres
internal import Records
internal import Seals
internal import Telemetry
internal import Tenancy

/// Delivers events to tenants' own systems: takes what is due, endpoints and tenants in turn, has the tenant's own worker send
/// it, and writes down what was answered.
///
/// A message is in the database before anybody tries to send it. Whoever takes one hides it for a while and may die; it is then
/// taken again under the same id, so it may arrive twice and never not at all.
package final class WebhookDelivery: Sendable {
    /// Messages under way at one time: of this process, of one tenant, and of one endpoint.
    package static let openMax = 64
    package static let openPerTenant = 8
    package static let openPerEndpoint = 4
    /// Longer than any answer is waited for.
    static let claimSeconds: Int64 = 30
    /// A worker that is not there is asked again after this; that is no attempt of the endpoint's.
    static let workerPauseSeconds: Int64 = 15
    static let answerBytesMax = 500
    /// Looks for messages of other replicas when nobody called.
    static let pauseMilliseconds: Int64 = 1000
    /// Batches commit more often than anybody needs to be told.
    static let paceMilliseconds: Int64 = 100
    /// The log is trimmed this often, so many messages of a tenant at a time.
    static let pruneSeconds: Int64 = 3600
    static let pruneMax = 5000

    private struct Place: Hashable {
        let tenant: TenantID
        let endpoint: WebhookID
    }

    private let platform: Platform
    private let assets: AssetLibrary
    private let scopes: ScopeDirectory
    private let desk: CommandDesk
    private let send: @Sendable (JSONValue, TenantID) async throws -> Asking.Answer
    private let signal = Signal()
    private let open = Locked<[Place: Int]>([:])
    private let prunedAt = Locked<Moment?>(nil)

    /// `send` asks the tenant's worker; tests answer themselves.
    package init(
        platform: Platform, assets: AssetLibrary, scopes: ScopeDirectory, desk: CommandDesk,
        send: @escaping @Sendable (JSONValue, TenantID) async throws -> Asking.Answer
    ) {
        self.platform = platform
        self.assets = assets
        self.scopes = scopes
        self.desk = desk
        self.send = send
    }

    /// Something was committed that may be told.
    package func wake() { signal.raise() }

    /// Runs until cancelled. A message that is not answered holds its place among those under way, and nobody up beside it.
    package func run() async {
        await withDiscardingTaskGroup { group in
            await platform.rounds(.webhooks, failure: "webhooks could not be looked for") {
                let claimed = try await claim()
                for message in claimed { group.addTask { await self.tried(message) } }
                if claimed.isEmpty { try await pruneIfDue() }
                return !claimed.isEmpty
            } rest: { _ in
                // Cancellation ends the loop by its condition.
                try? await Task.sleep(for: .milliseconds(WebhookDelivery.paceMilliseconds))
                await signal.wait(milliseconds: WebhookDelivery.pauseMilliseconds)
            }
        }
    }

    /// Tries everything that is due once, and says how many messages that were.
    package func deliverDue() async throws -> Int {
        let claimed = try await claim()
        await withDiscardingTaskGroup { group in
            for message in claimed { group.addTask { await self.tried(message) } }
        }
        return claimed.count
    }

    private struct Claimed: Sendable {
        let lane: Int32
        let tenant: TenantID
        let endpoint: WebhookID
        let message: WebhookMessageID
    }

    private func claim() async throws -> [Claimed] {
        let now = platform.clock.now
        let open = open.withLock { $0 }
        let places = WebhookDelivery.openMax - open.values.reduce(0, +)
        guard places > 0 else { return [] }
        let claimed = try await platform.store.withLane(0) { tx in
            try await tx.query(
                WebhookQueries.claim(
                    now: now, until: now.adding(seconds: WebhookDelivery.claimSeconds),
                    perEndpoint: WebhookDelivery.openPerEndpoint, perTenant: WebhookDelivery.openPerTenant,
                    open: open.map { (tenant: $0.key.tenant, endpoint: $0.key.endpoint, count: $0.value) }, limit: places)
            ).map { row in
                Claimed(
                    lane: try row.get("lane", as: Int32.self), tenant: try row.get("tenant_id", as: TenantID.self),
                    endpoint: try row.get("endpoint_id", as: WebhookID.self),
                    message: try row.get("message_id", as: WebhookMessageID.self))
            }
        }
        self.open.withLock { for one in claimed { $0[Place(tenant: one.tenant, endpoint: one.endpoint), default: 0] += 1 } }
        return claimed
    }

    private func tried(_ claimed: Claimed) async {
        do {
            try await deliver(claimed)
        } catch {
            // It comes back when its claim ends.
            platform.logger.warning(
                "a webhook was not tried",
                metadata: ["webhook": "\(claimed.endpoint)", "message": "\(claimed.message)", "error": "\(error)"])
        }
        let place = Place(tenant: claimed.tenant, endpoint: claimed.endpoint)
        open.withLock { open in
            open[place, default: 1] -= 1
            if open[place] == 0 { open[place] = nil }
        }
        signal.raise()
    }

    private struct Job: Sendable {
        let endpoint: WebhookRow
        let message: WebhookMessageRow
    }

    private func deliver(_ claimed: Claimed) async throws {
        guard let job = try await job(claimed) else { return }
        let started = platform.clock.now
        let answer: Answered
        do {
            let input = try await input(job)
            switch try await send(input, claimed.tenant) {
            case .output(let output): answer = Answered(output)
            case .failed(let code, let message): answer = Answered(.unreached, "\(code): \(message)")
            }
        } catch let refusal as Refusal where refusal.code == .unavailable {
            // Nobody was there to send it, which says nothing of the endpoint.
            let until = platform.clock.now.adding(seconds: WebhookDelivery.workerPauseSeconds)
            try await platform.store.withLane(claimed.lane) { tx in
                _ = try await tx.execute(
                    WebhookQueries.postpone(endpoint: claimed.endpoint, message: claimed.message, until: until))
            }
            return count("unsent")
        }
        let ended = platform.clock.now
        try await settle(job, answer, started: started, at: ended)
    }

    /// Nil, and out of the queue, when it is no longer to be sent.
    private func job(_ claimed: Claimed) async throws -> Job? {
        try await platform.store.withLane(claimed.lane) { tx -> Job? in
            let known = try await tx.query(
                WebhookQueries.message(tenant: claimed.tenant, endpoint: claimed.endpoint, id: claimed.message))
            let endpoint = try await tx.query(WebhookQueries.find(tenant: claimed.tenant, id: claimed.endpoint))
            if var message = try known.first.map(WebhookMessageRow.init), message.state == "queued" {
                if let endpoint = try endpoint.first.map(WebhookRow.init), endpoint.state == "active" {
                    return Job(endpoint: endpoint, message: message)
                }
                (message.state, message.nextAt) = ("held", nil)
                _ = try await tx.execute(WebhookQueries.settle(message))
            }
            _ = try await tx.execute(WebhookQueries.dequeue(endpoint: claimed.endpoint, message: claimed.message))
            return nil
        }
    }

    // MARK: Sending

    /// What the worker said of the other side.
    private struct Answered {
        let outcome: WebhookOutcome
        let status: Int32?
        let retryAfter: Int64?
        let text: String

        init(_ outcome: WebhookOutcome, _ text: String) {
            self.outcome = outcome
            status = nil
            retryAfter = nil
            self.text = text
        }

        init(_ output: JSONValue) {
            outcome = output["outcome"]?.string.flatMap { WebhookOutcome(rawValue: $0) } ?? .unreached
            status = output["status"]?.int.map { Int32(clamping: $0) }
            retryAfter = output["retryAfterSeconds"]?.int64
            text = output["answer"]?.string ?? ""
        }
    }

    /// The signed request. The body is the same at every attempt; time and signatures are of this one.
    private func input(_ job: Job) async throws -> JSONValue {
        let (endpoint, message) = (job.endpoint, job.message)
        let current = try await assets.current(for: message.tenant)
        let event = WebhookEvent(
            id: message.id.text, sequence: message.sequence, type: WebhookEventType(rawValue: message.type) ?? .test,
            source: WebhookEvent.source(tenant: current.scope.slug), subject: message.subject, at: message.at, data: message.data)
        let body = event.json.bytes
        let now = platform.clock.now
        let headers =
            [("content-type", WebhookEvent.contentType)]
            + (try WebhookSignature.headers(
                id: message.id.text, timestamp: now.seconds, body: body, keys: try keys(endpoint, now: now)
            ).map { ($0.name, $0.value) })
        return [
            "url": .string(endpoint.url), "body": .string(Base64.encode(body)),
            "headers": .array(headers.map { [.string($0.0), .string($0.1)] }),
            "allow": .array((current.tenant?.webhookAllow ?? []).map(JSONValue.string)),
        ]
    }

    /// The secret, and during an overlap the one before.
    private func keys(_ endpoint: WebhookRow, now: Moment) throws -> [WebhookKey] {
        func key(_ sealed: [UInt8], _ version: Int32) throws -> WebhookKey {
            let place = WebhookFeed.place(endpoint.tenant, endpoint.id, version: version)
            return try WebhookKey(String(decoding: try platform.secrets.open(sealed, at: place), as: UTF8.self))
        }
        var keys = [try key(endpoint.secret, endpoint.secretVersion)]
        if let previous = endpoint.previous, let until = endpoint.previousUntil, now < until {
            keys.append(try key(previous, endpoint.secretVersion - 1))
        }
        return keys
    }

    // MARK: What became of it

    private func settle(_ job: Job, _ answer: Answered, started: Moment, at now: Moment) async throws {
        let attempt = WebhookAttemptRow(
            tenant: job.message.tenant, endpoint: job.endpoint.id, message: job.message.id, attempt: job.message.attempts + 1,
            at: started, outcome: answer.outcome.rawValue, status: answer.status,
            milliseconds: Int32(clamping: now.milliseconds(since: started)), answer: WebhookDelivery.shown(answer.text))
        let scope = try await scopes.scope(job.message.tenant)
        let isOff = try await platform.store.withLane(job.message.lane) { tx -> Bool in
            guard
                var endpoint = try await tx.query(
                    WebhookQueries.lock(tenant: job.message.tenant, id: job.endpoint.id)
                ).first.map(WebhookRow.init),
                var message = try await tx.query(
                    WebhookQueries.lockMessage(tenant: job.message.tenant, endpoint: endpoint.id, id: job.message.id)
                ).first.map(WebhookMessageRow.init), message.attempts == job.message.attempts
            else { return false }
            var statements = [WebhookQueries.insertAttempt(lane: message.lane, attempt)]
            message.attempts += 1
            message.attemptsUsed += 1
            let ruling = WebhookDelivery.judge(answer.outcome, &endpoint, at: now)
            // What was paused meanwhile stays so; only its log goes on.
            if message.state == "queued" {
                statements += next(&message, answer, at: now)
            }
            statements += [WebhookQueries.settle(message), WebhookQueries.update(endpoint)]
            if case .turnsOff(let reason) = ruling, job.endpoint.state == "active" {
                statements += turnedOff(endpoint, reason, answer, scope: scope, at: now)
            }
            _ = try await tx.pipeline(statements)
            return ruling != .stays
        }
        count(answer.outcome.rawValue)
        if isOff {
            platform.logger.warning(
                "a webhook was turned off", metadata: ["tenant": "\(scope.slug)", "webhook": "\(job.endpoint.id)"])
            desk.nudge(lane: scope.lane)
        }
    }

    private static func judge(_ outcome: WebhookOutcome, _ endpoint: inout WebhookRow, at now: Moment) -> WebhookHealth.Ruling {
        var health = WebhookHealth(failingSince: endpoint.failingSince, failures: endpoint.failures)
        let ruling = health.take(outcome, at: now)
        (endpoint.failingSince, endpoint.failures) = (health.failingSince, health.failures)
        if outcome == .delivered { endpoint.deliveredAt = now }
        guard case .turnsOff(let reason) = ruling, endpoint.state == "active" else { return .stays }
        (endpoint.state, endpoint.reason, endpoint.changedAt) = ("disabled", reason, now)
        return ruling
    }

    /// What comes after an attempt: the end, or the next one.
    private func next(_ message: inout WebhookMessageRow, _ answer: Answered, at now: Moment) -> [SQL] {
        let dequeue = WebhookQueries.dequeue(endpoint: message.endpoint, message: message.id)
        if answer.outcome == .delivered {
            (message.state, message.nextAt, message.endedAt) = ("delivered", nil, now)
            return [dequeue]
        }
        guard
            let pause = WebhookRetry.pause(
                after: Int(message.attemptsUsed), askedSeconds: answer.retryAfter, chance: platform.entropy.next())
        else {
            (message.state, message.nextAt, message.endedAt) = ("failed", nil, now)
            return [dequeue]
        }
        let due = now.adding(seconds: pause)
        message.nextAt = due
        return [WebhookQueries.postpone(endpoint: message.endpoint, message: message.id, until: due)]
    }

    /// What was on its way is held; the log, the tenant's other endpoints and the engineers are told, all in this transaction.
    private func turnedOff(
        _ endpoint: WebhookRow, _ reason: String, _ answer: Answered, scope: ScopeRow, at now: Moment
    ) -> [SQL] {
        let why = reason == "gone" ? "the receiver says that it is gone" : "nothing was taken for three days"
        let content: JSONValue = [
            "name": .string(endpoint.name), "reason": .string(reason), "failures": JSONValue(Int64(endpoint.failures)),
            "failingSince": JSONValue(endpoint.failingSince),
        ]
        let told = OutboxRow(
            tenant: endpoint.tenant, lane: endpoint.lane, at: now, topic: WebhookEventType.webhookDisabled.rawValue, run: nil,
            facts: ["webhook": .string(endpoint.id.text), "reason": .string(reason)])
        let command = platform.incidentCommand(
            "raise", AlertName.webhookDisabled.rawValue,
            ["webhook": endpoint.id.text, "name": endpoint.name, "why": why, "answer": WebhookDelivery.shown(answer.text)],
            scope: scope, key: "\(endpoint.id)/\(now.microseconds)", at: now)
        return WebhookQueries.hold(tenant: endpoint.tenant, endpoint: endpoint.id)
            + [
                AuditQueries.insert([
                    AuditRow(
                        tenant: endpoint.tenant, id: platform.newID(), lane: endpoint.lane, at: now, actorKind: "system",
                        actor: "webhooks", action: "webhook.disabled", objectType: "webhook", objectID: endpoint.id.text,
                        run: nil,
                        content: content)
                ]), OutboxQueries.insert([told]), CommandQueries.insert(command),
            ] + WebhookFeed.statements([told]) { platform.newID() }
    }

    /// What was answered on one line, cut.
    static func shown(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars where out.utf8.count < answerBytesMax {
            out.unicodeScalars.append(scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? " " : scalar)
        }
        return out
    }

    private func count(_ outcome: String) {
        platform.metrics.counter(
            "countersign_webhook_attempts_total", "Attempts to deliver events to tenants' systems.", labels: ["outcome"]
        ).add(1, outcome)
    }

    // MARK: Forgetting

    private func pruneIfDue() async throws {
        let now = platform.clock.now
        let isDue = prunedAt.withLock { last -> Bool in
            guard last.map({ now.seconds(since: $0) >= WebhookDelivery.pruneSeconds }) ?? true else { return false }
            last = now
            return true
        }
        if isDue { try await prune() }
    }

    /// Forgets what the log keeps no longer.
    package func prune() async throws {
        let before = WebhookDesk.oldest(platform.clock.now)
        for scope in try await scopes.all() where scope.kind == "tenant" {
            try await platform.store.withTenant(scope.id) { tx in
                _ = try await tx.execute(WebhookQueries.prune(tenant: scope.id, before: before, limit: WebhookDelivery.pruneMax))
            }
        }
    }
}

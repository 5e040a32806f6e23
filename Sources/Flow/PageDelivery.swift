package import Kernel
internal import Incidents
internal import Logging
internal import Postgres
internal import Records
internal import Seals
internal import Telemetry
internal import Tenancy

/// Delivers pages: takes what is due, tenants in turn, has the platform worker send it, and writes down what was answered.
///
/// A page is in the database before anybody tries to send it. Whoever takes one hides it for a while and may die; it is then
/// taken again, so a page may arrive twice and never not at all. Sending is the platform worker's: the server calls nobody.
package final class PageDelivery: Sendable {
    /// Of one channel; then the page is given up and the next layer is left to answer.
    package static let attemptsMax: Int32 = 6
    /// Pages under way at one time, and of one tenant: a channel that stalls for one never holds up the others.
    package static let openMax = 32
    package static let openPerTenant = 2
    /// Longer than any answer is waited for.
    static let claimSeconds: Int64 = 30
    /// Later than that is said in the timeline.
    static let lateSeconds: Int64 = 60
    static let answerBytesMax = 200
    /// Looks for pages of other replicas when nobody called.
    static let pauseMilliseconds: Int64 = 1000
    /// Batches commit more often than anybody needs to be told.
    static let paceMilliseconds: Int64 = 100

    private let platform: Platform
    private let assets: AssetLibrary
    private let scopes: ScopeDirectory
    private let alerting: Alerting
    private let send: @Sendable (PageDispatch, TenantID) async throws -> Asking.Answer
    private let signal = Signal()
    /// Pages under way, by tenant.
    private let open = Locked<[TenantID: Int]>([:])

    /// `send` asks the operator's worker; tests answer themselves.
    package init(
        platform: Platform, assets: AssetLibrary, scopes: ScopeDirectory, alerting: Alerting,
        send: @escaping @Sendable (PageDispatch, TenantID) async throws -> Asking.Answer
    ) {
        self.platform = platform
        self.assets = assets
        self.scopes = scopes
        self.alerting = alerting
        self.send = send
    }

    /// Something was committed that may have paged.
    package func wake() { signal.raise() }

    /// Runs until cancelled. A page that is not answered holds its place among those under way, and nobody up beside it.
    package func run() async {
        await withDiscardingTaskGroup { group in
            await platform.rounds(.pager, failure: "pages could not be looked for") {
                let claimed = try await claim()
                for page in claimed { group.addTask { await self.tried(page) } }
                return !claimed.isEmpty
            } rest: { _ in
                // Cancellation ends the loop by its condition.
                try? await Task.sleep(for: .milliseconds(PageDelivery.paceMilliseconds))
                await signal.wait(milliseconds: PageDelivery.pauseMilliseconds)
            }
        }
    }

    /// Tries everything that is due once, and says how many pages that were.
    package func deliverDue() async throws -> Int {
        let claimed = try await claim()
        await withDiscardingTaskGroup { group in
            for page in claimed { group.addTask { await self.tried(page) } }
        }
        return claimed.count
    }

    private struct Claimed: Sendable {
        let lane: Int32
        let tenant: TenantID
        let page: PageID
    }

    /// Pages that are due, as many as there are places for.
    private func claim() async throws -> [Claimed] {
        let now = platform.clock.now
        let open = open.withLock { $0 }
        let places = PageDelivery.openMax - open.values.reduce(0, +)
        guard places > 0 else { return [] }
        let claimed = try await platform.store.withLane(0) { tx in
            try await tx.query(
                PageQueries.claim(
                    now: now, until: now.adding(seconds: PageDelivery.claimSeconds), perTenant: PageDelivery.openPerTenant,
                    open: open.map { (tenant: $0.key, count: $0.value) }, limit: places)
            ).map { row in
                Claimed(
                    lane: try row.get("lane", as: Int32.self), tenant: try row.get("tenant_id", as: TenantID.self),
                    page: try row.get("page_id", as: PageID.self))
            }
        }
        self.open.withLock { for page in claimed { $0[page.tenant, default: 0] += 1 } }
        return claimed
    }

    private func tried(_ claimed: Claimed) async {
        do {
            try await deliver(claimed.page, of: claimed.tenant, lane: claimed.lane)
        } catch {
            // It comes back when its claim ends.
            platform.logger.warning("a page was not tried", metadata: ["page": "\(claimed.page)", "error": "\(error)"])
        }
        open.withLock { open in
            open[claimed.tenant, default: 1] -= 1
            if open[claimed.tenant] == 0 { open[claimed.tenant] = nil }
        }
        signal.raise()
    }

    /// What a page is about, and whether it is still to be sent.
    private struct Job {
        let page: PageRow
        let incident: IncidentRow?
    }

    private func deliver(_ id: PageID, of tenant: TenantID, lane: Int32) async throws {
        guard let job = try await job(id, of: tenant, lane: lane) else { return }
        let started = platform.clock.now
        let answer: Delivery
        do {
            answer = try await attempt(job)
        } catch let refusal as Refusal {
            answer = Delivery(outcome: .unreached, text: refusal.message)
        } catch let fault as Fault where !fault.isRetryable {
            // A secret that does not open stays so: the attempt counts, and the next layer is told.
            platform.logger.error("page not prepared", metadata: ["page": "\(id)", "error": "\(fault)"])
            answer = Delivery(outcome: .unreached, text: "It could not be prepared.")
        }
        let ended = platform.clock.now
        try await settle(job, answer, started: started, milliseconds: ended.milliseconds(since: started), at: ended)
    }

    private func job(_ id: PageID, of tenant: TenantID, lane: Int32) async throws -> Job? {
        let now = platform.clock.now
        return try await platform.store.withLane(lane) { tx -> Job? in
            guard var page = try await tx.query(PageQueries.find(lane: lane, tenant: tenant, id: id)).first.map(PageRow.init),
                page.state == "queued"
            else {
                _ = try await tx.execute(PageQueries.dequeue(lane: lane, page: id))
                return nil
            }
            var incident: IncidentRow?
            if let id = page.incident {
                incident = try await tx.query(IncidentQueries.lock(lane: lane, tenants: [tenant], ids: [id])).first.map(
                    IncidentRow.init)
            }
            // Nobody is woken for what was answered meanwhile.
            guard let incident, incident.state != "triggered", ["page", "notice"].contains(page.kind),
                page.layer != PageDelivery.assignee
            else { return Job(page: page, incident: incident) }
            page.state = "withdrawn"
            page.endedAt = now
            _ = try await tx.pipeline([PageQueries.settle(page), PageQueries.dequeue(lane: lane, page: id)])
            return nil
        }
    }

    /// The layer of whoever an incident was assigned to, who is told though it is taken on.
    static let assignee = "assignee"

    // MARK: Sending

    private struct Delivery {
        enum Outcome: String { case accepted, refused, unreached }

        let outcome: Outcome
        let text: String
    }

    private func attempt(_ job: Job) async throws -> Delivery {
        let current = try await assets.current(for: job.page.tenant)
        let all = try await scopes.all()
        guard let operatorScope = all.first(where: { $0.kind == "operator" }), let onCall = OnCall(current) else {
            return Delivery(outcome: .refused, text: "no rota is published")
        }
        guard let person = current.staff.values.first(where: { $0.id == job.page.person }) else {
            return Delivery(outcome: .refused, text: "the person has left")
        }
        let secrets = try await secrets(of: operatorScope.id)
        let message = message(job, tenant: current.scope.name)
        guard let channel = PageChannel(rawValue: job.page.channel),
            let dispatch = try dispatch(message, by: channel, to: person, onCall.settings, secrets)
        else { return Delivery(outcome: .refused, text: "the rota does not say how to reach people by \(job.page.channel)") }
        switch try await send(dispatch, operatorScope.id) {
        case .output(let output):
            let word = Delivery.Outcome(rawValue: output["outcome"]?.string ?? "") ?? .unreached
            return Delivery(outcome: word, text: output["answer"]?.string ?? "")
        case .failed(_, let message): return Delivery(outcome: .unreached, text: message)
        }
    }

    private func message(_ job: Job, tenant: String) -> PageMessage {
        let (page, incident) = (job.page, job.incident)
        let kind: PageMessage.Kind =
            switch Paging.Kind(rawValue: page.kind) ?? .page {
            case .page: .page
            case .notice: .notice
            case .answered: .answered
            case .over: .over
            case .test: .test
            }
        return PageMessage(
            kind: kind, id: page.id.text, tenant: tenant, number: incident.map { "INC-\($0.number)" } ?? "",
            incident: incident?.id.text ?? "", alert: incident?.alert ?? "", fingerprint: incident?.fingerprint ?? "",
            title: incident?.title ?? "", severity: incident.flatMap { Severity(rawValue: $0.severity) } ?? .sev4,
            openedAt: incident?.openedAt ?? page.decidedAt, decidedAt: page.decidedAt, layer: page.layer, reason: page.reason,
            person: page.personName)
    }

    /// Nil when the rota does not say how; a refusal when a secret is missing or unusable.
    private func dispatch(
        _ message: PageMessage, by channel: PageChannel, to person: PersonRow, _ settings: ChannelSettings,
        _ secrets: [String: String]
    ) throws(Refusal) -> PageDispatch? {
        func secret(_ name: String?) throws(Refusal) -> String? {
            guard let name else { return nil }
            if let value = secrets[name] { return value }
            throw Refusal(.unprocessable, reason: "on-call.secret", "The secret \(name) of the operator is not set.")
        }
        if channel == .mail {
            guard let mail = settings.mail else { return nil }
            return .mail(
                PageDispatch.Mail(
                    server: mail.server, from: mail.from, to: person.email,
                    message: message.mail(from: mail.from, to: person.email, at: platform.clock.now), user: mail.user,
                    password: try secret(mail.secret), isEncrypted: mail.isEncrypted, allow: mail.allow))
        }
        guard let hook = settings.hooks[channel] else { return nil }
        let key = try secret(hook.secret)
        var headers = [("Content-Type", "application/json")]
        var url = hook.url
        let body: JSONValue
        switch channel {
        case .webhook:
            body = message.event()
            headers = [("Content-Type", "application/cloudevents+json")]
            headers += try WebhookSignature.headers(
                id: message.id, timestamp: platform.clock.now.seconds, body: body.bytes, keys: [try WebhookKey(key ?? "")]
            ).map { ($0.name, $0.value) }
        case .chat:
            body = message.chat()
            url = key ?? url
        case .pagerduty: body = message.serviceEvent(routingKey: key ?? "")
        case .console, .mail: return nil
        }
        return .hook(PageDispatch.Hook(url: url, headers: headers.map { [$0.0, $0.1] }, body: body, allow: hook.allow))
    }

    private func secrets(of scope: TenantID) async throws -> [String: String] {
        let rows = try await platform.store.withTenant(scope) { tx in try await tx.query(SecretQueries.all(tenant: scope)) }
        return try platform.secrets.opened(rows, of: scope)
    }

    // MARK: What became of it

    private func settle(_ job: Job, _ answer: Delivery, started: Moment, milliseconds: Int64, at now: Moment) async throws {
        var page = job.page
        page.attemptsUsed += 1
        let isOver = answer.outcome != .unreached || page.attemptsUsed >= PageDelivery.attemptsMax
        if isOver {
            page.state = answer.outcome == .accepted ? "delivered" : "failed"
            page.endedAt = now
        }
        let text = PageDelivery.shown(answer.text)
        let attempt = PageAttemptRow(
            tenant: page.tenant, page: page.id, attempt: page.attemptsUsed, at: started, outcome: answer.outcome.rawValue,
            answer: text, milliseconds: Int32(clamping: milliseconds))
        let settled = page
        try await platform.store.withLane(page.lane) { tx in
            // Locked before its lines are numbered; and a page that somebody else has settled meanwhile stays as it is.
            if let incident = settled.incident {
                _ = try await tx.query(IncidentQueries.lock(lane: settled.lane, tenants: [settled.tenant], ids: [incident]))
            }
            let held = try await tx.query(PageQueries.lock(lane: settled.lane, tenant: settled.tenant, id: settled.id))
            guard try held.first.map(PageRow.init)?.attemptsUsed == job.page.attemptsUsed else { return }
            var statements = [PageQueries.settle(settled), PageQueries.insertAttempt(lane: settled.lane, attempt)]
            statements.append(
                isOver
                    ? PageQueries.dequeue(lane: settled.lane, page: settled.id)
                    : PageQueries.postpone(
                        lane: settled.lane, page: settled.id,
                        until: now.adding(seconds: PageDelivery.pause(after: settled.attemptsUsed))))
            if isOver, let incident = settled.incident {
                statements.append(
                    IncidentQueries.append(
                        lane: settled.lane, tenant: settled.tenant, incident: incident, at: now,
                        kind: (answer.outcome == .accepted ? TimelineEntry.Kind.delivered : .undelivered).rawValue, person: nil,
                        text: PageDelivery.words(settled, text, at: now)))
            }
            _ = try await tx.pipeline(statements)
        }
        platform.metrics.counter("countersign_page_attempts_total", "Attempts to deliver pages.", labels: ["channel", "outcome"])
            .add(1, page.channel, answer.outcome.rawValue)
        if isOver, answer.outcome != .accepted { try await tellFailure(page, text, at: now) }
    }

    /// A channel that swallows pages is a trouble of its own, one of each channel.
    private func tellFailure(_ page: PageRow, _ text: String, at now: Moment) async throws {
        guard let scope = try await scopes.all().first(where: { $0.id == page.tenant }) else { return }
        try await alerting.raise(
            AlertName.pageUndelivered.rawValue, facts: ["channel": page.channel, "answer": text, "person": page.personName],
            scope: scope, key: page.id.text)
    }

    /// Quarter of a minute, then doubling up to four minutes.
    static func pause(after attempts: Int32) -> Int64 { min(240, 15 << Int64(min(attempts - 1, 4))) }

    private static func words(_ page: PageRow, _ answer: String, at now: Moment) -> String {
        let late = now.seconds(since: page.dueAt)
        let delay = late > lateSeconds ? " It was due \(late) s earlier." : ""
        if page.state == "delivered" {
            let tries = page.attemptsUsed > 1 ? " at attempt \(page.attemptsUsed)" : ""
            return "\(page.personName) was reached by \(page.channel)\(tries): \(answer).\(delay)"
        }
        return "\(page.personName) was not reached by \(page.channel) in \(page.attemptsUsed) attempts: \(answer)."
    }

    /// The other side's words on one line, cut.
    static func shown(_ text: String) -> String {
        var out = ""
        for character in text where out.utf8.count < answerBytesMax {
            out.append(
                character.isNewline || !character.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
                    ? " " : character)
        }
        return out
    }
}

/// What the platform worker is asked to send.
package enum PageDispatch: Sendable, Equatable {
    package struct Mail: Sendable, Equatable {
        package let server: String
        package let from: String
        package let to: String
        package let message: [UInt8]
        package let user: String?
        package let password: String?
        package let isEncrypted: Bool
        package let allow: [String]
    }

    package struct Hook: Sendable, Equatable {
        package let url: String
        package let headers: [[String]]
        package let body: JSONValue
        package let allow: [String]
    }

    case mail(Mail)
    case hook(Hook)

    var verb: String {
        switch self {
        case .mail: "page.mail"
        case .hook: "page.hook"
        }
    }

    var input: JSONValue {
        switch self {
        case .mail(let mail):
            [
                "server": .string(mail.server), "from": .string(mail.from), "to": .string(mail.to),
                "message": .string(Base64.encode(mail.message)), "user": JSONValue(mail.user),
                "encrypted": .bool(mail.isEncrypted), "allow": .array(mail.allow.map(JSONValue.string)),
            ]
        case .hook(let hook):
            [
                "url": .string(hook.url), "body": hook.body, "allow": .array(hook.allow.map(JSONValue.string)),
                "headers": .array(hook.headers.map { .array($0.map(JSONValue.string)) }),
            ]
        }
    }

    var secrets: [String: String] {
        switch self {
        case .mail(let mail): mail.password.map { ["password": $0] } ?? [:]
        case .hook: [:]
        }
    }
}

package import Incidents
package import Kernel
internal import Logging
internal import Postgres
package import Records
internal import Seals
internal import Telemetry
internal import Tenancy

/// Tells subscribers of status pages what they wait for: takes what is due, pages in turn, and writes down what came of it.
///
/// Every word is a row before anybody tries to send it. Whoever takes one hides it for a while and may die; it is then taken
/// again with the same id, so nothing is lost and a repetition can be known as one. People on call are before subscribers:
/// while a page to one of them waits, no subscriber is told anything.
package struct StatusTelling: Sendable {
    /// Words under way at one time: a fraction of what pages to people on call may have.
    package static let openMax = 4
    static let claimedMax = 8
    static let ownersMax = 200
    /// Longer than any answer is waited for.
    static let claimSeconds: Int64 = 60
    static let pauseMilliseconds: Int64 = 2000
    /// Bounces: the address itself will not have it. Whatever else a mail server says is not the subscriber's fault.
    static let bounces: Set<String> = ["510", "511", "550", "551", "553", "556"]

    /// A mail as its brand writes it.
    package struct Mail: Sendable {
        package let subject: String
        package let text: String
        package let html: String
        /// The brand's name for itself, its address and where answers go; empty where it says nothing.
        package let sender: (name: String, address: String, replyTo: String)

        package init(subject: String, text: String, html: String, sender: (name: String, address: String, replyTo: String)) {
            self.subject = subject
            self.text = text
            self.html = html
            self.sender = sender
        }
    }

    private let platform: Platform
    private let assets: AssetLibrary
    private let scopes: ScopeDirectory
    private let pages: StatusPages
    private let write: @Sendable (StatusLetter, ScopeRow) async throws -> Mail
    private let send: @Sendable (PageDispatch, TenantID) async throws -> Asking.Answer

    /// `send` asks the operator's worker; `write` dresses a letter in the brand of the page's owner.
    package init(
        platform: Platform, assets: AssetLibrary, scopes: ScopeDirectory, pages: StatusPages,
        write: @escaping @Sendable (StatusLetter, ScopeRow) async throws -> Mail,
        send: @escaping @Sendable (PageDispatch, TenantID) async throws -> Asking.Answer
    ) {
        self.platform = platform
        self.assets = assets
        self.scopes = scopes
        self.pages = pages
        self.write = write
        self.send = send
    }

    /// Runs until cancelled.
    package func run() async {
        await platform.rounds(
            .statusMail, every: .milliseconds(StatusTelling.pauseMilliseconds), failure: "subscribers were not looked at"
        ) {
            try await look() > 0
        }
    }

    /// One round: of each page that owes a word at most a handful; answers how many were tried.
    package func look() async throws -> Int {
        let now = platform.clock.now
        let owners = try await platform.store.withGate { tx in
            try await tx.query(StatusSubscriberQueries.owing(now: now, limit: StatusTelling.ownersMax)).map {
                try $0.get("tenant_id", as: TenantID.self)
            }
        }
        var count = 0
        for owner in owners {
            guard try await !isPagerWaiting() else { return count }
            let scope = try await scopes.scope(owner)
            let claimed = try await platform.store.withTenant(owner) { tx in
                try await tx.query(
                    StatusSubscriberQueries.claim(
                        tenant: owner, now: now, until: now.adding(seconds: StatusTelling.claimSeconds),
                        limit: StatusTelling.claimedMax)
                ).map(StatusDeliveryRow.init)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, row) in claimed.enumerated() {
                    if index >= StatusTelling.openMax { _ = try await group.next() }
                    group.addTask { await tried(row, scope) }
                }
            }
            count += claimed.count
        }
        return count
    }

    /// A page to somebody on call waits to be taken.
    private func isPagerWaiting() async throws -> Bool {
        let now = platform.clock.now
        return try await platform.store.withLane(0) { tx in
            try await tx.query(PageQueries.waits(now: now)).only().get("waits", as: Bool.self)
        }
    }

    private func tried(_ row: StatusDeliveryRow, _ scope: ScopeRow) async {
        do {
            try await deliver(row, scope)
        } catch {
            // It comes back when its claim ends. What went wrong is told without what it was about.
            platform.logger.warning("a subscriber was not told", metadata: ["delivery": "\(row.id)", "error": "\(error)"])
        }
    }

    // MARK: One word

    private struct Job {
        let page: StatusPageRow
        let subscriber: StatusSubscriberRow
        let notice: StatusLetter.Notice?
    }

    private func deliver(_ delivery: StatusDeliveryRow, _ scope: ScopeRow) async throws {
        let started = platform.clock.now
        guard let job = try await job(delivery, scope) else { return }
        let (outcome, code) = await attempt(job, delivery, scope)
        let ended = platform.clock.now
        var settled = delivery
        settled.attemptsUsed += 1
        settled.nextAt = ended.adding(seconds: StatusSubscriptionBounds.pause(after: settled.attemptsUsed))
        if outcome != "unreached" || settled.attemptsUsed >= StatusSubscriptionBounds.attemptsMax {
            (settled.state, settled.endedAt) = (outcome == "accepted" ? "delivered" : "failed", ended)
        }
        let tried = StatusAttemptRow(
            tenant: scope.id, delivery: delivery.id, attempt: settled.attemptsUsed, at: started, outcome: outcome, code: code,
            milliseconds: Int32(clamping: ended.milliseconds(since: started)))
        let final = settled
        let isBlamed =
            job.subscriber.channel == "webhook" ? code != StatusTelling.unprepared : StatusTelling.bounces.contains(code)
        try await platform.store.withTenant(scope.id) { tx in
            // The subscriber is locked before what it is sent, as by whoever ends a subscription.
            _ = try await tx.query(StatusSubscriberQueries.lock(tenant: scope.id, id: job.subscriber.id))
            let held = try await tx.query(StatusSubscriberQueries.lockDelivery(tenant: scope.id, id: delivery.id)).first.map(
                StatusDeliveryRow.init)
            guard let held, held.attemptsUsed == delivery.attemptsUsed else { return }
            var statements = [StatusSubscriberQueries.insertAttempt(tried)]
            // One that was withdrawn while it was under way stays so; that it was tried is written down.
            if held.state == "due" { statements.append(StatusSubscriberQueries.settle(final)) }
            _ = try await tx.pipeline(statements)
            guard final.state != "due", outcome == "accepted" || isBlamed else { return }
            try await count(job.subscriber.id, isGood: outcome == "accepted", scope, tx, at: ended)
        }
        platform.metrics.counter(
            "countersign_status_attempts_total", "Attempts to tell subscribers of status pages.",
            labels: ["channel", "outcome"]
        ).add(1, job.subscriber.channel, outcome)
    }

    /// A row of failures ends a subscription by itself.
    private func count(
        _ id: StatusSubscriberID, isGood: Bool, _ scope: ScopeRow, _ tx: Transaction, at now: Moment
    ) async throws {
        guard
            var row = try await tx.query(StatusSubscriberQueries.lock(tenant: scope.id, id: id)).first.map(
                StatusSubscriberRow.init)
        else { return }
        let failures = isGood ? 0 : row.failures + 1
        guard failures != row.failures else { return }
        row.failures = failures
        if failures >= StatusSubscriptionBounds.failuresMax {
            try await pages.subscribers.stop(&row, because: "failing", as: nil, tx, at: now)
        } else {
            try await tx.execute(StatusSubscriberQueries.update(row))
        }
    }

    /// What is to be said to whom; nil when it is said no more, which is then written down.
    private func job(_ delivery: StatusDeliveryRow, _ scope: ScopeRow) async throws -> Job? {
        let now = platform.clock.now
        let zone = try ZoneRules.load(scope.timeZone)
        let found = try await platform.store.withTenant(scope.id) { tx -> Job? in
            guard let page = try await tx.query(StatusQueries.page(tenant: scope.id)).first.map(StatusPageRow.init),
                let row = try await tx.query(StatusSubscriberQueries.lock(tenant: scope.id, id: delivery.subscriber)).first.map(
                    StatusSubscriberRow.init)
            else { return nil }
            let isWanted = delivery.kind == "confirm" ? row.confirmHash != nil : row.state == "active"
            var notice: StatusLetter.Notice?
            if let id = delivery.notice {
                notice = try await StatusTelling.notice(id, delivery.number, zone, scope.id, tx)
            }
            guard page.audience != StatusDesk.Audience.off.rawValue, isWanted, delivery.notice == nil || notice != nil else {
                var gone = delivery
                (gone.state, gone.endedAt) = ("withdrawn", now)
                try await tx.execute(StatusSubscriberQueries.settle(gone))
                return nil
            }
            return Job(page: page, subscriber: row, notice: notice)
        }
        guard let found else { return nil }
        guard try await mayStillRead(found) else {
            try await platform.store.withTenant(scope.id) { tx in
                var row = found.subscriber
                try await pages.subscribers.stop(&row, because: "left", as: nil, tx, at: now)
            }
            return nil
        }
        return found
    }

    /// A page for people who are signed in tells nobody who has left.
    private func mayStillRead(_ job: Job) async throws -> Bool {
        guard job.page.audience == StatusDesk.Audience.signedIn.rawValue, let person = job.subscriber.person else {
            return job.page.audience != StatusDesk.Audience.signedIn.rawValue || job.subscriber.madeBy != nil
        }
        guard let home = TenantID(try StatusSeal(job.subscriber, platform.secrets).home) else { return false }
        return try await platform.store.withTenant(home) { tx in
            try await tx.query(ScopeQueries.person(tenant: home, id: person)).first.map(PersonRow.init)?.state == "active"
        }
    }

    /// An update in the words that it has now; without a number it is what was said last.
    private static func notice(
        _ id: StatusNoticeID, _ number: Int32?, _ zone: ZoneRules, _ tenant: TenantID, _ tx: Transaction
    ) async throws -> StatusLetter.Notice? {
        guard let row = try await tx.query(StatusQueries.notice(tenant: tenant, id: id)).first.map(StatusNoticeRow.init) else {
            return nil
        }
        let updates = try await tx.query(StatusQueries.updates(tenant: tenant, notices: [id], publishedOnly: true))
            .map(StatusUpdateRow.init)
        guard let update = number.map({ number in updates.first { $0.number == number } }) ?? updates.last,
            let at = update.publishedAt
        else { return nil }
        let components = try await tx.query(StatusQueries.components(tenant: tenant)).map(StatusComponentRow.init)
        let times = [row.startsAt, row.endsAt].compactMap { $0.map { zone.minutes($0) } }
        return StatusLetter.Notice(
            id: id.text, number: Int(update.number), kind: StatusKind(rawValue: row.kind) ?? .incident, title: row.title,
            impact: StatusImpact(rawValue: row.impact) ?? .none,
            phase: StatusPhase(rawValue: update.phase) ?? .investigating,
            components: components.filter { row.components.contains($0.id) }.map(\.name), text: update.text, at: at,
            isEdited: update.wordedAt > at, startsAt: row.startsAt, endsAt: row.endsAt, times: times.joined(separator: " – "))
    }

    // MARK: Sending

    /// What stands in the proof where nothing was sent: the product itself is not set up for it.
    static let unprepared = "unprepared"

    private func attempt(
        _ job: Job, _ delivery: StatusDeliveryRow, _ scope: ScopeRow
    ) async -> (outcome: String, code: String) {
        do {
            guard let site = platform.settings.publicAddress,
                let house = try await scopes.all().first(where: { $0.kind == "operator" })
            else { return ("unreached", StatusTelling.unprepared) }
            let seal = try StatusSeal(job.subscriber, platform.secrets)
            let letter = StatusLetter(
                kind: StatusLetter.Kind(rawValue: delivery.kind) ?? .update, page: job.page.title,
                language: StatusLanguage(rawValue: job.page.language) ?? .en, notice: job.notice,
                link: delivery.kind == "confirm" ? "\(site)/status-mail/\(seal.confirm)" : "\(site)/status/\(job.page.address)",
                stop: "\(site)/status-mail/\(seal.stop)")
            let dispatch =
                job.subscriber.channel == "mail"
                ? try await mail(letter, to: seal, delivery, scope, house)
                : try await hook(letter, seal, job.subscriber, delivery, scope, house)
            guard let dispatch else { return ("unreached", StatusTelling.unprepared) }
            switch try await send(dispatch, house.id) {
            case .output(let output):
                let word = output["outcome"]?.string ?? ""
                return (
                    ["accepted", "refused"].contains(word) ? word : "unreached", StatusTelling.code(output["answer"]?.string)
                )
            case .failed: return ("unreached", StatusTelling.unprepared)
            }
        } catch {
            // Addresses stand in no log, and neither does what might hold one.
            platform.logger.warning("a subscriber could not be told", metadata: ["delivery": "\(delivery.id)"])
            return ("unreached", StatusTelling.unprepared)
        }
    }

    private func mail(
        _ letter: StatusLetter, to seal: StatusSeal, _ delivery: StatusDeliveryRow, _ scope: ScopeRow, _ house: ScopeRow
    ) async throws -> PageDispatch? {
        guard let mail = OnCall(try await assets.current(for: scope.id))?.document.settings.mail else { return nil }
        var password: String?
        if let name = mail.secret {
            let rows = try await platform.store.withTenant(house.id) { tx in
                try await tx.query(SecretQueries.all(tenant: house.id))
            }
            password = try platform.secrets.opened(rows, of: house.id)[name]
            guard password != nil else { return nil }
        }
        let dressed = try await write(letter, scope)
        let message = MailMessage(
            id: "status-\(delivery.id.text)",
            from: MailMessage.Sender(
                name: dressed.sender.name, address: dressed.sender.address.isEmpty ? mail.from : dressed.sender.address,
                replyTo: dressed.sender.replyTo), to: seal.address, subject: dressed.subject, text: dressed.text,
            html: dressed.html, stop: letter.kind == .confirm ? "" : letter.stop)
        return .mail(
            PageDispatch.Mail(
                server: mail.server, from: mail.from, to: seal.address, message: message.bytes(at: platform.clock.now),
                user: mail.user, password: password, isEncrypted: mail.isEncrypted, allow: mail.allow))
    }

    private func hook(
        _ letter: StatusLetter, _ seal: StatusSeal, _ subscriber: StatusSubscriberRow, _ delivery: StatusDeliveryRow,
        _ scope: ScopeRow, _ house: ScopeRow
    ) async throws -> PageDispatch? {
        let now = platform.clock.now
        let body = letter.event(at: delivery.madeAt)
        // What asks is signed with the secret that the asker was shown.
        var keys = [delivery.kind == "confirm" ? seal.next : seal.secret]
        if delivery.kind != "confirm", let until = subscriber.overlapUntil, now < until { keys.append(seal.before) }
        let headers = try WebhookSignature.headers(
            id: delivery.id.text, timestamp: now.seconds, body: body.bytes,
            keys: try keys.filter { !$0.isEmpty }.map { key throws(Refusal) in try WebhookKey(key) })
        // Strangers' addresses and tenants' are dialled only where the whole world is.
        let isHouse = scope.id == house.id && subscriber.madeBy != nil
        let allow = isHouse ? try await pages.subscribers.allowed(house.id) : []
        return .hook(
            PageDispatch.Hook(
                url: seal.address, headers: [["Content-Type", "application/json"]] + headers.map { [$0.name, $0.value] },
                body: body, allow: allow))
    }

    /// The number in the other side's words, or a word of ours: the words themselves may hold an address.
    static func code(_ answer: String?) -> String {
        let digits = (answer ?? "").utf8.drop { !(0x30...0x39).contains($0) }.prefix { (0x30...0x39).contains($0) }
        let words = (answer ?? "").split(separator: ":").first.map(String.init) ?? ""
        if digits.count == 3, answer?.utf8.first.map({ (0x30...0x39).contains($0) }) == true || words.hasPrefix("status ") {
            return String(decoding: Array(digits), as: UTF8.self)
        }
        let isWord =
            !words.isEmpty && words.utf8.count <= 40
            && words.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || $0 == UInt8(ascii: "-")
            }
        return isWord ? words : "none"
    }
}

extension ZoneRules {
    /// `2026-07-14 10:30 CEST`.
    package func minutes(_ moment: Moment) -> String {
        let local = localTime(at: moment)
        let (hour, minute) = (local.secondOfDay / 3600, local.secondOfDay / 60 % 60)
        return "\(local.date.description) \(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute) "
            + abbreviation(at: moment)
    }
}

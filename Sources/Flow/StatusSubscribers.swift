internal import Incidents
package import Kernel
internal import Postgres
package import Records
internal import Seals
package import Tenancy

/// Who is told what a status page says: subscribing, confirming, ending, and what the page's owner sees and does about it.
///
/// Nobody is told anything before the address itself has said yes, and whoever types an address learns nothing about it: known
/// or not, the same is done and answered.
package struct StatusSubscribers: Sendable {
    /// What a subscription leads to.
    package enum Target: Sendable, Equatable {
        case mail(MailAddress)
        case webhook(HookAddress)

        package var channel: String {
            switch self {
            case .mail: "mail"
            case .webhook: "webhook"
            }
        }

        var text: String {
            switch self {
            case .mail(let address): address.text
            case .webhook(let address): address.text
            }
        }

        /// Reads what somebody typed; a refusal says what is wrong with it.
        package init(channel: String, typed: String) throws(Refusal) {
            do throws(MailAddress.Flaw) {
                switch channel {
                case "mail": self = .mail(try MailAddress(typed: typed))
                case "webhook": self = .webhook(try HookAddress(typed: typed))
                default: throw MailAddress.Flaw(message: "The channel is mail or webhook.")
                }
            } catch {
                throw StatusDesk.wrong("address", error.message)
            }
        }
    }

    /// Who fills the open form in.
    package struct Reader: Sendable {
        /// Where the request came from; it is counted in memory and written nowhere.
        package let caller: String
        package let person: PersonID?
        package let home: TenantID?

        package init(caller: String, person: PersonID? = nil, home: TenantID? = nil) {
            self.caller = caller
            self.person = person
            self.home = home
        }
    }

    let platform: Platform
    let desk: StatusDesk
    let assets: AssetLibrary
    private let callers: CallerCount

    package init(platform: Platform, desk: StatusDesk, assets: AssetLibrary) {
        self.platform = platform
        self.desk = desk
        self.assets = assets
        callers = CallerCount()
    }

    // MARK: Asking

    /// Asks the address whether it wants to be told, unless it was asked often enough. Answers a webhook's secret, which is shown
    /// this once and signs from its confirmation on.
    package func ask(
        _ target: Target, components: [StatusComponentID], of tenant: TenantID, by reader: Reader
    ) async throws -> String {
        let now = platform.clock.now
        guard callers.mayGoOn(reader.caller, at: now) else {
            throw Refusal(
                .tooMany, reason: "status.asked", "This was asked for often within the hour. Try again later.")
        }
        if case .webhook(let address) = target, !address.isPublicForm {
            throw StatusDesk.wrong("address", "A webhook has an https address with a name.")
        }
        return try await desk.held(tenant) { tx, page in
            guard page.audience != StatusDesk.Audience.off.rawValue else { throw StatusDesk.nothing }
            try await checkRoom(tenant, at: now, tx)
            let chosen = try await checked(components, tenant, tx)
            return try await question(target, chosen, tenant, tx, at: now) { row, seal in
                row.person = reader.person
                seal.home = reader.home?.text ?? ""
            }.secret
        }
    }

    private func checkRoom(_ tenant: TenantID, at now: Moment, _ tx: Transaction) async throws {
        let counts = try await tx.query(
            StatusSubscriberQueries.counts(tenant: tenant, since: now.adding(seconds: -3600))
        ).only()
        let open = try counts.get("asked", as: Int64.self) + counts.get("active", as: Int64.self)
        guard open < StatusSubscriptionBounds.subscribersMax else {
            throw Refusal(
                .conflict, reason: "status.subscribers",
                "This page has \(StatusSubscriptionBounds.subscribersMax) subscribers and takes no more.")
        }
        guard try counts.get("lately", as: Int64.self) < StatusSubscriptionBounds.asksPerHourMax else {
            throw Refusal(.tooMany, reason: "status.asked", "Many ask for this page at this time. Try again in an hour.")
        }
    }

    private func checked(
        _ wanted: [StatusComponentID], _ tenant: TenantID, _ tx: Transaction
    ) async throws -> [StatusComponentID] {
        guard wanted.count <= StatusBounds.componentsMax else {
            throw StatusDesk.wrong("components", "A page has at most \(StatusBounds.componentsMax) components.")
        }
        let known = Set(try await tx.query(StatusQueries.components(tenant: tenant)).map(StatusComponentRow.init).map(\.id))
        guard wanted.allSatisfy(known.contains) else {
            throw StatusDesk.wrong("components", "One of these components is not on the page any more. Load the page again.")
        }
        return Array(Set(wanted)).sorted { $0.text < $1.text }
    }

    /// The question to an address, known or not: the same rows are read, sealed and written, and the same is answered.
    private func question(
        _ target: Target, _ components: [StatusComponentID], _ tenant: TenantID, _ tx: Transaction, at now: Moment,
        _ edit: (inout StatusSubscriberRow, inout StatusSeal) -> Void
    ) async throws -> (row: StatusSubscriberRow, secret: String) {
        let prints = platform.secrets.fingerprints(of: target.text.utf8, tenant: tenant)
        let known = try await tx.query(
            StatusSubscriberQueries.find(tenant: tenant, channel: target.channel, fingerprints: prints)
        ).first.map(StatusSubscriberRow.init)
        let confirm = SecretToken(entropy: platform.entropy)
        let secret = target.channel == "webhook" ? WebhookKey(entropy: platform.entropy).shownText : ""
        var (row, seal): (StatusSubscriberRow, StatusSeal)
        if let known {
            (row, seal) = (known, try StatusSeal(known, platform.secrets))
        } else {
            let stop = SecretToken(entropy: platform.entropy)
            row = StatusSubscriberRow(
                tenant: tenant, id: platform.newID(), channel: target.channel, sealed: [], fingerprint: prints[0],
                stopHash: stop.hash, at: now)
            seal = StatusSeal(address: target.text, stop: stop.text)
        }
        if now.seconds(since: row.asksFrom) >= 86_400 { (row.asks, row.asksFrom) = (0, now) }
        let isAsked = row.asks < StatusSubscriptionBounds.asksPerDayMax
        if isAsked {
            (seal.confirm, seal.next) = (confirm.text, secret)
            row.wanted = components
            (row.confirmHash, row.confirmUntil) = (
                confirm.hash, now.adding(seconds: StatusSubscriptionBounds.confirmSeconds)
            )
            (row.asks, row.askedAt) = (row.asks + 1, now)
            if row.state == "stopped" { (row.state, row.why, row.endedAt) = ("asked", "", nil) }
            edit(&row, &seal)
        }
        row.fingerprint = prints[0]
        if known != nil { row.version += 1 }
        row.sealed = platform.secrets.seal(seal.bytes, at: StatusSeal.place(row))
        try await tx.execute(known == nil ? StatusSubscriberQueries.insert(row) : StatusSubscriberQueries.update(row))
        if isAsked {
            // A question that has not left yet would bear the link of this one.
            _ = try await tx.pipeline([
                StatusSubscriberQueries.withdraw(tenant: tenant, subscriber: row.id, kinds: ["confirm"], at: now),
                StatusSubscriberQueries.insert(
                    StatusDeliveryRow(
                        tenant: tenant, id: platform.newID(), subscriber: row.id, kind: "confirm", key: "confirm/\(row.version)",
                        at: now)),
            ])
        }
        return (row, secret)
    }

    // MARK: Links

    /// What a link asks.
    package struct Question: Sendable {
        package enum Kind: Sendable, Equatable { case confirm, stop, stopped }

        package let kind: Kind
        package let tenant: TenantID
        package let page: StatusPageRow
        /// Masked.
        package let address: String
    }

    /// What stands behind a link; nil for one that leads nowhere, has been used, or is too old.
    package func question(behind text: String) async throws -> Question? {
        try await behind(text) { row, token, page, _ in
            guard let kind = kind(of: row, token) else { return nil }
            return Question(kind: kind, tenant: row.tenant, page: page, address: masked(row))
        }
    }

    /// Says yes to what the link asks: confirms, or ends. Nil as above; an end that was said before is said again.
    package func answer(_ text: String) async throws -> Question? {
        try await behind(text) { row, token, page, tx in
            guard let kind = kind(of: row, token) else { return nil }
            var row = row
            let now = platform.clock.now
            switch kind {
            case .stopped: break
            case .stop: try await stop(&row, because: "unsubscribed", as: nil, tx, at: now)
            case .confirm: try await confirm(&row, tx, at: now)
            }
            return Question(
                kind: kind == .confirm ? .confirm : .stopped, tenant: row.tenant, page: page, address: masked(row))
        }
    }

    private func kind(of row: StatusSubscriberRow, _ token: SecretToken) -> Question.Kind? {
        if row.stopHash == token.hash { return row.state == "stopped" ? .stopped : .stop }
        guard row.confirmHash == token.hash, let until = row.confirmUntil, platform.clock.now < until else { return nil }
        return .confirm
    }

    private func behind<Value: Sendable>(
        _ text: String,
        _ body: @escaping @Sendable (StatusSubscriberRow, SecretToken, StatusPageRow, Transaction) async throws -> Value?
    ) async throws -> Value? {
        guard let token = SecretToken(presented: text) else { return nil }
        let owner = try await platform.store.withGate { tx in
            try await tx.query(StatusSubscriberQueries.owner(tokenHash: token.hash)).first.map { row in
                (try row.get("tenant_id", as: TenantID.self), try row.get("id", as: StatusSubscriberID.self))
            }
        }
        guard let (tenant, id) = owner else { return nil }
        return try await platform.store.withTenant(tenant) { tx in
            guard let page = try await tx.query(StatusQueries.page(tenant: tenant)).first.map(StatusPageRow.init),
                let row = try await tx.query(StatusSubscriberQueries.lock(tenant: tenant, id: id)).first.map(
                    StatusSubscriberRow.init)
            else { return nil }
            return try await body(row, token, page, tx)
        }
    }

    private func confirm(_ row: inout StatusSubscriberRow, _ tx: Transaction, at now: Moment) async throws {
        var seal = try StatusSeal(row, platform.secrets)
        seal.confirm = ""
        if !seal.next.isEmpty { replaceSecret(by: seal.next, in: &seal, &row, at: now) }
        seal.next = ""
        row.components = row.wanted ?? []
        (row.wanted, row.confirmHash, row.confirmUntil) = (nil, nil, nil)
        (row.state, row.why, row.endedAt, row.confirmedAt, row.failures) = ("active", "", nil, now, 0)
        reseal(seal, in: &row)
        _ = try await tx.pipeline([
            StatusSubscriberQueries.update(row), try await entry("status.subscribed", row, as: nil, at: now),
        ])
    }

    private func replaceSecret(
        by secret: String, in seal: inout StatusSeal, _ row: inout StatusSubscriberRow, at now: Moment
    ) {
        seal.before = seal.secret
        seal.secret = secret
        row.overlapUntil = seal.before.isEmpty ? nil : now.adding(seconds: StatusSubscriptionBounds.overlapSeconds)
    }

    private func reseal(_ seal: StatusSeal, in row: inout StatusSubscriberRow) {
        row.version += 1
        row.sealed = platform.secrets.seal(seal.bytes, at: StatusSeal.place(row))
    }

    /// Ends it, and what is still due to it; `actor` is nil for the subscriber itself and for the product.
    func stop(
        _ row: inout StatusSubscriberRow, because why: String, as actor: Actor?, _ tx: Transaction, at now: Moment
    ) async throws {
        guard row.state != "stopped" else { return }
        (row.state, row.why, row.endedAt) = ("stopped", why, now)
        (row.wanted, row.confirmHash, row.confirmUntil) = (nil, nil, nil)
        _ = try await tx.pipeline([
            StatusSubscriberQueries.update(row),
            StatusSubscriberQueries.withdraw(
                tenant: row.tenant, subscriber: row.id, kinds: StatusSubscriberQueries.kinds, at: now),
            try await entry("status.subscription-ended", row, as: actor, at: now),
        ])
    }

    /// The address stands in no log.
    private func entry(_ action: String, _ row: StatusSubscriberRow, as actor: Actor?, at now: Moment) async throws -> SQL {
        let lane = try await assets.current(for: row.tenant).scope.lane
        return AuditQueries.insert([
            AuditRow(
                tenant: row.tenant, id: platform.newID(), lane: lane, at: now, actorKind: actor == nil ? "system" : "person",
                actor: actor?.person.text ?? "status-subscriptions", action: action, objectType: "status-subscriber",
                objectID: row.id.text, run: nil, content: ["channel": .string(row.channel), "why": .string(row.why)])
        ])
    }

    /// As its owner is shown it.
    func masked(_ row: StatusSubscriberRow) -> String {
        // What does not open any more is shown as that, and can still be removed.
        guard let seal = try? StatusSeal(row, platform.secrets) else { return "…" }
        return row.channel == "mail" ? MailAddress.masked(seal.address) : HookAddress.masked(seal.address)
    }

    // MARK: The desk

    /// A subscriber as the page's owner sees it.
    package struct Shown: Sendable {
        package let row: StatusSubscriberRow
        /// Masked.
        package let address: String
    }

    package struct Counts: Sendable, Equatable {
        package let asked: Int64
        package let active: Int64
        package let stopped: Int64
    }

    package func counts(of tenant: TenantID) async throws -> Counts {
        let now = platform.clock.now
        return try await platform.store.withTenant(tenant) { tx in
            let row = try await tx.query(StatusSubscriberQueries.counts(tenant: tenant, since: now)).only()
            return Counts(
                asked: try row.get("asked", as: Int64.self), active: try row.get("active", as: Int64.self),
                stopped: try row.get("stopped", as: Int64.self))
        }
    }

    package func subscribers(
        of tenant: TenantID, before: (Moment, StatusSubscriberID)? = nil, limit: Int
    ) async throws -> [Shown] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(StatusSubscriberQueries.page(tenant: tenant, before: before, limit: limit))
                .map(StatusSubscriberRow.init)
        }.map { Shown(row: $0, address: masked($0)) }
    }

    /// Enters an address for somebody; it is asked as any other. Answers a webhook's secret, shown this once.
    package func add(
        _ target: Target, components: [StatusComponentID], as actor: Actor, scope: ScopeRow
    ) async throws -> (shown: Shown, secret: String) {
        let now = platform.clock.now
        if case .webhook(let address) = target, !address.isPublicForm {
            // Places that the operator lets its own pager dial; no tenant's desk reaches into them.
            let allowed = scope.kind == "operator" ? try await allowed(scope.id) : []
            guard allowed.contains(where: { $0 == address.place || $0.hasPrefix(address.place + "/") }) else {
                throw StatusDesk.wrong("address", "A webhook has an https address with a name.")
            }
        }
        return try await desk.held(scope.id, missing: StatusDesk.noPage) { tx, _ in
            try await checkRoom(scope.id, at: now, tx)
            let chosen = try await checked(components, scope.id, tx)
            let (row, secret) = try await question(target, chosen, scope.id, tx, at: now) { row, _ in row.madeBy = actor.person }
            guard row.askedAt == now else {
                throw Refusal(
                    .tooMany, reason: "status.asked", "This address was asked often enough today. Try again tomorrow.")
            }
            try await tx.execute(try await entry("status.subscriber-added", row, as: actor, at: now))
            return (Shown(row: row, address: masked(row)), secret)
        }
    }

    /// `host:port/range` that the webhook of the operator's rota may dial.
    func allowed(_ house: TenantID) async throws -> [String] {
        OnCall(try await assets.current(for: house))?.document.settings.hooks[.webhook]?.allow ?? []
    }

    private func changed(
        _ id: StatusSubscriberID, _ scope: ScopeRow,
        _ edit: @escaping @Sendable (inout StatusSubscriberRow, Transaction, Moment) async throws -> Void
    ) async throws -> Shown {
        let now = platform.clock.now
        return try await desk.held(scope.id) { tx, _ in
            guard
                var row = try await tx.query(StatusSubscriberQueries.lock(tenant: scope.id, id: id)).first.map(
                    StatusSubscriberRow.init)
            else { throw StatusDesk.nothing }
            try await edit(&row, tx, now)
            return Shown(row: row, address: masked(row))
        }
    }

    package func remove(_ id: StatusSubscriberID, as actor: Actor, scope: ScopeRow) async throws -> Shown {
        try await changed(id, scope) { row, tx, now in
            guard row.state != "stopped" else {
                throw Refusal(.conflict, reason: "status.ended", "This subscription has ended already.")
            }
            try await stop(&row, because: "removed", as: actor, tx, at: now)
        }
    }

    private static let notActive = Refusal(
        .conflict, reason: "status.unconfirmed", "This address has not confirmed, or wants nothing more.")

    /// Sends a test to one subscriber.
    package func test(_ id: StatusSubscriberID, as actor: Actor, scope: ScopeRow) async throws -> Shown {
        try await changed(id, scope) { row, tx, now in
            guard row.state == "active" else { throw StatusSubscribers.notActive }
            let delivery: StatusDeliveryID = platform.newID()
            _ = try await tx.pipeline([
                StatusSubscriberQueries.insert(
                    StatusDeliveryRow(
                        tenant: row.tenant, id: delivery, subscriber: row.id, kind: "test", key: "test/\(delivery.text)", at: now)
                ),
                try await entry("status.subscriber-tested", row, as: actor, at: now),
            ])
        }
    }

    /// A new secret for a webhook, shown this once; the one before signs beside it for a day.
    package func renewSecret(of id: StatusSubscriberID, as actor: Actor, scope: ScopeRow) async throws -> String {
        let secret = WebhookKey(entropy: platform.entropy).shownText
        _ = try await changed(id, scope) { row, tx, now in
            guard row.channel == "webhook" else {
                throw Refusal(.conflict, reason: "status.channel", "Only webhooks have a secret.")
            }
            guard row.state == "active" else { throw StatusSubscribers.notActive }
            var seal = try StatusSeal(row, platform.secrets)
            replaceSecret(by: secret, in: &seal, &row, at: now)
            reseal(seal, in: &row)
            _ = try await tx.pipeline([
                StatusSubscriberQueries.update(row), try await entry("status.secret-renewed", row, as: actor, at: now),
            ])
        }
        return secret
    }

    /// A delivery with every try.
    package struct Sent: Sendable {
        package let row: StatusDeliveryRow
        package let attempts: [StatusAttemptRow]
    }

    /// Newest first.
    package func deliveries(
        of tenant: TenantID, before: (Moment, StatusDeliveryID)? = nil, limit: Int
    ) async throws -> [Sent] {
        try await platform.store.withTenant(tenant) { tx in
            let rows = try await tx.query(StatusSubscriberQueries.deliveries(tenant: tenant, before: before, limit: limit))
                .map(StatusDeliveryRow.init)
            let attempts = try await tx.query(
                StatusSubscriberQueries.attempts(tenant: tenant, deliveries: rows.map(\.id))
            ).map(StatusAttemptRow.init)
            return rows.map { row in Sent(row: row, attempts: attempts.filter { $0.delivery == row.id }) }
        }
    }
}

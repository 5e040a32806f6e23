package import Incidents
package import Kernel
internal import Logging
internal import Postgres
package import Records
internal import Telemetry
internal import Tenancy

/// Mails what can wait to those who want it together: one mail a person at each of their times, and none when nothing waits.
///
/// A digest is a row before anybody tries to send it, and what it tells is tied to it for good: a server that dies anywhere
/// leaves a digest that the next one sends with the same id, so nothing is lost, and a repetition is known as one.
package struct Digesting: Sendable {
    /// Then it is given up, and an incident says so; what it told of stays on the board.
    package static let attemptsMax: Int32 = 12
    /// Longer than any answer is waited for.
    static let claimSeconds: Int64 = 60
    static let claimedMax = 16
    /// Of one tenant; the rest is counted.
    static let listedMax = 50
    static let countedMax = 1000
    static let pauseSeconds: Int64 = 15
    package static let shownMax = 50

    private let platform: Platform
    private let assets: AssetLibrary
    private let scopes: ScopeDirectory
    private let alerting: Alerting
    private let send: @Sendable (PageDispatch, TenantID) async throws -> Asking.Answer

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

    /// Runs until cancelled.
    package func run() async {
        await platform.rounds(.digests, every: .seconds(Digesting.pauseSeconds), failure: "digests were not looked at") {
            _ = try await look()
            return false
        }
    }

    /// Makes what is due and sends what is to be sent; answers how many were tried.
    package func look() async throws -> Int {
        let all = try await scopes.all()
        guard let house = all.first(where: { $0.kind == "operator" }) else { return 0 }
        let current = try await assets.current(for: house.id)
        try await make(in: house, current, of: all)
        let now = platform.clock.now
        let claimed = try await platform.store.withTenant(house.id) { tx in
            try await tx.query(
                DigestQueries.claim(
                    tenant: house.id, now: now, until: now.adding(seconds: Digesting.claimSeconds),
                    limit: Digesting.claimedMax)
            ).map(DigestRow.init)
        }
        for row in claimed { try await deliver(row, current, in: house, of: all) }
        return claimed.count
    }

    /// What became of the last digests.
    package func digests(in scope: ScopeRow) async throws -> [DigestRow] {
        try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(DigestQueries.page(tenant: scope.id, limit: Digesting.shownMax)).map(DigestRow.init)
        }
    }

    /// What a person's next digest will say, and when, if nothing comes or ends until then.
    package struct Coming: Sendable {
        package let person: String
        package let rota: String
        package let dueAt: Moment
        package let message: DigestMessage
    }

    /// The next digest of everybody who is to have one, those with something to say first; empty but for the operator.
    package func coming(in scope: ScopeRow) async throws -> [Coming] {
        guard scope.kind == "operator" else { return [] }
        let (current, now) = (try await assets.current(for: scope.id), platform.clock.now)
        var next: [PersonID: (person: PersonRow, due: Moment, rota: String)] = [:]
        for onCall in OnCall.all(current) {
            for rule in onCall.document.digests {
                guard let due = rule.nextDue(after: now, zone: onCall.zone) else { continue }
                for person in rule.people.compactMap({ current.staff[$0] }) where next[person.id].map({ due < $0.due }) ?? true {
                    next[person.id] = (person, due, onCall.document.title)
                }
            }
        }
        guard !next.isEmpty else { return [] }
        let tenants = try await scopes.all().filter { $0.kind != "partner" }
        var found: [Coming] = []
        for one in next.values {
            var groups: [DigestMessage.Group] = []
            for tenant in tenants {
                let items = try await platform.store.withTenant(tenant.id) { tx in
                    try await tx.query(
                        DigestQueries.pending(tenant: tenant.id, person: one.person.id, limit: Digesting.countedMax)
                    ).map(DigestItemRow.init)
                }
                if !items.isEmpty { groups.append(Digesting.group(items, of: tenant)) }
            }
            found.append(
                Coming(
                    person: one.person.name, rota: one.rota, dueAt: one.due,
                    message: DigestMessage(
                        id: "preview", person: one.person.name, groups: groups,
                        console: platform.settings.publicAddress ?? "")))
        }
        return found.sorted { ($1.message.count, $0.dueAt, $0.person) < ($0.message.count, $1.dueAt, $1.person) }
    }

    // MARK: Making

    private func make(in house: ScopeRow, _ current: TenantAssets, of all: [ScopeRow]) async throws {
        let now = platform.clock.now
        var wanted: [PersonID: (person: PersonRow, due: Moment, rota: String)] = [:]
        for onCall in OnCall.all(current) {
            for rule in onCall.document.digests {
                guard let due = rule.lastDue(at: now, zone: onCall.zone) else { continue }
                for person in rule.people.compactMap({ current.staff[$0] }) where wanted[person.id].map({ $0.due < due }) ?? true
                {
                    wanted[person.id] = (person, due, onCall.document.name)
                }
            }
        }
        guard !wanted.isEmpty else { return }
        var waiting: Set<PersonID> = []
        let ordered = wanted.values.sorted { $0.person.id.text < $1.person.id.text }
        for scope in all where scope.kind != "partner" {
            let found = try await platform.store.withTenant(scope.id) { tx in
                try await tx.query(
                    DigestQueries.waiting(
                        tenant: scope.id, people: ordered.map(\.person.id), until: ordered.map(\.due))
                ).map { try $0.get("person_id", as: PersonID.self) }
            }
            waiting.formUnion(found)
        }
        let rows = ordered.filter { waiting.contains($0.person.id) }.map { one in
            DigestRow(
                tenant: house.id, id: platform.newID(), rota: one.rota, person: one.person.id, personName: one.person.name,
                dueAt: one.due, nextAt: now)
        }
        guard !rows.isEmpty else { return }
        try await platform.store.withTenant(house.id) { tx in
            _ = try await tx.pipeline(rows.map(DigestQueries.insert))
        }
    }

    // MARK: Sending

    private func deliver(_ row: DigestRow, _ current: TenantAssets, in house: ScopeRow, of all: [ScopeRow]) async throws {
        var groups: [DigestMessage.Group] = []
        for scope in all where scope.kind != "partner" {
            let items = try await platform.store.withTenant(scope.id) { tx in
                // What comes too late for the first attempt is for the next digest: a repetition says the same again.
                if row.attemptsUsed == 0 {
                    try await tx.execute(
                        DigestQueries.take(tenant: scope.id, digest: row.id, person: row.person, until: row.dueAt))
                }
                return try await tx.query(
                    DigestQueries.items(tenant: scope.id, digest: row.id, limit: Digesting.countedMax)
                ).map(DigestItemRow.init)
            }
            if !items.isEmpty { groups.append(Digesting.group(items, of: scope)) }
        }
        var row = row
        let onCall = OnCall.all(current).first { $0.document.name == row.rota }
        let message = DigestMessage(
            id: row.id.text, person: row.personName, groups: groups, console: platform.settings.publicAddress ?? "")
        row.items = Int32(clamping: message.count)
        let (outcome, answer) = await attempt(message, row, onCall, current, house)
        row.attemptsUsed += 1
        row.answer = answer
        let now = platform.clock.now
        row.nextAt = now.adding(seconds: PageDelivery.pause(after: row.attemptsUsed))
        if outcome != "unreached" || row.attemptsUsed >= Digesting.attemptsMax {
            row.state = outcome == "accepted" ? "delivered" : "failed"
            row.endedAt = now
        }
        let settled = row
        _ = try await platform.store.withTenant(house.id) { tx in try await tx.execute(DigestQueries.settle(settled)) }
        platform.metrics.counter("countersign_digest_attempts_total", "Attempts to deliver digests.", labels: ["outcome"])
            .add(1, outcome)
        guard settled.state == "failed" else { return }
        try await alerting.raise(
            AlertName.pageUndelivered.rawValue,
            facts: ["channel": "mail", "answer": answer, "person": settled.personName], scope: house, key: settled.id.text)
    }

    private static func group(_ items: [DigestItemRow], of scope: ScopeRow) -> DigestMessage.Group {
        let base = scope.kind == "tenant" ? "/t/\(scope.slug)" : "/operator"
        return DigestMessage.Group(
            tenant: scope.name,
            items: items.prefix(listedMax).map { item in
                DigestMessage.Item(
                    number: "INC-\(item.number)", severity: item.severity, state: item.state, title: item.title,
                    why: item.why, notedAt: item.notedAt,
                    path: scope.kind == "tenant" ? "\(base)/incidents/\(item.incident)" : "\(base)/incidents")
            }, more: max(0, items.count - listedMax))
    }

    private func attempt(
        _ message: DigestMessage, _ row: DigestRow, _ onCall: OnCall?, _ current: TenantAssets, _ house: ScopeRow
    ) async -> (outcome: String, answer: String) {
        guard let person = current.staff.values.first(where: { $0.id == row.person }) else {
            return ("refused", "the person has left")
        }
        guard let mail = onCall?.settings.mail else { return ("refused", "the rota does not say how to reach people by mail") }
        do {
            var password: String?
            if let name = mail.secret {
                let rows = try await platform.store.withTenant(house.id) { tx in
                    try await tx.query(SecretQueries.all(tenant: house.id))
                }
                password = try platform.secrets.opened(rows, of: house.id)[name]
                guard password != nil else { return ("unreached", "The secret \(name) of the operator is not set.") }
            }
            let dispatch = PageDispatch.mail(
                PageDispatch.Mail(
                    server: mail.server, from: mail.from, to: person.email,
                    message: message.mail(from: mail.from, to: person.email, at: platform.clock.now), user: mail.user,
                    password: password, isEncrypted: mail.isEncrypted, allow: mail.allow))
            switch try await send(dispatch, house.id) {
            case .output(let output):
                return (
                    output["outcome"]?.string.flatMap { ["accepted", "refused", "unreached"].contains($0) ? $0 : nil }
                        ?? "unreached", PageDelivery.shown(output["answer"]?.string ?? "")
                )
            case .failed(_, let message): return ("unreached", PageDelivery.shown(message))
            }
        } catch let refusal as Refusal {
            return ("unreached", PageDelivery.shown(refusal.message))
        } catch {
            platform.logger.error("a digest was not tried", metadata: ["digest": "\(row.id)", "error": "\(error)"])
            return ("unreached", "It could not be prepared.")
        }
    }
}

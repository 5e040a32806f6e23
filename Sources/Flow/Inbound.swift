internal import Incidents
package import Kernel
internal import Postgres
internal import Records
internal import Seals
internal import Telemetry

/// Takes alerts of other systems about a tenant: the same incidents, the same engineers, one timeline.
///
/// The sender shows the tenant's inbound key, a secret named `inbound-alerts`. Without that secret nothing is taken; another
/// tenant's key, and a tenant that is not there, are answered alike.
package struct Inbound: Sendable {
    package static let secretName = "inbound-alerts"
    private let platform: Platform
    private let scopes: ScopeDirectory
    private let desk: CommandDesk
    private let allowance = InboundAllowance()

    package init(platform: Platform, scopes: ScopeDirectory, desk: CommandDesk) {
        self.platform = platform
        self.scopes = scopes
        self.desk = desk
    }

    private static let wrongKey = Refusal(
        .unauthenticated, reason: "inbound.key", "This key does not open the alerts of such a tenant.")

    private static let tooMany = Refusal(
        .tooMany, reason: "inbound.pace",
        "More alerts in a short time than are taken of one tenant. None of this message was; send it again.",
        facts: ["retryAfterSeconds": "10"])

    /// One event in the form of PagerDuty's Events API v2; its routing key is the tenant's inbound key. Answers the event's key.
    package func event(_ json: JSONValue, tenant slug: String) async throws -> String {
        let (alert, key) = try InboundAlert.pagerDuty(json)
        let scope = try await open(slug, key)
        try await take([alert], scope)
        return alert.key
    }

    /// Refuses with `inbound.pace` what would be refused after reading it: a key that was shown before, of a tenant that owes.
    /// To be asked before a message is read, since a flood is made of such.
    package func requirePace(bearer: String, tenant slug: String) throws(Refusal) {
        guard !allowance.isSpent(Inbound.fingerprint(slug, bearer), at: platform.clock.now) else { throw Inbound.tooMany }
    }

    private static func fingerprint(_ slug: String, _ key: String) -> [UInt8] { SHA256.hash(Array("\(slug)\n\(key)".utf8)) }

    /// A message of an Alertmanager; the bearer of the request is the tenant's inbound key. Answers how many alerts it had.
    package func message(_ json: JSONValue, bearer: String, tenant slug: String) async throws -> Int {
        let scope = try await open(slug, bearer)
        let alerts = try InboundAlert.alertmanager(json)
        try await take(alerts, scope)
        return alerts.count
    }

    private func open(_ slug: String, _ key: String) async throws -> ScopeRow {
        guard let scope = try await scopes.scope(slug: slug), scope.kind == "tenant" else { throw Inbound.wrongKey }
        let rows = try await platform.store.withTenant(scope.id) { tx in try await tx.query(SecretQueries.all(tenant: scope.id)) }
        guard let known = try platform.secrets.opened(rows, of: scope.id)[Inbound.secretName], !known.isEmpty,
            constantTimeEqual(SHA256.hash(Array(known.utf8)), SHA256.hash(Array(key.utf8)))
        else { throw Inbound.wrongKey }
        allowance.recognise(Inbound.fingerprint(slug, key), as: scope.id)
        return scope
    }

    /// All alerts of a message in one transaction; it is answered when their incidents are committed.
    private func take(_ alerts: [InboundAlert], _ scope: ScopeRow) async throws {
        let now = platform.clock.now
        guard allowance.admits(alerts.count, of: scope.id, at: now) else {
            platform.metrics.counter("countersign_inbound_alerts_refused_total", "Inbound alerts beyond a tenant's pace.").add(
                Double(alerts.count))
            throw Inbound.tooMany
        }
        let commands = alerts.map { alert in
            let members = alert.facts.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue.string($0.value)) }
            let kind = alert.deed == .trigger ? "incident.raise" : "incident.clear"
            let id: CommandID = platform.newID()
            // Never taken for an earlier one: a trouble that is over and back within a second is back. What only repeats is told
            // by the incident.
            return CommandRow(
                tenant: scope.id, id: id, lane: scope.lane, idempotencyKey: "\(kind)/inbound/\(id.text)", kind: kind,
                payload: [
                    "alert": .string(AlertName.inboundAlert.rawValue), "facts": .object(JSONObject(members)),
                    "text": "The system that raised it says that it is over.",
                ], createdAt: now)
        }
        guard !commands.isEmpty else { return }
        let ids = commands.map(\.id)
        desk.announce(ids)
        defer { desk.withdraw(ids) }
        _ = try await platform.store.withTenant(scope.id) { tx in try await tx.query(CommandQueries.insert(commands)) }
        _ = try await desk.outcomes(of: commands)
    }
}

/// How many alerts a tenant may have taken in a time.
///
/// A message counts with all its alerts. One is taken while any of the allowance is left, so that a message larger than the
/// whole is not refused for ever; what it took beyond is owed, and the next has to wait for it.
final class InboundAllowance: Sendable {
    /// Alerts a second, for as long as they come.
    static let perSecond = 50.0
    /// Alerts at once, after a quiet time.
    static let burst = 500.0

    private struct Account {
        var left: Double
        var at: Moment

        func refilled(at now: Moment) -> Account {
            let gained = Double(max(0, now.microseconds - at.microseconds)) / 1_000_000 * InboundAllowance.perSecond
            return Account(left: min(InboundAllowance.burst, left + gained), at: max(at, now))
        }
    }

    /// Only tenants whose key was shown have one, so there are never more than tenants.
    private let accounts = Locked<[TenantID: Account]>([:])
    /// Keys that opened a tenant, by their hash. They are few: each was set by a person.
    private let keys = Locked<[[UInt8]: TenantID]>([:])
    static let keysMax = 10_000

    func recognise(_ key: [UInt8], as tenant: TenantID) {
        keys.withLock { keys in
            if keys.count >= InboundAllowance.keysMax { keys = [:] }
            keys[key] = tenant
        }
    }

    /// Whether a key is known and its tenant has to wait.
    func isSpent(_ key: [UInt8], at now: Moment) -> Bool {
        guard let tenant = keys.withLock({ $0[key] }) else { return false }
        return accounts.withLock { $0[tenant].map { $0.refilled(at: now).left < 1 } ?? false }
    }

    func admits(_ count: Int, of tenant: TenantID, at now: Moment) -> Bool {
        accounts.withLock { accounts in
            var account = (accounts[tenant] ?? Account(left: InboundAllowance.burst, at: now)).refilled(at: now)
            defer { accounts[tenant] = account }
            guard account.left >= 1 else { return false }
            account.left -= Double(count)
            return true
        }
    }
}

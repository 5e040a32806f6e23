internal import Incidents
package import Kernel
internal import Postgres
internal import Records
internal import Seals

/// Takes alerts of other systems about a tenant: the same incidents, the same engineers, one timeline.
///
/// The sender shows the tenant's inbound key, a secret named `inbound-alerts`. Without that secret nothing is taken; another
/// tenant's key, and a tenant that is not there, are answered alike.
package struct Inbound: Sendable {
    package static let secretName = "inbound-alerts"
    /// The same message again within this is a repetition of the sender's, and later a new occurrence.
    static let repetitionSeconds: Int64 = 60

    private let platform: Platform
    private let scopes: ScopeDirectory
    private let desk: CommandDesk

    package init(platform: Platform, scopes: ScopeDirectory, desk: CommandDesk) {
        self.platform = platform
        self.scopes = scopes
        self.desk = desk
    }

    private static let wrongKey = Refusal(
        .unauthenticated, reason: "inbound.key", "This key does not open the alerts of such a tenant.")

    /// One event in the form of PagerDuty's Events API v2; its routing key is the tenant's inbound key. Answers the event's key.
    package func event(_ json: JSONValue, tenant slug: String) async throws -> String {
        let (alert, key) = try InboundAlert.pagerDuty(json)
        let scope = try await open(slug, key)
        try await take([alert], json, scope)
        return alert.key
    }

    /// A message of an Alertmanager; the bearer of the request is the tenant's inbound key. Answers how many alerts it had.
    package func message(_ json: JSONValue, bearer: String, tenant slug: String) async throws -> Int {
        let scope = try await open(slug, bearer)
        let alerts = try InboundAlert.alertmanager(json)
        try await take(alerts, json, scope)
        return alerts.count
    }

    private func open(_ slug: String, _ key: String) async throws -> ScopeRow {
        guard let scope = try await scopes.scope(slug: slug), scope.kind == "tenant" else { throw Inbound.wrongKey }
        let rows = try await platform.store.withTenant(scope.id) { tx in try await tx.query(SecretQueries.all(tenant: scope.id)) }
        guard let known = try platform.secrets.opened(rows, of: scope.id)[Inbound.secretName], !known.isEmpty,
            constantTimeEqual(SHA256.hash(Array(known.utf8)), SHA256.hash(Array(key.utf8)))
        else { throw Inbound.wrongKey }
        return scope
    }

    private func take(_ alerts: [InboundAlert], _ json: JSONValue, _ scope: ScopeRow) async throws {
        let now = platform.clock.now
        let window = now.seconds.floorDivided(by: Inbound.repetitionSeconds)
        let digest = SHA256.hash(json.bytes).hexText
        for (index, alert) in alerts.enumerated() {
            let members = alert.facts.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue.string($0.value)) }
            let deed = alert.deed == .trigger ? "raise" : "clear"
            _ = try await desk.send(
                CommandRow(
                    tenant: scope.id, id: platform.newID(), lane: scope.lane,
                    idempotencyKey: "incident.\(deed)/inbound/\(digest)/\(index)/\(window)", kind: "incident.\(deed)",
                    payload: [
                        "alert": .string(AlertName.inboundAlert.rawValue), "facts": .object(JSONObject(members)),
                        "text": "The system that raised it says that it is over.",
                    ], createdAt: now))
        }
    }
}

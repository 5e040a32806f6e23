internal import Kernel
internal import Postgres
internal import Records
internal import Seals
internal import Tenancy

/// What tenants' own systems are told of what the outbox says: written in the same transaction, for every endpoint that wants it.
enum WebhookFeed {
    /// Places of events that one subject may have within one instant.
    static let placesPerInstant: Int64 = 1000

    /// At most one statement, and none when nothing of it is for anybody outside.
    static func statements(_ rows: [OutboxRow], newID: () -> WebhookMessageID) -> [SQL] {
        var places: [String: Int64] = [:]
        let facts = rows.compactMap { row -> WebhookFact? in
            guard let type = WebhookEventType(topic: row.topic, facts: row.facts) else { return nil }
            let data = type.data(facts: row.facts, run: row.run?.text)
            let subject = type.subject(of: data)
            let place = places["\(row.tenant)/\(subject)", default: 0]
            places["\(row.tenant)/\(subject)"] = place + 1
            return WebhookFact(
                tenant: row.tenant, id: newID(), lane: row.lane, sequence: sequence(row.at, place: place), type: type.rawValue,
                subject: subject, at: row.at, data: data)
        }
        return facts.isEmpty ? [] : [WebhookQueries.tell(facts)]
    }

    /// Grows with time, and within an instant with the place.
    static func sequence(_ at: Moment, place: Int64 = 0) -> Int64 {
        at.microseconds * placesPerInstant + min(place, placesPerInstant - 1)
    }

    /// Where the secret of a version is sealed.
    static func place(_ tenant: TenantID, _ id: WebhookID, version: Int32) -> SecretPlace {
        SecretPlace(tenant: tenant, table: "webhook_endpoint", column: "secret", row: id.text, version: Int(version))
    }
}

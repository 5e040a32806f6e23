package import Kernel
internal import Postgres
package import Records
internal import Workflows

/// Events that come to a tenant from outside, and what people see of events.
extension Approving {
    /// Hands a tenant an event in the JSON form of CloudEvents. The answer says whether a run took it, whether it is kept, or
    /// whether it came before.
    ///
    /// Refuses what is no event before anything is stored.
    package func send(event json: JSONValue, key: String, as actor: Actor, scope: ScopeRow) async throws -> CommandDesk.Answer {
        let event = try CheckedEvent(json)
        return try await desk.send(
            CommandRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane,
                idempotencyKey: "event.receive/\(actor.person)/\(key)", kind: "event.receive",
                payload: [
                    "event": event.json, "by": JSONValue(actor.person),
                    "acts": [["duty": .string(RunBounds.sendingDuty), "person": .string(actor.natural.text)]],
                ], createdAt: platform.clock.now))
    }
}

extension Looking {
    /// A tenant's events, newest first; with `onlyKept`, those that may still be taken.
    package func events(
        _ tenant: TenantID, onlyKept: Bool, type: String? = nil, before: (Moment, EventID)? = nil, limit: Int
    ) async throws -> [ReceivedEventRow] {
        try await platform.store.withTenant(tenant) { [platform] tx in
            try await tx.query(
                EventQueries.page(
                    tenant: tenant, onlyKept: onlyKept, type: type, before: before, now: platform.clock.now,
                    limit: min(limit, Looking.pageMax))
            ).map(ReceivedEventRow.init)
        }
    }

    /// What the steps of a run wait for.
    package func subscriptions(_ tenant: TenantID, run: RunID) async throws -> [SubscriptionRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(EventQueries.subscriptions(tenant: tenant, run: run)).map(SubscriptionRow.init)
        }
    }
}

extension ReceivedEventRow {
    /// How it stands: `consumed` when a run took it for itself, `kept` while it may be taken, `expired` afterwards.
    package func standing(at now: Moment) -> String {
        consumedBy != nil ? "consumed" : expiresAt > now ? "kept" : "expired"
    }
}

extension SubscriptionRow {
    /// What an event has to have, value by value: `event.data.invoice is "R-1"`.
    package var keys: [String] {
        let values = sought["values"]?.array ?? []
        return (sought["reads"]?.array ?? []).enumerated().map { place, part in
            let name = part["attribute"]?.string ?? part["expression"]?.string ?? ""
            let value = values.indices.contains(place) ? values[place] : .null
            return "\(name) is \(value.string ?? value.text)"
        }
    }
}

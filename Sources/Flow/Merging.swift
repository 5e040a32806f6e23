internal import Incidents
package import Kernel
internal import Postgres
package import Records

/// The incidents that a batch has found by their fingerprints, as they are now, with the survivors of those that were merged.
struct Known {
    private var rows: [IncidentID: IncidentRow]
    private var last: [String: IncidentID] = [:]

    init(_ found: [IncidentRow]) {
        rows = Dictionary(found.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for row in found.sorted(by: { ($0.openedAt, $0.id.text) < ($1.openedAt, $1.id.text) }) { last[row.fingerprint] = row.id }
    }

    /// The incident that answers for a fingerprint: its last one, or the one that goes on for it.
    mutating func answering(_ fingerprint: String, tx: Transaction) async throws -> IncidentRow? {
        guard var row = last[fingerprint].flatMap({ rows[$0] }) else { return nil }
        while let next = row.mergedInto {
            if rows[next] == nil {
                // Merged while this waited for its lock.
                rows[next] = try await tx.query(IncidentQueries.lock(tenant: row.tenant, id: next)).first.map(IncidentRow.init)
            }
            guard let survivor = rows[next] else { return nil }
            row = survivor
        }
        return row
    }

    mutating func keep(_ row: IncidentRow, for fingerprint: String) {
        rows[row.id] = row
        if row.fingerprint == fingerprint { last[fingerprint] = row.id }
    }
}

/// Two incidents that are one trouble, and that are not after all.
extension Alerting {
    /// Somebody else holds the second of two incidents only for a moment; so often it is asked for.
    static let lockTries = 40
    private static let lockNotAvailable = "55P03"
    private static let nothing = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    /// Merges an open incident into another of the same scope; answers both.
    package func merge(
        _ id: IncidentID, into survivor: IncidentID, reason: String, as actor: Actor, scope: ScopeRow
    ) async throws -> (merged: IncidentRow, survivor: IncidentRow) {
        guard id != survivor else {
            throw Refusal(
                .unprocessable, reason: "incident.same", "An incident is not merged into itself.", facts: ["field": "into"])
        }
        let now = platform.clock.now
        let both = try await withBoth(id, survivor, scope) { [self] merged, survivor, tx in
            var one = Incident.Named(try Incident(json: merged.machine), id: merged.id, number: merged.number)
            var other = Incident.Named(try Incident(json: survivor.machine), id: survivor.id, number: survivor.number)
            let actions = try Incident.merge(
                &one, into: &other, by: .person(actor.person), reason: reason, at: now)
            let told = try await store(
                actions.merged, of: one.incident, merged, action: "incident.merged",
                facts: ["survivor": JSONValue(survivor.id), "reason": .string(reason)], as: actor, at: now, tx: tx)
            let kept = try await store(
                actions.survivor, of: other.incident, survivor, action: "incident.absorbed",
                facts: ["merged": JSONValue(merged.id)], as: actor, at: now, tx: tx)
            try await tx.execute(
                IncidentQueries.lend(tenant: scope.id, from: merged.id, to: survivor.id, max: Alerting.linkedRunsMax))
            return (told, kept)
        }
        desk.nudge(lane: scope.lane)
        return both
    }

    /// Takes a merged incident out again; what came for it meanwhile comes with it.
    package func unmerge(
        _ id: IncidentID, reason: String, as actor: Actor, scope: ScopeRow
    ) async throws -> (merged: IncidentRow, survivor: IncidentRow) {
        let found = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(IncidentQueries.find(tenant: scope.id, id: id)).first.map(IncidentRow.init)
        }
        guard let found else { throw Alerting.nothing }
        guard let survivor = found.mergedInto else {
            throw Refusal(.conflict, reason: "incident.not-merged", "INC-\(found.number) is not merged into another.")
        }
        let now = platform.clock.now
        let both = try await withBoth(id, survivor, scope) { [self] merged, survivor, tx in
            try await requireAlone(merged, tx)
            var one = Incident.Named(try Incident(json: merged.machine), id: merged.id, number: merged.number)
            var other = Incident.Named(try Incident(json: survivor.machine), id: survivor.id, number: survivor.number)
            // Whoever worked on the survivor worked on this one.
            let answeredAt = survivor.acknowledgedAt.flatMap { answered in one.incident.merge.map { max(answered, $0.at) } }
            let actions = try Incident.unmerge(
                &one, from: &other, by: .person(actor.person), reason: reason, at: now)
            // Runs that came for it meanwhile were linked to the survivor by its name.
            try await tx.execute(
                IncidentQueries.giveBack(tenant: scope.id, to: merged.id, from: survivor.id, max: Alerting.linkedRunsMax))
            try await tx.execute(IncidentQueries.takeBack(tenant: scope.id, of: merged.id, from: survivor.id))
            let kept = try await store(
                actions.survivor, of: other.incident, survivor, action: "incident.released",
                facts: ["merged": JSONValue(merged.id)], as: actor, at: now, tx: tx)
            let told = try await store(
                actions.merged, of: one.incident, merged, action: "incident.unmerged",
                facts: ["survivor": JSONValue(survivor.id), "reason": .string(reason)], answeredAt: answeredAt, as: actor, at: now,
                tx: tx)
            return (told, kept)
        }
        desk.nudge(lane: scope.lane)
        return both
    }

    /// Locks two incidents without ever waiting for one while holding another, so that nobody waits for us who is waited for by
    /// us: the first is waited for, the second has to be free, and otherwise it is tried the other way about.
    private func withBoth(
        _ first: IncidentID, _ second: IncidentID, _ scope: ScopeRow,
        _ body: @escaping @Sendable (IncidentRow, IncidentRow, Transaction) async throws -> (IncidentRow, IncidentRow)
    ) async throws -> (merged: IncidentRow, survivor: IncidentRow) {
        for attempt in 0..<Alerting.lockTries {
            do {
                return try await platform.store.withTenant(scope.id) { tx in
                    let order = attempt.isMultiple(of: 2) ? [first, second] : [second, first]
                    let rows =
                        try await tx.query(IncidentQueries.lock(tenant: scope.id, id: order[0])).map(IncidentRow.init)
                        + tx.query(IncidentQueries.lockNow(tenant: scope.id, id: order[1])).map(IncidentRow.init)
                    guard let one = rows.first(where: { $0.id == first }), let other = rows.first(where: { $0.id == second })
                    else { throw Alerting.nothing }
                    return try await body(one, other, tx)
                }
            } catch let fault as Fault
                where (fault.cause as? PostgresFailure)?.sqlState == Alerting.lockNotAvailable
            {
                continue
            }
        }
        throw Refusal(
            .unavailable, reason: "incident.busy", "One of the two is being changed at this moment. Try again.",
            facts: ["retryAfterSeconds": "1"])
    }
}

package import Evidence
package import Kernel
internal import Postgres
package import Records

/// Wakes what reads packs: somebody has asked for one.
package final class EvidenceWaker: Sendable {
    let signal = Signal()

    package init() {}

    package func wake() { signal.raise() }
}

/// What an auditor does with evidence packs: ask for one, see what was asked for before and by whom, take it away.
package struct EvidenceDesk: Sendable {
    private let platform: Platform
    /// For whoever reads packs in this process.
    package let waker: EvidenceWaker

    package init(platform: Platform, waker: EvidenceWaker = EvidenceWaker()) {
        self.platform = platform
        self.waker = waker
    }

    /// Asks for a pack about a time; for one about an instant `from` is left out. What is not over yet cannot be a complete
    /// list, so nothing of the future is asked for.
    package func ask(
        _ pack: EvidencePack, from: Moment?, to: Moment, as actor: Actor, scope: ScopeRow
    ) async throws
        -> EvidencePackRow
    {
        let now = platform.clock.now
        try EvidenceDesk.check(pack, from, to, now)
        let row = EvidencePackRow(
            tenant: scope.id, id: platform.newID(), lane: scope.lane, number: Int32(pack.number), from: from ?? to, to: to,
            askedBy: actor.person, askedName: actor.name, askedAt: now)
        try await platform.store.withTenant(scope.id) { tx in
            guard
                try await tx.query(EvidenceQueries.building(tenant: scope.id)).only().get("n", as: Int64.self)
                    < EvidenceBounds.buildingMax
            else {
                throw Refusal(
                    .tooMany, reason: "evidence.many",
                    "\(EvidenceBounds.buildingMax) packs are being read already. Wait until one of them is ready.",
                    facts: ["retryAfterSeconds": "30"])
            }
            var facts: JSONObject = [
                "number": JSONValue(pack.number), "pack": .string(pack.name), "to": EvidenceManifest.instant(to),
            ]
            if let from { facts["from"] = EvidenceManifest.instant(from) }
            _ = try await tx.pipeline([
                EvidenceQueries.insert(row), EvidenceQueries.enqueue(row),
                AuditQueries.insert([
                    AuditRow(
                        tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: "person",
                        actor: actor.person.text, action: "evidence.asked", objectType: "evidence", objectID: row.id.text,
                        run: nil, content: .object(facts))
                ]),
            ])
        }
        waker.wake()
        return row
    }

    private static func check(_ pack: EvidencePack, _ from: Moment?, _ to: Moment, _ now: Moment) throws(Refusal) {
        func refuse(_ message: String, _ field: String) -> Refusal {
            Refusal(.unprocessable, reason: "evidence.time", message, facts: ["field": field])
        }
        guard to <= now else { throw refuse("Ask for what has been; `to` lies in the future.", "to") }
        switch pack.time {
        case .instant:
            guard from == nil else { throw refuse("This pack is about one instant; leave `from` out.", "from") }
        case .period:
            guard let from else { throw refuse("This pack is about a period; say `from` when.", "from") }
            guard from < to, to.seconds(since: from) <= EvidenceBounds.periodDaysMax * 86_400 else {
                throw refuse("`from` lies before `to`, by \(EvidenceBounds.periodDaysMax) days at most.", "from")
            }
        }
    }

    package func page(
        _ tenant: TenantID, before: (Moment, EvidencePackID)? = nil, limit: Int
    ) async throws -> [EvidencePackRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(EvidenceQueries.page(tenant: tenant, before: before, limit: limit)).map(EvidencePackRow.init)
        }
    }

    package func one(_ id: EvidencePackID, _ tenant: TenantID) async throws -> EvidencePackRow {
        let row = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(EvidenceQueries.find(tenant: tenant, id: id)).first.map(EvidencePackRow.init)
        }
        guard let row else { throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.") }
        return row
    }

    /// A piece of a list's lines, from 1 on; nil behind the last.
    package func piece(_ row: EvidencePackRow, _ list: EvidenceList, _ seq: Int32) async throws -> String? {
        try await platform.store.withTenant(row.tenant) { tx in
            try await tx.query(
                EvidenceQueries.piece(tenant: row.tenant, id: row.id, attempt: row.attempt, list: list.name, seq: seq)
            ).first?.get("content", as: String.self)
        }
    }

    /// Whether the rows of a pack can be had; a refusal says why not.
    package static func checkReady(_ row: EvidencePackRow) throws(Refusal) {
        switch row.state {
        case "building":
            throw Refusal(.conflict, reason: "evidence.building", "This pack is still being read.")
        case "failed":
            throw Refusal(.conflict, reason: "evidence.failed", "This pack could not be read: \(row.problem)")
        default: break
        }
    }

    package static func checkKept(_ row: EvidencePackRow) throws(Refusal) {
        guard row.emptiedAt != nil else { return }
        throw Refusal(
            .conflict, reason: "evidence.gone",
            "The rows went \(EvidenceBounds.keptDays) days after they were read; the signed manifest is still here. "
                + "Ask for the pack anew.")
    }
}

import Kernel
import Postgres

@testable import Records

/// The statements about evidence packs, and the lists that they read.
extension RegisteredStatement {
    private static let lists: [(pack: Int, names: [String])] = [
        (1, ["people"]), (2, ["changes", "access"]), (3, ["acts", "outsiders"]), (5, ["rulesets", "asked"]),
        (6, ["versions", "applied", "contracts"]), (7, ["transactions"]), (8, ["signatures"]),
        (9, ["failures", "documents", "runs"]), (10, ["incidents", "clocks", "corrections"]),
        (12, ["machine-keys", "connection-secrets", "renewals"]), (13, ["checkpoints"]),
    ]

    static let evidence: [RegisteredStatement] =
        [
            app("EvidenceQueries.insert", EvidenceQueries.insert(one.evidencePack)),
            app("EvidenceQueries.enqueue", EvidenceQueries.enqueue(one.evidencePack)),
            app("EvidenceQueries.building", EvidenceQueries.building(tenant: one.id)),
            app("EvidenceQueries.find", EvidenceQueries.find(tenant: one.id, id: one.evidencePack.id)),
            app("EvidenceQueries.page", EvidenceQueries.page(tenant: one.id, before: nil, limit: 5)),
            app(
                "EvidenceQueries.page", EvidenceQueries.page(tenant: one.id, before: (now, one.evidencePack.id), limit: 5)),
            engine("EvidenceQueries.claim", EvidenceQueries.claim(now: now, until: now, limit: 5)),
            engine("EvidenceQueries.hide", EvidenceQueries.hide(lane: one.lane, id: 1, until: now)),
            engine("EvidenceQueries.dequeue", EvidenceQueries.dequeue(lane: one.lane, id: 1)),
            app("EvidenceQueries.begin", EvidenceQueries.begin(tenant: one.id, id: one.evidencePack.id)),
            app("EvidenceQueries.clear", EvidenceQueries.clear(tenant: one.id, id: one.evidencePack.id, below: 2)),
            app(
                "EvidenceQueries.putPiece",
                EvidenceQueries.putPiece(
                    tenant: one.id, id: one.evidencePack.id, attempt: 1, list: "people", seq: 9, content: "{}\n")),
            app(
                "EvidenceQueries.advance",
                EvidenceQueries.advance(tenant: one.id, id: one.evidencePack.id, attempt: 1, rows: 5)),
            app("EvidenceQueries.finish", EvidenceQueries.finish(one.evidencePack)),
            app(
                "EvidenceQueries.piece",
                EvidenceQueries.piece(tenant: one.id, id: one.evidencePack.id, attempt: 1, list: "people", seq: 1)),
            app("EvidenceQueries.stale", EvidenceQueries.stale(tenant: one.id, before: now)),
            app("EvidenceQueries.dropPieces", EvidenceQueries.dropPieces(tenant: one.id, id: one.evidencePack.id, limit: 5)),
            app("EvidenceQueries.empty", EvidenceQueries.empty(tenant: one.id, id: one.evidencePack.id, at: now)),
        ]
        + lists.flatMap { pack, names in
            names.flatMap { name -> [RegisteredStatement] in
                [nil, (now, one.entry)].compactMap { after -> RegisteredStatement? in
                    EvidenceListQueries.list(
                        pack, name, EvidenceAsk(tenant: one.id, from: now, to: now, after: after, limit: 5)
                    ).map { app("EvidenceListQueries.list", $0.sql) }
                }
            }
        }
}

extension SampleTenant {
    var evidencePack: EvidencePackRow {
        EvidencePackRow(
            tenant: id, id: made(120), lane: lane, number: 1, from: Self.now, to: Self.now, askedBy: person, askedName: "Auditor",
            askedAt: Self.now)
    }
}

import Kernel
import Postgres

@testable import Records

extension RegisteredStatement {
    /// The statements about what can wait and is told together.
    static let digests: [RegisteredStatement] = {
        let row = one.digestRow
        return [
            engine(
                "DigestQueries.note",
                DigestQueries.note(
                    lane: 1, tenant: one.id, incident: one.incident, person: one.person, why: "it was opened", at: now)),
            app("DigestQueries.waiting", DigestQueries.waiting(tenant: one.id, people: [one.person], until: [now])),
            app("DigestQueries.insert", DigestQueries.insert(row)),
            app("DigestQueries.claim", DigestQueries.claim(tenant: one.id, now: now, until: now, limit: 5)),
            app("DigestQueries.take", DigestQueries.take(tenant: one.id, digest: row.id, person: one.person, until: now)),
            app("DigestQueries.items", DigestQueries.items(tenant: one.id, digest: row.id, limit: 5)),
            app("DigestQueries.pending", DigestQueries.pending(tenant: one.id, person: one.person, limit: 5)),
            app("DigestQueries.settle", DigestQueries.settle(row)),
            app("DigestQueries.page", DigestQueries.page(tenant: one.id, limit: 5)),
        ]
    }()
}

import Kernel
import Postgres

@testable import Records

extension SampleTenant {
    var delegation: DelegationID { ID(high: number, low: 33) }

    var delegationRow: DelegationRow {
        DelegationRow(
            tenant: id, id: delegation, giver: person, deputy: colleague, startsAt: Self.now,
            endsAt: Self.now.adding(seconds: 3600), workflows: ["accounts-payable"], cap: nil, reason: "Away", madeBy: person,
            madeAt: Self.now)
    }
}

extension RegisteredStatement {
    /// The statements about deputies.
    static let delegations: [RegisteredStatement] = [
        app("DelegationQueries.making", DelegationQueries.making(tenant: one.id)),
        app("DelegationQueries.insert", DelegationQueries.insert(one.delegationRow)),
        app("DelegationQueries.find", DelegationQueries.find(tenant: one.id, id: one.delegation)),
        app("DelegationQueries.lock", DelegationQueries.lock(tenant: one.id, id: one.delegation)),
        app("DelegationQueries.open", DelegationQueries.open(tenant: one.id, people: [one.person], now: now)),
        app("DelegationQueries.page", DelegationQueries.page(tenant: one.id, before: nil, limit: 5)),
        app("DelegationQueries.page", DelegationQueries.page(tenant: one.id, before: (now, one.delegation), limit: 5)),
        app("DelegationQueries.revoke", DelegationQueries.revoke(tenant: one.id, id: one.delegation, by: one.person, at: now)),
    ]
}

import Kernel
import Postgres

@testable import Records

extension SampleTenant {
    /// A browser on its way to the provider.
    var providerVisit: ProviderVisitRow {
        ProviderVisitRow(
            tenant: id, id: made(120), stateHash: Array(repeating: 5, count: 32), browserHash: Array(repeating: 6, count: 32),
            issuer: "https://login.example", session: session, next: "/", madeAt: Self.now,
            expiresAt: Self.now.adding(seconds: 600))
    }
}

/// The statements about identity providers of tenants.
extension RegisteredStatement {
    private static let issuer = "https://login.example"

    static let identities: [RegisteredStatement] = [
        app("IdentityQueries.begin", IdentityQueries.begin(one.providerVisit)),
        app("IdentityQueries.forget", IdentityQueries.forget(tenant: one.id, before: now)),
        app(
            "IdentityQueries.comeBack",
            IdentityQueries.comeBack(tenant: one.id, stateHash: [5], browserHash: [6], now: now)),
        app("IdentityQueries.person", IdentityQueries.person(tenant: one.id, issuer: issuer, subject: "s")),
        app("IdentityQueries.accounts", IdentityQueries.accounts(tenant: one.id, emailFolded: "maya@1.example")),
        app(
            "IdentityQueries.link",
            IdentityQueries.link(tenant: one.id, issuer: issuer, subject: "s", person: one.person, now: now)),
        app("IdentityQueries.touch", IdentityQueries.touch(tenant: one.id, issuer: issuer, subject: "s", now: now)),
        app("IdentityQueries.linked", IdentityQueries.linked(tenant: one.id)),
        app("IdentityQueries.unlink", IdentityQueries.unlink(tenant: one.id, person: one.person)),
    ]
}

package import Kernel
package import Postgres

extension Subject {
    package enum ProviderVisit {}
}

package typealias ProviderVisitID = ID<Subject.ProviderVisit>

/// Somebody who was sent to the tenant's identity provider.
package struct ProviderVisitRow: Sendable {
    package let tenant: TenantID
    package let id: ProviderVisitID
    package let stateHash: [UInt8]
    package let browserHash: [UInt8]
    package let issuer: String
    /// The session that is proved anew; nil for a sign-in.
    package let session: SessionID?
    package let next: String
    package let madeAt: Moment
    package let expiresAt: Moment

    package init(
        tenant: TenantID, id: ProviderVisitID, stateHash: [UInt8], browserHash: [UInt8], issuer: String, session: SessionID?,
        next: String, madeAt: Moment, expiresAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.stateHash = stateHash
        self.browserHash = browserHash
        self.issuer = issuer
        self.session = session
        self.next = next
        self.madeAt = madeAt
        self.expiresAt = expiresAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: ProviderVisitID.self)
        stateHash = try row.get("state_hash", as: [UInt8].self)
        browserHash = try row.get("browser_hash", as: [UInt8].self)
        issuer = try row.get("issuer", as: String.self)
        session = try row.get("session_id", as: SessionID?.self)
        next = try row.get("next", as: String.self)
        madeAt = try row.get("made_at", as: Moment.self)
        expiresAt = try row.get("expires_at", as: Moment.self)
    }
}

/// Identities of people at their tenant's provider, and visits to it.
package enum IdentityQueries {
    package static func begin(_ visit: ProviderVisitRow) -> SQL {
        """
        INSERT INTO provider_visit (tenant_id, id, state_hash, browser_hash, issuer, session_id, next, made_at, expires_at)
        VALUES (\(visit.tenant), \(visit.id), \(visit.stateHash), \(visit.browserHash), \(visit.issuer),
            \(optional: visit.session), \(visit.next), \(visit.madeAt), \(visit.expiresAt))
        """
    }

    /// Visits that nobody can come back from any more.
    package static func forget(tenant: TenantID, before: Moment) -> SQL {
        "DELETE FROM provider_visit WHERE tenant_id = \(tenant) AND expires_at < \(before)"
    }

    /// One row when this browser was sent with this state and has not come back yet: of two who come back at once, one gets it.
    package static func comeBack(tenant: TenantID, stateHash: [UInt8], browserHash: [UInt8], now: Moment) -> SQL {
        """
        UPDATE provider_visit SET used_at = \(now)
        WHERE tenant_id = \(tenant) AND state_hash = \(stateHash) AND browser_hash = \(browserHash) AND used_at IS NULL
            AND expires_at > \(now)
        RETURNING tenant_id, id, state_hash, browser_hash, issuer, session_id, next, made_at, expires_at
        """
    }

    /// Who this is at that issuer; locked, so that two first sign-ins at one moment are one.
    package static func person(tenant: TenantID, issuer: String, subject: String) -> SQL {
        """
        SELECT person_id FROM identity_link
        WHERE tenant_id = \(tenant) AND issuer = \(issuer) AND subject = \(subject) FOR UPDATE
        """
    }

    /// Those who sign in here under this address, at most two: with two nobody knows which one is meant.
    package static func accounts(tenant: TenantID, emailFolded: String) -> SQL {
        "SELECT person_id FROM account WHERE tenant_id = \(tenant) AND email_folded = \(emailFolded) ORDER BY person_id LIMIT 2"
    }

    /// One row when neither the identity nor the person had a link at this issuer.
    package static func link(tenant: TenantID, issuer: String, subject: String, person: PersonID, now: Moment) -> SQL {
        """
        INSERT INTO identity_link (tenant_id, issuer, subject, person_id, linked_at, seen_at)
        VALUES (\(tenant), \(issuer), \(subject), \(person), \(now), \(now))
        ON CONFLICT DO NOTHING RETURNING person_id
        """
    }

    package static func touch(tenant: TenantID, issuer: String, subject: String, now: Moment) -> SQL {
        """
        UPDATE identity_link SET seen_at = \(now)
        WHERE tenant_id = \(tenant) AND issuer = \(issuer) AND subject = \(subject)
        """
    }

    /// Everybody of a tenant who has one.
    package static func linked(tenant: TenantID) -> SQL {
        "SELECT DISTINCT person_id FROM identity_link WHERE tenant_id = \(tenant) LIMIT 2000"
    }

    /// One row for each that the person had.
    package static func unlink(tenant: TenantID, person: PersonID) -> SQL {
        "DELETE FROM identity_link WHERE tenant_id = \(tenant) AND person_id = \(person) RETURNING issuer"
    }
}

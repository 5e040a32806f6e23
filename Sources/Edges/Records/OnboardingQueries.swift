package import Kernel
package import Postgres

extension Subject {
    package enum Onboarding {}
    package enum Registration {}
}

package typealias OnboardingID = ID<Subject.Onboarding>
package typealias RegistrationID = ID<Subject.Registration>

/// A tenant that is to come, as the operator has registered it.
package struct RegistrationRow: Sendable, Equatable {
    /// The operator, with whom it lies.
    package let tenant: TenantID
    package let id: RegistrationID
    package let slug: String
    package let name: String
    package let partner: String
    package let registeredBy: PersonID
    package let registeredAt: Moment
    package let withdrawnAt: Moment?

    package init(
        tenant: TenantID, id: RegistrationID, slug: String, name: String, partner: String, registeredBy: PersonID,
        registeredAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.slug = slug
        self.name = name
        self.partner = partner
        self.registeredBy = registeredBy
        self.registeredAt = registeredAt
        withdrawnAt = nil
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: RegistrationID.self)
        slug = try row.get("slug", as: String.self)
        name = try row.get("name", as: String.self)
        partner = try row.get("partner", as: String.self)
        registeredBy = try row.get("registered_by", as: PersonID.self)
        registeredAt = try row.get("registered_at", as: Moment.self)
        withdrawnAt = try row.get("withdrawn_at", as: Moment?.self)
    }
}

package struct OnboardingRow: Sendable, Equatable {
    package let tenant: TenantID
    package let id: OnboardingID
    package let startedAt: Moment
    package let startedBy: PersonID?
    package let completedAt: Moment?

    package init(tenant: TenantID, id: OnboardingID, startedAt: Moment, startedBy: PersonID?) {
        self.tenant = tenant
        self.id = id
        self.startedAt = startedAt
        self.startedBy = startedBy
        completedAt = nil
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: OnboardingID.self)
        startedAt = try row.get("started_at", as: Moment.self)
        startedBy = try row.get("started_by", as: PersonID?.self)
        completedAt = try row.get("completed_at", as: Moment?.self)
    }
}

/// A step that is settled, and how.
package struct OnboardingStepRow: Sendable, Equatable {
    package let step: String
    package let how: String
    package let at: Moment
    package let by: PersonID?
    package let reason: String

    package init(step: String, how: String, at: Moment, by: PersonID?, reason: String) {
        self.step = step
        self.how = how
        self.at = at
        self.by = by
        self.reason = reason
    }

    package init(_ row: Row) throws {
        step = try row.get("step", as: String.self)
        how = try row.get("how", as: String.self)
        at = try row.get("at", as: Moment.self)
        by = try row.get("by", as: PersonID?.self)
        reason = try row.get("reason", as: String.self)
    }
}

package enum OnboardingQueries {
    // MARK: Registrations

    /// No row when one of this name is open already.
    package static func register(_ row: RegistrationRow) -> SQL {
        """
        INSERT INTO registration (tenant_id, id, slug, name, partner, registered_by, registered_at)
        VALUES (\(row.tenant), \(row.id), \(row.slug), \(row.name), \(row.partner), \(row.registeredBy), \(row.registeredAt))
        ON CONFLICT DO NOTHING RETURNING *
        """
    }

    /// Those that were not withdrawn, the newest first.
    package static func registrations(tenant: TenantID) -> SQL {
        """
        SELECT * FROM registration WHERE tenant_id = \(tenant) AND withdrawn_at IS NULL
        ORDER BY registered_at DESC, id DESC LIMIT 1000
        """
    }

    package static func registration(tenant: TenantID, slug: String) -> SQL {
        "SELECT * FROM registration WHERE tenant_id = \(tenant) AND slug = \(slug) AND withdrawn_at IS NULL"
    }

    /// One row when it was open.
    package static func withdraw(
        tenant: TenantID, id: RegistrationID, by person: PersonID, at: Moment, reason: String
    ) -> SQL {
        """
        UPDATE registration SET withdrawn_by = \(person), withdrawn_at = \(at), withdrawn_reason = \(reason)
        WHERE tenant_id = \(tenant) AND id = \(id) AND withdrawn_at IS NULL RETURNING *
        """
    }

    // MARK: Onboardings

    /// No row when it has begun already.
    package static func begin(_ row: OnboardingRow) -> SQL {
        """
        INSERT INTO onboarding (tenant_id, id, started_at, started_by)
        VALUES (\(row.tenant), \(row.id), \(row.startedAt), \(optional: row.startedBy))
        ON CONFLICT DO NOTHING RETURNING *
        """
    }

    package static func find(tenant: TenantID) -> SQL { "SELECT * FROM onboarding WHERE tenant_id = \(tenant)" }

    /// Whoever changes steps holds this until the end of the transaction.
    package static func lock(tenant: TenantID) -> SQL { "SELECT * FROM onboarding WHERE tenant_id = \(tenant) FOR UPDATE" }

    package static func steps(tenant: TenantID) -> SQL {
        "SELECT step, how, at, by, reason FROM onboarding_step WHERE tenant_id = \(tenant) LIMIT 100"
    }

    package static func settle(tenant: TenantID, onboarding: OnboardingID, _ row: OnboardingStepRow) -> SQL {
        """
        INSERT INTO onboarding_step (tenant_id, onboarding_id, step, how, at, by, reason)
        VALUES (\(tenant), \(onboarding), \(row.step), \(row.how), \(row.at), \(optional: row.by), \(row.reason))
        ON CONFLICT (tenant_id, onboarding_id, step) DO UPDATE SET how = excluded.how, at = excluded.at, by = excluded.by,
            reason = excluded.reason
        """
    }

    package static func complete(tenant: TenantID, id: OnboardingID, at: Moment) -> SQL {
        """
        UPDATE onboarding SET completed_at = greatest(started_at, \(at))
        WHERE tenant_id = \(tenant) AND id = \(id) AND completed_at IS NULL
        """
    }

    /// What the product has recorded of each step that is not settled by a fact yet: `step`, `at`, `by`. `administrators` are the
    /// roles of those who may let others in, `secrets` and `connections` what the connections in force need.
    package static func facts(
        tenant: TenantID, administrators: [String], secrets: [String], connections: [String]
    ) -> SQL {
        """
        WITH settled AS MATERIALIZED (
            SELECT s.step FROM onboarding_step s WHERE s.tenant_id = \(tenant) AND s.how = 'fact')
        SELECT f.step, f.at, f.by FROM (
            SELECT 'configuration' AS step, min(a.published_at) AS at, NULL::uuid AS by FROM asset a
            WHERE a.tenant_id = \(tenant) AND a.kind = 'tenant'
            UNION ALL
            SELECT 'people', min(p.created_at), NULL FROM person p
            JOIN account c ON c.tenant_id = p.tenant_id AND c.person_id = p.id
            WHERE p.tenant_id = \(tenant) AND p.state = 'active'
            UNION ALL
            (SELECT 'sign-in', s.created_at, s.person_id FROM session s
             JOIN person p ON p.tenant_id = s.tenant_id AND p.id = s.person_id
             WHERE s.tenant_id = \(tenant) AND NOT s.is_pending AND EXISTS (
                SELECT FROM jsonb_array_elements(p.roles -> 'grants') AS g WHERE g ->> 'role' = ANY(\(administrators)))
             ORDER BY s.created_at, s.id LIMIT 1)
            UNION ALL
            SELECT 'secrets', max(c.set_at), NULL FROM connection_secret c
            WHERE c.tenant_id = \(tenant) AND c.name = ANY(\(secrets))
            HAVING count(*) = cardinality(\(secrets)::text[])
            UNION ALL
            SELECT 'connection-test', max(t.passed_first_at), NULL FROM connection_test t
            WHERE t.tenant_id = \(tenant) AND t.connection = ANY(\(connections))
            HAVING count(*) = cardinality(\(connections)::text[])
            UNION ALL
            SELECT 'brand', min(b.published_at), NULL FROM brand_version b WHERE b.tenant_id = \(tenant)
            UNION ALL
            SELECT 'contract', min(coalesce(
                (SELECT max((g ->> 'at')::timestamptz) FROM jsonb_array_elements(v.signatures) AS g), v.drafted_at)), NULL
            FROM contract_version v WHERE v.tenant_id = \(tenant) AND v.phase IN ('signed', 'ended')
            UNION ALL
            (SELECT 'document', d.received_at, d.recorded_by FROM document d WHERE d.tenant_id = \(tenant)
             ORDER BY d.received_at, d.id LIMIT 1)
            UNION ALL
            SELECT 'governed-case', min(r.finished_at), NULL FROM run r
            WHERE r.tenant_id = \(tenant) AND r.phase = 'completed' AND NOT EXISTS (
                SELECT FROM settled s WHERE s.step = 'governed-case')) AS f
        WHERE f.at IS NOT NULL AND f.step NOT IN (SELECT step FROM settled) ORDER BY f.at, f.step
        """
    }

    /// From when on the first contract governs whatever has none of its own, at or after the beginning; no row where none is
    /// signed.
    package static func governed(tenant: TenantID, from start: Moment) -> SQL {
        """
        SELECT greatest(\(start), lower(force)) AS at FROM contract_period
        WHERE tenant_id = \(tenant) AND workflow = '' AND (upper_inf(force) OR upper(force) > \(start))
        ORDER BY lower(force) LIMIT 1
        """
    }

    /// A person's test of a connection has passed.
    package static func passed(tenant: TenantID, connection: String, at: Moment, by person: PersonID) -> SQL {
        """
        INSERT INTO connection_test (tenant_id, connection, passed_first_at, passed_last_at, passed_last_by)
        VALUES (\(tenant), \(connection), \(at), \(at), \(person))
        ON CONFLICT (tenant_id, connection) DO UPDATE SET passed_last_at = excluded.passed_last_at,
            passed_last_by = excluded.passed_last_by
        """
    }
}

/// Whether a tenant is let work at all.
package enum TenantLifeQueries {
    /// Locks the tenant's own row: of two who change its state at once, the second sees what the first did.
    package static func lock(tenant: TenantID) -> SQL { "SELECT state FROM scope WHERE tenant_id = \(tenant) FOR UPDATE" }

    package static func state(tenant: TenantID) -> SQL { "SELECT state FROM scope WHERE tenant_id = \(tenant)" }

    package static func set(tenant: TenantID, state: String) -> SQL {
        "UPDATE scope SET state = \(state) WHERE tenant_id = \(tenant)"
    }
}

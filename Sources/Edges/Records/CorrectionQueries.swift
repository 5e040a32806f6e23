package import Kernel
package import Postgres

extension Subject {
    package enum Correction {}
}

/// A change of a clock's past.
package typealias CorrectionID = ID<Subject.Correction>

/// A change of a clock's past: what was there, what is to be, and the two people.
package struct CorrectionRow: Sendable {
    package let tenant: TenantID
    package let id: CorrectionID
    package let clock: ClockID
    /// Nil for a clock of something else.
    package let run: RunID?
    package let state: String
    /// Events and reading as they were.
    package let original: JSONValue
    /// Events and reading as they are to be.
    package let corrected: JSONValue
    package let hash: String
    package let reason: String
    package let askedBy: PersonID
    package let askedNatural: PersonID
    package let askedAt: Moment
    package let settledBy: PersonID?
    package let settledAt: Moment?

    package init(
        tenant: TenantID, id: CorrectionID, clock: ClockID, run: RunID?, original: JSONValue, corrected: JSONValue, hash: String,
        reason: String, askedBy: PersonID, askedNatural: PersonID, askedAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.clock = clock
        self.run = run
        state = "asked"
        self.original = original
        self.corrected = corrected
        self.hash = hash
        self.reason = reason
        self.askedBy = askedBy
        self.askedNatural = askedNatural
        self.askedAt = askedAt
        settledBy = nil
        settledAt = nil
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: CorrectionID.self)
        clock = try row.get("clock_id", as: ClockID.self)
        run = try row.get("run_id", as: RunID?.self)
        state = try row.get("state", as: String.self)
        original = try row.get("original", as: JSONValue.self)
        corrected = try row.get("corrected", as: JSONValue.self)
        hash = try row.get("hash", as: String.self)
        reason = try row.get("reason", as: String.self)
        askedBy = try row.get("asked_by", as: PersonID.self)
        askedNatural = try row.get("asked_natural", as: PersonID.self)
        askedAt = try row.get("asked_at", as: Moment.self)
        settledBy = try row.get("settled_by", as: PersonID?.self)
        settledAt = try row.get("settled_at", as: Moment?.self)
    }
}

/// Corrections of clocks.
package enum CorrectionQueries {
    package static let listedMax = 200

    private static let columns: SQL = """
        k.tenant_id, k.id, k.clock_id, k.run_id, k.state, k.original, k.corrected, k.hash, k.reason, k.asked_by, k.asked_natural,
        k.asked_at, k.settled_by, k.settled_at
        """

    /// Of one clock, or of all; the newest first.
    package static func all(tenant: TenantID, clock: ClockID?) -> SQL {
        let filter: SQL = clock.map { "AND k.clock_id = \($0)" } ?? ""
        return """
            SELECT \(columns) FROM clock_correction k WHERE k.tenant_id = \(tenant) \(filter)
            ORDER BY k.asked_at DESC, k.id DESC LIMIT \(Int64(listedMax))
            """
    }

    package static func find(tenant: TenantID, id: CorrectionID) -> SQL {
        "SELECT \(columns) FROM clock_correction k WHERE k.tenant_id = \(tenant) AND k.id = \(id)"
    }

    /// One row (`id`) when no other correction of the clock waits.
    package static func insert(_ row: CorrectionRow) -> SQL {
        """
        INSERT INTO clock_correction (tenant_id, id, clock_id, run_id, state, original, corrected, hash, reason, asked_by,
            asked_natural, asked_at)
        VALUES (\(row.tenant), \(row.id), \(row.clock), \(optional: row.run), \(row.state), \(row.original),
            \(row.corrected), \(row.hash),
            \(row.reason), \(row.askedBy), \(row.askedNatural), \(row.askedAt))
        ON CONFLICT DO NOTHING RETURNING id
        """
    }

    /// One row (`id`) when it still waited.
    package static func settle(tenant: TenantID, id: CorrectionID, as state: String, by person: PersonID, at: Moment) -> SQL {
        """
        UPDATE clock_correction SET state = \(state), settled_by = \(person), settled_at = \(at)
        WHERE tenant_id = \(tenant) AND id = \(id) AND state = 'asked' RETURNING id
        """
    }
}

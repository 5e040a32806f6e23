package import Kernel
package import Postgres

/// What a tenant's worker told last of one of its connections.
package struct ConnectionStatusRow: Sendable, Equatable {
    package let tenant: TenantID
    package let connection: String
    /// `closed`, `open` or `probing`.
    package let circuit: String
    package let code: String?
    package let since: Moment?
    package let retryAt: Moment?
    /// The day by the clock of Greenwich that `spent` is about.
    package let spentDay: CivilDate
    package let spent: Int32
    /// 0 is no bound.
    package let perDay: Int32
    package let seenAt: Moment

    package init(
        tenant: TenantID, connection: String, circuit: String, code: String?, since: Moment?, retryAt: Moment?,
        spentDay: CivilDate, spent: Int32, perDay: Int32, seenAt: Moment
    ) {
        self.tenant = tenant
        self.connection = connection
        self.circuit = circuit
        self.code = code
        self.since = since
        self.retryAt = retryAt
        self.spentDay = spentDay
        self.spent = spent
        self.perDay = perDay
        self.seenAt = seenAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        connection = try row.get("connection", as: String.self)
        circuit = try row.get("circuit", as: String.self)
        code = try row.get("code", as: String?.self)
        since = try row.get("since", as: Moment?.self)
        retryAt = try row.get("retry_at", as: Moment?.self)
        spentDay = try row.get("spent_day", as: CivilDate.self)
        spent = try row.get("spent", as: Int32.self)
        perDay = try row.get("per_day", as: Int32.self)
        seenAt = try row.get("seen_at", as: Moment.self)
    }
}

package enum ConnectionStatusQueries {
    private static let columns: SQL =
        "tenant_id, connection, circuit, code, since, retry_at, spent_day, spent, per_day, seen_at"

    /// Takes over what a worker told. Of one day the larger count stays: a new worker begins at nothing and is told later.
    package static func put(_ row: ConnectionStatusRow) -> SQL {
        """
        INSERT INTO connection_status AS c (tenant_id, connection, circuit, code, since, retry_at, spent_day, spent, per_day,
            seen_at)
        VALUES (\(row.tenant), \(row.connection), \(row.circuit), \(optional: row.code), \(optional: row.since),
            \(optional: row.retryAt), \(row.spentDay), \(row.spent), \(row.perDay), \(row.seenAt))
        ON CONFLICT (tenant_id, connection) DO UPDATE SET circuit = excluded.circuit, code = excluded.code,
            since = excluded.since, retry_at = excluded.retry_at, per_day = excluded.per_day, seen_at = excluded.seen_at,
            spent_day = greatest(c.spent_day, excluded.spent_day),
            spent = CASE WHEN c.spent_day = excluded.spent_day THEN greatest(c.spent, excluded.spent)
                         WHEN c.spent_day > excluded.spent_day THEN c.spent ELSE excluded.spent END
        """
    }

    /// What is known, locked: of two that tell at once the second sees what the first told.
    package static func lock(tenant: TenantID) -> SQL {
        "SELECT \(columns) FROM connection_status WHERE tenant_id = \(tenant) ORDER BY connection FOR UPDATE"
    }

    package static func all(tenant: TenantID) -> SQL {
        "SELECT \(columns) FROM connection_status WHERE tenant_id = \(tenant) ORDER BY connection"
    }

    /// The day and its count of one connection.
    package static func spent(tenant: TenantID, connection: String) -> SQL {
        "SELECT spent_day, spent FROM connection_status WHERE tenant_id = \(tenant) AND connection = \(connection)"
    }
}

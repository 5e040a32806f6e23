package import Kernel

/// An open transaction inside one scope: the only way other rooms reach rows. It is valid until the body that received it
/// returns; used later, it answers with a failure and sends nothing.
package struct Transaction: Sendable {
    let connection: PGConnection
    let number: UInt64

    package func query(_ sql: SQL) async throws -> Rows { try await connection.run([sql], in: number)[0] }

    /// How many rows were written.
    @discardableResult
    package func execute(_ sql: SQL) async throws -> Int { try await query(sql).affected }

    /// Many statements in one round trip, in order. The first that fails ends the transaction; the failure's `statementIndex`
    /// names it.
    package func pipeline(_ statements: [SQL]) async throws -> [Rows] { try await connection.run(statements, in: number) }

    /// The same for statements of which some are not needed this time; these answer nil.
    package func pipeline(_ statements: [SQL?]) async throws -> [Rows?] {
        var answers = try await pipeline(statements.compactMap(\.self)).makeIterator()
        return statements.map { $0 == nil ? nil : answers.next() }
    }

    /// A text of many statements by the simple protocol, nothing bound: for migrations. It must not end the transaction.
    package func script(_ text: String) async throws { try await connection.script(text, in: number) }

    /// Copies rows into `target`, such as `COPY queue.ready (lane, tenant_id, id) FROM STDIN`; answers how many.
    ///
    /// PostgreSQL refuses COPY into a table with row security (0A000): tenant tables take
    /// `INSERT … SELECT … FROM unnest(…)`.
    @discardableResult
    package func copyIn(_ target: SQL, rows: [[any SQLBindable]]) async throws -> Int {
        var text: [UInt8] = []
        for row in rows { CopyText.row(row, into: &text) }
        return try await connection.copyIn(target, text, in: number)
    }
}

/// How a transaction is opened.
package struct TransactionOptions: Sendable {
    package enum Isolation: String, Sendable {
        case readCommitted = "READ COMMITTED"
        case repeatableRead = "REPEATABLE READ"
        case serializable = "SERIALIZABLE"
    }

    package var isolation: Isolation
    package var isReadOnly: Bool
    /// In place of the connection's own limit; 0 is none.
    package var statementTimeoutMilliseconds: Int?
    /// False lets the server answer COMMIT before the disk has it: for telemetry only, never for audit, approvals or postings.
    package var isDurable: Bool

    package init(
        isolation: Isolation = .readCommitted, isReadOnly: Bool = false, statementTimeoutMilliseconds: Int? = nil,
        isDurable: Bool = true
    ) {
        self.isolation = isolation
        self.isReadOnly = isReadOnly
        self.statementTimeoutMilliseconds = statementTimeoutMilliseconds
        self.isDurable = isDurable
    }

    var begin: [String] {
        var line = isolation == .readCommitted ? "BEGIN" : "BEGIN ISOLATION LEVEL \(isolation.rawValue)"
        if isReadOnly { line += " READ ONLY" }
        var lines = [line]
        if let statementTimeoutMilliseconds { lines.append("SET LOCAL statement_timeout = \(statementTimeoutMilliseconds)") }
        if !isDurable { lines.append("SET LOCAL synchronous_commit = off") }
        return lines
    }
}

/// Under whose rights and for which rows a transaction runs. The text is made of constants, a typed id or a number: `SET LOCAL`
/// takes no binds, and the parametrised `set_config` is neither propagated by Citus nor safe to hand on.
package struct TransactionScope: Sendable, Equatable {
    /// The roles of the schema; the login role is a member of each.
    package enum Role: String, Sendable, CaseIterable {
        case owner = "countersign_owner"
        case app = "countersign_app"
        case engine = "countersign_engine"
        case gate = "countersign_gate"
        case sealer = "countersign_sealer"
        case report = "countersign_report"
        case backup = "countersign_backup"
        case keeper = "countersign_keeper"
    }

    package let role: Role?
    package let tenant: TenantID?
    package let lane: Int32?

    package init(role: Role?, tenant: TenantID? = nil, lane: Int32? = nil) {
        self.role = role
        self.tenant = tenant
        self.lane = lane
    }

    /// As the login role itself: for set-up only.
    package static let login = TransactionScope(role: nil)

    var lines: [String] {
        var lines: [String] = []
        if let role { lines.append("SET LOCAL ROLE \(role.rawValue)") }
        if let tenant { lines.append("SET LOCAL app.tenant = '\(tenant.text)'") }
        if let lane { lines.append("SET LOCAL app.lane = '\(lane)'") }
        return lines
    }
}

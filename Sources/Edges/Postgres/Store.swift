package import Kernel
package import Logging

/// The database as the other rooms see it: rows are reached inside a scope, and nowhere else.
///
/// Concrete and without a protocol: its tests run on real PostgreSQL. What the world does to a transaction (connection lost, no
/// connection free, deadlock, time limit) arrives as a `Fault` with the `PostgresFailure` as its cause; what the schema refuses
/// arrives as the `PostgresFailure` itself, for the caller to turn into a `Refusal`; errors of the body pass unchanged.
package final class Store: Sendable {
    package struct Settings: Sendable {
        /// Straight to the server: engine, sealer, migrations, LISTEN; prepared statements.
        package var directDSN: String
        /// Through a pooler that moves transactions between connections, for the web; nil uses the direct one.
        package var pooledDSN: String?
        package var applicationName: String
        package var direct: ConnectionPool.Limits
        package var pooled: ConnectionPool.Limits
        package var statementTimeoutMilliseconds: Int

        package init(
            directDSN: String, pooledDSN: String? = nil, applicationName: String = "countersign",
            direct: ConnectionPool.Limits = ConnectionPool.Limits(), pooled: ConnectionPool.Limits = ConnectionPool.Limits(),
            statementTimeoutMilliseconds: Int = 30_000
        ) {
            self.directDSN = directDSN
            self.pooledDSN = pooledDSN
            self.applicationName = applicationName
            self.direct = direct
            self.pooled = pooled
            self.statementTimeoutMilliseconds = statementTimeoutMilliseconds
        }
    }

    package let reactor: Reactor
    package let direct: ConnectionPool
    /// The same as `direct` when there is no pooler.
    package let pooled: ConnectionPool
    private let directSettings: ConnectionSettings

    package init(_ settings: Settings, reactor: Reactor = .shared, logger: Logger = Logger(label: "postgres")) {
        self.reactor = reactor
        directSettings = ConnectionSettings(
            dsn: settings.directDSN, applicationName: settings.applicationName,
            statementTimeoutMilliseconds: settings.statementTimeoutMilliseconds)
        direct = ConnectionPool(directSettings, limits: settings.direct, reactor: reactor, logger: logger)
        if let dsn = settings.pooledDSN {
            let behindPooler = ConnectionSettings(
                dsn: dsn, keepsSession: false, applicationName: settings.applicationName,
                statementTimeoutMilliseconds: settings.statementTimeoutMilliseconds)
            pooled = ConnectionPool(behindPooler, limits: settings.pooled, reactor: reactor, logger: logger)
        } else {
            pooled = direct
        }
    }

    package convenience init(directDSN: String, pooledDSN: String? = nil, logger: Logger = Logger(label: "postgres")) {
        self.init(Settings(directDSN: directDSN, pooledDSN: pooledDSN), logger: logger)
    }

    /// How many connections the direct pool may open.
    package var connectionsMax: Int { direct.limits.connectionsMax }

    /// Connects once: the server is there, lets us in, and is of a version that keeps tenants apart. A `Refusal` says what is
    /// wrong with the version, a `Fault` what the world did.
    package func check() async throws -> ServerVersion {
        try await facing("reaching the database") { try await self.direct.withConnection { $0.serverVersion } }
    }

    package func close() async {
        await direct.close()
        if pooled !== direct { await pooled.close() }
    }

    // MARK: Scopes

    /// The rows of one tenant (or partner, or operator: each is a scope row). `role` is `.app` but for reports and the sealer.
    @discardableResult
    package func withTenant<Value: Sendable>(
        _ tenant: TenantID, role: TransactionScope.Role = .app, options: TransactionOptions = TransactionOptions(),
        _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        try await run(TransactionScope(role: role, tenant: tenant), on: role == .sealer ? direct : pooled, options, body)
    }

    /// The runs of one lane, for the engine that holds its lease; every statement still joins on (tenant_id, id).
    @discardableResult
    package func withLane<Value: Sendable>(
        _ lane: Int32, options: TransactionOptions = TransactionOptions(), _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        try await run(TransactionScope(role: .engine, lane: lane), on: direct, options, body)
    }

    /// Exact-key look-up before the scope is known: host, key id, session hash, endpoint.
    @discardableResult
    package func withGate<Value: Sendable>(
        options: TransactionOptions = TransactionOptions(), _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        try await run(TransactionScope(role: .gate), on: pooled, options, body)
    }

    /// Counts across tenants, or one tenant's report; read only.
    @discardableResult
    package func withReport<Value: Sendable>(
        tenant: TenantID? = nil, _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        try await run(TransactionScope(role: .report, tenant: tenant), on: pooled, TransactionOptions(isReadOnly: true), body)
    }

    /// The audit log's sealer.
    @discardableResult
    package func withSealer<Value: Sendable>(
        tenant: TenantID? = nil, options: TransactionOptions = TransactionOptions(),
        _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        try await run(TransactionScope(role: .sealer, tenant: tenant), on: direct, options, body)
    }

    /// What removes history that is past its time: reads across tenants what decides that, and deletes lines of history and of
    /// the feed.
    @discardableResult
    package func withKeeper<Value: Sendable>(
        options: TransactionOptions = TransactionOptions(), _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        try await run(TransactionScope(role: .keeper), on: direct, options, body)
    }

    /// As the login role, which owns the tables: for the months of history, which come and go while the program runs.
    @discardableResult
    package func withSchema<Value: Sendable>(
        options: TransactionOptions = TransactionOptions(), _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        try await run(.login, on: direct, options, body)
    }

    /// The schema's owner; row security is forced on it as on everybody. For changes of the schema.
    @discardableResult
    package func withOwner<Value: Sendable>(
        options: TransactionOptions = TransactionOptions(statementTimeoutMilliseconds: 600_000),
        _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        try await run(TransactionScope(role: .owner), on: direct, options, body)
    }

    private func run<Value: Sendable>(
        _ scope: TransactionScope, on pool: ConnectionPool, _ options: TransactionOptions,
        _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        try await facing("a database transaction") { try await pool.withTransaction(scope, options: options, body) }
    }

    /// Turns what the world did into a `Fault`; everything else passes.
    private func facing<Value: Sendable>(_ operation: String, _ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let failure as PostgresFailure where failure.isWorldFailure {
            throw failure.fault(operation)
        }
    }

    // MARK: Wake-ups

    /// The notifications of these channels, on a direct connection of its own that comes back by itself.
    package func listen(channels: [String]) -> Listening { Listening(directSettings, channels: channels, reactor: reactor) }

    package func listen(channel: String) -> Listening { listen(channels: [channel]) }

    /// Wakes the listeners of a channel. Never inside a tenant's transaction: NOTIFY takes a lock that all commits share. The
    /// payload carries ids only and at most 7,999 bytes.
    package func notify(_ channel: String, payload: String = "") async throws {
        try await notify([ChannelNotice(channel: channel, payload: payload)])
    }

    /// The same for many, in one round trip.
    package func notify(_ notifications: [ChannelNotice]) async throws {
        let statements: [SQL] = notifications.map { "SELECT pg_notify(\($0.channel), \($0.payload))" }
        try await facing("waking listeners") {
            try await self.direct.withConnection { _ = try await $0.pipeline(statements) }
        }
    }
}

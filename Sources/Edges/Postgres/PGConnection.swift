internal import CLinux
internal import CPostgres
internal import Kernel

/// One connection to PostgreSQL, living on the reactor's thread; it does one operation after the other, in the order asked.
///
/// Callers get it from a pool and through `Transaction`; used bare it serves migrations and LISTEN. A cancelled task cancels its
/// statement on the server; a connection that was asked to cancel is not used again (`isReusable`), since a late cancel would
/// hit whoever comes next.
package actor PGConnection {
    /// Statements of one pipeline: more would only fill memory before the first answer.
    package static let pipelineStatementsMax = 4096
    /// Prepared statements kept on the server; those beyond are sent unnamed until the connection is next idle.
    static let preparedStatementsMax = 512
    /// Notifications kept for a slow reader; the oldest go first, and the reader is told.
    static let notificationsMax = 10_000
    /// How much longer than the server's own limit we wait before we call the connection dead.
    static let answerGraceMilliseconds = 10_000
    /// After a cancel request the answer comes at once, or the connection is dead.
    static let cancelGraceMilliseconds = 5000

    nonisolated let reactor: Reactor
    nonisolated let settings: ConnectionSettings
    package nonisolated let serverVersion: ServerVersion
    let handle: PGHandle

    var queue: [Operation] = []
    var current: Operation?
    var lastOperation: UInt64 = 0
    /// What the last failed operation had answered before it failed.
    var partialResults: [Rows] = []
    var wantsWrite = false
    var watchdog: (timer: UInt64, dueNanoseconds: UInt64)?
    var prepared: [StatementKey: String] = [:]
    var lastPrepared = 0
    var wasCancelled = false
    var isTainted = false
    private(set) var loss: PostgresFailure?

    /// What opens the transaction: sent with its first statement, so that an empty transaction costs nothing.
    var opening: [String] = []
    /// Set when the opening failed, or the body ended the transaction by a statement of its own: the scope is not in force, so
    /// nothing more is sent.
    var brokenOpening: PostgresFailure?
    var transaction: UInt64?
    private var lastTransaction: UInt64 = 0
    var statementLimitMilliseconds: Int

    var notifications: [ChannelNotice] = []
    var hasMissedNotifications = false
    var notificationWaiter: (id: UInt64, continuation: CheckedContinuation<Void, any Error>)?

    package nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

    /// Connects and sets the session up. A `Refusal` when the server's version is not safe, else a `PostgresFailure`.
    package static func connect(_ settings: ConnectionSettings, reactor: Reactor = .shared) async throws -> PGConnection {
        let handle = try await Connecting.open(settings, reactor: reactor)
        let connection = PGConnection(handle, settings: settings, reactor: reactor)
        try await connection.prepareSession()
        return connection
    }

    private init(_ handle: PGHandle, settings: ConnectionSettings, reactor: Reactor) {
        self.handle = handle
        self.settings = settings
        self.reactor = reactor
        serverVersion = ServerVersion(number: Int(PQserverVersion(handle.pg)))
        statementLimitMilliseconds = settings.statementTimeoutMilliseconds
    }

    private func prepareSession() async throws {
        handle.watch = try reactor.watch(handle.socket, events: cs_event_readable) { [weak self] _ in
            self?.assumeIsolated { $0.socketIsReady() }
        }
        if settings.keepsSession { try await script(settings.sessionScript) }
    }

    // MARK: Statements outside transactions

    package func query(_ sql: SQL) async throws -> Rows { try await run([sql])[0] }

    @discardableResult
    package func execute(_ sql: SQL) async throws -> Int { try await query(sql).affected }

    /// Many statements in one round trip and, unless a transaction is open, in one transaction; all succeed or none.
    package func pipeline(_ statements: [SQL]) async throws -> [Rows] { try await run(statements) }

    /// A text of many statements by the simple protocol, one transaction unless it says otherwise. For migrations and set-up:
    /// nothing is bound.
    package func script(_ text: String) async throws {
        _ = try await perform(.script(text), limitMilliseconds: statementLimitMilliseconds)
    }

    /// Without a limit of ours; the server's own may still apply.
    package func unlimitedScript(_ text: String) async throws { _ = try await perform(.script(text), limitMilliseconds: 0) }

    // MARK: Transactions

    /// Marks the start; the opening statements travel with the first one of the body.
    func begin(_ opening: [String], statementLimitMilliseconds: Int) -> UInt64 {
        precondition(transaction == nil, "a transaction is open on this connection")
        lastTransaction += 1
        transaction = lastTransaction
        self.opening = opening
        self.statementLimitMilliseconds = statementLimitMilliseconds
        return lastTransaction
    }

    func run(_ statements: [SQL], in number: UInt64? = nil) async throws -> [Rows] {
        guard number == transaction else { throw PostgresFailure(.misuse, "the transaction of this statement has ended") }
        guard !statements.isEmpty else { return [] }
        guard statements.count <= PGConnection.pipelineStatementsMax else {
            throw PostgresFailure(.misuse, "\(statements.count) statements in one pipeline")
        }
        for statement in statements {
            if let reason = statement.reasonNotToSend { throw PostgresFailure(.misuse, reason) }
        }
        if let brokenOpening { throw brokenOpening }
        return try await perform(.batch(statements), limitMilliseconds: statementLimitMilliseconds)
    }

    func script(_ text: String, in number: UInt64) async throws {
        guard number == transaction else { throw PostgresFailure(.misuse, "the transaction of this script has ended") }
        guard !text.utf8.contains(0) else { throw PostgresFailure(.misuse, "a NUL in the script") }
        try await open(number)
        _ = try await perform(.script(text), limitMilliseconds: statementLimitMilliseconds)
    }

    /// Sends the opening by itself, for what cannot travel with it.
    private func open(_ number: UInt64?) async throws {
        if !opening.isEmpty { _ = try await run(["SELECT 1"], in: number) }
        if let brokenOpening { throw brokenOpening }
    }

    /// Copies rows into `target`, such as `COPY task (tenant_id, id) FROM STDIN`; answers how many.
    func copyIn(_ target: SQL, _ text: [UInt8], in number: UInt64?) async throws -> Int {
        guard number == transaction else { throw PostgresFailure(.misuse, "the transaction of this copy has ended") }
        guard target.bindCount == 0 else { throw PostgresFailure(.misuse, "COPY takes no binds") }
        try await open(number)
        return try await perform(.copy(target.text, text), limitMilliseconds: statementLimitMilliseconds)[0].affected
    }

    /// Ends the transaction. With the answer of COMMIT comes, in the same round trip, that nothing of the scope stayed behind.
    func commit(_ number: UInt64) async throws {
        precondition(transaction == number, "the transaction has ended")
        if let brokenOpening {
            await rollback(number)
            throw brokenOpening
        }
        defer { endTransaction() }
        guard opening.isEmpty else { return }
        if let loss { throw loss }
        var answers: [Rows] = []
        do {
            let both: [SQL] = ["COMMIT", PGConnection.cleanliness]
            answers = try await perform(.batch(both), limitMilliseconds: statementLimitMilliseconds, isShielded: true)
            try note(answers[1])
        } catch let failure as PostgresFailure {
            answers = partialResults
            if answers.isEmpty { throw await commitFailure(failure) }
            isTainted = true  // committed, or known to be rolled back; only the check after it failed
        }
        guard answers[0].tag == "COMMIT" else {
            throw PostgresFailure(.rolledBack, sqlState: "25P02", "the transaction had failed, so nothing was committed")
        }
    }

    /// What a COMMIT without an answer of its own means.
    private func commitFailure(_ failure: PostgresFailure) async -> PostgresFailure {
        switch failure.kind {
        case .connectionLost, .timedOut: return failure.with(.commitUnknown)
        case .statement where failure.sqlState.hasPrefix("57P") || failure.sqlState.hasPrefix("08"):
            return failure.with(.commitUnknown)
        default:
            // A deferred constraint, or serialisation: the server rolled back. The check went down with the pipeline.
            endTransaction()
            await checkClean()
            return failure
        }
    }

    /// Undoes the transaction; never throws, for the error that led here is the one to tell. A failure spoils the connection.
    func rollback(_ number: UInt64) async {
        guard transaction == number else { return }
        defer { endTransaction() }
        guard opening.isEmpty || brokenOpening != nil, loss == nil else { return }
        do {
            let both: [SQL] = ["ROLLBACK", PGConnection.cleanliness]
            let answers = try await perform(
                .batch(both), limitMilliseconds: PGConnection.cancelGraceMilliseconds, isShielded: true)
            try note(answers[1])
        } catch {
            isTainted = true
        }
    }

    private func endTransaction() {
        transaction = nil
        opening = []
        brokenOpening = nil
        statementLimitMilliseconds = settings.statementTimeoutMilliseconds
    }

    /// True when no scope is left on the session.
    private static let cleanliness: SQL = """
        SELECT coalesce(current_setting('app.tenant', true), '') = '' AND coalesce(current_setting('app.lane', true), '') = '' \
        AND current_user = session_user
        """

    private func note(_ answer: Rows) throws {
        if try !answer.only().get(0, as: Bool.self) { isTainted = true }
    }

    // MARK: For the pool

    /// Nothing runs, no transaction is open, no scope is left, no cancel is under way.
    var isReusable: Bool {
        loss == nil && !isTainted && !wasCancelled && current == nil && queue.isEmpty && transaction == nil
            && PQtransactionStatus(handle.pg) == PQTRANS_IDLE
    }

    /// Asks the server itself; for connections lent without a transaction.
    func checkClean() async {
        guard loss == nil, PQtransactionStatus(handle.pg) == PQTRANS_IDLE else { return isTainted = true }
        do {
            try note(
                await perform(
                    .batch([PGConnection.cleanliness]), limitMilliseconds: PGConnection.cancelGraceMilliseconds,
                    isShielded: true)[0])
        } catch {
            isTainted = true
        }
    }

    /// Makes room for new prepared statements while nobody waits for an answer.
    func trimPrepared() async {
        guard prepared.count >= PGConnection.preparedStatementsMax else { return }
        prepared = [:]
        do {
            _ = try await perform(
                .script("DEALLOCATE ALL"), limitMilliseconds: PGConnection.cancelGraceMilliseconds, isShielded: true)
        } catch {
            isTainted = true
        }
    }

    package var isOpen: Bool { loss == nil }

    /// Ends the connection; what waits on it fails.
    package func close() { lose(PostgresFailure(.connectionLost, "the connection was closed")) }

    /// The connection is gone: whatever runs or waits fails with `failure`.
    func lose(_ failure: PostgresFailure) {
        guard loss == nil else { return }
        loss = failure
        handle.finish()
        if let watchdog { reactor.cancelTimer(watchdog.timer) }
        watchdog = nil
        var ended = queue
        if let current { ended.insert(current, at: 0) }
        current = nil
        queue = []
        for operation in ended {
            partialResults = operation.results
            operation.finish(.failure(operation.failure ?? failure))
        }
        wakeNotificationReader(failure)
    }
}

internal import Kernel
package import Logging

/// A bounded set of connections to one database, lent to one borrower at a time.
///
/// A connection comes back only when nothing of the borrower is left on it: no open transaction, no scope, no cancel under way;
/// otherwise it is closed and a new one is made when needed. Borrowers wait in order, up to a limit.
package actor ConnectionPool {
    package struct Limits: Sendable {
        package var connectionsMax: Int
        /// How long a borrower waits for a connection, attempts to connect included.
        package var waitMilliseconds: Int
        /// Waiting borrowers beyond this are turned away at once.
        package var waitersMax: Int
        /// A connection that has rested longer is asked whether it lives before it is lent.
        package var restMilliseconds: Int

        package init(
            connectionsMax: Int = 16, waitMilliseconds: Int = 5000, waitersMax: Int = 4096, restMilliseconds: Int = 60_000
        ) {
            self.connectionsMax = connectionsMax
            self.waitMilliseconds = waitMilliseconds
            self.waitersMax = waitersMax
            self.restMilliseconds = restMilliseconds
        }
    }

    package struct Statistics: Sendable, Equatable {
        package var open = 0
        package var idle = 0
        package var waiting = 0
        /// Connections that came back unfit and were closed.
        package var discarded = 0
        /// Of these, connections on which a scope was left: a bug of the borrower, and never lent again.
        package var leaks = 0
    }

    private enum Grant: Sendable {
        case connection(PGConnection)
        /// Room for a new one, which the borrower makes.
        case room
    }

    private struct Idle {
        let connection: PGConnection
        let sinceNanoseconds: UInt64
    }

    private static let firstPauseMilliseconds = 50
    private static let longestPauseMilliseconds = 2000

    nonisolated let settings: ConnectionSettings
    nonisolated let limits: Limits
    nonisolated let reactor: Reactor
    private nonisolated let logger: Logger

    private var idle: [Idle] = []
    private var open = 0
    private var waiters: [(id: UInt64, continuation: CheckedContinuation<Grant, any Error>)] = []
    private var lastWaiter: UInt64 = 0
    private var discarded = 0
    private var leaks = 0
    private var isClosed = false

    package nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

    package init(_ settings: ConnectionSettings, limits: Limits = Limits(), reactor: Reactor = .shared, logger: Logger) {
        self.settings = settings
        self.limits = limits
        self.reactor = reactor
        self.logger = logger
    }

    package var statistics: Statistics {
        Statistics(open: open, idle: idle.count, waiting: waiters.count, discarded: discarded, leaks: leaks)
    }

    // MARK: Lending

    /// Lends a connection without a transaction, for what cannot run inside one. The body runs on the reactor.
    @discardableResult
    package nonisolated func withConnection<Value: Sendable>(
        _ body: @Sendable (PGConnection) async throws -> Value
    ) async throws -> Value {
        try await withTaskExecutorPreference(reactor) {
            let connection = try await borrow()
            do {
                let value = try await body(connection)
                await connection.checkClean()
                await giveBack(connection)
                return value
            } catch {
                await connection.checkClean()
                await giveBack(connection)
                throw error
            }
        }
    }

    /// Runs `body` in a transaction of that scope: COMMIT when it returns, ROLLBACK when it throws. The body runs on the
    /// reactor, so it must neither block nor compute long.
    @discardableResult
    package nonisolated func withTransaction<Value: Sendable>(
        _ scope: TransactionScope, options: TransactionOptions = TransactionOptions(),
        _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        try await withTaskExecutorPreference(reactor) {
            let connection = try await borrow()
            let opening =
                options.begin + (options.statementTimeoutMilliseconds == nil ? settings.transactionLines : []) + scope.lines
            let limit = options.statementTimeoutMilliseconds ?? settings.statementTimeoutMilliseconds
            let number = await connection.begin(opening, statementLimitMilliseconds: limit)
            let value: Value
            do {
                value = try await body(Transaction(connection: connection, number: number))
            } catch {
                await connection.rollback(number)
                await giveBack(connection)
                throw error
            }
            do {
                try await connection.commit(number)
            } catch {
                await giveBack(connection)
                throw error
            }
            await giveBack(connection)
            return value
        }
    }

    // MARK: Borrowing

    private func borrow() async throws -> PGConnection {
        try Task.checkCancellation()
        let deadline = monotonicNanoseconds() + UInt64(limits.waitMilliseconds) * 1_000_000
        while true {
            switch try await grant(deadline: deadline) {
            case .connection(let connection): return connection
            case .room:
                do {
                    return try await connect(deadline: deadline)
                } catch {
                    release()
                    throw error
                }
            }
        }
    }

    private func grant(deadline: UInt64) async throws -> Grant {
        guard !isClosed else { throw PostgresFailure(.misuse, "the pool is closed") }
        while let resting = idle.popLast() {
            let rested = monotonicNanoseconds() - resting.sinceNanoseconds
            if rested > UInt64(limits.restMilliseconds) * 1_000_000 { await resting.connection.checkClean() }
            if await resting.connection.isReusable { return .connection(resting.connection) }
            await discard(resting.connection)
        }
        if open < limits.connectionsMax {
            open += 1
            return .room
        }
        guard waiters.count < limits.waitersMax else {
            throw PostgresFailure(.timedOut, "\(waiters.count) borrowers wait already")
        }
        lastWaiter += 1
        let id = lastWaiter
        let now = monotonicNanoseconds()
        let timer = reactor.after(milliseconds: deadline > now ? Int((deadline - now) / 1_000_000) : 0) { [weak self] in
            self?.assumeIsolated { $0.giveUp(id, PostgresFailure(.timedOut, "no free connection within the limit")) }
        }
        defer { reactor.cancelTimer(timer) }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                waiters.append((id, continuation))
            }
        } onCancel: {
            reactor.submit { self.assumeIsolated { $0.giveUp(id, CancellationError()) } }
        }
    }

    private func giveUp(_ id: UInt64, _ error: any Error) {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return }
        waiters.remove(at: index).continuation.resume(throwing: error)
    }

    /// Connects, again with growing pauses while the failure may pass and time is left.
    private func connect(deadline: UInt64) async throws -> PGConnection {
        var pause = ConnectionPool.firstPauseMilliseconds
        while true {
            do {
                return try await PGConnection.connect(settings, reactor: reactor)
            } catch let failure as PostgresFailure where failure.isRetryable {
                let resumeAt = monotonicNanoseconds() + UInt64(pause) * 1_000_000
                guard resumeAt < deadline, !isClosed else { throw failure }
                logger.debug("database not reachable, trying again", metadata: ["failure": "\(failure)"])
                try await Task.sleep(for: .milliseconds(pause))
                pause = min(pause * 2, ConnectionPool.longestPauseMilliseconds)
            }
        }
    }

    private func giveBack(_ connection: PGConnection) async {
        await connection.trimPrepared()
        guard !isClosed, await connection.isReusable else { return await discard(connection) }
        if waiters.isEmpty {
            idle.append(Idle(connection: connection, sinceNanoseconds: monotonicNanoseconds()))
        } else {
            waiters.removeFirst().continuation.resume(returning: .connection(connection))
        }
    }

    private func discard(_ connection: PGConnection) async {
        discarded += 1
        if await connection.isTainted, await connection.isOpen {
            leaks += 1
            logger.critical("a connection came back with a scope or a transaction on it and was closed")
        }
        await connection.close()
        release()
    }

    /// A place became free: whoever waits longest may make a connection of its own.
    private func release() {
        if waiters.isEmpty {
            open -= 1
        } else {
            waiters.removeFirst().continuation.resume(returning: .room)
        }
    }

    /// Closes what is idle and refuses further borrowers; what is lent is closed when it comes back.
    package func close() async {
        isClosed = true
        let resting = idle
        idle = []
        for one in resting {
            await one.connection.close()
            open -= 1
        }
        let left = waiters
        waiters = []
        for waiter in left { waiter.continuation.resume(throwing: PostgresFailure(.misuse, "the pool is closed")) }
    }
}

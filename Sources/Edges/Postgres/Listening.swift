internal import CPostgres
internal import Kernel

/// What a NOTIFY brought: ids only, for channels are not covered by row security.
package struct ChannelNotice: Sendable, Equatable {
    package let channel: String
    package let payload: String

    package init(channel: String, payload: String) {
        self.channel = channel
        self.payload = payload
    }
}

/// What a listener hears.
package enum ListenEvent: Sendable, Equatable {
    /// Listening (again): whatever was sent before may have been missed, so look at the rows once.
    case ready
    case notified(ChannelNotice)
}

extension PGConnection {
    package func listen(_ channels: [String]) async throws {
        for channel in channels { try await execute("LISTEN \(SQL.identifier(channel))") }
    }

    /// Everything that has come since the last call, in order; waits when there is nothing. For one reader at a time.
    /// `hasMissed` says that the bound was reached and the oldest were dropped.
    func nextNotifications() async throws -> (notifications: [ChannelNotice], hasMissed: Bool) {
        if notifications.isEmpty {
            if let loss { throw loss }
            precondition(notificationWaiter == nil, "two readers of one connection's notifications")
            lastOperation += 1
            let id = lastOperation
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                    if Task.isCancelled {
                        continuation.resume(throwing: CancellationError())
                    } else {
                        notificationWaiter = (id, continuation)
                    }
                }
            } onCancel: {
                reactor.submit { self.assumeIsolated { $0.stopWaiting(id) } }
            }
        }
        defer {
            notifications = []
            hasMissedNotifications = false
        }
        return (notifications, hasMissedNotifications)
    }

    private func stopWaiting(_ id: UInt64) {
        guard let waiter = notificationWaiter, waiter.id == id else { return }
        notificationWaiter = nil
        waiter.continuation.resume(throwing: CancellationError())
    }

    func takeNotifications() {
        guard loss == nil else { return }
        while let raw = PQnotifies(handle.pg) {
            let payload = raw.pointee.extra.map { String(cString: $0) } ?? ""
            notifications.append(ChannelNotice(channel: String(cString: raw.pointee.relname), payload: payload))
            PQfreemem(raw)
            if notifications.count > PGConnection.notificationsMax {
                notifications.removeFirst(PGConnection.notificationsMax / 2)
                hasMissedNotifications = true
            }
        }
        if !notifications.isEmpty { wakeNotificationReader(nil) }
    }

    func wakeNotificationReader(_ failure: PostgresFailure?) {
        guard let waiter = notificationWaiter else { return }
        notificationWaiter = nil
        if let failure { waiter.continuation.resume(throwing: failure) } else { waiter.continuation.resume() }
    }
}

/// The notifications of some channels as an endless sequence, on a direct connection of its own.
///
/// It connects when first asked, and again with growing pauses whenever the connection is lost; after each time it first says
/// `.ready`. It ends (with nil) only when its task is cancelled.
package struct Listening: AsyncSequence, Sendable {
    package typealias Element = ListenEvent
    package typealias Failure = Never

    private static let firstPauseMilliseconds = 100
    private static let longestPauseMilliseconds = 10_000

    let settings: ConnectionSettings
    let channels: [String]
    let reactor: Reactor

    package init(_ settings: ConnectionSettings, channels: [String], reactor: Reactor = .shared) {
        self.settings = settings
        self.channels = channels
        self.reactor = reactor
    }

    package func makeAsyncIterator() -> Iterator { Iterator(listening: self) }

    package struct Iterator: AsyncIteratorProtocol {
        let listening: Listening
        private var connection: PGConnection?
        private var pending: [ListenEvent] = []
        private var pauseMilliseconds = Listening.firstPauseMilliseconds

        init(listening: Listening) { self.listening = listening }

        package mutating func next() async -> ListenEvent? { await next(isolation: nil) }

        package mutating func next(isolation actor: isolated (any Actor)?) async -> ListenEvent? {
            while !Task.isCancelled {
                if !pending.isEmpty { return pending.removeFirst() }
                do {
                    if let connection {
                        let (notifications, hasMissed) = try await connection.nextNotifications()
                        pending = (hasMissed ? [.ready] : []) + notifications.map(ListenEvent.notified)
                    } else {
                        let fresh = try await PGConnection.connect(listening.settings, reactor: listening.reactor)
                        try await fresh.listen(listening.channels)
                        connection = fresh
                        pauseMilliseconds = Listening.firstPauseMilliseconds
                        return .ready
                    }
                } catch is CancellationError {
                    break
                } catch {
                    connection = nil
                    // Cancelled while pausing: the loop's condition ends it.
                    try? await Task.sleep(for: .milliseconds(pauseMilliseconds))
                    pauseMilliseconds = Swift.min(pauseMilliseconds * 2, Listening.longestPauseMilliseconds)
                }
            }
            await connection?.close()
            connection = nil
            return nil
        }
    }
}

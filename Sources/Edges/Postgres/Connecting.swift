internal import CPostgres
internal import Glibc
internal import Kernel

/// libpq's connection with its socket, owned by one `PGConnection`.
///
/// A class of its own, because an actor cannot close it in its deinit: the deinit here hands the closing to the reactor, where
/// alone the connection may be touched.
final class PGHandle: @unchecked Sendable {
    let pg: OpaquePointer
    let socket: Int32
    let reactor: Reactor
    /// The reactor's watch on the socket; only read and written on the reactor.
    var watch: UInt64?
    private var isFinished = false

    init(_ pg: OpaquePointer, reactor: Reactor) {
        self.pg = pg
        socket = PQsocket(pg)
        self.reactor = reactor
    }

    /// Ends the connection; on the reactor only, harmless when repeated.
    func finish() {
        guard !isFinished else { return }
        isFinished = true
        if let watch { reactor.stopWatching(watch, descriptor: socket) }
        watch = nil
        PQfinish(pg)
    }

    deinit {
        guard !isFinished else { return }
        let rest = Remains(pg: pg, socket: socket, watch: watch)
        let reactor = reactor
        reactor.submit {
            if let watch = rest.watch { reactor.stopWatching(watch, descriptor: rest.socket) }
            PQfinish(rest.pg)
        }
    }

    private struct Remains: @unchecked Sendable {
        let pg: OpaquePointer
        let socket: Int32
        let watch: UInt64?
    }
}

/// Makes connections on threads of their own: name look-up blocks, and SCRAM costs milliseconds of hashing.
enum Connecting {
    private enum Outcome: @unchecked Sendable {
        case connected(OpaquePointer)
        case failed(PostgresFailure)
        case refused(Refusal)
    }

    /// A connection that has passed authentication and whose server is one we may use.
    static func open(_ settings: ConnectionSettings, reactor: Reactor) async throws -> PGHandle {
        switch await BlockingThread.run(named: "pg-connect", { attempt(settings) }) {
        case .connected(let pg): return PGHandle(pg, reactor: reactor)
        case .failed(let failure): throw failure
        case .refused(let refusal): throw refusal
        }
    }

    private static func attempt(_ settings: ConnectionSettings) -> Outcome {
        guard let pg = start(settings) else { return .failed(PostgresFailure(.connect, "out of memory")) }
        if let failure = drive(pg, milliseconds: settings.connectTimeoutMilliseconds) {
            PQfinish(pg)
            return .failed(failure)
        }
        do {
            try ServerVersion(number: Int(PQserverVersion(pg))).permit()
        } catch {
            PQfinish(pg)
            return .refused(error)
        }
        PQsetNoticeReceiver(pg, { _, _ in }, nil)  // libpq would print notices to standard error
        guard PQsetnonblocking(pg, 1) == 0 else {
            PQfinish(pg)
            return .failed(PostgresFailure(.connect, "the socket stays blocking"))
        }
        return .connected(pg)
    }

    private static func start(_ settings: ConnectionSettings) -> OpaquePointer? {
        let keywords = settings.parameters.map { strdup($0.0) } + [nil]
        let values = settings.parameters.map { strdup($0.1) } + [nil]
        defer { for text in keywords + values { free(text) } }
        let constKeywords = keywords.map { $0.map { UnsafePointer($0) } }
        let constValues = values.map { $0.map { UnsafePointer($0) } }
        return PQconnectStartParams(constKeywords, constValues, 1)
    }

    /// Polls until the connection stands; nil is success.
    private static func drive(_ pg: OpaquePointer, milliseconds: Int) -> PostgresFailure? {
        let deadline = monotonicNanoseconds() + UInt64(milliseconds) * 1_000_000
        var state = PQstatus(pg) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
        while state != PGRES_POLLING_OK {
            guard state != PGRES_POLLING_FAILED else { return failure(of: pg) }
            let now = monotonicNanoseconds()
            guard now < deadline else { return PostgresFailure(.connect, "no connection within \(milliseconds) ms") }
            var interest = pollfd(
                fd: PQsocket(pg), events: Int16(state == PGRES_POLLING_READING ? POLLIN : POLLOUT), revents: 0)
            let ready = poll(&interest, 1, Int32((deadline - now) / 1_000_000 + 1))
            if ready > 0 || (ready < 0 && errno != EINTR) { state = PQconnectPoll(pg) }
        }
        return nil
    }

    /// libpq 15 keeps no SQLSTATE of a failed connection; the two that matter are told by the server's own words.
    private static func failure(of pg: OpaquePointer) -> PostgresFailure {
        let message = String(cString: PQerrorMessage(pg)).trimmed
        let state =
            if PQconnectionNeedsPassword(pg) != 0 || message.contains("authentication failed") {
                "28P01"
            } else if message.contains("does not exist") {
                "3D000"
            } else if message.contains("invalid connection option") || message.contains("missing \"=\"") {
                "42601"
            } else {
                ""
            }
        return PostgresFailure(.connect, sqlState: state, message)
    }
}

extension String {
    /// Without blanks and newlines at either end.
    var trimmed: String {
        var text = self[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        return String(text)
    }
}

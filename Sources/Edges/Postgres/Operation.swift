internal import Kernel

/// What a prepared statement is known by: the same text with binds of other types is another statement.
struct StatementKey: Hashable {
    let text: String
    let types: [SQLType]

    /// By bytes: Swift takes canonically equivalent texts for equal, and PostgreSQL does not.
    static func == (lhs: Self, rhs: Self) -> Bool { sameBytes(lhs.text, rhs.text) && lhs.types == rhs.types }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(types.count)
    }
}

/// One thing asked of a connection and its state while it runs; touched on the reactor alone.
final class Operation {
    enum Work {
        case batch([SQL])
        case script(String)
        case copy(String, [UInt8])
    }

    /// What was sent in a batch, in the order the answers come.
    enum Command {
        case opening
        case prepare(StatementKey, name: String, statement: Int)
        case statement(Int)
    }

    /// Handed to libpq at once while copying.
    static let copyChunkBytes = 64 * 1024

    let id: UInt64
    let work: Work
    var deadlineNanoseconds: UInt64?
    private var continuation: CheckedContinuation<[Rows], any Error>?

    var commands: [Command] = []
    var nextCommand = 0
    var results: [Rows] = []
    var failure: PostgresFailure?
    /// COPY: how much of the text the connection has taken, and whether the end was said.
    var copied = 0
    var copyStarted = false
    var copyEnded = false
    var isCancelled = false
    /// Whether the batch went out in pipeline mode, and so ends with a synchronisation point.
    var isPipelined = false

    init(
        id: UInt64, work: Work, deadlineNanoseconds: UInt64?, continuation: CheckedContinuation<[Rows], any Error>
    ) {
        self.id = id
        self.work = work
        self.deadlineNanoseconds = deadlineNanoseconds
        self.continuation = continuation
    }

    var isCopying: Bool { copyStarted && !copyEnded }

    /// It is our own COMMIT or ROLLBACK.
    var endsTransaction: Bool {
        guard case .batch(let statements) = work, let first = statements.first else { return false }
        return first == "COMMIT" || first == "ROLLBACK"
    }

    /// Answers the caller; only the first answer counts.
    func finish(_ result: Result<[Rows], any Error>) {
        continuation?.resume(with: result)
        continuation = nil
    }

    /// What the caller gets when the server has said everything.
    var outcome: Result<[Rows], any Error> {
        if let failure { return isCancelled && failure.sqlState == "57014" ? .failure(CancellationError()) : .failure(failure) }
        return .success(results)
    }
}

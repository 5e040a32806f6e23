/// Statements that travel together, after the lines that open their transaction.
struct Batch {
    let opening: [String]
    let statements: [SQL]
}

/// One thing asked of a connection and its state while it runs; touched on the reactor alone.
final class Operation {
    enum Work {
        case batch(Batch)
        case script(String)
        case copy(String, [UInt8])
    }

    /// What was sent in a batch, in the order the answers come.
    enum Command {
        case opening
        case prepare(text: String, name: String)
        case statement(Int)
    }

    let id: UInt64
    let work: Work
    let deadlineNanoseconds: UInt64?
    private var continuation: CheckedContinuation<[Rows], any Error>?

    var commands: [Command] = []
    var nextCommand = 0
    var results: [Rows] = []
    var failure: PostgresFailure?
    /// COPY: how much of the text the connection has taken, and whether the end was said.
    var copied = 0
    var copyEnded = false
    var isCancelled = false
    /// The cancel request is on its way on a thread of its own; the connection must not be closed under it.
    var isCancelRequestRunning = false
    /// All answers are here, but the cancel request is not back.
    var waitsForCancelRequest = false

    init(
        id: UInt64, work: Work, deadlineNanoseconds: UInt64?, continuation: CheckedContinuation<[Rows], any Error>
    ) {
        self.id = id
        self.work = work
        self.deadlineNanoseconds = deadlineNanoseconds
        self.continuation = continuation
    }

    var isBatch: Bool { if case .batch = work { true } else { false } }

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

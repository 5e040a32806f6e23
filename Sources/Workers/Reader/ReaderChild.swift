package import Finance
internal import Glibc
package import Kernel

/// A `countersign-reader` process kept at hand, and started anew when it has ended for whatever reason.
///
/// Documents are opened one at a time. A crash or a document past its time ends the process and is an answer: the document is
/// unreadable, with the reason. Only what is no fault of the document, such as a missing program, is thrown.
package final class ReaderChild: @unchecked Sendable {
    private let program: String
    private let limits: ReaderLimits
    /// Guards `process`. It is held while a document is open, which is why every use has a thread of its own.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var process: ReaderProcess?

    /// Starts nothing yet. `program` is the absolute path of `countersign-reader`.
    package init(program: String, limits: ReaderLimits = .standard) {
        self.program = program
        self.limits = limits
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        let result = pthread_mutex_init(mutex, nil)
        precondition(result == 0, "no mutex: \(result)")
    }

    deinit {
        process?.end()
        pthread_mutex_destroy(mutex)
        mutex.deinitialize(count: 1)
        mutex.deallocate()
    }

    /// Opens a document without holding a thread of the cooperative pool. Throws a fault when there is no reader to ask.
    package func open(_ bytes: [UInt8]) async throws(Fault) -> DocumentReading {
        let result: Result<DocumentReading, Fault> = await withCheckedContinuation { continuation in
            OwnThread.run { continuation.resume(returning: self.reading(bytes)) }
        }
        return try result.get()
    }

    /// Opens a document and waits; for programs without concurrency.
    package func openBlocking(_ bytes: [UInt8]) throws(Fault) -> DocumentReading {
        try waiting { self.reading(bytes) }
    }

    /// The outline of an XML document: `{tree}`, or `{failure}` with its reason and place. No XML parser runs in this process.
    package func outlineBlocking(_ bytes: [UInt8]) throws(Fault) -> JSONValue {
        try waiting {
            self.attempt(bytes, as: .outline).map { answer in
                switch answer {
                case .outline(let json): json
                case .reading(let rejected):
                    [
                        "failure": [
                            "reason": .string(rejected.rejection?.reason ?? ""),
                            "message": .string(rejected.rejection?.message ?? ""),
                            "line": 1, "column": 1,
                        ]
                    ]
                }
            }
        }
    }

    private func waiting<Answer: Sendable>(_ work: @escaping @Sendable () -> Result<Answer, Fault>) throws(Fault) -> Answer {
        let box = Locked<Result<Answer, Fault>?>(nil)
        OwnThread.runAndWait {
            let result = work()
            box.withLock { $0 = result }
        }
        guard let result = box.withLock({ $0 }) else {
            throw Fault("opening a document", "no thread could be started", isRetryable: true)
        }
        return try result.get()
    }

    /// How far the running process is confined (`L0` to `L2`); nil while there is none.
    package var level: String? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return process?.level
    }

    /// The running process, for tests that end it; nil while there is none.
    package var processId: Int32? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return process?.pid
    }

    /// Ends the process; the next document starts another.
    package func close() {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        process?.end()
        process = nil
    }

    private func reading(_ bytes: [UInt8]) -> Result<DocumentReading, Fault> {
        attempt(bytes, as: .reading).flatMap { answer in
            guard case .reading(let reading) = answer else {
                return .failure(Fault("opening a document", "the reader gave another answer", isRetryable: false))
            }
            return .success(reading)
        }
    }

    /// What cannot be opened is answered with a rejected reading, whatever was asked for.
    private func attempt(_ bytes: [UInt8], as form: ReaderForm) -> Result<ReaderAnswer, Fault> {
        guard bytes.count <= limits.documentBytesMax else {
            return .success(
                ReaderChild.rejected(
                    "document.bytes", "The file has \(bytes.count) bytes, more than the \(limits.documentBytesMax) permitted."))
        }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        do {
            let wasFresh = process == nil
            if let reading = try ask(bytes, as: form) { return .success(reading) }
            // A process that had read others may have been ending by itself, or have been harmed by one of them: the document
            // gets one fresh process before it is blamed.
            if !wasFresh, let reading = try ask(bytes, as: form) { return .success(reading) }
            return .success(ReaderChild.rejected("reader.crashed", "The reader broke down on this file."))
        } catch {
            return .failure(error)
        }
    }

    /// Nil when the process ended instead of answering.
    private func ask(_ bytes: [UInt8], as form: ReaderForm) throws(Fault) -> ReaderAnswer? {
        let running: ReaderProcess
        if let process {
            running = process
        } else {
            running = try ReaderProcess(program: program, limits: limits)
        }
        process = running
        switch running.ask(bytes, as: form) {
        case .answered(let answer):
            if running.isSpent {
                running.end()
                process = nil
            }
            return answer
        case .timedOut:
            running.end()
            process = nil
            let seconds = limits.millisecondsPerDocument / 1000
            return ReaderChild.rejected("reader.timeout", "The file could not be read within \(seconds) seconds.")
        case .ended:
            running.end()
            process = nil
            return nil
        }
    }

    private static func rejected(_ reason: String, _ message: String) -> ReaderAnswer {
        .reading(
            DocumentReading(
                kind: .unknown, rejection: DocumentReading.Rejection(code: .documentUnreadable, reason: reason, message: message))
        )
    }
}

internal import Glibc
internal import Kernel
internal import Synchronization

/// Ctrl-C and SIGTERM as cancellation, so that everything we started is ended in order.
package enum StopSignal {
    /// Where the handler writes; a handler may do little more than write.
    private static let pipeEnd = Atomic<Int32>(-1)

    /// Runs `body` in a task that the first signal cancels. Later signals change nothing: the end is under way.
    package static func ending<Answer: Sendable>(_ body: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Fault("preparing for the end", String(cString: strerror(errno)), isRetryable: false) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        pipeEnd.store(ends[1], ordering: .sequentiallyConsistent)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { _ in
                var byte: UInt8 = 1
                _ = write(StopSignal.pipeEnd.load(ordering: .sequentiallyConsistent), &byte, 1)
            }
        }
        let task = Task { try await body() }
        watch(ends[0]) { task.cancel() }
        return try await task.value
    }

    /// A plain thread that waits for the first byte.
    private static func watch(_ descriptor: Int32, _ stop: @escaping @Sendable () -> Void) {
        final class Watch: Sendable {
            let descriptor: Int32
            let stop: @Sendable () -> Void
            init(_ descriptor: Int32, _ stop: @escaping @Sendable () -> Void) {
                self.descriptor = descriptor
                self.stop = stop
            }
        }
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(Watch(descriptor, stop)).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let watch = Unmanaged<Watch>.fromOpaque(argument).takeRetainedValue()
                var byte: UInt8 = 0
                while read(watch.descriptor, &byte, 1) < 0, errno == EINTR {}
                watch.stop()
                return nil
            }, retained)
        precondition(code == 0, "no thread for signals: \(code)")
        pthread_detach(thread)
    }
}

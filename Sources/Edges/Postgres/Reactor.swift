internal import CLinux
internal import Glibc
internal import Kernel

/// One thread that waits on epoll and runs the jobs of the actors and tasks that live on it.
///
/// It is both the serial executor of the connections and a task executor, so that a task pinned to it
/// (`withTaskExecutorPreference`) talks to its connection without changing threads: measured 1.7 to 2 times Dispatch. What runs
/// here must not block nor compute longer than about a millisecond, for every connection of the process waits meanwhile.
///
/// A reactor lives as long as the process: stopping one could lose a job that somebody awaits.
package final class Reactor: SerialExecutor, TaskExecutor, @unchecked Sendable {
    /// The one that stores, listeners and clusters use unless told otherwise.
    package static let shared = Reactor()

    /// Events taken from the kernel at once; the rest waits for the next turn.
    private static let eventsPerTurnMax = 64

    private struct Inbox {
        var jobs: [UnownedJob] = []
        var actions: [@Sendable () -> Void] = []
        var isSleeping = false
        var isEmpty: Bool { jobs.isEmpty && actions.isEmpty }
    }

    private struct Timer {
        let dueNanoseconds: UInt64
        let id: UInt64
        let action: @Sendable () -> Void
    }

    private let epoll: Int32
    private let wakeUp: Int32
    private let inbox = Locked(Inbox())
    private let lastID = Locked<UInt64>(0)
    // Touched by the reactor's thread alone.
    private var thread: pthread_t?
    private var handlers: [UInt64: @Sendable (UInt32) -> Void] = [:]
    private var timers: [Timer] = []

    package init() {
        epoll = cs_epoll_create()
        wakeUp = cs_eventfd_create()
        precondition(epoll >= 0 && wakeUp >= 0, "no descriptors for a reactor: errno \(errno)")
        precondition(cs_epoll_add(epoll, wakeUp, cs_event_readable, 0) == 0, "epoll refuses an eventfd: errno \(errno)")
        // Set before anything can be enqueued, so that the loop and the callers read it behind the inbox's lock.
        thread = BlockingThread.start(named: "reactor") { self.loop() }
    }

    // MARK: Executor

    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        wake(
            inbox.withLock {
                $0.jobs.append(unowned); return $0.isSleeping
            })
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Lets the connections' callbacks enter their actor: they are called on this thread, outside any job.
    package func checkIsolated() { precondition(isCurrent, "not on the reactor's thread") }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }

    private var isCurrent: Bool { thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false }

    // MARK: What connections ask for

    /// Runs `action` on the reactor's thread, soon and in order.
    func submit(_ action: @escaping @Sendable () -> Void) {
        wake(
            inbox.withLock {
                $0.actions.append(action); return $0.isSleeping
            })
    }

    /// Calls `handler` on the reactor's thread whenever `descriptor` is ready (level-triggered), until `stopWatching`.
    /// Answers the token that names the watch; on the reactor's thread only.
    func watch(_ descriptor: Int32, events: UInt32, handler: @escaping @Sendable (UInt32) -> Void) throws(Fault) -> UInt64 {
        let token = nextID()
        guard cs_epoll_add(epoll, descriptor, events, token) == 0 else {
            throw Fault("watching a descriptor", String(cString: strerror(errno)), isRetryable: true)
        }
        handlers[token] = handler
        return token
    }

    func change(_ token: UInt64, descriptor: Int32, events: UInt32) {
        // A failure means that the descriptor is gone, which its owner learns from libpq.
        _ = cs_epoll_change(epoll, descriptor, events, token)
    }

    func stopWatching(_ token: UInt64, descriptor: Int32) {
        handlers[token] = nil
        _ = cs_epoll_remove(epoll, descriptor)
    }

    /// Runs `action` on the reactor's thread after that time; the answer cancels it. From any thread.
    @discardableResult
    func after(milliseconds: Int, _ action: @escaping @Sendable () -> Void) -> UInt64 {
        let timer = Timer(
            dueNanoseconds: monotonicNanoseconds() + UInt64(max(0, milliseconds)) * 1_000_000, id: nextID(), action: action)
        if isCurrent {
            insert(timer)
        } else {
            submit { self.insert(timer) }
        }
        return timer.id
    }

    func cancelTimer(_ id: UInt64) {
        if isCurrent {
            timers.removeAll { $0.id == id }
        } else {
            submit { self.timers.removeAll { $0.id == id } }
        }
    }

    // MARK: The thread

    private func nextID() -> UInt64 {
        lastID.withLock {
            $0 += 1; return $0
        }
    }

    private func wake(_ isSleeping: Bool) {
        if isSleeping { cs_eventfd_signal(wakeUp) }
    }

    /// Keeps the latest first, so that the next one due is the last: there are few, one per busy connection or waiter.
    private func insert(_ timer: Timer) {
        var low = 0
        var high = timers.count
        while low < high {
            let middle = (low + high) / 2
            if timers[middle].dueNanoseconds > timer.dueNanoseconds { low = middle + 1 } else { high = middle }
        }
        timers.insert(timer, at: low)
    }

    private func loop() {
        var tokens = [UInt64](repeating: 0, count: Reactor.eventsPerTurnMax)
        var events = [UInt32](repeating: 0, count: Reactor.eventsPerTurnMax)
        while true {
            runInbox()
            runTimers()
            let mayRest = inbox.withLock { inbox in
                inbox.isSleeping = inbox.isEmpty
                return inbox.isSleeping
            }
            let count = cs_epoll_wait(epoll, &tokens, &events, Int32(Reactor.eventsPerTurnMax), mayRest ? restMilliseconds() : 0)
            if mayRest { inbox.withLock { $0.isSleeping = false } }
            precondition(count >= 0, "epoll_wait: errno \(errno)")
            for index in 0..<Int(count) {
                if tokens[index] == 0 {
                    cs_eventfd_clear(wakeUp)
                } else if let handler = handlers[tokens[index]] {
                    handler(events[index])
                }
            }
        }
    }

    private func runInbox() {
        let (jobs, actions) = inbox.withLock { inbox in
            let taken = (inbox.jobs, inbox.actions)
            inbox.jobs = []
            inbox.actions = []
            return taken
        }
        for action in actions { action() }
        let serial = asUnownedSerialExecutor()
        let task = asUnownedTaskExecutor()
        for job in jobs { job.runSynchronously(isolatedTo: serial, taskExecutor: task) }
    }

    private func runTimers() {
        guard !timers.isEmpty else { return }
        let now = monotonicNanoseconds()
        while let next = timers.last, next.dueNanoseconds <= now {
            timers.removeLast()
            next.action()
        }
    }

    private func restMilliseconds() -> Int32 {
        guard let next = timers.last else { return -1 }
        let now = monotonicNanoseconds()
        guard next.dueNanoseconds > now else { return 0 }
        return Int32(min((next.dueNanoseconds - now + 999_999) / 1_000_000, 60_000))
    }
}

/// The monotonic clock, for deadlines inside the process.
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// A thread for one blocking call: DNS and authentication while connecting, libpq's cancel request, the reactor's own loop.
enum BlockingThread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void
        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    @discardableResult
    static func start(named name: String, _ run: @escaping @Sendable () -> Void) -> pthread_t {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(name: name, run: run)).toOpaque()
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                cs_name_thread(body.name)
                body.run()
                return nil
            }, body)
        precondition(result == 0, "no thread for \(name): \(result)")
        return thread
    }

    /// Runs `work` on a thread of its own and waits for it without holding the caller's.
    static func run<Value: Sendable>(named name: String, _ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            start(named: name) { continuation.resume(returning: work()) }
        }
    }
}

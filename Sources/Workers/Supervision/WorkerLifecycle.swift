package import Kernel

/// The life of one worker process, as a machine: what is wanted, what happened, what to do.
///
/// A worker starts on demand, stops when idle, is started again after a crash with a growing pause, and is killed when it stops
/// giving signs of life. It has no clock and no process; the supervisor carries out what it says.
package struct WorkerLifecycle: Sendable, Equatable {
    package enum Phase: Sendable, Equatable {
        case stopped
        /// Spawned, has not said hello.
        case starting(since: Moment)
        case running(lastBeat: Moment, lastBusy: Moment)
        /// Asked to end; killed after the grace.
        case draining(since: Moment)
        /// Crashed; not started before `until`.
        case backingOff(until: Moment)

        var isRunning: Bool { if case .running = self { true } else { false } }
    }

    package enum Event: Sendable, Equatable {
        /// There is work or a question for this worker.
        case wanted
        case spawned
        case spawnFailed
        case greeted
        /// A sign of life; `isBusy` when it holds leases.
        case beat(isBusy: Bool)
        case exited
        case tick
        /// The server stops, or the worker must be replaced.
        case stop
    }

    package enum Action: Sendable, Equatable {
        case spawn
        /// Takes no new work, finishes and ends.
        case drain
        case kill
    }

    /// The paces; all in seconds.
    package struct Paces: Sendable, Equatable {
        /// A worker says hello within a tenth of a second; ten say that it never will.
        package var helloSeconds: Int64 = 10
        /// Three missed heartbeats of five seconds, and a little.
        package var silenceSeconds: Int64 = 17
        package var idleSeconds: Int64 = 300
        package var drainSeconds: Int64 = 20
        package var backoffSecondsMax: Int64 = 30

        package init() {}
    }

    package private(set) var phase: Phase = .stopped
    /// Crashes in a row, without a minute of running between them.
    package private(set) var failures = 0
    package private(set) var restarts = 0
    private var isWanted = false
    private var runningSince: Moment?

    package init() {}

    package mutating func handle(_ event: Event, at now: Moment, paces: Paces) -> [Action] {
        switch (event, phase) {
        case (.wanted, .stopped):
            phase = .starting(since: now)
            return [.spawn]
        case (.wanted, .running(let beat, _)):
            phase = .running(lastBeat: beat, lastBusy: now)
            return []
        case (.wanted, .draining), (.wanted, .backingOff), (.wanted, .starting):
            isWanted = true
            return []
        case (.spawned, _): return []
        case (.spawnFailed, _): return failed(at: now, paces: paces)
        case (.greeted, .starting):
            phase = .running(lastBeat: now, lastBusy: now)
            runningSince = now
            return []
        case (.beat(let isBusy), .running(_, let busy)):
            phase = .running(lastBeat: now, lastBusy: isBusy ? now : busy)
            return []
        case (.greeted, _), (.beat, _): return []
        case (.exited, .draining):
            phase = .stopped
            runningSince = nil
            return again(at: now)
        case (.exited, .stopped): return []
        case (.exited, _): return failed(at: now, paces: paces)
        case (.stop, .stopped), (.stop, .backingOff):
            phase = .stopped
            isWanted = false
            return []
        case (.stop, .draining): return []
        case (.stop, _):
            phase = .draining(since: now)
            isWanted = false
            return [.drain]
        case (.tick, _): return tick(at: now, paces: paces)
        }
    }

    private mutating func tick(at now: Moment, paces: Paces) -> [Action] {
        switch phase {
        case .stopped: return []
        case .starting(let since): return now.seconds(since: since) > paces.helloSeconds ? [.kill] : []
        case .running(let beat, let busy):
            if now.seconds(since: beat) > paces.silenceSeconds { return [.kill] }
            if let runningSince, now.seconds(since: runningSince) > 60 { failures = 0 }
            guard now.seconds(since: busy) > paces.idleSeconds else { return [] }
            phase = .draining(since: now)
            return [.drain]
        case .draining(let since): return now.seconds(since: since) > paces.drainSeconds ? [.kill] : []
        case .backingOff(let until):
            guard now >= until else { return [] }
            phase = .stopped
            return again(at: now)
        }
    }

    /// A crash: the next start waits 0.2 s, then twice as long each time, at most `backoffSecondsMax`.
    private mutating func failed(at now: Moment, paces: Paces) -> [Action] {
        failures += 1
        restarts += 1
        runningSince = nil
        isWanted = true
        let pause = min(paces.backoffSecondsMax * 1000, Int64(100) << Int64(min(failures, 12)))
        phase = .backingOff(until: now.adding(milliseconds: pause))
        return []
    }

    private mutating func again(at now: Moment) -> [Action] {
        guard isWanted else { return [] }
        isWanted = false
        phase = .starting(since: now)
        return [.spawn]
    }
}

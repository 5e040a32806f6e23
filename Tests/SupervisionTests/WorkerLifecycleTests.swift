import Kernel
import Supervision
import Testing

/// Walks a worker's life: each event at its second, and what the supervisor has to do.
private func walk(
    _ events: [(second: Int64, event: WorkerLifecycle.Event)]
) -> (machine: WorkerLifecycle, actions: [[WorkerLifecycle.Action]]) {
    var machine = WorkerLifecycle()
    let actions = events.map { machine.handle($0.event, at: Moment(seconds: 1_000 + $0.second), paces: .init()) }
    return (machine, actions)
}

@Suite("The life of a worker process")
struct WorkerLifecycleTests {
    @Test("a worker starts when there is work, once")
    func startsOnDemand() {
        let (_, actions) = walk([(0, .wanted), (0, .wanted), (1, .greeted), (2, .wanted)])
        #expect(actions == [[.spawn], [], [], []])
    }

    @Test("a worker without work is asked to end, and ends as stopped")
    func stopsWhenIdle() {
        let (machine, actions) = walk([(0, .wanted), (1, .greeted), (290, .beat(isBusy: false)), (302, .tick), (303, .exited)])
        #expect(actions == [[.spawn], [], [], [.drain], []])
        #expect(machine.phase == .stopped)
    }

    @Test("a busy worker is not idle, however long it lives")
    func busyStays() {
        let (_, actions) = walk([(0, .wanted), (1, .greeted), (400, .beat(isBusy: true)), (410, .tick)])
        #expect(actions.last == [])
    }

    @Test("work that arrives while a worker ends is done by its successor")
    func wantedWhileDraining() {
        let (_, actions) = walk([(0, .wanted), (1, .greeted), (2, .stop), (3, .wanted), (4, .exited)])
        #expect(actions == [[.spawn], [], [.drain], [], [.spawn]])
    }

    @Test("a worker that crashes comes back, each time after a longer pause")
    func backsOff() {
        var machine = WorkerLifecycle()
        var now = Moment(seconds: 0)
        var pauses: [Int64] = []
        _ = machine.handle(.wanted, at: now, paces: .init())
        for _ in 0..<12 {
            _ = machine.handle(.exited, at: now, paces: .init())
            guard case .backingOff(let until) = machine.phase else {
                Issue.record("a crash leads to a pause")
                return
            }
            pauses.append(until.milliseconds(since: now))
            now = until
            #expect(machine.handle(.tick, at: now, paces: .init()) == [.spawn])
        }
        #expect(pauses.first == 200)
        #expect(zip(pauses, pauses.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(pauses.last == 30_000)
        #expect(machine.restarts == 12)
    }

    @Test("a worker that never says hello is killed")
    func silentStart() {
        let (_, actions) = walk([(0, .wanted), (9, .tick), (11, .tick)])
        #expect(actions == [[.spawn], [], [.kill]])
    }

    @Test("a worker that falls silent is killed and started again")
    func silence() {
        let (_, actions) = walk([(0, .wanted), (1, .greeted), (18, .tick), (19, .tick), (19, .exited), (20, .tick)])
        #expect(actions == [[.spawn], [], [], [.kill], [], [.spawn]])
    }

    @Test("a worker that does not end when asked is killed after the grace")
    func drainGrace() {
        let (_, actions) = walk([(0, .wanted), (1, .greeted), (2, .stop), (10, .tick), (23, .tick)])
        #expect(actions == [[.spawn], [], [.drain], [], [.kill]])
    }
}

import Kernel
import TestBasics
import Testing

@testable import Workflows

@Suite("Attempts of one task")
struct TaskMachineTests {
    private static let start = Moment(seconds: 1_800_000_000)
    private static let retry = RetryPolicy(
        attemptsMax: 4, initialSeconds: 2, factorPercent: 200, capSeconds: 60, jitterPercent: 0)
    private static let read = TaskMachine.Rules(isWrite: false, retry: retry, settleSeconds: 25)
    private static let write = TaskMachine.Rules(isWrite: true, retry: retry, settleSeconds: 25)

    private func at(_ seconds: Int64) -> Moment { TaskMachineTests.start.adding(seconds: seconds) }

    @Test("a read that fails without effect is tried again later and later, then becomes a dead letter")
    func readBacksOff() {
        var task = TaskMachine()
        var now: Int64 = 0
        var pauses: [Int64] = []
        for epoch in 1...4 {
            _ = task.handle(
                .leased(epoch: Int64(epoch), expiresAt: at(now + 30)), at: at(now), under: TaskMachineTests.read, draw: 0)
            let actions = task.handle(
                .reported(epoch: Int64(epoch), .failed(code: "TIMEOUT", message: "slow", retryAfterSeconds: nil)), at: at(now),
                under: TaskMachineTests.read, draw: 0)
            guard case .backingOff(let until, .full) = task.phase else {
                #expect(actions.contains(.dead(code: "TIMEOUT", message: "slow")))
                break
            }
            pauses.append(until.seconds(since: at(now)))
            now += until.seconds(since: at(now))
            #expect(
                task.handle(.timerFired, at: at(now), under: TaskMachineTests.read, draw: 0) == [
                    .ready(phase: .full, notBefore: nil)
                ])
        }
        #expect(pauses == [2, 4, 8])
        #expect(task.phase == .dead(then: .full))
    }

    @Test("a server that asks for a pause gets it, up to a bound")
    func retryAfter() {
        for (asked, expected) in [(120, Int64(120)), (1, 2), (1_000_000, 3600)] {
            var task = TaskMachine()
            _ = task.handle(.leased(epoch: 1, expiresAt: at(30)), at: at(0), under: TaskMachineTests.read, draw: 0)
            _ = task.handle(
                .reported(epoch: 1, .failed(code: "429", message: "busy", retryAfterSeconds: asked)), at: at(0),
                under: TaskMachineTests.read, draw: 0)
            #expect(task.phase == .backingOff(until: at(expected), then: .full))
        }
    }

    @Test("a write in doubt is settled by a search after the lease and the settle time, never by writing again")
    func inDoubt() {
        var task = TaskMachine()
        _ = task.handle(.leased(epoch: 1, expiresAt: at(30)), at: at(0), under: TaskMachineTests.write, draw: 0)
        _ = task.handle(.reported(epoch: 1, .inDoubt(message: "no answer")), at: at(10), under: TaskMachineTests.write, draw: 0)
        #expect(task.phase == .settling(until: at(55), emptySearches: 0))
        #expect(task.handle(.timerFired, at: at(54), under: TaskMachineTests.write, draw: 0) == [.setTimer(at: at(55))])
        #expect(
            task.handle(.timerFired, at: at(55), under: TaskMachineTests.write, draw: 0) == [
                .ready(phase: .search, notBefore: nil)
            ])
        _ = task.handle(.leased(epoch: 2, expiresAt: at(85)), at: at(55), under: TaskMachineTests.write, draw: 0)
        let found = task.handle(
            .reported(epoch: 2, .found(["externalId": "B-1"])), at: at(56), under: TaskMachineTests.write, draw: 0)
        #expect(found.contains(.finish(.completed(["externalId": "B-1"]))))
        #expect(task.phase == .done)
    }

    @Test("only two empty searches, a settle time apart, allow another write")
    func twoEmptySearches() {
        var task = TaskMachine()
        _ = task.handle(.leased(epoch: 1, expiresAt: at(30)), at: at(0), under: TaskMachineTests.write, draw: 0)
        _ = task.handle(.leaseLost(epoch: 1), at: at(12), under: TaskMachineTests.write, draw: 0)
        #expect(task.phase == .settling(until: at(55), emptySearches: 0))
        _ = task.handle(.timerFired, at: at(55), under: TaskMachineTests.write, draw: 0)
        _ = task.handle(.leased(epoch: 2, expiresAt: at(90)), at: at(56), under: TaskMachineTests.write, draw: 0)
        _ = task.handle(.reported(epoch: 2, .absent), at: at(57), under: TaskMachineTests.write, draw: 0)
        #expect(task.phase == .settling(until: at(82), emptySearches: 1))
        _ = task.handle(.timerFired, at: at(82), under: TaskMachineTests.write, draw: 0)
        _ = task.handle(.leased(epoch: 3, expiresAt: at(120)), at: at(83), under: TaskMachineTests.write, draw: 0)
        let actions = task.handle(.reported(epoch: 3, .absent), at: at(84), under: TaskMachineTests.write, draw: 0)
        #expect(actions.contains(.ready(phase: .full, notBefore: nil)))
        #expect(task.phase == .ready(.full))
    }

    @Test("a search that is lost is repeated as a search")
    func lostSearch() {
        var task = TaskMachine()
        _ = task.handle(.leased(epoch: 1, expiresAt: at(30)), at: at(0), under: TaskMachineTests.write, draw: 0)
        _ = task.handle(.reported(epoch: 1, .inDoubt(message: "no answer")), at: at(1), under: TaskMachineTests.write, draw: 0)
        _ = task.handle(.timerFired, at: at(55), under: TaskMachineTests.write, draw: 0)
        _ = task.handle(.leased(epoch: 2, expiresAt: at(90)), at: at(55), under: TaskMachineTests.write, draw: 0)
        _ = task.handle(.leaseLost(epoch: 2), at: at(90), under: TaskMachineTests.write, draw: 0)
        #expect(task.phase == .backingOff(until: at(94), then: .search))
    }

    @Test("a report of an earlier lease is not used")
    func fencing() {
        var task = TaskMachine()
        _ = task.handle(.leased(epoch: 4, expiresAt: at(30)), at: at(0), under: TaskMachineTests.read, draw: 0)
        _ = task.handle(.leaseLost(epoch: 4), at: at(30), under: TaskMachineTests.read, draw: 0)
        let before = task
        let answer = task.handle(.reported(epoch: 4, .completed(.null)), at: at(31), under: TaskMachineTests.read, draw: 0)
        #expect(task == before)
        #expect(answer.count == 1)
        _ = task.handle(.timerFired, at: at(40), under: TaskMachineTests.read, draw: 0)
        _ = task.handle(.leased(epoch: 4, expiresAt: at(70)), at: at(40), under: TaskMachineTests.read, draw: 0)
        #expect(task.phase == .ready(.full), "an epoch never comes twice")
    }

    @Test("a dead write that was in doubt begins its replay with a search")
    func replayOfDoubt() {
        var task = TaskMachine()
        let once = TaskMachine.Rules(
            isWrite: true,
            retry: RetryPolicy(attemptsMax: 1, initialSeconds: 1, factorPercent: 100, capSeconds: 1, jitterPercent: 0),
            settleSeconds: 25)
        _ = task.handle(.leased(epoch: 1, expiresAt: at(30)), at: at(0), under: once, draw: 0)
        _ = task.handle(.reported(epoch: 1, .inDoubt(message: "no answer")), at: at(1), under: once, draw: 0)
        #expect(task.phase == .dead(then: .search))
        let actions = task.handle(.retriedByPerson(Person.ruth), at: at(100), under: once, draw: 0)
        #expect(actions.contains(.ready(phase: .search, notBefore: nil)))
    }

    @Test("no order of events writes again before two empty searches since the last doubt")
    func anyOrder() throws {
        let seed: UInt64 = 99
        print("task machine seed \(seed)")
        for number in 0..<2000 {
            var dice = Seeded(seed: seed &+ UInt64(number))
            var task = TaskMachine()
            var now: Int64 = 0
            var epoch: Int64 = 0
            var isDoubtful = false
            var empty = 0
            for _ in 0..<60 {
                now += Int64(dice.roll(40))
                if case .ready(.full) = task.phase, isDoubtful { #expect(empty >= 2, "seed \(seed &+ UInt64(number))") }
                let event = TaskMachineTests.event(&dice, task, &epoch, at: now)
                if case .leased(.full, let current, _) = task.phase {
                    switch event {
                    case .reported(current, .inDoubt), .reported(current, .absent), .leaseLost(current):
                        (isDoubtful, empty) = (true, 0)
                    case .leased, .extended, .reported, .leaseLost, .timerFired, .retriedByPerson, .barred: break
                    }
                }
                if case .leased(.search, let current, _) = task.phase, event == .reported(epoch: current, .absent) { empty += 1 }
                _ = task.handle(event, at: at(now), under: TaskMachineTests.write, draw: dice.next())
                #expect(try TaskMachine(json: JSONValue(parsing: task.json.text)) == task)
                if case .leased(.full, _, _) = task.phase { isDoubtful = false }
            }
        }
    }

    private static func event(_ dice: inout Seeded, _ task: TaskMachine, _ epoch: inout Int64, at now: Int64) -> TaskMachine.Event
    {
        let moment = start.adding(seconds: now)
        switch dice.roll(8) {
        case 0, 1, 2:
            epoch += 1
            return .leased(epoch: epoch, expiresAt: moment.adding(seconds: 30))
        case 3: return .leaseLost(epoch: task.lastEpoch)
        case 4: return .timerFired
        case 5: return .retriedByPerson(Person.ruth)
        case 6: return .extended(epoch: task.lastEpoch, expiresAt: moment.adding(seconds: 60))
        default:
            let reports: [TaskMachine.Report] = [
                .absent, .inDoubt(message: "?"), .failed(code: "X", message: "x", retryAfterSeconds: nil), .absent,
            ]
            return .reported(epoch: dice.roll(6) == 0 ? 0 : task.lastEpoch, dice.pick(reports) ?? .absent)
        }
    }
}

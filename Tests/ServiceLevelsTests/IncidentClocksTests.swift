import Kernel
import TestBasics
import Testing

@testable import ServiceLevels

/// Every case is worked by hand; the working stands beside it.
@Suite("clocks of incidents")
struct IncidentClocksTests {
    /// So counted time is elapsed time.
    private let always: ServiceCalendar

    init() throws { always = try aroundTheClock() }

    private static let minute: Int64 = 60
    private static func at(_ minutes: Int64) -> Moment { Moment(seconds: 1_784_000_040 + minutes * minute) }

    private static func promise(
        _ name: String, _ severities: Set<String>?, minutes: Int64, first isFirst: Bool = false
    ) -> IncidentPromise {
        IncidentPromise(name: name, isFirstResponse: isFirst, severities: severities, targetSeconds: minutes * minute)
    }

    private static let response = promise("first-response", nil, minutes: 30, first: true)
    private static let resolution = promise("resolution", nil, minutes: 240)
    private static let urgent = promise("resolution-urgent", ["sev1"], minutes: 60)
    private static let usual = promise("resolution-usual", ["sev2", "sev3"], minutes: 240)

    private static func change(
        _ kind: IncidentClocks.Change.Kind, _ minutes: Int64, _ severity: String = "sev2", merged: Bool = false
    ) -> IncidentClocks.Change {
        IncidentClocks.Change(kind, at: at(minutes), severity: severity, isMerged: merged)
    }

    private static func told(
        _ promises: [IncidentPromise], _ changes: [IncidentClocks.Change], answeredAt: Moment? = nil
    ) -> IncidentClocks {
        var clocks = IncidentClocks(openedAt: at(0), answeredAt: answeredAt, promises: promises)
        for change in changes { clocks.take(change) }
        return clocks
    }

    private func read(_ clocks: IncidentClocks, _ promise: IncidentPromise, asOf minutes: Int64) -> ClockReading {
        SLAClock.read(
            calendar: always,
            terms: ClockTerms(
                targetSeconds: promise.targetSeconds, metric: promise.isFirstResponse ? .firstResponse : .resolution),
            events: Array(clocks.events[promise.name] ?? []), asOf: Self.at(minutes))
    }

    private func minutes(_ moment: Moment?) -> Int64? { moment.map { ($0.seconds - Self.at(0).seconds) / Self.minute } }

    // MARK: First response

    @Test("a machine's answer is none: 10 by the key, 25 by a person of a target of 30 is 25 counted, and met")
    func machineIsNoAnswer() {
        let clocks = Self.told(
            [Self.response],
            [Self.change(.opened, 0), Self.change(.answered(isHuman: false), 10), Self.change(.answered(isHuman: true), 25)])
        let before = read(clocks, Self.response, asOf: 20)
        #expect(before.state == .running && before.elapsedSeconds == 20 * Self.minute)
        let after = read(clocks, Self.response, asOf: 50)
        #expect(after.state == .stopped && after.outcome == .met && after.elapsedSeconds == 25 * Self.minute)
    }

    @Test("an answer in the very second of the target is in time, and a second later it is not")
    func exactlyInTime() {
        for (late, outcome) in [(Int64(0), ClockReading.Outcome.met), (1, .breached)] {
            var clocks = Self.told([Self.response], [Self.change(.opened, 0)])
            clocks.take(
                IncidentClocks.Change(
                    .answered(isHuman: true), at: Self.at(30).adding(seconds: late), severity: "sev2"))
            #expect(read(clocks, Self.response, asOf: 60).outcome == outcome)
        }
    }

    @Test("an incident that ends by itself has had its answer: 12 of 30, met; it ignores that it comes back")
    func endedByItself() {
        let clocks = Self.told(
            [Self.response], [Self.change(.opened, 0), Self.change(.resolved, 12), Self.change(.reopened, 20)])
        let reading = read(clocks, Self.response, asOf: 300)
        #expect(reading.state == .stopped && reading.outcome == .met && reading.elapsedSeconds == 12 * Self.minute)
    }

    @Test("what was answered before it came under a promise is answered")
    func answeredBefore() {
        let late = Self.promise("first-response-urgent", ["sev1"], minutes: 15, first: true)
        let clocks = Self.told(
            [late], [Self.change(.opened, 0, "sev3"), Self.change(.changed, 90, "sev1")], answeredAt: Self.at(5))
        #expect(clocks.events.isEmpty)
    }

    // MARK: Resolution

    @Test("resolved at 100, back at 130, resolved at 250: 100 and 120 are 220 of 240, and met")
    func reopened() {
        let clocks = Self.told(
            [Self.resolution],
            [Self.change(.opened, 0), Self.change(.resolved, 100), Self.change(.reopened, 130), Self.change(.resolved, 250)])
        let reading = read(clocks, Self.resolution, asOf: 300)
        #expect(reading.outcome == .met && reading.elapsedSeconds == 220 * Self.minute)
    }

    @Test("resolved at 100 and back at 130, it has used up 240 at 270")
    func reopenedTooLong() {
        let clocks = Self.told(
            [Self.resolution], [Self.change(.opened, 0), Self.change(.resolved, 100), Self.change(.reopened, 130)])
        #expect(minutes(read(clocks, Self.resolution, asOf: 300).breachedAt) == 270)
    }

    @Test("back in the second of its end it goes on with the next second")
    func reopenedAtOnce() {
        let clocks = Self.told(
            [Self.resolution], [Self.change(.opened, 0), Self.change(.resolved, 100), Self.change(.reopened, 100)])
        let reading = read(clocks, Self.resolution, asOf: 110)
        #expect(reading.state == .running && reading.elapsedSeconds == 110 * Self.minute - 1)
    }

    // MARK: Severity

    @Test("raised at 90 past a target of 60: the urgent promise is broken at 90, not at 60, and the usual one is cancelled")
    func raisedPastTheTarget() {
        let clocks = Self.told(
            [Self.urgent, Self.usual], [Self.change(.opened, 0), Self.change(.changed, 90, "sev1")])
        #expect(read(clocks, Self.usual, asOf: 120).state == .cancelled)
        let reading = read(clocks, Self.urgent, asOf: 120)
        #expect(reading.elapsedSeconds == 120 * Self.minute && minutes(reading.breachedAt) == 90)
    }

    @Test("raised at 20 with 60 to go by: 20 are used up, due at 60, and ended at 50 it is met")
    func raisedInTime() {
        let clocks = Self.told(
            [Self.urgent, Self.usual],
            [Self.change(.opened, 0), Self.change(.changed, 20, "sev1"), Self.change(.resolved, 50, "sev1")])
        let reading = read(clocks, Self.urgent, asOf: 120)
        #expect(reading.outcome == .met && reading.elapsedSeconds == 50 * Self.minute && minutes(reading.dueAt) == 60)
    }

    @Test("lowering after a miss launders nothing: missed at 60 it stays missed, and the usual promise counts from the opening")
    func lowered() {
        let clocks = Self.told(
            [Self.urgent, Self.usual], [Self.change(.opened, 0, "sev1"), Self.change(.changed, 70, "sev2")])
        let urgent = read(clocks, Self.urgent, asOf: 200)
        #expect(urgent.state == .cancelled && urgent.outcome == .breached && minutes(urgent.breachedAt) == 60)
        let usual = read(clocks, Self.usual, asOf: 200)
        #expect(usual.state == .running && usual.outcome == .open && minutes(usual.dueAt) == 240)
    }

    @Test("there and back, the first clock runs on with all that was counted: raised at 10, lowered at 30, due at 240")
    func thereAndBack() {
        let clocks = Self.told(
            [Self.urgent, Self.usual],
            [Self.change(.opened, 0), Self.change(.changed, 10, "sev1"), Self.change(.changed, 30, "sev2")])
        #expect(read(clocks, Self.urgent, asOf: 40).state == .cancelled)
        let usual = read(clocks, Self.usual, asOf: 40)
        #expect(usual.state == .running && usual.elapsedSeconds == 40 * Self.minute && minutes(usual.dueAt) == 240)
    }

    @Test("a severity that nothing is promised for cancels the clock")
    func uncovered() {
        let clocks = Self.told(
            [Self.urgent, Self.usual], [Self.change(.opened, 0), Self.change(.changed, 10, "sev4")])
        let usual = read(clocks, Self.usual, asOf: 500)
        #expect(usual.state == .cancelled && usual.outcome == .open)
    }

    // MARK: Merging

    @Test("a merged incident's clock is cancelled; its survivor's goes on")
    func merged() {
        let clocks = Self.told(
            [Self.response, Self.resolution], [Self.change(.opened, 0), Self.change(.changed, 10, merged: true)])
        #expect(read(clocks, Self.response, asOf: 500).state == .cancelled)
        #expect(read(clocks, Self.resolution, asOf: 500).outcome == .open)
    }

    @Test("taken out at 100 it is as if it had never been merged: 100 counted, due at 240")
    func unmerged() {
        let clocks = Self.told(
            [Self.resolution],
            [Self.change(.opened, 0), Self.change(.changed, 10, merged: true), Self.change(.released(answeredAt: nil), 100)])
        let reading = read(clocks, Self.resolution, asOf: 100)
        #expect(reading.state == .running && reading.elapsedSeconds == 100 * Self.minute && minutes(reading.dueAt) == 240)
    }

    @Test("whoever answered the survivor at 20 answered this one: 20 of 30, met, though it was taken out at 100")
    func answeredMeanwhile() {
        let clocks = Self.told(
            [Self.response],
            [
                Self.change(.opened, 0), Self.change(.changed, 10, merged: true),
                Self.change(.released(answeredAt: Self.at(20)), 100),
            ])
        let reading = read(clocks, Self.response, asOf: 200)
        #expect(reading.outcome == .met && reading.elapsedSeconds == 20 * Self.minute)
    }

    // MARK: Order

    @Test("in which order answers, ends and returns are told says nothing, and what is told twice is told once")
    func order() {
        var dice = Seeded("the order in which an incident's changes are told")
        for _ in 0..<400 {
            var changes: [IncidentClocks.Change] = []
            for _ in 0..<dice.int(1...8) {
                let kinds: [IncidentClocks.Change.Kind] = [
                    .answered(isHuman: true), .answered(isHuman: false), .resolved, .reopened,
                ]
                let kind = kinds[dice.int(0...3)]
                changes.append(
                    IncidentClocks.Change(
                        kind,
                        at: Self.at(0).adding(seconds: Int64(dice.int(1...40))).adding(
                            milliseconds: Int64(dice.int(1...999))), severity: "sev2"))
            }
            let promises = [Self.response, Self.resolution]
            let opened = Self.change(.opened, 0)
            let inOrder = Self.told(promises, [opened] + changes)
            var mixed = changes + [changes[dice.int(0...changes.count - 1)]]
            for index in mixed.indices { mixed.swapAt(index, dice.int(0...mixed.count - 1)) }
            let inDisorder = Self.told(promises, [opened] + mixed)
            for promise in promises {
                #expect(
                    read(inOrder, promise, asOf: 5) == read(inDisorder, promise, asOf: 5), "\(promise.name): \(changes)")
            }
        }
    }

    @Test("over any changes of severity the time counts from the opening, and a miss is never taken back")
    func severities() {
        var dice = Seeded("an incident's severities")
        for _ in 0..<300 {
            var clocks = Self.told([Self.urgent, Self.usual], [Self.change(.opened, 0, "sev2")])
            var missed: [String: Moment] = [:]
            var minute: Int64 = 0
            for _ in 0..<dice.int(1...6) {
                minute += Int64(dice.int(1...60))
                let severity = ["sev1", "sev2", "sev3", "sev4"][dice.int(0...3)]
                clocks.take(Self.change(.changed, minute, severity))
                let wanted = [Self.urgent, Self.usual].first { $0.covers(severity) }
                for promise in [Self.urgent, Self.usual] where clocks.events[promise.name] != nil {
                    let reading = read(clocks, promise, asOf: minute)
                    if promise.name == wanted?.name {
                        #expect(reading.state == .running && reading.elapsedSeconds == minute * Self.minute)
                    } else {
                        #expect(reading.state == .cancelled)
                    }
                    if let known = missed[promise.name] { #expect(reading.breachedAt == known) }
                    if let breachedAt = reading.breachedAt { missed[promise.name] = breachedAt }
                }
            }
        }
    }
}

import Kernel
import Testing

@testable import ServiceLevels

/// Service Monday to Friday, 09:00 to 17:00 in Berlin; July is two hours ahead of UTC, winter one.
@Suite("a time of the day by which a case has to be done")
struct CutOffTests {
    private static let hour: Int64 = 3600

    private func next(_ start: String, _ wall: String, lead: Int64, _ calendar: ServiceCalendar) throws -> String? {
        let second = try #require(ServiceWindow.secondOfDay(wall))
        return CutOff.next(after: try at(start), at: second, leadSeconds: lead, calendar: calendar).map {
            "\($0.at.text(fraction: 0)) \($0.targetSeconds)"
        }
    }

    @Test("what begins a lead before it goes by today's, and what begins a second later by the next day's")
    func lead() throws {
        // Wednesday 8 July, 15:00 local is 13:00Z. Two hours before is 11:00Z: 7,200 s. A second later Thursday's is the first
        // that has them: 3 h 59 min 59 s... 13:00:01 to 17:00 local are 14,399 s, and Thursday 09:00 to 15:00 are 21,600 s.
        #expect(try next("2026-07-08T11:00:00Z", "15:00", lead: 7200, officeHours()) == "2026-07-08T13:00:00Z 7200")
        #expect(try next("2026-07-08T11:00:01Z", "15:00", lead: 7200, officeHours()) == "2026-07-09T13:00:00Z 35999")
    }

    @Test("weekends have none, and what begins on one goes by Monday's")
    func weekend() throws {
        // Friday 10 July 16:00 local: an hour is left, then Monday 09:00 to 15:00: 3,600 + 21,600.
        #expect(try next("2026-07-10T14:00:00Z", "15:00", lead: 7200, officeHours()) == "2026-07-13T13:00:00Z 25200")
        // Saturday: Monday 09:00 to 15:00.
        #expect(try next("2026-07-11T10:00:00Z", "15:00", lead: 7200, officeHours()) == "2026-07-13T13:00:00Z 21600")
    }

    @Test("the end of a day of service is one, a time outside of it never is")
    func edges() throws {
        #expect(try next("2026-07-08T11:00:00Z", "17:00", lead: 60, officeHours()) == "2026-07-08T15:00:00Z 14400")
        #expect(try next("2026-07-08T11:00:00Z", "09:00", lead: 60, officeHours()) == nil)
        #expect(try next("2026-07-08T11:00:00Z", "18:00", lead: 60, officeHours()) == nil)
    }

    @Test("it keeps its wall time over a change of clocks")
    func summerTime() throws {
        // Friday 27 March 2026, 16:00 local is 15:00Z; on Sunday clocks go forward, so Monday 15:00 local is 13:00Z.
        #expect(try next("2026-03-27T15:00:00Z", "15:00", lead: 7200, officeHours()) == "2026-03-30T13:00:00Z 25200")
    }

    @Test("a clock with that target is due at it, met up to it and missed the second after it")
    func clock() throws {
        let calendar = try officeHours()
        let start = try at("2026-07-08T11:00:01Z")
        let target = try #require(CutOff.next(after: start, at: 15 * 3600, leadSeconds: 7200, calendar: calendar)).targetSeconds
        let terms = ClockTerms(targetSeconds: 7200, pauseReasons: [])
        func read(_ stop: String) throws -> ClockReading {
            SLAClock.read(
                calendar: calendar, terms: terms, maintenance: [],
                events: [
                    ClockEvent(.start, at: start), ClockEvent(.retarget(seconds: target), at: start),
                    ClockEvent(.stop, at: try at(stop)),
                ], asOf: try at("2026-07-12T00:00:00Z"))
        }
        let kept = try read("2026-07-09T13:00:00Z")
        #expect(kept.outcome == .met && kept.dueAt?.text(fraction: 0) == "2026-07-09T13:00:00Z")
        #expect(try read("2026-07-09T13:00:01Z").outcome == .breached)
    }

    @Test("every start has one that is at least the lead ahead and the first such", arguments: [UInt64(7), 11, 2026])
    func property(seed: UInt64) throws {
        print("seed \(seed)")
        var dice = seed
        func roll(_ below: UInt64) -> Int64 {
            dice = dice &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int64((dice >> 33) % below)
        }
        let calendar = try officeHours()
        let base = try at("2026-01-01T00:00:00Z")
        for _ in 0..<200 {
            let start = base.adding(seconds: roll(365 * 86_400))
            let lead = 1 + roll(8 * 3600)
            let found = try #require(CutOff.next(after: start, at: 15 * 3600, leadSeconds: lead, calendar: calendar))
            #expect(found.targetSeconds >= lead)
            #expect(found.targetSeconds == calendar.serviceSeconds(from: start, to: found.at))
            let local = calendar.zone.localTime(at: found.at)
            #expect(local.secondOfDay == 15 * 3600)
            // Each earlier day's lies too near, or is no time of service.
            for days in 1...6 {
                let earlier = calendar.zone.instant(of: local.date.adding(days: -days), secondOfDay: 15 * 3600)
                #expect(
                    !calendar.isOpen(at: earlier.adding(seconds: -1))
                        || calendar.serviceSeconds(from: start, to: earlier) < lead)
            }
        }
    }
}

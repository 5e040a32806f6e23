import Kernel
import TestBasics
import Testing

@testable import ServiceLevels

@Suite("coverage of rotas")
struct RotaCoverageTests {
    @Test("an exchange moves what its giver has by then, and nobody loses a turn that they did not give away")
    func exchanges() throws {
        let zone = try ZoneRules.load("UTC")
        let first = try #require(CivilDate("2026-07-13"))
        func at(_ day: Int) -> Moment { zone.instant(of: first.adding(days: day), secondOfDay: 0) }
        func names(_ rota: Rota) -> String {
            (0..<8).map { day in rota.onCall(at: at(day).adding(seconds: 3600)).map { String($0.prefix(1)) } ?? "-" }.joined()
        }
        // A has the even days and B the odd ones; C has none.
        let rota = Rota(
            zone: zone,
            layers: [
                Rota.Layer(
                    start: Rota.LocalTime(date: first, secondOfDay: 0), turnDays: 1, users: ["A", "B"], restriction: nil)
            ], overrides: [])
        #expect(names(rota) == "ABABABAB")
        func exchange(_ from: Int, _ to: Int, _ giver: String, _ taker: String) -> Rota.Exchange {
            Rota.Exchange(start: at(from), end: at(to), giver: giver, taker: taker)
        }
        #expect(names(rota.laying([exchange(0, 4, "A", "C")])) == "CBCBABAB", "B keeps the days in between")
        let (early, late) = (exchange(0, 4, "A", "C"), exchange(0, 6, "A", "B"))
        #expect(names(rota.laying([early, late])) == "CBCBBBAB", "what went to C is not given away again")
        #expect(names(rota.laying([late, early])) == "BBBBBBAB")
        #expect(names(rota.laying([early, exchange(2, 3, "C", "A")])) == "CBABABAB", "C gives one day back")
        #expect(names(rota.laying([exchange(0, 8, "C", "A")])) == names(rota), "who has nothing gives nothing")
    }

    /// Who answers by walking every minute and remembering the latest wall time seen: nothing here knows of offsets.
    private struct MinuteWalk {
        let rota: Rota
        /// The furthest local reading so far, as days and seconds.
        private var reached = (day: Int.min, second: 0)

        init(_ rota: Rota) { self.rota = rota }

        mutating func step(to moment: Moment) -> String? {
            let local = rota.zone.localTime(at: moment)
            reached = max(reached, (local.date.daysSince1970, local.secondOfDay), by: <)
            if let override = rota.overrides.last(where: { $0.start <= moment && moment < $0.end }) { return override.user }
            for layer in rota.layers.reversed() where isOpen(layer) {
                let start = (layer.start.date.daysSince1970, layer.start.secondOfDay)
                guard !(reached < start) else { continue }
                var turn = (reached.day - start.0) / layer.turnDays
                if reached < (start.0 + turn * layer.turnDays, start.1) { turn -= 1 }
                return layer.users[turn % layer.users.count]
            }
            return nil
        }

        private func isOpen(_ layer: Rota.Layer) -> Bool {
            guard let restriction = layer.restriction else { return true }
            for day in (reached.day - 1)...reached.day where restriction.days.contains(CivilDate(daysSince1970: day).weekday) {
                let from = (day, restriction.window.from)
                let to =
                    restriction.window.to <= restriction.window.from
                    ? (day + 1, restriction.window.to) : (day, restriction.window.to)
                if !(reached < from), reached < to { return true }
            }
            return false
        }

        private func max(
            _ left: (day: Int, second: Int), _ right: (Int, Int), by less: ((Int, Int), (Int, Int)) -> Bool
        ) -> (
            day: Int, second: Int
        ) { less(left, right) ? right : left }
    }

    @Test("the shifts of a rota are those that a walk over every minute finds, in any zone and over any change of clocks")
    func minuteWalk() throws {
        var dice = Seeded("shifts agree with a walk over every minute")
        let changes = [
            ("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25"), ("America/New_York", "2026-03-08"),
            ("America/Santiago", "2026-09-06"), ("America/Santiago", "2026-04-05"), ("Australia/Lord_Howe", "2026-10-04"),
            ("Australia/Lord_Howe", "2026-04-05"), ("Asia/Kolkata", "2026-06-01"),
        ]
        for _ in 0..<20 {
            let (name, change) = changes[dice.int(0...(changes.count - 1))]
            let zone = try ZoneRules.load(name)
            let day = try #require(CivilDate(change))
            let rota = try sample(zone, around: day, &dice)
            let start = zone.instant(of: day.adding(days: -3), secondOfDay: 0)
            let end = zone.instant(of: day.adding(days: 4), secondOfDay: 0)
            let shifts = rota.shifts(from: start, to: end)
            #expect(shifts.first?.start == start && shifts.last?.end == end)
            var walk = MinuteWalk(rota)
            var at = start.adding(seconds: -3 * 86_400)
            var index = 0
            while at < end {
                let user = walk.step(to: at)
                if at >= start {
                    while shifts[index].end <= at { index += 1 }
                    guard shifts[index].user == user else {
                        Issue.record(
                            "\(name) at \(at): \(shifts[index].user ?? "nobody") and not \(user ?? "nobody"), seed \(dice.seed)")
                        return
                    }
                }
                at = at.adding(seconds: 60)
            }
        }
    }

    private func sample(_ zone: ZoneRules, around day: CivilDate, _ dice: inout Seeded) throws -> Rota {
        var layers: [Rota.Layer] = []
        for number in 0..<dice.int(1...3) {
            let start = Rota.LocalTime(
                date: day.adding(days: dice.int(-20...1)), secondOfDay: dice.int(0...95) * 900)
            let from = dice.int(0...95) * 900
            var to = dice.int(0...95) * 900
            if to == from { to = (from + 3600) % 86_400 }
            let hours = Rota.Restriction(
                days: Set((1...7).filter { _ in !dice.isLucky(oneIn: 3) }), window: ServiceWindow(from: from, to: to))
            layers.append(
                Rota.Layer(
                    start: start, turnDays: dice.isLucky(oneIn: 2) ? 1 : 7,
                    users: (0...dice.int(0...3)).map { "p\(number).\($0)" },
                    restriction: dice.isLucky(oneIn: 2) ? hours : nil))
        }
        var overrides: [Rota.Override] = []
        for number in 0..<dice.int(0...2) {
            let begin = zone.instant(of: day, secondOfDay: 0).adding(seconds: Int64(dice.int(-4000...4000)) * 60)
            overrides.append(
                Rota.Override(start: begin, end: begin.adding(seconds: Int64(dice.int(1...3000)) * 60), user: "o\(number)"))
        }
        return Rota(zone: zone, layers: layers, overrides: overrides)
    }

    @Test("office hours leave the nights open until a second layer takes them, and every second has its owner")
    func gaps() throws {
        let zone = try ZoneRules.load("Europe/Berlin")
        let start = Rota.LocalTime(date: try #require(CivilDate("2026-01-05")), secondOfDay: 9 * 3600)
        let office = Rota.Layer(
            start: start, turnDays: 7, users: ["ada", "ben"],
            restriction: Rota.Restriction(days: Set(1...5), window: ServiceWindow(from: 9 * 3600, to: 17 * 3600)))
        let day = Rota(zone: zone, layers: [office], overrides: [])
        // A week of 168 hours from Monday 9:00 on ends at 10:00 by summer time: five days of the office and its first hour.
        let from = try at("2026-03-23T08:00:00Z")
        let alone = RotaCoverage(of: [day], from: from, weeks: 1)
        #expect(alone.gapSeconds == (168 - 41) * 3600)
        #expect(alone.gaps.count == 5)
        #expect(alone.layers[0].load.map(\.seconds) == [40 * 3600, 3600])
        #expect(alone.layers[0].load.map(\.user) == ["ben", "ada"])
        let night = Rota(
            zone: zone, layers: [Rota.Layer(start: start, turnDays: 7, users: ["cleo"], restriction: nil)], overrides: [])
        let both = RotaCoverage(of: [day, night], from: from, weeks: 52)
        #expect(both.gaps.isEmpty)
        #expect(both.layers[1].load.map(\.seconds) == [52 * 7 * 86_400])
        let shared = both.layers[0].load
        #expect(shared.reduce(0) { $0 + $1.seconds } + both.layers[0].gapSeconds == 52 * 7 * 86_400)
        #expect(shared.count == 2 && abs(shared[0].seconds - shared[1].seconds) <= 8 * 3600)
    }

    @Test("what somebody takes over for somebody else is theirs to the second, and nobody's before the rota begins")
    func overrides() throws {
        let zone = try ZoneRules.load("America/New_York")
        let start = Rota.LocalTime(date: try #require(CivilDate("2026-11-01")), secondOfDay: 3600 + 1800)
        let layer = Rota.Layer(start: start, turnDays: 1, users: ["ada", "ben"], restriction: nil)
        let stand = Rota.Override(start: try at("2026-11-01T05:45:00Z"), end: try at("2026-11-01T06:15:00Z"), user: "cleo")
        let shifts = Rota(zone: zone, layers: [layer], overrides: [stand]).shifts(
            from: try at("2026-11-01T04:00:00Z"), to: try at("2026-11-02T12:00:00Z"))
        // 01:30 comes twice that night; the first one hands over.
        #expect(shifts.map(\.user) == [nil, "ada", "cleo", "ada", "ben"])
        #expect(
            shifts.map(\.start) == [
                try at("2026-11-01T04:00:00Z"), try at("2026-11-01T05:30:00Z"), try at("2026-11-01T05:45:00Z"),
                try at("2026-11-01T06:15:00Z"), try at("2026-11-02T06:30:00Z"),
            ])
    }
}

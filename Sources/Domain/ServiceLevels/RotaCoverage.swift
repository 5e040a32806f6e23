package import Kernel

extension Rota {
    /// A stretch in which one person answers, or nobody.
    package struct Shift: Hashable, Sendable {
        package let start: Moment
        package let end: Moment
        /// Nil is a gap.
        package let user: String?

        package var seconds: Int64 { end.seconds(since: start) }
    }

    /// Who answers from `start` to `end`, without holes and without two neighbours of one person.
    ///
    /// Asked only at the instants at which the answer can change, so a year costs some thousand questions and not half a million.
    package func shifts(from start: Moment, to end: Moment) -> [Shift] {
        guard start < end else { return [] }
        var shifts: [Shift] = []
        let edges = [start] + edges(from: start, to: end) + [end]
        for (from, to) in zip(edges, edges.dropFirst()) where from < to {
            let user = onCall(at: from)
            if let last = shifts.last, last.user == user {
                shifts[shifts.count - 1] = Shift(start: last.start, end: to, user: user)
            } else {
                shifts.append(Shift(start: from, end: to, user: user))
            }
        }
        return shifts
    }

    /// Hand-overs, edges of windows and of overrides that lie between, in order.
    private func edges(from start: Moment, to end: Moment) -> [Moment] {
        var found: Set<Moment> = []
        for override in overrides { found.formUnion([override.start, override.end]) }
        // An evening may spill over from the date before, and dates may be shifted against the instants by a day.
        let first = zone.localTime(at: start).date.adding(days: -2)
        let days = zone.localTime(at: end).date.daysSince1970 - first.daysSince1970 + 2
        for offset in 0...days {
            let date = first.adding(days: offset)
            for layer in layers {
                let since = date.daysSince1970 - layer.start.date.daysSince1970
                if since >= 0, since % layer.turnDays == 0 {
                    found.insert(zone.instant(of: date, secondOfDay: layer.start.secondOfDay))
                }
                guard let restriction = layer.restriction, restriction.days.contains(date.weekday) else { continue }
                for (day, part) in [(date, restriction.window.own), (date.adding(days: 1), restriction.window.spill)]
                where !part.isEmpty {
                    found.insert(zone.instant(of: day, secondOfDay: part.lowerBound))
                    found.insert(zone.instant(of: day, secondOfDay: part.upperBound))
                }
            }
        }
        return found.filter { start < $0 && $0 < end }.sorted()
    }
}

/// How well layers that are told one after the other cover the weeks to come.
package struct RotaCoverage: Sendable {
    /// One layer by itself.
    package struct Layer: Sendable {
        package let shifts: [Rota.Shift]
        /// What everybody carries, the most first.
        package let load: [(user: String, seconds: Int64)]

        package var gaps: [Rota.Shift] { shifts.filter { $0.user == nil } }
        package var gapSeconds: Int64 { gaps.reduce(0) { $0 + $1.seconds } }
    }

    package let from: Moment
    package let to: Moment
    package let layers: [Layer]
    /// Stretches in which no layer has anybody.
    package let gaps: [Span]

    package static let weeksMax = 104

    package init(of rotas: [Rota], from: Moment, weeks: Int) {
        precondition((1...RotaCoverage.weeksMax).contains(weeks), "a report over \(weeks) weeks")
        self.from = from
        to = from.adding(seconds: Int64(weeks) * 7 * 86_400)
        var layers: [Layer] = []
        var open = [Span(start: from.seconds, end: to.seconds)]
        for rota in rotas {
            let shifts = rota.shifts(from: from, to: to)
            var load: [String: Int64] = [:]
            for shift in shifts { if let user = shift.user { load[user, default: 0] += shift.seconds } }
            layers.append(
                Layer(
                    shifts: shifts,
                    load: load.map { ($0.key, $0.value) }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }))
            let gaps = shifts.filter { $0.user == nil }.map { Span(start: $0.start.seconds, end: $0.end.seconds) }
            open = Span.intersection(open, gaps)
        }
        self.layers = layers
        gaps = open
    }

    package var gapSeconds: Int64 { Span.seconds(gaps) }
}

extension Rota {
    /// Somebody takes what turns another has in a stretch of time.
    package struct Exchange: Hashable, Sendable {
        package let start: Moment
        /// First instant no longer exchanged.
        package let end: Moment
        package let giver: String
        package let taker: String

        package init(start: Moment, end: Moment, giver: String, taker: String) {
            self.start = start
            self.end = end
            self.giver = giver
            self.taker = taker
        }
    }

    /// The rota after exchanges, laid one after the other in the order in which they were agreed.
    ///
    /// Each moves only what its giver has by then: turns of others in between stay theirs, and what was given away is not given
    /// away again.
    package func laying(_ exchanges: [Exchange]) -> Rota {
        exchanges.reduce(self) { rota, exchange in
            let moved = rota.shifts(from: exchange.start, to: exchange.end).filter { $0.user == exchange.giver }.map { shift in
                Override(start: max(shift.start, exchange.start), end: min(shift.end, exchange.end), user: exchange.taker)
            }
            return moved.isEmpty ? rota : Rota(zone: rota.zone, layers: rota.layers, overrides: rota.overrides + moved)
        }
    }
}

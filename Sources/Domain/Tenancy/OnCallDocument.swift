package import Kernel
package import ServiceLevels

/// Who is called when: `operator/on-call/<name>.yaml`; hand-overs are wall times of a zone, never seconds.
package struct OnCallDocument: Sendable {
    package enum Rotation: String, CaseIterable, Sendable {
        case daily, weekly

        package var turnDays: Int { self == .daily ? 1 : 7 }
    }

    /// Who of a layer is told when its turn to answer has come.
    package enum Telling: String, CaseIterable, Sendable {
        /// Whoever is on call in it by the rota.
        case turn
        /// Its people one after the other, each new incident the next one.
        case roundRobin = "round-robin"
        case everyone
    }

    /// When a turn counts at all; outside of it the turns below are on call.
    package struct Hours: Sendable, Hashable {
        /// ISO weekdays, 1 is Monday.
        package let days: Set<Int>
        package let window: ServiceWindow

        package init(days: Set<Int>, window: ServiceWindow) {
            self.days = days
            self.window = window
        }
    }

    /// People who hand over to one another at a wall time.
    package struct Turn: Sendable, Hashable {
        package let start: CivilDate
        /// Wall time of every hand-over, seconds of the day.
        package let handOverSecond: Int
        package let rotation: Rotation
        /// Slugs of the operator's people, in turn order.
        package let people: [String]
        /// Nil: around the clock.
        package let hours: Hours?

        package init(start: CivilDate, handOverSecond: Int, rotation: Rotation, people: [String], hours: Hours? = nil) {
            self.start = start
            self.handOverSecond = handOverSecond
            self.rotation = rotation
            self.people = people
            self.hours = hours
        }

        var layer: Rota.Layer {
            Rota.Layer(
                start: Rota.LocalTime(date: start, secondOfDay: handOverSecond), turnDays: rotation.turnDays, users: people,
                restriction: hours.map { Rota.Restriction(days: $0.days, window: $0.window) })
        }
    }

    /// Those who are told together, before the next layer is.
    package struct Layer: Sendable, Hashable {
        package let title: String
        /// Laid over one another: a later one wins while its hours last.
        package let turns: [Turn]
        package let telling: Telling
        /// How long an unanswered page waits before the next layer is told, and after the last the duty manager.
        package let answerSeconds: Int

        package init(title: String, turns: [Turn], telling: Telling = .turn, answerSeconds: Int = 900) {
            self.title = title
            self.turns = turns
            self.telling = telling
            self.answerSeconds = answerSeconds
        }

        /// Everybody who may be told by this layer, each once, in the order written.
        package var people: [String] {
            var found: [String] = []
            for slug in turns.flatMap(\.people) where !found.contains(slug) { found.append(slug) }
            return found
        }
    }

    /// Somebody stands in for whoever has the turn; local wall times of the rota's zone, half-open.
    package struct Override: Sendable, Hashable {
        package let from: Rota.LocalTime
        package let to: Rota.LocalTime
        package let person: String
        /// 0 for the first layer.
        package let layer: Int

        package init(from: Rota.LocalTime, to: Rota.LocalTime, person: String, layer: Int) {
            self.from = from
            self.to = to
            self.person = person
            self.layer = layer
        }
    }

    /// The first and the further ones.
    package static let layersMax = 5
    /// Turns laid over the first of a layer.
    package static let turnsMax = 5
    package static let peopleMax = 50
    package static let overridesMax = 500
    /// Passes through all layers after the first.
    package static let repeatsMax = 4
    /// Layers told one after the other in all passes together.
    package static let stepsMax = layersMax * (repeatsMax + 1)
    /// How far ahead a coverage report looks.
    package static let coverageWeeks = 52

    package let name: String
    package let title: String
    package let timeZone: String
    package let layers: [Layer]
    package let repeats: Int
    package let overrides: [Override]
    package let channels: [PageChannel]
    package let settings: ChannelSettings
    package let dutyManager: String
    /// What is not urgent is told outside of these hours, and kept until they end inside; nil: it is only on the board.
    package let quietHours: ServiceWindow?
    /// The tenants that it answers for; nil for all that no other rota names.
    package let serves: TenantSelection?
    /// What is not urgent goes to these people together, and is not told otherwise.
    package let digests: [DigestRule]

    package init(
        name: String, title: String, timeZone: String, layers: [Layer], repeats: Int = 0, overrides: [Override] = [],
        channels: [PageChannel] = [.console], settings: ChannelSettings = .none, dutyManager: String,
        quietHours: ServiceWindow? = nil, serves: TenantSelection? = nil, digests: [DigestRule] = []
    ) {
        self.name = name
        self.title = title
        self.timeZone = timeZone
        self.layers = layers
        self.repeats = repeats
        self.overrides = overrides
        self.channels = channels
        self.settings = settings
        self.dutyManager = dutyManager
        self.quietHours = quietHours
        self.serves = serves
        self.digests = digests
    }

    /// Who gets a digest of what can wait at this tenant, each once.
    package func digested(tenant: String, partner: String?) -> [String] {
        var found: [String] = []
        for rule in digests where rule.selection.includes(tenant: tenant, partner: partner) {
            for slug in rule.people where !found.contains(slug) { found.append(slug) }
        }
        return found
    }

    /// The rota of one layer as it is written; what people agreed between themselves is laid over it.
    package func rota(ofLayer index: Int, zone: ZoneRules) -> Rota {
        let written = overrides.filter { $0.layer == index }.map { item in
            Rota.Override(
                start: zone.instant(of: item.from.date, secondOfDay: item.from.secondOfDay),
                end: zone.instant(of: item.to.date, secondOfDay: item.to.secondOfDay), user: item.person)
        }
        return Rota(zone: zone, layers: layers[index].turns.map(\.layer), overrides: written)
    }

    /// The layer that is told at a step of the escalation, counted over all passes from 0; nil when nobody is left.
    package func layer(atStep step: Int) -> Int? {
        step < layers.count * (repeats + 1) ? step % layers.count : nil
    }

    /// When something that is not urgent may be told: now outside of the quiet hours, at their end inside; nil without any.
    package func quietUntil(_ now: Moment, zone: ZoneRules) -> Moment? {
        guard let quietHours else { return nil }
        let today = zone.localTime(at: now).date
        for offset in -1...1 {
            let date = today.adding(days: offset)
            for (day, part) in [(date, quietHours.own), (date.adding(days: 1), quietHours.spill)] where !part.isEmpty {
                let end = zone.instant(of: day, secondOfDay: part.upperBound)
                guard zone.instant(of: day, secondOfDay: part.lowerBound) <= now, now < end else { continue }
                // An overnight window goes on after midnight.
                if part.upperBound == ServiceWindow.dayEnd, !quietHours.spill.isEmpty {
                    return zone.instant(of: day.adding(days: 1), secondOfDay: quietHours.spill.upperBound)
                }
                return end
            }
        }
        return now
    }
}

package import Kernel

/// Who is on call: layers of people who hand over at local wall times, and overrides.
///
/// Hand-overs are wall times of the rota's zone mapped by R2, never a number of seconds, so a shift that begins at 09:00 begins
/// at 09:00 in summer too.
package struct Rota: Sendable {
    /// A local wall time without zone.
    package struct LocalTime: Hashable, Sendable {
        package let date: CivilDate
        package let secondOfDay: Int

        package init(date: CivilDate, secondOfDay: Int) {
            self.date = date
            self.secondOfDay = secondOfDay
        }
    }

    /// The layer counts only on these days and in this window; overnight when `to <= from`, as in a calendar (R4).
    package struct Restriction: Hashable, Sendable {
        /// ISO weekdays, 1 is Monday.
        package let days: Set<Int>
        package let window: ServiceWindow

        package init(days: Set<Int>, window: ServiceWindow) {
            self.days = days
            self.window = window
        }
    }

    package struct Layer: Hashable, Sendable {
        package let start: LocalTime
        /// 1 for daily, 7 for weekly rotation.
        package let turnDays: Int
        package let users: [String]
        package let restriction: Restriction?

        package init(start: LocalTime, turnDays: Int, users: [String], restriction: Restriction?) {
            precondition(!users.isEmpty && turnDays > 0, "a layer without people or turns")
            self.start = start
            self.turnDays = turnDays
            self.users = users
            self.restriction = restriction
        }
    }

    /// Half-open; beats every layer.
    package struct Override: Hashable, Sendable {
        package let start: Moment
        package let end: Moment
        package let user: String

        package init(start: Moment, end: Moment, user: String) {
            self.start = start
            self.end = end
            self.user = user
        }
    }

    package let zone: ZoneRules
    package let layers: [Layer]
    package let overrides: [Override]

    package init(zone: ZoneRules, layers: [Layer], overrides: [Override]) {
        self.zone = zone
        self.layers = layers
        self.overrides = overrides
    }

    /// Who answers at that instant; nil when nobody does, which is a gap to be shown beforehand.
    ///
    /// Of overlapping overrides the later in the list wins, as of layers.
    package func onCall(at moment: Moment) -> String? {
        if let override = overrides.last(where: { $0.start <= moment && moment < $0.end }) { return override.user }
        for layer in layers.reversed() {
            if let user = user(of: layer, at: moment) { return user }
        }
        return nil
    }

    private func user(of layer: Layer, at moment: Moment) -> String? {
        guard handOver(0, of: layer) <= moment, isWithin(layer.restriction, moment) else { return nil }
        let today = zone.localTime(at: moment).date.daysSince1970
        // Local dates run close to the count of days, so the turn is this one or a neighbour.
        var turn = max(0, (today - layer.start.date.daysSince1970) / layer.turnDays + 1)
        while turn > 0 && handOver(turn, of: layer) > moment { turn -= 1 }
        return layer.users[turn % layer.users.count]
    }

    private func handOver(_ turn: Int, of layer: Layer) -> Moment {
        zone.instant(of: layer.start.date.adding(days: turn * layer.turnDays), secondOfDay: layer.start.secondOfDay)
    }

    private func isWithin(_ restriction: Restriction?, _ moment: Moment) -> Bool {
        guard let restriction else { return true }
        let today = zone.localTime(at: moment).date
        // The date before may still be running where clocks go back over midnight, and its evening may spill over.
        for offset in -2...1 {
            let date = today.adding(days: offset)
            guard restriction.days.contains(date.weekday) else { continue }
            if isWithin(restriction.window.own, of: date, moment) { return true }
            if isWithin(restriction.window.spill, of: date.adding(days: 1), moment) { return true }
        }
        return false
    }

    private func isWithin(_ part: Range<Int>, of date: CivilDate, _ moment: Moment) -> Bool {
        guard !part.isEmpty else { return false }
        return zone.instant(of: date, secondOfDay: part.lowerBound) <= moment
            && moment < zone.instant(of: date, secondOfDay: part.upperBound)
    }
}

extension Rota {
    static func explain(_ document: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> JSONValue? {
        let members = ["kind", "id", "expect", "working", "timezone", "layers", "overrides", "at"]
        guard let fields = DocumentFields(document, at: pointer, known: members, issues: &issues) else { return nil }
        let before = issues.count
        guard let name = fields.text("timezone", issues: &issues),
            let zone = readZone(name, at: fields.child("timezone"), issues: &issues)
        else { return nil }
        let layers = fields.items("layers", max: ServiceBounds.layersMax, issues: &issues).compactMap { item, at in
            readLayer(item, at: at, issues: &issues)
        }
        let overrides = fields.items("overrides", max: ServiceBounds.overridesMax, issues: &issues).compactMap { item, at in
            readOverride(item, at: at, zone: zone, issues: &issues)
        }
        let moments = fields.items("at", max: ServiceBounds.casesMax, isRequired: true, issues: &issues).compactMap { item, at in
            readMoment(item, at: at, issues: &issues)
        }
        guard issues.count == before else { return nil }
        let rota = Rota(zone: zone, layers: layers, overrides: overrides)
        return .array(moments.map { JSONValue(rota.onCall(at: $0)) })
    }

    private static func readLayer(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Layer? {
        let members = ["start", "rotation", "users", "restriction"]
        guard let fields = DocumentFields(json, at: pointer, known: members, issues: &issues) else { return nil }
        let start = fields.text("start", issues: &issues).flatMap { text -> LocalTime? in
            if let local = LocalTime(text) { return local }
            issues.append(
                AssetIssue(
                    fields.child("start"), "\(shown(text)) is not a local wall time.",
                    remedy: "Write it without an offset, such as 2026-03-02T09:00; the rota's zone applies."))
            return nil
        }
        let rotation = fields.word("rotation", of: ["daily", "weekly"], issues: &issues)
        let items = fields.items("users", max: ServiceBounds.usersMax, isRequired: true, issues: &issues)
        let users = items.compactMap { item, at in readText(item, at: at, issues: &issues) }
        if items.isEmpty, fields.value("users")?.array?.isEmpty == true {
            issues.append(AssetIssue(fields.child("users"), "A layer needs somebody.", remedy: "Name at least one person."))
        }
        let before = issues.count
        let restriction = fields.value("restriction").flatMap {
            readRestriction($0, at: fields.child("restriction"), issues: &issues)
        }
        guard let start, let rotation, !users.isEmpty, issues.count == before else { return nil }
        return Layer(start: start, turnDays: rotation == "daily" ? 1 : 7, users: users, restriction: restriction)
    }

    private static func readRestriction(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Restriction? {
        guard let fields = DocumentFields(json, at: pointer, known: ["days", "from", "to"], issues: &issues) else { return nil }
        var days = Set(1...7)
        if fields.value("days") != nil {
            let words = fields.items("days", max: 7, issues: &issues)
            days = Set(
                words.compactMap { item, at in
                    if let index = item.string.flatMap({ ServiceCalendar.weekdays.firstIndex(of: $0) }) { return index + 1 }
                    issues.append(
                        AssetIssue(
                            at, "\(shown(item)) is not a day.", remedy: "Use \(ServiceCalendar.weekdays.joined(separator: ", "))."
                        ))
                    return nil
                })
        }
        let from = fields.value("from").map { ServiceWindow.time($0, at: fields.child("from"), issues: &issues) } ?? 0
        let to =
            fields.value("to").map { ServiceWindow.time($0, at: fields.child("to"), issues: &issues) } ?? ServiceWindow.dayEnd
        guard let from, let to else { return nil }
        return Restriction(days: days, window: ServiceWindow(from: from, to: to))
    }

    /// An override's edges are instants, or local wall times when they carry no offset.
    private static func readOverride(
        _ json: JSONValue, at pointer: String, zone: ZoneRules, issues: inout [AssetIssue]
    ) -> Override? {
        guard let fields = DocumentFields(json, at: pointer, known: ["start", "end", "user"], issues: &issues) else { return nil }
        func edge(_ key: String) -> Moment? {
            guard let value = fields.required(key, "an instant", issues: &issues) else { return nil }
            if let local = value.string.flatMap({ LocalTime($0) }) {
                return zone.instant(of: local.date, secondOfDay: local.secondOfDay)
            }
            return readMoment(value, at: fields.child(key), issues: &issues)
        }
        let start = edge("start")
        let end = edge("end")
        guard let user = fields.text("user", issues: &issues), let start, let end else { return nil }
        return Override(start: start, end: end, user: user)
    }
}

extension Rota.LocalTime {
    /// Reads `YYYY-MM-DDTHH:MM` or with `:SS`; a space may stand for the `T`. Nil for anything with an offset.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 16 || bytes.count == 19, bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " "),
            let date = CivilDate(String(decoding: bytes[0..<10], as: UTF8.self)),
            let minute = ServiceWindow.secondOfDay(String(decoding: bytes[11..<16], as: UTF8.self)), minute < ServiceWindow.dayEnd
        else { return nil }
        var second = 0
        if bytes.count == 19 {
            let digits = bytes[17...18].map { Int($0) - 48 }
            guard bytes[16] == UInt8(ascii: ":"), digits.allSatisfy({ (0...9).contains($0) }) else { return nil }
            second = digits[0] * 10 + digits[1]
            guard second < 60 else { return nil }
        }
        self.init(date: date, secondOfDay: minute + second)
    }
}

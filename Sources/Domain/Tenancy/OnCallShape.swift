package import Kernel
internal import ServiceLevels

/// How a rota is written, and what of it no shape can say.
extension OnCallDocument {
    package static let shape = ObjectShape(
        "an on-call rota", "Who is called when, by which channels, and who if nobody answers.",
        [
            required("kind", .choice(["on-call"]), "always `on-call`."),
            required("name", .text(.slug), "the file's name."),
            required("title", .text(.line), "as shown on incidents."),
            required("timezone", .text(.timeZone), "zone of all wall times here."),
            required("start", .text(.date), "date of the first hand-over, to the first person."),
            required("handOver", .text(.wallTime), "wall time of every hand-over."),
            required("rotation", .choice(Rotation.allCases.map(\.rawValue)), "how often it hands over."),
            required("people", .list(of: .text(.slug), count: 1...peopleMax), "ids of the operator's people, in turn."),
            optional("hours", .object(hoursShape), "when this turn counts; around the clock unless given."),
            optional("turns", turnsShape, "further turns laid over the first: a later one wins while its hours last."),
            tellingMember,
            optional(
                "layers", .list(of: .object(layerShape), count: 1...(layersMax - 1)),
                "who is told next when the people above do not answer, one layer after the other."),
            optional("repeats", .integer(0...repeatsMax), "passes through all layers after the first; 0 unless given."),
            optional(
                "overrides", .list(of: .object(overrideShape), count: 1...overridesMax),
                "who stands in, from when to when; of two at one time the later in the list."),
            optional(
                "channels", .list(of: .choice(PageChannel.allCases.map(\.rawValue)), count: 1...PageChannel.allCases.count),
                "how pages reach people, all of them at once; `console` unless given."),
            required("dutyManager", .text(.slug), "who is called when nobody answers."),
            optional(
                "escalateAfterMinutes", .integer(1...240),
                "minutes without an answer before the next layer is told, and after the last the duty manager; 15 unless given."),
            optional(
                "quietHours", .object(windowShape),
                "tell what is not urgent too, but not in these hours; unless given it is only shown on the board."),
            optional(
                "serves",
                .object(
                    ObjectShape("tenants of a rota", "For whom this rota answers.", TenantSelection.members)),
                "the tenants that it answers for; unless given all that no other rota names."),
            optional(
                "digests", .list(of: .object(DigestRule.shape), count: 1...DigestRule.rulesMax),
                "what is not urgent, mailed together instead of told one by one; needs `mail`."),
        ] + ChannelSettings.members)

    private static let tellingMember = optional(
        "tell", .choice(Telling.allCases.map(\.rawValue)),
        "whose turn it is (`turn`, unless given), the next person with each incident, or everyone of the layer.")

    private static let windowShape = ObjectShape(
        "hours", "A window of wall time; over midnight when the end is not after the beginning.",
        [required("from", .text(.wallTime), "its beginning."), required("to", .text(.wallTime), "its end.")])

    private static let hoursShape = ObjectShape(
        "the hours of a turn", "Days and a window of wall time; over midnight when the end is not after the beginning.",
        [
            optional(
                "days", .list(of: .choice(ServiceCalendar.weekdays), count: 1...7), "weekdays; all of them unless given."),
            required("from", .text(.wallTime), "beginning of the window on such a day."),
            required("to", .text(.wallTime), "its end; 00:00 is midnight."),
        ])

    private static let turnsShape = Shape.list(
        of: .object(
            ObjectShape(
                "a turn", "People who hand over to one another; what is left out is as in the layer.",
                [
                    required("people", .list(of: .text(.slug), count: 1...peopleMax), "ids of the operator's people, in turn."),
                    optional("start", .text(.date), "date of the first hand-over."),
                    optional("handOver", .text(.wallTime), "wall time of every hand-over."),
                    optional("rotation", .choice(Rotation.allCases.map(\.rawValue)), "how often it hands over."),
                    optional("hours", .object(hoursShape), "when this turn counts; around the clock unless given."),
                ])), count: 1...turnsMax)

    private static let layerShape = ObjectShape(
        "a layer", "People who take turns and are told when nobody before them answers; what is left out is as in the rota.",
        [
            required("title", .text(.line), "as shown on incidents."),
            required("people", .list(of: .text(.slug), count: 1...peopleMax), "ids of the operator's people, in turn."),
            optional("start", .text(.date), "date of the first hand-over."),
            optional("handOver", .text(.wallTime), "wall time of every hand-over."),
            optional("rotation", .choice(Rotation.allCases.map(\.rawValue)), "how often it hands over."),
            optional("hours", .object(hoursShape), "when this turn counts; around the clock unless given."),
            optional("turns", turnsShape, "further turns laid over the first."), tellingMember,
            optional("escalateAfterMinutes", .integer(1...240), "minutes before the next layer is told."),
        ])

    private static let overrideShape = ObjectShape(
        "an override", "Somebody stands in for whoever has the turn.",
        [
            required("from", .text(.localTime), "local wall time at which it begins."),
            required("to", .text(.localTime), "local wall time at which it is over."),
            required("person", .text(.slug), "id of one of the operator's people."),
            optional("layer", .integer(1...layersMax), "the layer, counted from 1; the first unless given."),
        ])

    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> OnCallDocument? {
        guard shape.check(json, issues: &issues) else { return nil }
        let before = issues.count
        let fields = Fields(json)
        let base = Written(json, at: "", above: nil, title: fields.text("title"), issues: &issues)
        let layers =
            [base.layer]
            + fields.list("layers").enumerated().map { index, item in
                Written(item, at: "/layers/\(index)", above: base, title: Fields(item).text("title"), issues: &issues).layer
            }
        let overrides = fields.list("overrides").enumerated().compactMap { index, item in
            override(item, at: "/overrides/\(index)", layers: layers.count, issues: &issues)
        }
        let channels = json["channels"] == nil ? [.console] : fields.texts("channels").compactMap(PageChannel.init(rawValue:))
        let settings = ChannelSettings.parse(json, channels: channels, issues: &issues)
        let quiet = json["quietHours"].flatMap { window($0, at: "/quietHours", issues: &issues) }
        if json["digests"] != nil, settings.mail == nil {
            issues.append(
                AssetIssue("/digests", "Nothing says how digests are mailed.", remedy: "Add a member `mail`, or leave them out."))
        }
        guard issues[before...].allSatisfy({ $0.severity != .error }) else { return nil }
        return OnCallDocument(
            name: fields.text("name"), title: fields.text("title"), timeZone: fields.text("timezone"), layers: layers,
            repeats: fields.integer("repeats", or: 0), overrides: overrides,
            channels: channels, settings: settings, dutyManager: fields.text("dutyManager"), quietHours: quiet,
            serves: json["serves"].map { TenantSelection($0) }, digests: fields.list("digests").map { DigestRule($0) })
    }

    /// What a layer says, with what it leaves out taken from the rota.
    private struct Written {
        let start: CivilDate?
        let handOverSecond: Int?
        let rotation: Rotation?
        let telling: Telling
        let answerSeconds: Int
        let layer: Layer

        init(_ json: JSONValue, at pointer: String, above: Written?, title: String, issues: inout [AssetIssue]) {
            let fields = Fields(json)
            start = fields.textIfAny("start").flatMap { CivilDate($0) } ?? above?.start
            handOverSecond = fields.textIfAny("handOver").flatMap { ServiceWindow.secondOfDay($0) } ?? above?.handOverSecond
            rotation = fields.textIfAny("rotation").flatMap { Rotation(rawValue: $0) } ?? above?.rotation
            telling = fields.textIfAny("tell").flatMap { Telling(rawValue: $0) } ?? .turn
            answerSeconds = json["escalateAfterMinutes"]?.int.map { $0 * 60 } ?? above?.answerSeconds ?? 900
            var turns: [Turn] = []
            let written =
                [(json, pointer)] + fields.list("turns").enumerated().map { ($0.element, "\(pointer)/turns/\($0.offset)") }
            for (item, place) in written {
                let own = Fields(item)
                let hours = item["hours"].flatMap { OnCallDocument.hours($0, at: place + "/hours", issues: &issues) }
                guard let start = own.textIfAny("start").flatMap({ CivilDate($0) }) ?? start,
                    let second = own.textIfAny("handOver").flatMap({ ServiceWindow.secondOfDay($0) }) ?? handOverSecond,
                    let rotation = own.textIfAny("rotation").flatMap({ Rotation(rawValue: $0) }) ?? rotation
                else { continue }
                turns.append(
                    Turn(start: start, handOverSecond: second, rotation: rotation, people: own.texts("people"), hours: hours))
            }
            layer = Layer(title: title, turns: turns, telling: telling, answerSeconds: answerSeconds)
        }
    }

    private static func hours(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Hours? {
        let words = Fields(json).texts("days")
        let days =
            words.isEmpty ? Set(1...7) : Set(words.compactMap { ServiceCalendar.weekdays.firstIndex(of: $0).map { $0 + 1 } })
        return window(json, at: pointer, issues: &issues).map { Hours(days: days, window: $0) }
    }

    private static func window(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> ServiceWindow? {
        let fields = Fields(json)
        guard let from = ServiceWindow.secondOfDay(fields.text("from")), let to = ServiceWindow.secondOfDay(fields.text("to"))
        else { return nil }
        guard from != to else {
            issues.append(
                AssetIssue(
                    pointer + "/to", "A window that begins and ends at one time is none.",
                    remedy: "Leave the hours out for around the clock."))
            return nil
        }
        return ServiceWindow(from: from, to: to)
    }

    private static func override(
        _ json: JSONValue, at pointer: String, layers: Int, issues: inout [AssetIssue]
    ) -> Override? {
        let fields = Fields(json)
        guard let from = Rota.LocalTime(fields.text("from")), let to = Rota.LocalTime(fields.text("to")) else { return nil }
        let layer = fields.integer("layer", or: 1)
        if layer > layers {
            issues.append(
                AssetIssue(pointer + "/layer", "There is no layer \(layer).", remedy: "The rota has \(layers), counted from 1."))
            return nil
        }
        guard (from.date.daysSince1970, from.secondOfDay) < (to.date.daysSince1970, to.secondOfDay) else {
            issues.append(
                AssetIssue(pointer + "/to", "The override ends before it begins.", remedy: "Write a later time, or swap the two.")
            )
            return nil
        }
        return Override(from: from, to: to, person: fields.text("person"), layer: layer - 1)
    }
}

extension TextRule {
    /// A wall time of a date without a zone.
    package static let localTime = TextRule(
        "a local wall time", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$", length: 16...16,
        remedy: "Write date and wall time without a zone, in quotes, such as \"2026-12-24T18:00\"."
    ) { text in
        Rota.LocalTime(text) != nil && text.utf8.dropFirst(10).first == UInt8(ascii: "T")
    }
}

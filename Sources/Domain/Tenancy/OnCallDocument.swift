package import Kernel

/// Who is called when: `operator/on-call/<name>.yaml`; hand-overs are wall times of a zone, never seconds.
package struct OnCallDocument: Sendable {
    package enum Rotation: String, CaseIterable, Sendable { case daily, weekly }

    /// How a page reaches a person. Only what exists stands here, so a rota cannot name a channel that would swallow pages.
    package enum Channel: String, CaseIterable, Sendable {
        /// Shown to them in the console, in the live feed and on the incident.
        case console
    }

    /// People who take turns and are told together with nobody else.
    package struct Layer: Sendable, Hashable {
        package let title: String
        /// Slugs of the operator's people, in turn order.
        package let people: [String]

        package init(title: String, people: [String]) {
            self.title = title
            self.people = people
        }
    }

    /// The first and the further ones.
    package static let layersMax = 5

    package let name: String
    package let title: String
    package let timeZone: String
    package let start: CivilDate
    /// Wall time of every hand-over, seconds of the day.
    package let handOverSecond: Int
    package let rotation: Rotation
    /// Slugs of the operator's people, in turn order.
    package let people: [String]
    /// Told one after the other when the first does not answer.
    package let layers: [Layer]
    package let channels: [Channel]
    package let dutyManager: String
    /// How long an unanswered page waits before the next layer is told, and after the last the duty manager.
    package let escalateAfterSeconds: Int

    /// All layers in the order in which they are told.
    package var allLayers: [Layer] { [Layer(title: title, people: people)] + layers }

    package init(
        name: String, title: String, timeZone: String, start: CivilDate, handOverSecond: Int, rotation: Rotation,
        people: [String], layers: [Layer] = [], channels: [Channel] = [.console],
        dutyManager: String, escalateAfterSeconds: Int
    ) {
        self.name = name
        self.title = title
        self.timeZone = timeZone
        self.start = start
        self.handOverSecond = handOverSecond
        self.rotation = rotation
        self.people = people
        self.layers = layers
        self.channels = channels
        self.dutyManager = dutyManager
        self.escalateAfterSeconds = escalateAfterSeconds
    }

    package static let shape = ObjectShape(
        "an on-call rota", "Who is called when, and who if nobody answers.",
        [
            required("kind", .choice(["on-call"]), "always `on-call`."),
            required("name", .text(.slug), "the file's name."),
            required("title", .text(.line), "as shown on incidents."),
            required("timezone", .text(.timeZone), "zone of the hand-over."),
            required("start", .text(.date), "date of the first hand-over, to the first person."),
            required("handOver", .text(.wallTime), "wall time of every hand-over."),
            required("rotation", .choice(Rotation.allCases.map(\.rawValue)), "how often it hands over."),
            required("people", .list(of: .text(.slug), count: 1...50), "ids of the operator's people, in turn."),
            optional(
                "layers", .list(of: .object(layerShape), count: 1...(layersMax - 1)),
                "who is told next when the people above do not answer, one layer after the other."),
            optional(
                "channels", .list(of: .choice(Channel.allCases.map(\.rawValue)), count: 1...4),
                "how pages reach people; `console` unless given, which is the one there is."),
            required("dutyManager", .text(.slug), "who is called when nobody answers."),
            optional(
                "escalateAfterMinutes", .integer(1...240),
                "minutes without an answer before the next layer is told, and after the last the duty manager; 15 unless given."),
        ])

    private static let layerShape = ObjectShape(
        "a layer", "People who take turns as the rota's own do, and are told when nobody before them answers.",
        [
            required("title", .text(.line), "as shown on incidents."),
            required("people", .list(of: .text(.slug), count: 1...50), "ids of the operator's people, in turn."),
        ])

    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> OnCallDocument? {
        guard shape.check(json, issues: &issues) else { return nil }
        let fields = Fields(json)
        let wall = fields.text("handOver").split(separator: ":").compactMap { Int($0) }
        guard let start = CivilDate(fields.text("start")), let rotation = Rotation(rawValue: fields.text("rotation")),
            wall.count == 2
        else { return nil }
        return OnCallDocument(
            name: fields.text("name"), title: fields.text("title"), timeZone: fields.text("timezone"), start: start,
            handOverSecond: wall[0] * 3600 + wall[1] * 60, rotation: rotation, people: fields.texts("people"),
            layers: fields.list("layers").map { Layer(title: Fields($0).text("title"), people: Fields($0).texts("people")) },
            channels: json["channels"] == nil ? [.console] : fields.texts("channels").compactMap(Channel.init(rawValue:)),
            dutyManager: fields.text("dutyManager"), escalateAfterSeconds: fields.integer("escalateAfterMinutes", or: 15) * 60)
    }
}

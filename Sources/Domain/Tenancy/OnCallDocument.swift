package import Kernel

/// Who is called when: `operator/on-call/<name>.yaml`; hand-overs are wall times of a zone, never seconds.
package struct OnCallDocument: Sendable {
    package enum Rotation: String, CaseIterable, Sendable { case daily, weekly }

    package let name: String
    package let title: String
    package let timeZone: String
    package let start: CivilDate
    /// Wall time of every hand-over, seconds of the day.
    package let handOverSecond: Int
    package let rotation: Rotation
    /// Slugs of the operator's people, in turn order.
    package let people: [String]
    package let dutyManager: String
    /// How long an unanswered page waits before the duty manager is called.
    package let escalateAfterSeconds: Int

    package init(
        name: String, title: String, timeZone: String, start: CivilDate, handOverSecond: Int, rotation: Rotation,
        people: [String],
        dutyManager: String, escalateAfterSeconds: Int
    ) {
        self.name = name
        self.title = title
        self.timeZone = timeZone
        self.start = start
        self.handOverSecond = handOverSecond
        self.rotation = rotation
        self.people = people
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
            required("dutyManager", .text(.slug), "who is called when nobody answers."),
            optional(
                "escalateAfterMinutes", .integer(1...240),
                "minutes without an answer before the duty manager is called; 15 unless given."),
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
            dutyManager: fields.text("dutyManager"), escalateAfterSeconds: fields.integer("escalateAfterMinutes", or: 15) * 60)
    }
}

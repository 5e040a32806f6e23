internal import Tenancy

/// The description behind each published schema.
///
/// Kinds of this project's own rooms are checked by the very same description. Workflows, policies, mappings, calendars and
/// runbooks are judged by their own parsers, which see more than a schema can say; their shapes here serve editors.
enum AssetShapes {
    static func shapes(of kind: AssetKind) -> [ObjectShape] {
        switch kind {
        case .operator: [OperatorDocument.shape]
        case .partner: [PartnerDocument.shape]
        case .tenant: [TenantDocument.shape]
        case .people: [PeopleDocument.shape]
        case .brand: [BrandDocument.shape]
        case .connection: [ConnectionDocument.shape]
        case .contract: [ContractDocument.shape]
        case .onCall: [OnCallDocument.shape]
        case .calendar: [calendar]
        case .workflow, .candidate: [WorkflowShapes.workflow]
        case .rollout: [RolloutShapes.rollout]
        case .pattern: [WorkflowShapes.pattern]
        case .policy:
            [
                PolicyShapes.decisionTable, PolicyShapes.approvalMatrix, PolicyShapes.tolerances, PolicyShapes.dutySeparation,
                PolicyShapes.formula, GuardrailShapes.guardrails,
            ]
        case .connector: [ConnectorShapes.connector]
        case .policyTests: [PolicyShapes.tests]
        case .runbook: [runbook]
        }
    }

    /// What the shapes of a kind refer to by name.
    static func definitions(of kind: AssetKind) -> [(name: String, shape: Shape)] {
        [.workflow, .candidate, .pattern].contains(kind) ? WorkflowShapes.definitions : []
    }

    /// What every versioned document begins with.
    static func head(_ kind: String, needsTitle: Bool = true) -> [ObjectShape.Member] {
        let title = "as shown on pages."
        return [
            required("kind", .choice([kind]), "always `\(kind)`."),
            required("name", .text(.slug), "the file's name."),
            required("version", .text(.version), "version of this text; a published version never changes."),
            needsTitle ? required("title", .text(.line), title) : optional("title", .text(.line), title),
            optional("description", .text(.prose), "what it is for, for people."),
        ]
    }

    private static let clockTime = TextRule(
        "a time of day", pattern: "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", length: 1...5,
        remedy: "Write hours and minutes in quotes, such as \"08:30\"; 24:00 is the end of the day."
    ) { _ in true }

    private static let windows = Shape.list(of: .list(of: .text(clockTime), count: 2...2), count: 0...48)

    private static let week = ObjectShape(
        "a week", "Service windows by weekday, in wall time of the zone.",
        ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map {
            optional($0, windows, "windows [from, to]; closed unless given.")
        })

    private static let calendar = ObjectShape(
        "a calendar", "When service is owed.",
        head("calendar", needsTitle: false) + [
            required("timezone", .text(.timeZone), "zone of the wall times."),
            required("week", .object(week), "windows by weekday."),
            optional(
                "overrides", .table(keys: .date, values: windows, count: 0...4000),
                "dates whose windows replace those of the weekday; an empty list is a holiday."),
            optional(
                "revisions", .list(of: .object(revision), count: 0...1000),
                "later publications, each governing only what follows it."),
        ])

    private static let revision = ObjectShape(
        "a revision", "A later publication of parts of the calendar.",
        [
            required("publishedAt", .text(.instant), "from when on it governs."),
            optional("week", .object(week), "replaces the whole week."),
            optional("overrides", .table(keys: .date, values: windows, count: 0...4000), "replaces these dates."),
        ])

    private static let runbook = ObjectShape(
        "a runbook's front matter", "What stands between the two lines of `---` at the head of a runbook.",
        [
            required("alert", .text(.slug), "the alert it answers, which is also the file's name."),
            required("title", .text(.line), "as shown on incidents."),
            required("severity", .choice(["sev1", "sev2", "sev3", "sev4"]), "default severity of the alert."),
            required("owner", .text(.line), "who keeps it true."),
            required("author", .text(.line), "who wrote this version."),
            required("approver", .text(.line), "who approved it; someone else than the author."),
            required("reviewed", .text(.date), "date of the last review."),
            required("expires", .text(.date), "date from which it must not be relied on; at most a year after the review."),
            required("tested", .text(.date), "date of the last drill."),
            optional(
                "drilledEvery", .integer(7...366), "days after which the next drill is due; none is asked for unless given."),
            required("summary", .text(.line), "one line for the page."),
        ])
}

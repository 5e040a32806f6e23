package import Kernel

/// Answers an explain document: what we reported, recomputed from what it was computed from, without a server.
///
/// It uses the very code that the server uses. Kinds: clock, availability, burnRate, errorBudget, contract, schedule, escalation,
/// dedup, touchless.
package enum SLAExplain {
    package static let kinds = [
        "clock", "availability", "burnRate", "errorBudget", "contract", "schedule", "escalation", "dedup", "touchless",
    ]

    /// The answer, or for an array of documents the array of answers; `trace` adds the intervals behind a clock.
    ///
    /// Refuses with `sla.document`: the message is the first problem with its pointer, the facts hold `pointer`, `remedy` and
    /// `problems` (how many there are).
    package static func explain(_ document: JSONValue, trace: Bool = false) throws(Refusal) -> JSONValue {
        var issues: [AssetIssue] = []
        if let answer = explain(document, trace: trace, issues: &issues), issues.isEmpty { return answer }
        let first = issues.first ?? AssetIssue("", "The document cannot be answered.", remedy: "Compare it with the reference.")
        throw Refusal(
            .invalid, reason: "sla.document", first.description,
            facts: ["pointer": first.pointer, "remedy": first.remedy, "problems": String(issues.count)])
    }

    /// The same with every problem; nil when there is one.
    package static func explain(_ document: JSONValue, trace: Bool = false, issues: inout [AssetIssue]) -> JSONValue? {
        guard case .array = document else { return answer(document, at: "", isTraced: trace, issues: &issues) }
        let before = issues.count
        let documents = readItems(document, at: "", max: ServiceBounds.documentsMax, issues: &issues)
        let answers = documents.compactMap { answer($0.value, at: $0.pointer, isTraced: trace, issues: &issues) }
        return issues.count == before ? .array(answers) : nil
    }

    private static func answer(
        _ document: JSONValue, at pointer: String, isTraced: Bool, issues: inout [AssetIssue]
    ) -> JSONValue? {
        guard let object = document.object else {
            issues.append(AssetIssue(pointer, "An object is expected here.", remedy: "Write {\"kind\": \"clock\", …}."))
            return nil
        }
        switch object["kind"]?.string {
        case "clock": return clock(document, at: pointer, isTraced: isTraced, issues: &issues)
        case "availability": return Availability.explain(document, at: pointer, issues: &issues)
        case "burnRate": return BurnRate.explain(document, at: pointer, issues: &issues)
        case "errorBudget": return BudgetReading.explain(document, at: pointer, issues: &issues)
        case "contract": return ScopedContract.explain(document, at: pointer, issues: &issues)
        case "schedule": return Rota.explain(document, at: pointer, issues: &issues)
        case "escalation": return Escalation.explain(document, at: pointer, issues: &issues)
        case "touchless": return Touchless.explain(document, at: pointer, issues: &issues)
        case "dedup": return Deduplication.explain(document, at: pointer, issues: &issues)
        default:
            issues.append(
                AssetIssue(
                    pointer + "/kind", object["kind"].map { "\(shown($0)) is not a kind." } ?? "kind is missing.",
                    remedy: "Use \(kinds.joined(separator: ", "))."))
            return nil
        }
    }

    private static let clockMembers = [
        "kind", "id", "expect", "working", "calendar", "calendarRevisions", "contract", "maintenance", "events", "asOf",
    ]

    private static func clock(_ document: JSONValue, at pointer: String, isTraced: Bool, issues: inout [AssetIssue]) -> JSONValue?
    {
        guard let fields = DocumentFields(document, at: pointer, known: clockMembers, issues: &issues) else { return nil }
        let before = issues.count
        let calendar = fields.required("calendar", "a calendar", issues: &issues).flatMap {
            ServiceCalendar.read(
                $0, at: fields.child("calendar"), revisions: fields.value("calendarRevisions"),
                revisionsAt: fields.child("calendarRevisions"), issues: &issues)
        }
        let contract = fields.required("contract", "a contract", issues: &issues).flatMap {
            ServiceContract.parse($0, at: fields.child("contract"), issues: &issues)
        }
        let maintenance = fields.items("maintenance", max: ServiceBounds.maintenanceMax, issues: &issues).compactMap { item, at in
            MaintenanceWindow.parse(item, at: at, issues: &issues)
        }
        let events = fields.items("events", max: ServiceBounds.eventsMax, isRequired: true, issues: &issues).compactMap {
            item, at in
            ClockEvent.parse(item, at: at, issues: &issues)
        }
        let asOf = fields.moment("asOf", issues: &issues)
        guard issues.count == before, let calendar, let contract, let asOf else { return nil }
        do throws(Refusal) {
            return try SLAClock.evaluate(
                calendar: calendar, contract: contract, maintenance: maintenance, events: events, asOf: asOf, isTraced: isTraced
            ).json(trace: isTraced)
        } catch {
            let isSpan = error.reason == "sla.span"
            issues.append(
                AssetIssue(
                    fields.child(isSpan ? "asOf" : "contract"), error.message,
                    remedy: isSpan ? "Give an asOf nearer to the start." : "Add the version that was in force."))
            return nil
        }
    }
}

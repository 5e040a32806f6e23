package import Kernel

/// An objective as it travels to and from documents in the form of OpenSLO v1.
package struct PortableObjective: Hashable, Sendable {
    /// Name of the clock.
    package let name: String
    package let title: String
    /// 0 where nothing is timed.
    package let targetSeconds: Int64
    package let share: ServiceShare
    package let measures: ContractMeasure
    /// Of the incidents that it is about; nil for all.
    package let severities: [String]?

    package init(
        name: String, title: String, targetSeconds: Int64, share: ServiceShare, measures: ContractMeasure = .runClock,
        severities: [String]? = nil
    ) {
        self.name = name
        self.title = title
        self.targetSeconds = targetSeconds
        self.share = share
        self.measures = measures
        self.severities = severities
    }

    /// The lines of a contract file, indented as they stand there.
    package var contractLines: String {
        var lines = ["  - name: \(name)"]
        if measures != .runClock, measures.rawValue != name { lines.append("    measures: \(measures.rawValue)") }
        if let severities { lines.append("    severities: [\(severities.joined(separator: ", "))]") }
        lines.append("    title: \(JSONValue.string(title).text)")
        if measures.hasClock { lines.append("    target: \(ServiceDuration.exactText(targetSeconds))") }
        lines.append("    budget: { atLeast: \"\(share.share)\", quietBelowCases: \(share.quietBelowCases) }")
        return lines.joined(separator: "\n")
    }
}

/// Objectives with error budgets as documents of OpenSLO v1, and back.
///
/// The format has a condition on one window and none on two at once, so each pair of windows becomes two conditions with one
/// annotation that names the pair. Coming back, a document says no more than a contract of ours can: what has no counterpart is
/// an issue at its place and never left out in silence.
package enum OpenSLO {
    package static let version = "openslo/v1"
    package static let source = "countersign"
    package static let documentsMax = 500
    static let pairAnnotation = "countersign/pair"
    static let quietAnnotation = "countersign/quiet-below-cases"
    static let zoneMarker = "2026-01-01 00:00:00"

    // MARK: Out

    /// The documents: the service, then each objective with the policies of its burn alerts.
    package static func documents(service: String, timeZone: String, _ objectives: [PortableObjective]) -> [JSONValue] {
        [
            [
                "apiVersion": .string(version), "kind": "Service",
                "metadata": ["name": .string(service)], "spec": ["description": "Governed finance automation."],
            ]
        ] + objectives.map { slo($0, service: service, timeZone: timeZone) }
            + (objectives.isEmpty ? [] : BurnRate.pairs.flatMap(policies))
    }

    private static func slo(_ objective: PortableObjective, service: String, timeZone: String) -> JSONValue {
        let (hasClock, isRunClock) = (objective.measures.hasClock, objective.measures == .runClock)
        let target = hasClock ? ServiceDuration.exactText(objective.targetSeconds) : ""
        func counted(_ which: String) -> JSONValue {
            [
                "metricSource": [
                    "type": .string(source),
                    "spec": .object([
                        "clock": .string(objective.name),
                        "measures": isRunClock ? JSONValue?.none : .string(objective.measures.rawValue),
                        "severities": objective.severities.map { .array($0.map(JSONValue.string)) },
                        "target": hasClock ? .string(target) : JSONValue?.none, "cases": .string(which),
                    ]),
                ]
            ]
        }
        return [
            "apiVersion": .string(version), "kind": "SLO",
            "metadata": [
                "name": .string("\(service)-\(objective.name)"), "displayName": .string(objective.title),
                "annotations": [quietAnnotation: .string("\(objective.share.quietBelowCases)")],
            ],
            "spec": [
                "description": .string(
                    "\(objective.share.text) of the cases "
                        + (hasClock ? "within \(target) of service time." : "without anybody having touched them.")),
                "service": .string(service),
                "indicator": [
                    "metadata": ["name": .string("\(service)-\(objective.name)-cases")],
                    "spec": ["ratioMetric": ["counter": true, "good": counted("met"), "total": counted("decided")]],
                ],
                "timeWindow": [
                    [
                        "duration": "1M", "isRolling": false,
                        "calendar": ["startTime": .string(zoneMarker), "timeZone": .string(timeZone)],
                    ]
                ],
                "budgetingMethod": "Occurrences",
                "objectives": [
                    [
                        "displayName": .string(objective.title),
                        "target": .number(JSONNumber(unchecked: "\(objective.share.share)")),
                    ]
                ],
                "alertPolicies": .array(BurnRate.pairs.flatMap { pair in conditions(pair).map { .string($0.name) } }),
            ],
        ]
    }

    /// The two conditions that a pair is.
    private static func conditions(_ pair: BurnRate.Pair) -> [(name: String, window: String)] {
        [pair.long, pair.short].map { ("burn-\(pair.long)-\(pair.short)-\($0)", $0) }
    }

    private static func policies(_ pair: BurnRate.Pair) -> [JSONValue] {
        conditions(pair).map { name, window in
            [
                "apiVersion": .string(version), "kind": "AlertPolicy",
                "metadata": ["name": .string(name), "annotations": [pairAnnotation: .string(pair.name)]],
                "spec": [
                    "alertWhenBreaching": true, "alertWhenResolved": true, "alertWhenNoData": false,
                    "conditions": [
                        [
                            "kind": "AlertCondition", "metadata": ["name": .string("\(name)-condition")],
                            "spec": [
                                "severity": .string(pair.response.rawValue),
                                "condition": [
                                    "kind": "burnrate", "op": "gt",
                                    "threshold": .number(JSONNumber(unchecked: pair.factor.description)),
                                    "lookbackWindow": .string(window), "alertAfter": "0m",
                                ],
                            ],
                        ]
                    ],
                    "notificationTargets": [],
                ],
            ]
        }
    }

    // MARK: In

    /// The objectives of one document; a document that only names the service has none.
    package static func read(_ json: JSONValue, issues: inout [AssetIssue]) -> PortableObjective? {
        guard json.object != nil else {
            issues.append(AssetIssue("", "An object is expected here.", remedy: "Write apiVersion, kind, metadata and spec."))
            return nil
        }
        guard json["apiVersion"]?.string == version else {
            issues.append(
                AssetIssue(
                    "/apiVersion",
                    "Only \(version) is understood, not \(json["apiVersion"].map { shown($0) } ?? "a document without it").",
                    remedy: "Write apiVersion: \(version)."))
            return nil
        }
        switch json["kind"]?.string {
        case "Service": return nil
        case "SLO": return readSLO(json, issues: &issues)
        case "AlertPolicy":
            readPolicy(json, issues: &issues)
            return nil
        default:
            issues.append(
                AssetIssue(
                    "/kind", "\(json["kind"].map { shown($0) } ?? "A missing kind") has no counterpart here.",
                    remedy: "Keep Service, SLO and AlertPolicy; clocks are the only source of data, and rotas say who is told."))
            return nil
        }
    }

    private static func readSLO(_ json: JSONValue, issues: inout [AssetIssue]) -> PortableObjective? {
        let before = issues.count
        guard let outer = DocumentFields(json, at: "", known: ["apiVersion", "kind", "metadata", "spec"], issues: &issues),
            let metadata = outer.required("metadata", "name and displayName", issues: &issues),
            let spec = outer.required("spec", "the objective", issues: &issues),
            let fields = DocumentFields(
                spec, at: "/spec",
                known: [
                    "description", "service", "indicator", "timeWindow", "budgetingMethod", "objectives", "alertPolicies",
                ], issues: &issues)
        else { return nil }
        if let method = fields.text("budgetingMethod", issues: &issues), method != "Occurrences" {
            issues.append(
                AssetIssue(
                    fields.child("budgetingMethod"), "\(shown(method)) has no counterpart: budgets count cases.",
                    remedy: "Write Occurrences; few cases are judged by slices of time by themselves."))
        }
        readTimeWindow(fields, issues: &issues)
        let clock = readIndicator(fields, issues: &issues)
        let share = readTarget(fields, quiet: metadata["annotations"]?[quietAnnotation]?.string, issues: &issues)
        let title = metadata["displayName"]?.string ?? metadata["name"]?.string
        if title == nil {
            issues.append(AssetIssue(outer.child("metadata") + "/name", "name is missing.", remedy: "Give the objective a name."))
        }
        guard issues.count == before, let clock, let share, let title else { return nil }
        return PortableObjective(
            name: clock.name, title: title, targetSeconds: clock.target, share: share, measures: clock.measures,
            severities: clock.severities)
    }

    private static func readTimeWindow(_ fields: DocumentFields, issues: inout [AssetIssue]) {
        let windows = fields.items("timeWindow", max: 10, isRequired: true, issues: &issues)
        guard let (window, at) = windows.first.map({ ($0.value, $0.pointer) }) else { return }
        guard windows.count == 1, window["duration"]?.string == "1M", window["isRolling"]?.bool != true,
            window["calendar"] != nil
        else {
            issues.append(
                AssetIssue(
                    at, "This window has no counterpart: a budget is of a calendar month.",
                    remedy: "Write duration: 1M with isRolling: false and a calendar."))
            return
        }
    }

    /// What is counted: a clock, or what no workflow starts.
    private struct Counted: Equatable {
        let name: String
        let target: Int64
        let measures: ContractMeasure
        let severities: [String]?
    }

    private static func readIndicator(_ fields: DocumentFields, issues: inout [AssetIssue]) -> Counted? {
        let at = fields.child("indicator") + "/spec"
        guard let indicator = fields.required("indicator", "an indicator of clocks", issues: &issues) else { return nil }
        guard let ratio = indicator["spec"]?["ratioMetric"] else {
            issues.append(
                AssetIssue(
                    indicator["spec"]?["thresholdMetric"] != nil ? at + "/thresholdMetric" : at,
                    "Only a ratio of good to total cases has a counterpart.",
                    remedy: "Write ratioMetric with good and total of type \(source)."))
            return nil
        }
        var found: [Counted] = []
        for (part, which) in [("good", "met"), ("total", "decided")] {
            let place = "\(at)/ratioMetric/\(part)/metricSource"
            let metric = ratio[part]?["metricSource"]
            guard metric?["type"]?.string == source else {
                issues.append(
                    AssetIssue(
                        place, "Data of \(metric?["type"].map { shown($0) } ?? "no source") has no counterpart.",
                        remedy: "Use a source of type \(source) with clock, target and cases."))
                continue
            }
            guard metric?["spec"]?["cases"]?.string == which else {
                issues.append(
                    AssetIssue(place + "/spec/cases", "Here the cases are `\(which)`.", remedy: "Write cases: \(which)."))
                continue
            }
            let named = metric?["spec"]?["clock"]?.string
            let said = metric?["spec"]?["measures"]?.string
            let measures = said.map { ContractMeasure(rawValue: $0) } ?? .runClock
            let name = measures == .runClock ? named.flatMap { SLAObjective.Name(rawValue: $0) }?.rawValue : named
            let target =
                measures?.hasClock == false
                ? 0 : metric?["spec"]?["target"]?.string.flatMap { ServiceDuration.seconds(of: $0) }
            if measures == nil {
                issues.append(
                    AssetIssue(
                        place + "/spec/measures", "Nothing of that name is measured.",
                        remedy: "Use \(ContractMeasure.written.map(\.rawValue).joined(separator: " or "))."))
            }
            if name == nil {
                issues.append(
                    AssetIssue(
                        place + "/spec/clock", "There is no such clock.",
                        remedy: "Use \(SLAObjective.Name.allCases.map(\.rawValue).joined(separator: " or "))."))
            }
            if target == nil {
                issues.append(
                    AssetIssue(place + "/spec/target", "This is no duration of service time.", remedy: "Write such as 2h 30m."))
            }
            if let name, let target, let measures {
                found.append(
                    Counted(
                        name: name, target: target, measures: measures,
                        severities: metric?["spec"]?["severities"]?.array?.compactMap(\.string)))
            }
        }
        guard found.count == 2 else { return nil }
        guard found[0] == found[1] else {
            issues.append(
                AssetIssue(at + "/ratioMetric", "Good and total are of two promises.", remedy: "Name one clock and one target."))
            return nil
        }
        return found[0]
    }

    private static func readTarget(_ fields: DocumentFields, quiet: String?, issues: inout [AssetIssue]) -> ServiceShare? {
        let objectives = fields.items("objectives", max: 50, isRequired: true, issues: &issues)
        guard objectives.count == 1, let (json, at) = objectives.first.map({ ($0.value, $0.pointer) }) else {
            issues.append(
                AssetIssue(
                    fields.child("objectives"), "Exactly one objective has a counterpart.", remedy: "Write an SLO for each."))
            return nil
        }
        let known = ["displayName", "target", "targetPercent"]
        guard let inner = DocumentFields(json, at: at, known: known, issues: &issues) else { return nil }
        var share = inner.decimal("target", isRequired: false, issues: &issues)
        if share == nil, let percent = inner.decimal("targetPercent", isRequired: false, issues: &issues) {
            share = ExactDecimal(mantissa: percent.mantissa, scale: percent.scale + 2)
        }
        guard let share, let cases = quiet.map({ Int($0) }) ?? ServiceShare.quietBelowCasesDefault,
            (0...ServiceShare.quietBelowCasesMax).contains(cases), let read = ServiceShare(share, quietBelowCases: cases)
        else {
            issues.append(
                AssetIssue(
                    at + "/target", "A target lies between 0 and 1 and has at most six digits after its point.",
                    remedy: "Write target: 0.98."))
            return nil
        }
        return read
    }

    /// A policy has to be one of the conditions that every budget has; others could not be kept.
    private static func readPolicy(_ json: JSONValue, issues: inout [AssetIssue]) {
        let conditions = json["spec"]?["conditions"]?.array ?? []
        let condition = conditions.first?["spec"]?["condition"]
        let window = condition?["lookbackWindow"]?.string
        let threshold = condition?["threshold"].flatMap { value -> ExactDecimal? in
            if case .number(let number) = value { ExactDecimal(number.text) } else { nil }
        }
        let isOurs = BurnRate.pairs.contains { ($0.long == window || $0.short == window) && $0.factor == threshold }
        guard conditions.count == 1, condition?["kind"]?.string == "burnrate", condition?["op"]?.string == "gt", isOurs else {
            let known = BurnRate.pairs.map(\.name).joined(separator: ", ")
            issues.append(
                AssetIssue(
                    "/spec" + "/conditions",
                    "This alert has no counterpart: every budget has the same pairs of windows (\(known)).",
                    remedy: "Leave the policy out, or write one of these burn rates."))
            return
        }
    }
}

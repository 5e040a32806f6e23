internal import Kernel
package import ServiceLevels

extension ContractDocument.Objective {
    package static let severities = ["sev1", "sev2", "sev3", "sev4"]

    /// Whether it is about incidents of that severity.
    package func covers(severity: String) -> Bool { severities?.contains(severity) ?? true }

    package var metric: ClockTerms.Metric {
        switch measures {
        case .runClock: SLAObjective.Name(rawValue: name)?.metric ?? .workflowCycle
        case .firstResponse: .firstResponse
        case .resolution: .resolution
        case .onboarding: .onboarding
        case .touchless: .workflowCycle
        }
    }

    /// What it measures by its member, or by a name that says so; nil with an issue where both say something else.
    static func measure(_ json: JSONValue, name: String, at pointer: String, issues: inout [AssetIssue]) -> ContractMeasure {
        let named = ContractMeasure(rawValue: name).flatMap { ContractMeasure.written.contains($0) ? $0 : nil }
        let said = json["measures"]?.string.flatMap { ContractMeasure(rawValue: $0) }
        if let said {
            if let named, named != said {
                issues.append(
                    AssetIssue(
                        "\(pointer)/measures",
                        "An objective named `\(name)` measures \(named.rawValue), and not \(said.rawValue).",
                        remedy: "Give it another name."))
            } else if SLAObjective.Name(rawValue: name) != nil {
                issues.append(
                    AssetIssue(
                        "\(pointer)/name", "`\(name)` is the name of a clock of runs.",
                        remedy: "Give the objective another name, such as `\(said.rawValue)-urgent`."))
            }
        }
        return said ?? named ?? .runClock
    }

    /// What does not fit the measure.
    static func check(_ json: JSONValue, _ measures: ContractMeasure, at pointer: String, issues: inout [AssetIssue]) {
        func refuse(_ member: String, _ why: String, _ remedy: String) {
            guard json[member] != nil else { return }
            issues.append(AssetIssue("\(pointer)/\(member)", why, remedy: remedy))
        }
        if !measures.isAboutIncidents {
            refuse("severities", "Only incidents have a severity.", "Remove it, or measure first-response or resolution.")
        } else {
            refuse("cutOff", "Incidents have no cut-off.", "Remove it and give a `target`.")
        }
        guard measures == .touchless else { return }
        for member in ["target", "targetSeconds", "warnPercents", "pauseReasons", "reopen", "cutOff", "maintenance"] {
            refuse(member, "Whether a run was touched is counted and not timed.", "Remove it; the share stands in `budget`.")
        }
        if json["budget"] == nil {
            issues.append(
                AssetIssue(
                    pointer, "A touchless objective needs the share that it promises.",
                    remedy: "Add `budget: { atLeast: \"0.8\" }` with the share that was signed."))
        }
    }
}

extension ContractDocument {
    /// Of one measure, two objectives are never about the same case.
    static func checkOverlaps(of objectives: [Objective], issues: inout [AssetIssue]) {
        for (index, one) in objectives.enumerated() where one.measures != .runClock {
            let both = objectives[..<index].first { other in
                other.measures == one.measures
                    && Objective.severities.contains { one.covers(severity: $0) && other.covers(severity: $0) }
            }
            guard let both else { continue }
            issues.append(
                AssetIssue(
                    "/objectives/\(index)", "`\(both.name)` measures \(one.measures.rawValue) of the same cases.",
                    remedy: one.measures.isAboutIncidents
                        ? "Give each the `severities` that it is about, none of them twice." : "Keep the one that was signed."))
        }
    }

    /// The objective that is about incidents of a severity.
    package func objective(measuring measure: ContractMeasure, severity: String) -> Objective? {
        objectives.first { $0.measures == measure && $0.covers(severity: severity) }
    }

    package func objectives(measuring measure: ContractMeasure) -> [Objective] { objectives.filter { $0.measures == measure } }
}

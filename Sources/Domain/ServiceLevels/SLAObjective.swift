package import Kernel

/// One promise of a tenant's contract as its configuration states it: which clock, how long, and what stops it.
package struct SLAObjective: Hashable, Sendable {
    /// The clocks that the product runs by itself. The raw value is what a workflow's `measure` and a contract file write.
    package enum Name: String, Sendable, CaseIterable {
        /// From the start of a run to its last approval.
        case approvalCycle = "approval-cycle"
        /// From the last approval to the posting that the ERP has confirmed.
        case posting
        /// While an exception of a run waits for people; each is a case of its own.
        case exceptionAge = "exception-age"
        /// From the request for a payment to its release.
        case paymentRelease = "payment-release"

        /// As a table heading says it.
        package var title: String {
            switch self {
            case .approvalCycle: "Approval cycle"
            case .posting: "Posting"
            case .exceptionAge: "Exceptions"
            case .paymentRelease: "Payment release"
            }
        }

        package var metric: ClockTerms.Metric {
            switch self {
            case .approvalCycle: .approvalCycle
            case .posting: .posting
            case .exceptionAge: .exceptionAge
            case .paymentRelease: .paymentRelease
            }
        }
    }

    package let name: Name
    package let terms: ClockTerms

    package init(name: Name, terms: ClockTerms) {
        self.name = name
        self.terms = terms
    }

    package init(
        name: Name, targetSeconds: Int64, warnPercents: [Int] = [], pauseReasons: Set<String>? = nil,
        reopening: ClockTerms.Reopening = .resume, maintenanceNoticeSeconds: Int64? = nil
    ) {
        self.init(
            name: name,
            terms: ClockTerms(
                targetSeconds: targetSeconds, warnPercents: warnPercents, pauseReasons: pauseReasons, reopening: reopening,
                metric: name.metric, maintenanceNoticeSeconds: maintenanceNoticeSeconds))
    }

    package var targetSeconds: Int64 { terms.targetSeconds }
    package var warnPercents: [Int] { terms.warnPercents }

    /// Reads `{name, targetSeconds | target, warnPercents?, reopen?, pauseReasons?, maintenance?}` at `pointer`. A `budget` and
    /// its `credits` are promises about all cases together and none of this clock.
    ///
    /// `target` is a duration as a person writes it (`4h 30m`); days are refused, since a day of service time is no one length.
    package static func parse(_ json: JSONValue, at pointer: String = "", issues: inout [AssetIssue]) -> SLAObjective? {
        let known = ["name", "target", "budget", "credits"] + ClockTerms.members.filter { $0 != "metric" }
        guard let fields = DocumentFields(json, at: pointer, known: known, issues: &issues) else { return nil }
        let before = issues.count
        let name = fields.word("name", of: Name.allCases.map(\.rawValue), issues: &issues).flatMap { Name(rawValue: $0) }
        var object = fields.object
        if let target = fields.value("target") {
            if fields.value("targetSeconds") != nil {
                issues.append(
                    AssetIssue(fields.child("target"), "Both target and targetSeconds are given.", remedy: "Keep one of them."))
            } else if let text = target.string, let seconds = ServiceDuration.seconds(of: text) {
                object["targetSeconds"] = JSONValue(seconds)
            } else {
                issues.append(
                    AssetIssue(
                        fields.child("target"), "\(shown(target)) is not a duration.",
                        remedy: "Write hours, minutes and seconds of service time, such as \"4h 30m\"; a day has no fixed length."
                    ))
            }
        }
        object["target"] = nil
        object["budget"] = nil
        object["credits"] = nil
        object["name"] = nil
        guard issues.count == before, let name,
            let inner = DocumentFields(.object(object), at: pointer, known: ClockTerms.members, issues: &issues),
            let terms = ClockTerms.read(inner, issues: &issues)
        else { return nil }
        return SLAObjective(
            name: name, targetSeconds: terms.targetSeconds, warnPercents: terms.warnPercents, pauseReasons: terms.pauseReasons,
            reopening: terms.reopening, maintenanceNoticeSeconds: terms.maintenanceNoticeSeconds)
    }

    package var json: JSONValue {
        guard case .object(var object) = terms.json else { return .null }
        object["metric"] = nil
        return .object(JSONObject([(key: "name", value: .string(name.rawValue))] + object.members))
    }
}

package import Kernel

/// What a clock is measured by, fixed when it starts: one version of a contract for one measure.
package struct ClockTerms: Hashable, Sendable {
    /// What reopening does (R10).
    package enum Reopening: String, Sendable, CaseIterable {
        /// Counted time continues, the closed interval is not counted.
        case resume
        /// A new cycle with the full target; the earlier one is kept.
        case restart
        /// The closed interval counts.
        case countThrough = "count_through"
    }

    /// What is measured. Only a first response differs in its rules (R21); the others say what the figure means.
    package enum Metric: String, Sendable, CaseIterable {
        case resolution
        case firstResponse = "first_response"
        case nextUpdate = "next_update"
        case workflowCycle = "workflow_cycle"
        case approvalCycle = "approval_cycle"
        case posting
        case exceptionAge = "exception_age"
        case paymentRelease = "payment_release"
        case onboarding
    }

    package let targetSeconds: Int64
    /// Ascending, each once; percent of the target in counted time, may exceed 100.
    package let warnPercents: [Int]
    /// Reasons that stop the counting; nil means that every reason does (R9).
    package let pauseReasons: Set<String>?
    package let reopening: Reopening
    package let metric: Metric
    /// Maintenance announced at least so long before is not counted (R17); nil counts all maintenance.
    package let maintenanceNoticeSeconds: Int64?

    package init(
        targetSeconds: Int64, warnPercents: [Int] = [], pauseReasons: Set<String>? = nil, reopening: Reopening = .resume,
        metric: Metric = .resolution, maintenanceNoticeSeconds: Int64? = nil
    ) {
        precondition((1...ServiceBounds.targetSecondsMax).contains(targetSeconds), "a target of \(targetSeconds) seconds")
        self.targetSeconds = targetSeconds
        self.warnPercents = Set(warnPercents).sorted()
        self.pauseReasons = pauseReasons
        self.reopening = reopening
        self.metric = metric
        self.maintenanceNoticeSeconds = maintenanceNoticeSeconds
    }

    static let members = ["targetSeconds", "warnPercents", "reopen", "metric", "pauseReasons", "maintenance"]

    static func read(_ fields: DocumentFields, issues: inout [AssetIssue]) -> ClockTerms? {
        let before = issues.count
        let target = fields.whole("targetSeconds", in: 1...ServiceBounds.targetSecondsMax, issues: &issues)
        let percents = fields.items("warnPercents", max: ServiceBounds.warnPercentsMax, issues: &issues).compactMap { item, at in
            readWhole(item, at: at, in: 1...Int64(ServiceBounds.warnPercentMax), issues: &issues).map { Int($0) }
        }
        let reopening = fields.word("reopen", of: Reopening.allCases.map(\.rawValue), isRequired: false, issues: &issues)
        let metric = fields.word("metric", of: Metric.allCases.map(\.rawValue), isRequired: false, issues: &issues)
        var reasons: Set<String>?
        if fields.value("pauseReasons") != nil {
            let items = fields.items("pauseReasons", max: ServiceBounds.pauseReasonsMax, issues: &issues)
            reasons = Set(items.compactMap { item, at in readText(item, at: at, issues: &issues) })
        }
        var notice: Int64?
        if let maintenance = fields.value("maintenance"),
            let inner = DocumentFields(maintenance, at: fields.child("maintenance"), known: ["noticeSeconds"], issues: &issues)
        {
            notice = inner.whole("noticeSeconds", in: 0...ServiceBounds.targetSecondsMax, isRequired: false, issues: &issues) ?? 0
        }
        guard issues.count == before, let target else { return nil }
        return ClockTerms(
            targetSeconds: target, warnPercents: percents, pauseReasons: reasons,
            reopening: reopening.flatMap { Reopening(rawValue: $0) } ?? .resume,
            metric: metric.flatMap { Metric(rawValue: $0) } ?? .resolution, maintenanceNoticeSeconds: notice)
    }

    /// Reads what `json` writes.
    package init(json: JSONValue) throws(Refusal) {
        var issues: [AssetIssue] = []
        guard let fields = DocumentFields(json, at: "", known: ClockTerms.members, issues: &issues),
            let terms = ClockTerms.read(fields, issues: &issues), issues.isEmpty
        else {
            throw Refusal(.invalid, reason: "sla.terms", issues.first?.description ?? "These are no terms of a clock.")
        }
        self = terms
    }

    package var json: JSONValue { .object(JSONObject(jsonMembers)) }

    fileprivate var jsonMembers: [(key: String, value: JSONValue)] {
        var members: [(key: String, value: JSONValue)] = [("targetSeconds", JSONValue(targetSeconds))]
        if !warnPercents.isEmpty { members.append(("warnPercents", .array(warnPercents.map { JSONValue($0) }))) }
        members.append(("reopen", .string(reopening.rawValue)))
        members.append(("metric", .string(metric.rawValue)))
        if let pauseReasons { members.append(("pauseReasons", .array(pauseReasons.sorted().map(JSONValue.string)))) }
        if let maintenanceNoticeSeconds {
            members.append(("maintenance", .object(["noticeSeconds": JSONValue(maintenanceNoticeSeconds)])))
        }
        return members
    }
}

/// The versions of one promise; a clock is pinned to the one in force when it starts (R12).
package struct ServiceContract: Hashable, Sendable {
    package struct Version: Hashable, Sendable {
        /// Inclusive; nil means from the beginning of time.
        package let effectiveFrom: Moment?
        package let terms: ClockTerms

        package init(effectiveFrom: Moment?, terms: ClockTerms) {
            self.effectiveFrom = effectiveFrom
            self.terms = terms
        }
    }

    /// As written; a version's number is its place, counted from 1.
    package let versions: [Version]

    package init(versions: [Version]) {
        precondition(!versions.isEmpty, "a contract without versions")
        self.versions = versions
    }

    package init(_ terms: ClockTerms) {
        versions = [Version(effectiveFrom: nil, terms: terms)]
    }

    /// The version in force at `moment` with its number: the latest that is effective by then; nil when none is yet.
    package func version(inForceAt moment: Moment) -> (number: Int, terms: ClockTerms)? {
        var best: (number: Int, from: Moment?, terms: ClockTerms)?
        for (index, version) in versions.enumerated() {
            if let from = version.effectiveFrom, from > moment { continue }
            if let held = best, let heldFrom = held.from, version.effectiveFrom.map({ $0 < heldFrom }) ?? true { continue }
            best = (index + 1, version.effectiveFrom, version.terms)
        }
        return best.map { ($0.number, $0.terms) }
    }

    /// Reads the contract of an explain document: the fields of one version, or `versions`.
    package static func parse(_ json: JSONValue, at pointer: String = "", issues: inout [AssetIssue]) -> ServiceContract? {
        guard json["versions"].map({ !$0.isNull }) == true else {
            guard let fields = DocumentFields(json, at: pointer, known: ClockTerms.members, issues: &issues) else { return nil }
            return ClockTerms.read(fields, issues: &issues).map { ServiceContract($0) }
        }
        guard let fields = DocumentFields(json, at: pointer, known: ["versions"], issues: &issues) else { return nil }
        let before = issues.count
        let items = fields.items("versions", max: ServiceBounds.contractVersionsMax, issues: &issues)
        let versions = items.compactMap { item, at -> Version? in
            guard let inner = DocumentFields(item, at: at, known: ["effectiveFrom"] + ClockTerms.members, issues: &issues) else {
                return nil
            }
            let from = inner.moment("effectiveFrom", issues: &issues)
            guard let terms = ClockTerms.read(inner, issues: &issues), let from else { return nil }
            return Version(effectiveFrom: from, terms: terms)
        }
        guard issues.count == before else { return nil }
        guard !versions.isEmpty else {
            issues.append(AssetIssue(fields.child("versions"), "A contract needs a version.", remedy: "Give at least one."))
            return nil
        }
        guard Set(versions.map(\.effectiveFrom)).count == versions.count else {
            issues.append(
                AssetIssue(
                    fields.child("versions"), "Two versions begin at the same instant, so neither could be chosen.",
                    remedy: "Give each its own effectiveFrom."))
            return nil
        }
        return ServiceContract(versions: versions)
    }

    package var json: JSONValue {
        if versions.count == 1, versions[0].effectiveFrom == nil { return versions[0].terms.json }
        let items = versions.map { version -> JSONValue in
            let from = version.effectiveFrom.map { JSONValue.string($0.text(fraction: 0)) } ?? .null
            return .object(JSONObject([(key: "effectiveFrom", value: from)] + version.terms.jsonMembers))
        }
        return .object(["versions": .array(items)])
    }
}

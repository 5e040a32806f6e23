package import Kernel
package import ServiceLevels

/// What was promised to a tenant from when on: `contracts/<name>.yaml`. Clocks pin the version in force at their start.
package struct ContractDocument: Sendable {
    package static let objectivesMax = 20
    package static let warnPercentsMax = 20
    /// Ten years; a longer promise is none.
    package static let targetSecondsMax = 315_576_000

    package let name: String
    package let version: String
    package let title: String
    /// Name of a calendar of the operator; targets count its service time.
    package let calendar: String
    package let effectiveFrom: Moment
    /// First instant no longer covered; nil for open.
    package let effectiveTo: Moment?
    package let objectives: [Objective]
    /// Maintenance that was announced to the tenant. A fact and no promise, so clocks of earlier versions see it too.
    package let maintenance: [Maintenance]
    /// Nil where nothing is promised about it.
    package let availability: AvailabilityPromise?
    package let credits: CreditPromise?
    package let reporting: ReportPromise
    /// The workflow that it is about; nil for every one that has no contract of its own.
    package let workflow: String?
    /// What was signed outside of the product; nil when it is to be signed here.
    package let paper: ContractPaper?

    package static let maintenanceMax = 500
    package static let tiersMax = 10

    /// A time in which the service is worked on, and when the tenant was told.
    package struct Maintenance: Hashable, Sendable {
        package let title: String
        package let announcedAt: Moment
        package let start: Moment
        package let end: Moment

        package init(title: String, announcedAt: Moment, start: Moment, end: Moment) {
            self.title = title
            self.announcedAt = announcedAt
            self.start = start
            self.end = end
        }
    }

    package struct Objective: Hashable, Sendable {
        /// The clock it judges: `approval-cycle`, `posting`; one of its own where it says what it measures.
        package let name: String
        package let measures: ContractMeasure
        /// Of the incidents that it is about; nil for all.
        package let severities: [String]?
        package let title: String
        /// 0 where nothing is timed.
        package let targetSeconds: Int
        package let warnPercents: [Int]
        /// Reasons that stop counting; nil means every reason does, empty means none.
        package let pauseReasons: [String]?
        /// `resume`, `restart` or `count_through`.
        package let reopen: String
        /// Wall time of the calendar's zone by which a case has to be done, as second of the day; `targetSeconds` is then the
        /// service time that has to lie before it, and what begins later goes by the next day's.
        package let cutOff: Int?
        /// Maintenance announced at least so long before is not counted (R17); nil counts all maintenance.
        package let maintenanceNoticeSeconds: Int?
        /// Of service time in a calendar month that maintenance may take out of counting, the earliest first; nil for no bound.
        package let maintenanceCapSeconds: Int?
        /// Which share of the cases has to meet the target; nil promises every one, and leaves no error budget.
        package let share: ServiceShare?
        /// What a month earns back whose share is under a bound; empty for nothing.
        package let tiers: [Availability.Tier]

        package init(
            name: String, title: String, targetSeconds: Int, warnPercents: [Int], pauseReasons: [String]?,
            reopen: String = "resume", cutOff: Int? = nil,
            maintenanceNoticeSeconds: Int? = nil, maintenanceCapSeconds: Int? = nil, share: ServiceShare? = nil,
            tiers: [Availability.Tier] = [], measures: ContractMeasure = .runClock, severities: [String]? = nil
        ) {
            self.name = name
            self.measures = measures
            self.severities = severities
            self.title = title
            self.targetSeconds = targetSeconds
            self.warnPercents = warnPercents
            self.pauseReasons = pauseReasons
            self.reopen = reopen
            self.cutOff = cutOff
            self.maintenanceNoticeSeconds = maintenanceNoticeSeconds
            self.maintenanceCapSeconds = maintenanceCapSeconds
            self.share = share
            self.tiers = tiers
        }
    }

    package init(
        name: String, version: String, title: String, calendar: String, effectiveFrom: Moment, effectiveTo: Moment?,
        objectives: [Objective], maintenance: [Maintenance] = [], availability: AvailabilityPromise? = nil,
        credits: CreditPromise? = nil, reporting: ReportPromise = ReportPromise(), workflow: String? = nil,
        paper: ContractPaper? = nil
    ) {
        self.name = name
        self.version = version
        self.title = title
        self.calendar = calendar
        self.effectiveFrom = effectiveFrom
        self.effectiveTo = effectiveTo
        self.objectives = objectives
        self.maintenance = maintenance
        self.availability = availability
        self.credits = credits
        self.reporting = reporting
        self.workflow = workflow
        self.paper = paper
    }

    /// Whether it is in force at that instant: from inclusive, to exclusive.
    package func isInForce(at moment: Moment) -> Bool {
        effectiveFrom <= moment && (effectiveTo.map { moment < $0 } ?? true)
    }

    /// Whether there is an instant at which both are in force.
    package func overlaps(_ other: ContractDocument) -> Bool {
        (effectiveTo.map { other.effectiveFrom < $0 } ?? true) && (other.effectiveTo.map { effectiveFrom < $0 } ?? true)
    }

    package static let shape = ObjectShape(
        "a contract file", "What was promised to a tenant, in service time of a calendar.",
        [
            required("kind", .choice(["contract"]), "always `contract`."),
            required("name", .text(.slug), "the file's name."),
            required("version", .text(.version), "version of this text; a published version never changes."),
            required("title", .text(.line), "as shown on reports."),
            optional("description", .text(.prose), "what it covers, for people."),
            required("calendar", .text(.slug), "name of a calendar of the operator."),
            required("effectiveFrom", .text(.instant), "first instant at which it holds."),
            optional("effectiveTo", .text(.instant), "first instant at which it no longer holds; open unless given."),
            required("objectives", .list(of: .object(objectiveShape), count: 1...objectivesMax), "the promises."),
            optional(
                "maintenance", .list(of: .object(windowShape), count: 0...maintenanceMax),
                "maintenance that was announced to the tenant; which of it is not counted says each objective."),
            optional("availability", .object(ContractPromises.availability), "what is promised about being there."),
            optional("credits", .object(ContractPromises.credits), "how a month's credits become an amount."),
            optional("reporting", .object(ContractPromises.reporting), "how the monthly report is made and who gets it."),
            optional("workflow", .text(.slug), "the workflow it is about; every one without a contract of its own unless given."),
            optional(ContractPaper.member, .object(ContractPaper.shape), "the signatures, where both sides signed on paper."),
        ])

    private static let windowShape = ObjectShape(
        "a maintenance window", "A time in which the service is worked on.",
        [
            required("title", .text(.line), "as it was announced."),
            required("announcedAt", .text(.instant), "when the tenant was told."),
            required("start", .text(.instant), "first instant of it."),
            required("end", .text(.instant), "first instant after it."),
        ])

    private static let objectiveShape = ObjectShape(
        "an objective", "One promise: a clock and its target, or a share of runs.",
        [
            required(
                "name", .text(.slug),
                "name of the clock that a workflow starts and stops, or of one's own beside `measures`; each once."),
            optional(
                "measures", .choice(ContractMeasure.written.map(\.rawValue)),
                "what is measured that no workflow starts; what the name says unless given."),
            optional(
                "severities", .list(of: .choice(Objective.severities), count: 1...4),
                "the incidents that it is about; all unless given."),
            required("title", .text(.line), "as shown on pages and reports."),
            optional("target", .text(.duration), "service time until the clock has to be stopped; this or `targetSeconds`, and none to be touchless."),
            optional("targetSeconds", .integer(1...targetSecondsMax), "the same in seconds."),
            optional(
                "warnPercents", .list(of: .integer(1...1000), count: 0...warnPercentsMax),
                "shares of the target at which people are warned, ascending; beyond 100 they remind."),
            optional(
                "pauseReasons", .list(of: .text(.reason), count: 0...50),
                "reasons that stop counting; every reason unless given, none for an empty list."),
            optional(
                "reopen", .choice(["resume", "restart", "count_through"]),
                "what reopening does to counted time; resume unless given, and restart for `exception-age` and with `cutOff`."),
            optional(
                "cutOff", .text(.wallTime),
                "wall time of the calendar by which a case has to be done; `target` is then the least service time before it."),
            optional("maintenance", .object(maintenanceShape), "maintenance that is not counted; none unless given."),
            optional("budget", .object(budgetShape), "the share of cases that has to meet the target; every one unless given."),
            optional("credits", ContractPromises.tiers, "what a month earns back whose share is under a bound."),
        ])

    private static let budgetShape = ObjectShape(
        "the error budget", "Which share of an objective's cases of a month has to be good.",
        [
            required("atLeast", .text(.share), "that share, such as `\"0.98\"`."),
            optional(
                "quietBelowCases", .integer(0...ServiceShare.quietBelowCasesMax),
                "fewer cases than this are no trend, and slices of time are judged instead; "
                    + "\(ServiceShare.quietBelowCasesDefault) unless given."),
        ])

    private static let maintenanceShape = ObjectShape(
        "the maintenance rule", "Which maintenance is not counted.",
        [
            required("noticeSeconds", .integer(0...31_536_000), "seconds before its start at which it has to be announced."),
            optional(
                capMember, .integer(0...2_678_400),
                "seconds of service time in a calendar month that may be left out, the earliest first; no bound unless given."),
        ])

    /// Judged here, since a clock by itself knows no months.
    package static let capMember = "capSecondsPerMonth"

    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> ContractDocument? {
        guard shape.check(json, issues: &issues) else { return nil }
        let fields = Fields(json)
        guard let from = Moment(fields.text("effectiveFrom")) else { return nil }
        let to = fields.textIfAny("effectiveTo").flatMap { Moment($0) }
        if let to, to <= from {
            issues.append(
                AssetIssue(
                    "/effectiveTo", "The contract ends before it begins.", remedy: "Give an instant after `effectiveFrom`."))
        }
        var objectives: [Objective] = []
        for (index, entry) in fields.list("objectives").enumerated() {
            let objective = parseObjective(entry, at: "/objectives/\(index)", issues: &issues)
            if objectives.contains(where: { $0.name == objective.name }) {
                issues.append(
                    AssetIssue(
                        "/objectives/\(index)/name", "There are two objectives `\(objective.name)`.",
                        remedy: "Keep the one that was signed."))
            }
            objectives.append(objective)
        }
        checkOverlaps(of: objectives, issues: &issues)
        return ContractDocument(
            name: fields.text("name"), version: fields.text("version"), title: fields.text("title"),
            calendar: fields.text("calendar"),
            effectiveFrom: from, effectiveTo: to, objectives: objectives,
            maintenance: fields.list("maintenance").enumerated().compactMap {
                parseWindow($0.element, at: "/maintenance/\($0.offset)", issues: &issues)
            }, availability: ContractPromises.availability(json["availability"], issues: &issues),
            credits: ContractPromises.credits(json["credits"], issues: &issues),
            reporting: ContractPromises.reporting(json["reporting"], issues: &issues),
            workflow: fields.textIfAny("workflow"), paper: ContractPaper.parse(json[ContractPaper.member], issues: &issues))
    }

    private static func parseWindow(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Maintenance? {
        let fields = Fields(json)
        guard let announced = Moment(fields.text("announcedAt")), let start = Moment(fields.text("start")),
            let end = Moment(fields.text("end"))
        else { return nil }
        if end <= start {
            issues.append(
                AssetIssue("\(pointer)/end", "The maintenance ends before it begins.", remedy: "Give an instant after `start`."))
        }
        return Maintenance(title: fields.text("title"), announcedAt: announced, start: start, end: max(start, end))
    }

    /// A run may have several exceptions, one after another, and each is judged by itself.
    private static func isOneByOne(_ name: String) -> Bool { name == SLAObjective.Name.exceptionAge.rawValue }

    private static func parseObjective(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Objective {
        let fields = Fields(json)
        let measures = Objective.measure(json, name: fields.text("name"), at: pointer, issues: &issues)
        Objective.check(json, measures, at: pointer, issues: &issues)
        let percents = fields.list("warnPercents").compactMap(\.int)
        if zip(percents, percents.dropFirst()).contains(where: { $0 >= $1 }) {
            issues.append(
                AssetIssue(
                    "\(pointer)/warnPercents", "The warnings are not in ascending order.", remedy: "Sort them; name each once."))
        }
        let text = fields.textIfAny("target").flatMap { ServiceTarget.seconds(of: $0) }
        if measures.hasClock, (text == nil) == (json["targetSeconds"] == nil) {
            issues.append(
                AssetIssue(
                    pointer, "An objective needs either `target` or `targetSeconds`.",
                    remedy: "Give one of them, such as `target: 8h`."))
        }
        let cutOff = fields.textIfAny("cutOff").flatMap { ServiceWindow.secondOfDay($0) }
        if cutOff != nil, json["pauseReasons"]?.array?.isEmpty != true || json["maintenance"] != nil {
            issues.append(
                AssetIssue(
                    "\(pointer)/cutOff", "A cut-off is a time of the day, and nothing that stops the clock moves it.",
                    remedy: "Write `pauseReasons: []` beside it and no `maintenance`."))
        }
        return Objective(
            name: fields.text("name"), title: fields.text("title"),
            targetSeconds: measures.hasClock ? text ?? fields.integer("targetSeconds", or: 1) : 0,
            warnPercents: percents, pauseReasons: json["pauseReasons"] == nil ? nil : fields.texts("pauseReasons"),
            reopen: fields.textIfAny("reopen") ?? (cutOff != nil || isOneByOne(fields.text("name")) ? "restart" : "resume"),
            cutOff: cutOff, maintenanceNoticeSeconds: json["maintenance"]?["noticeSeconds"]?.int,
            maintenanceCapSeconds: json["maintenance"]?[capMember]?.int,
            share: json["budget"]?["atLeast"]?.string.flatMap { ExactDecimal($0) }.flatMap {
                ServiceShare(
                    $0, quietBelowCases: json["budget"]?["quietBelowCases"]?.int ?? ServiceShare.quietBelowCasesDefault)
            }, tiers: ContractPromises.tiers(json["credits"], at: "\(pointer)/credits", issues: &issues), measures: measures,
            severities: json["severities"] == nil ? nil : fields.texts("severities"))
    }
}

/// Durations of service time as contracts write them: `90s`, `45m`, `8h`, `2h 30m`.
///
/// No days: a day of service time has no fixed length.
package enum ServiceTarget {
    /// Seconds, or nil when the text is not a duration of 1 second to ten years with units in falling order.
    package static func seconds(of text: String) -> Int? {
        let units: [(letter: UInt8, seconds: Int)] = [(UInt8(ascii: "h"), 3600), (UInt8(ascii: "m"), 60), (UInt8(ascii: "s"), 1)]
        var total = 0
        var number = 0
        var digits = 0
        var nextUnit = 0
        var previous: UInt8 = 0
        for byte in text.utf8 {
            if byte.isDigit {
                guard digits < 9 else { return nil }
                number = number * 10 + Int(byte - 0x30)
                digits += 1
            } else if byte == UInt8(ascii: " ") {
                guard digits == 0, nextUnit > 0, previous != byte else { return nil }
            } else {
                guard digits > 0, let unit = units[nextUnit...].firstIndex(where: { $0.letter == byte }) else { return nil }
                total += number * units[unit].seconds
                (number, digits, nextUnit) = (0, 0, unit + 1)
            }
            previous = byte
        }
        guard digits == 0, previous != UInt8(ascii: " ") else { return nil }
        return (1...ContractDocument.targetSecondsMax).contains(total) ? total : nil
    }
}

extension TextRule {
    package static let duration = TextRule(
        "a duration", pattern: "^([0-9]{1,9}h)?( ?[0-9]{1,9}m)?( ?[0-9]{1,9}s)?$", length: 2...40,
        remedy: "Write hours, minutes and seconds of service time, such as 2h 30m; a day has no fixed length."
    ) { ServiceTarget.seconds(of: $0) != nil }

    /// Why a clock stands still: `waiting_on_supplier`.
    package static let reason = TextRule(
        "a pause reason", pattern: "^[a-z][a-z0-9]*(_[a-z0-9]+)*$", length: 2...40,
        remedy: "Use lower-case letters, digits and single underscores, such as `waiting_on_supplier`."
    ) { text in
        let bytes = Array(text.utf8)
        return bytes.first?.isLowerLetter == true && bytes.last != UInt8(ascii: "_")
            && bytes.indices.allSatisfy { index in
                bytes[index].isLowerLetter || bytes[index].isDigit
                    || (bytes[index] == UInt8(ascii: "_") && bytes[index - 1] != UInt8(ascii: "_"))
            }
    }
}

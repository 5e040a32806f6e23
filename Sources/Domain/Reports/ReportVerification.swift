package import Kernel
internal import ServiceLevels

/// The chain of hashes over the lines of attached data: order and content of every line, and a state that a build can keep
/// between its pages.
package struct DataChain: Sendable {
    package private(set) var hash: [UInt8]
    package private(set) var lines: Int64
    private let sha256: @Sendable ([UInt8]) -> [UInt8]

    package init(sha256: @escaping @Sendable ([UInt8]) -> [UInt8]) {
        self.sha256 = sha256
        hash = sha256(Array("countersign sla report data 1".utf8))
        lines = 0
    }

    /// Goes on where an earlier page ended.
    package init(hash: [UInt8], lines: Int64, sha256: @escaping @Sendable ([UInt8]) -> [UInt8]) {
        self.sha256 = sha256
        self.hash = hash
        self.lines = lines
    }

    /// A line without its line end.
    package mutating func take(_ line: [UInt8]) {
        hash = sha256(hash + sha256(line))
        lines += 1
    }
}

/// The customer's side: every figure of a report computed again from its attached data, line by line.
package struct ReportVerification: Sendable {
    private let document: JSONValue
    private var chain: DataChain
    private var terms: ReportTerms?
    private var calendars: [String: ServiceCalendar] = [:]
    private var tally: MonthTally?
    private var incidents = IncidentTally()

    package init(document: JSONValue, sha256: @escaping @Sendable ([UInt8]) -> [UInt8]) throws(Refusal) {
        guard document["kind"]?.string == "slaReport", document["figures"] != nil else {
            throw Refusal(.invalid, reason: "report.document", "This is no service-level report.")
        }
        self.document = document
        chain = DataChain(sha256: sha256)
    }

    /// One line of the data, without its line end. A refusal says which line and what is wrong with it.
    package mutating func take(_ line: [UInt8]) throws(Refusal) {
        chain.take(line)
        func refuse(_ why: String) -> Refusal {
            Refusal(
                .invalid, reason: "report.line", "Line \(chain.lines) of the data: \(why)", facts: ["line": "\(chain.lines)"])
        }
        let json: JSONValue
        do {
            json = try JSONValue(parsing: line, maxBytes: ReportBounds.dataLineBytesMax)
        } catch {
            throw refuse("it is no JSON. Fetch the data of the report again.")
        }
        do throws(Refusal) {
            switch json["kind"]?.string {
            case "report":
                guard terms == nil else { throw refuse("there is a second head.") }
                let read = try ReportTerms(json: json)
                (terms, tally) = (read, MonthTally(read))
            case "calendar":
                var issues: [AssetIssue] = []
                guard let key = json["id"]?.string, let written = json["calendar"],
                    let calendar = ServiceCalendar.parse(written, issues: &issues), issues.isEmpty
                else { throw refuse("the calendar cannot be read. \(issues.first?.message ?? "")") }
                calendars[key] = calendar
            case "clock":
                guard let terms else { throw refuse("a clock stands before the head.") }
                let clock = try ClockLine(json: json)
                guard let calendar = calendars[clock.calendar] else { throw refuse("its calendar was not given before it.") }
                tally?.take(clock, terms: terms, calendar: calendar)
            case "run":
                guard let terms else { throw refuse("a run stands before the head.") }
                tally?.take(try RunLine(json: json), terms: terms)
            case "incident":
                guard let terms else { throw refuse("an incident stands before the head.") }
                incidents.take(try IncidentTally.Case(json: json), terms: terms)
            default: throw refuse("its kind is none of report, calendar, clock, run, incident.")
            }
        } catch {
            throw error.message.hasPrefix("Line ") ? error : refuse(error.message)
        }
    }

    /// What differs, in the order of the report; empty when every figure is right.
    package func differences() throws(Refusal) -> [ReportDifference] {
        guard let terms, let tally else {
            throw Refusal(.invalid, reason: "report.data", "The data has no head. Fetch the data of the report again.")
        }
        var found: [ReportDifference] = []
        func same(_ place: String, _ computed: JSONValue) {
            let reported = document[place] ?? .null
            if reported != computed {
                found.append(ReportDifference(place: "/" + place, reported: reported, computed: computed))
            }
        }
        same("dataHash", .string(chain.hash.hexText))
        same("dataLines", JSONValue(chain.lines))
        same("month", .string(terms.month))
        same("timezone", .string(terms.zone.identifier))
        same("contract", .string(terms.contract))
        same("version", .string(terms.version))
        same("tenant", .string(terms.tenant))
        same("breachesTotal", JSONValue(tally.missedClocks(terms)))
        var justified: [String: Justification] = [:]
        for one in document["breaches"]?.array ?? [] {
            guard let key = one["key"]?.string, let written = one["justification"], !written.isNull else { continue }
            justified[key] = Justification(json: written)
        }
        // An exclusion that the contract does not permit counts for nothing, whatever the report says.
        for (key, one) in justified where one.isExcluded && !terms.exclusions.contains(one.cause) {
            justified[key] = Justification(cause: one.cause, text: one.text, isExcluded: false)
        }
        let figures = try ReportFigures(terms, tally, incidents, justified: justified)
        found += ReportDocument.differences(from: document["figures"] ?? .null, to: figures.json).map {
            ReportDifference(place: "/figures" + $0.place, reported: $0.reported, computed: $0.computed)
        }
        let listed = (document["breaches"]?.array ?? []).map { one -> JSONValue in
            var object = one.object ?? [:]
            object["justification"] = nil
            return .object(object)
        }
        found += ReportDocument.differences(from: .array(listed), to: .array(tally.breaches.map(\.json))).map {
            ReportDifference(place: "/breaches" + $0.place, reported: $0.reported, computed: $0.computed)
        }
        return Array(found.prefix(ReportBounds.differencesMax))
    }

    /// Clocks that were computed again.
    package var clocks: Int64 { tally?.clocks ?? 0 }
    /// The zone data of this machine; a report that was made with another version may differ for that reason alone.
    package var zoneVersion: String? { terms?.zone.version }
}

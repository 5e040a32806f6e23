import Kernel
import Seals
import ServiceLevels

@testable import Reports

func moment(_ text: String) -> Moment {
    guard let moment = Moment(text) else { preconditionFailure("no instant: \(text)") }
    return moment
}

let euro: Currency = {
    guard let euro = Currency("EUR") else { preconditionFailure("no euro") }
    return euro
}()

func decimal(_ text: String) -> ExactDecimal {
    guard let value = ExactDecimal(text) else { preconditionFailure("no decimal: \(text)") }
    return value
}

extension ReportTerms {
    /// The worked month: March 2026 in Berlin, whose clocks go forward on the 29th; service Monday to Friday, 09:00 to 17:00.
    static func march() throws -> ReportTerms {
        let zone = try ZoneRules.load("Europe/Berlin")
        let office = [ServiceWindow(from: 9 * 3600, to: 17 * 3600)]
        let calendar = ServiceCalendar(zone: zone, week: Dictionary(uniqueKeysWithValues: (1...5).map { ($0, office) }))
        func tier(_ below: String, _ percent: String) -> Availability.Tier {
            Availability.Tier(below: decimal(below), creditPercent: decimal(percent))
        }
        return try ReportTerms(
            tenant: "meridian", contract: "managed-ap", version: "2", title: "Managed accounts payable", month: "2026-03",
            zone: zone,
            objectives: [
                Objective(
                    name: "approval-cycle", title: "Approval cycle",
                    terms: ClockTerms(targetSeconds: 8 * 3600, metric: .approvalCycle), share: ServiceShare(decimal("0.75")),
                    tiers: [tier("0.75", "5"), tier("0.5", "10")]),
                Objective(
                    name: "posting", title: "Posting", terms: ClockTerms(targetSeconds: 2 * 3600, metric: .posting),
                    share: ServiceShare(decimal("0.9")), tiers: [tier("0.9", "5"), tier("0.5", "10")]),
            ],
            maintenance: [
                MaintenanceWindow(
                    announcedAt: moment("2026-03-08T10:00:00Z"), start: moment("2026-03-11T08:00:00Z"),
                    end: moment("2026-03-11T10:00:00Z"))
            ],
            availability: AvailabilityPromise(
                target: decimal("0.999"), tiers: [tier("0.999", "10"), tier("0.99", "25")], noticeSeconds: 172_800,
                capSeconds: 14_400, alerts: ["erp-down"]), calendar: calendar,
            credits: CreditPromise(
                base: try Money(minorUnits: 120_050, currency: euro), capPercent: decimal("8"),
                combining: .highest), exclusions: ["customer"])
    }
}

extension ClockLine {
    static func made(_ clock: String, _ objective: String, _ events: [(String, ClockEvent.Kind)]) -> ClockLine {
        ClockLine(
            clock: clock, subject: CaseSubject("run", "run-\(clock)"), objective: objective, calendar: "office",
            events: events.map { ClockEvent($0.1, at: moment($0.0)) }, recordedBreachAt: nil)
    }

    /// The clocks of the worked month.
    static let march: [ClockLine] = [
        .made("a1", "approval-cycle", [("2026-03-02T08:00:00Z", .start), ("2026-03-02T15:00:00Z", .stop)]),
        .made("a2", "approval-cycle", [("2026-03-06T15:00:00Z", .start), ("2026-03-10T09:00:00Z", .stop)]),
        .made("a3", "approval-cycle", [("2026-03-27T15:00:00Z", .start), ("2026-03-30T14:00:00Z", .stop)]),
        .made("a4", "approval-cycle", [("2026-03-03T08:00:00Z", .start), ("2026-03-03T09:00:00Z", .cancel)]),
        .made("a5", "approval-cycle", [("2026-03-31T14:00:00Z", .start), ("2026-04-01T08:00:00Z", .stop)]),
        .made("a6", "approval-cycle", [("2026-02-27T15:00:00Z", .start), ("2026-03-02T11:00:00Z", .stop)]),
        .made("a7", "approval-cycle", [("2026-02-26T08:00:00Z", .start), ("2026-02-26T09:00:00Z", .stop)]),
        .made("p1", "posting", [("2026-03-04T09:00:00Z", .start), ("2026-03-04T10:00:00Z", .stop)]),
        .made("p2", "posting", [("2026-03-05T09:00:00Z", .start), ("2026-03-05T12:00:00Z", .stop)]),
    ]
}

extension IncidentTally.Case {
    static let march: [IncidentTally.Case] = [
        IncidentTally.Case(
            number: 1, alert: "erp-down", severity: "sev2", openedAt: moment("2026-03-16T07:30:00Z"),
            acknowledgedAt: moment("2026-03-16T07:40:00Z"), resolvedAt: moment("2026-03-16T08:30:00Z")),
        IncidentTally.Case(
            number: 2, alert: "sla-breach", severity: "sev3", openedAt: moment("2026-03-20T12:00:00Z"),
            acknowledgedAt: moment("2026-03-20T12:20:00Z"), resolvedAt: moment("2026-04-01T09:00:00Z")),
        IncidentTally.Case(
            number: 3, alert: "queue-age", severity: "sev4", openedAt: moment("2026-02-28T12:00:00Z"), acknowledgedAt: nil,
            resolvedAt: moment("2026-03-01T09:00:00Z")),
    ]
}

func sha256(_ bytes: [UInt8]) -> [UInt8] { SHA256.hash(bytes) }

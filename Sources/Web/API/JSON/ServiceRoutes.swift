internal import Flow
internal import Kernel
internal import Records
internal import ServiceLevels
internal import Tenancy
internal import WebKernel

/// Service levels: attainment, clocks, and the document from which anybody can compute a clock again.
struct ServiceRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] {
        let looking = services.looking
        return [
            services.reading(
                "service", .serviceRead,
                RouteDocumentation(
                    "getService", "Attainment per objective over the last 31 days, with n.", responseSchema: ServiceRoutes.object)
            ) { _, context in
                let since = context.now.adding(seconds: -31 * 86_400)
                let rows = try await looking.attainment(context.scope.id, since: since)
                return [
                    "since": JSONValue(since),
                    "objectives": .array(
                        rows.map {
                            [
                                "objective": .string($0.objective), "targetSeconds": JSONValue($0.targetSeconds),
                                "n": JSONValue($0.n),
                                "met": JSONValue($0.met), "breached": JSONValue($0.breached), "open": JSONValue($0.open),
                            ]
                        }),
                ]
            },
            services.reading(
                "clocks", .serviceRead,
                RouteDocumentation(
                    "listClocks", "Clocks, newest first.",
                    parameters: PageRequest.parameters + [
                        .init("outcome", "Only clocks of this outcome.", schema: ["enum": ["open", "met", "breached"]])
                    ],
                    responseSchema: ServiceRoutes.object, problems: [400])
            ) { request, context in
                let page = try PageRequest(request)
                let outcome = request.query("outcome")
                guard outcome == nil || ["open", "met", "breached"].contains(outcome) else {
                    throw Refusal(
                        .invalid, reason: "clocks.outcome", "outcome is open, met or breached.", facts: ["field": "outcome"])
                }
                let rows = try await looking.clocks(
                    context.scope.id, outcome: outcome, before: try page.position(ClockID.self), limit: page.limit)
                // Upper levels see how long and whether, never whose invoice.
                let seesPayload = context.may(.runsRead)
                return page.answer(
                    rows.map {
                        Views.clock(
                            $0.clock, subject: seesPayload ? $0.subject : nil, counterparty: seesPayload ? $0.counterparty : nil,
                            incident: $0.incident?.number)
                    },
                    last: rows.last.map { ($0.clock.startedAt, $0.clock.id) })
            },
            services.reading(
                "clocks/{id}/explain", .serviceRead,
                RouteDocumentation(
                    "explainClock", "The clock's explain document: what `countersign sla explain` computes from.",
                    responseSchema: ServiceRoutes.object)
            ) { request, context in
                let clock = try await looking.clock(context.scope.id, try request.id())
                guard
                    let explained = try await ClockExplanation.make(
                        clock, looking: looking, tenant: context.scope.id, now: context.now)
                else {
                    throw Refusal.notFound
                }
                return ["document": explained.document, "reading": explained.reading.json(trace: true)]
            },
        ]
    }
}

/// A stored clock with the rules it is pinned to, read now.
struct ClockExplanation: Sendable {
    let document: JSONValue
    let reading: ClockReading
    let calendar: ServiceCalendar

    static func make(_ clock: ClockRow, looking: Looking, tenant: TenantID, now: Moment) async throws -> ClockExplanation? {
        guard let rules = try await looking.rules(of: clock, tenant: tenant) else { return nil }
        let (terms, calendar, maintenance) = (rules.terms, rules.calendar, rules.maintenance)
        let (unrevised, revisions) = calendar.explained
        let document = JSONValue.object([
            "kind": "clock", "calendar": unrevised, "calendarRevisions": revisions.isEmpty ? JSONValue?.none : .array(revisions),
            "contract": terms.json, "maintenance": .array(maintenance.map(\.json)), "events": clock.events,
            "asOf": .string(now.text(fraction: 0)),
        ])
        return ClockExplanation(
            document: document,
            reading: Measuring.read(
                clock, terms: terms, calendar: calendar, maintenance: maintenance, asOf: now, isTraced: true),
            calendar: calendar)
    }
}

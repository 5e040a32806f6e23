internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel
internal import Workflows

/// Times at which workflows begin by themselves: the next ones, what became of those that came, pausing and resuming.
struct ScheduleRoutes: Sendable {
    /// Times ahead of each schedule, unless asked.
    static let nextDefault = 5

    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]
    private static let ahead = RouteDocumentation.Parameter(
        "ahead", "Times ahead, 1 to \(Scheduling.nextMax).",
        schema: ["type": "integer", "minimum": 1, "maximum": JSONValue(Scheduling.nextMax)])

    var all: [Route] { [list, show, times] + Scheduling.Act.allCases.map(turn) }

    private var list: Route {
        services.reading(
            "schedules", .runsRead,
            RouteDocumentation(
                "listSchedules", "Workflows that begin by themselves, with their next times.",
                parameters: [ScheduleRoutes.ahead], responseSchema: ScheduleRoutes.object, problems: [400])
        ) { [services] request, context in
            let shown = try await services.scheduling.all(context.scope, next: try ScheduleRoutes.ahead(request))
            return ["items": .array(shown.map(ScheduleRoutes.view))]
        }
    }

    private var show: Route {
        services.reading(
            "schedules/{workflow}", .runsRead,
            RouteDocumentation(
                "getSchedule", "One schedule, by the name of its workflow.", parameters: [ScheduleRoutes.ahead],
                responseSchema: ScheduleRoutes.object, problems: [400, 404])
        ) { [services] request, context in
            ScheduleRoutes.view(
                try await services.scheduling.one(
                    try request.parameter("workflow"), context.scope, next: try ScheduleRoutes.ahead(request)))
        }
    }

    private var times: Route {
        services.reading(
            "schedules/{workflow}/times", .runsRead,
            RouteDocumentation(
                "listScheduleTimes", "What became of the times of a schedule, latest first: the run, or why there is none.",
                parameters: PageRequest.parameters, responseSchema: ScheduleRoutes.object, problems: [400, 404])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let shown = try await services.scheduling.one(try request.parameter("workflow"), context.scope, next: 1)
            let rows = try await services.scheduling.times(
                shown.row.id, context.scope, before: try page.position(ScheduleID.self)?.0, limit: page.limit)
            return page.answer(
                rows.map { ScheduleRoutes.view($0, of: shown) }, last: rows.last.map { ($0.nominal, $0.schedule) })
        }
    }

    private func turn(_ act: Scheduling.Act) -> Route {
        let words =
            act == .pause
            ? "Lets no run begin by the schedule until it is resumed; the times that come are left out for good."
            : "Lets runs begin again, from the next time on."
        return services.writing(
            "schedules/{workflow}/\(act.rawValue)", .runsManage,
            RouteDocumentation(
                act == .pause ? "pauseSchedule" : "resumeSchedule", words,
                requestSchema: [
                    "type": "object", "required": ["reason"], "additionalProperties": false,
                    "properties": ["reason": ["type": "string", "maxLength": JSONValue(Scheduling.reasonScalarsMax)]],
                ],
                responseSchema: ScheduleRoutes.object, problems: [400, 403, 404, 409])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["reason"])
            return try Views.answer(
                try await services.scheduling.turn(
                    try request.parameter("workflow"), act, reason: try fields.text("reason"),
                    key: try Services.idempotencyKey(request), as: context.actor, scope: context.scope))
        }
    }

    // MARK: Forms

    private static func ahead(_ request: WebRequest) throws(Refusal) -> Int {
        guard let text = request.query("ahead") else { return nextDefault }
        guard let count = Int(text), (1...Scheduling.nextMax).contains(count) else {
            throw Refusal(
                .invalid, reason: "schedule.ahead", "ahead is a whole number from 1 to \(Scheduling.nextMax).",
                facts: ["field": "ahead"])
        }
        return count
    }

    static func view(_ shown: Scheduling.Shown) -> JSONValue {
        let row = shown.row
        return .object([
            "id": JSONValue(row.id), "workflow": .string(row.workflow), "title": .string(shown.title),
            "version": .string(row.version), "state": .string(row.state),
            "rule": (shown.schedule?.timetable.words).map(JSONValue.string), "written": row.rule,
            "overlap": (shown.schedule?.overlapWords).map(JSONValue.string),
            "catchUp": (shown.schedule?.catchUpWords).map(JSONValue.string), "zoneVersion": .string(row.zoneVersion),
            "number": JSONValue(row.number), "settledThrough": JSONValue(row.settledThrough),
            "trouble": row.trouble.isEmpty ? nil : .string(row.trouble),
            "reason": row.reason.isEmpty ? nil : .string(row.reason), "changedBy": row.changedBy.map { JSONValue($0) },
            "next": .array(shown.next.map { ["at": JSONValue($0), "local": .string(shown.spoken($0))] }),
        ])
    }

    static func view(_ row: ScheduleTimeRow, of shown: Scheduling.Shown) -> JSONValue {
        .object([
            "nominal": JSONValue(row.nominal), "local": .string(shown.spoken(row.nominal)), "number": JSONValue(row.number),
            "outcome": .string(row.outcome), "reason": row.reason.isEmpty ? nil : .string(row.reason),
            "count": JSONValue(Int(row.count)), "first": JSONValue(row.firstNominal), "settledAt": JSONValue(row.settledAt),
            "run": row.run.map { JSONValue($0) }, "endedAt": row.endedAt.map { JSONValue($0) },
            "version": .string(row.version), "zoneVersion": .string(row.zoneVersion),
        ])
    }
}

internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Maintenance while the server runs, and corrections of clocks by two people.
struct MaintenanceRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]
    private static let instant: JSONValue = ["type": "string", "format": "date-time"]
    private static let title: JSONValue = [
        "type": "string", "minLength": 1, "maxLength": JSONValue(MaintenanceNotice.titleCharactersMax),
    ]
    private static let reason: JSONValue = [
        "type": "string", "minLength": 1, "maxLength": JSONValue(ContractLife.reasonScalarsMax),
    ]

    var all: [Route] { [list, announce, change, cancel, corrections, ask, confirm, withdraw] }

    private var list: Route {
        services.reading(
            "maintenance", .serviceRead,
            RouteDocumentation(
                "listMaintenance", "Announced maintenance of the scope and of those above it, the latest first.",
                responseSchema: MaintenanceRoutes.object)
        ) { [services] _, context in
            let rows = try await services.maintaining.all(context.scope.id)
            return ["items": .array(rows.map { MaintenanceRoutes.view($0, in: context) })]
        }
    }

    private var announce: Route {
        services.writing(
            "maintenance", .maintenanceAnnounce,
            RouteDocumentation(
                "announceMaintenance", "Announces maintenance; at a partner or the operator it holds for all of theirs.",
                requestSchema: [
                    "type": "object", "required": ["title", "start", "end"], "additionalProperties": false,
                    "properties": [
                        "title": MaintenanceRoutes.title, "start": MaintenanceRoutes.instant, "end": MaintenanceRoutes.instant,
                    ],
                ], responseSchema: MaintenanceRoutes.object, responseStatus: 201, problems: [400])
        ) { [services] _, body, context in
            let fields = try BodyFields(body, known: ["title", "start", "end"])
            let row = try await services.maintaining.announce(
                title: try fields.text("title"), from: try MaintenanceRoutes.moment(fields.text("start"), "start"),
                to: try MaintenanceRoutes.moment(fields.text("end"), "end"), as: context.actor, scope: context.scope)
            return (201, MaintenanceRoutes.view(row, in: context))
        }
    }

    private var change: Route {
        services.writing(
            "maintenance/{id}/change", .maintenanceAnnounce,
            RouteDocumentation(
                "changeMaintenance", "Moves or renames maintenance before it begins; what goes beyond it is announced now.",
                requestSchema: [
                    "type": "object", "additionalProperties": false,
                    "properties": [
                        "title": MaintenanceRoutes.title, "start": MaintenanceRoutes.instant, "end": MaintenanceRoutes.instant,
                    ],
                ], responseSchema: MaintenanceRoutes.object, problems: [400, 409])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["title", "start", "end"])
            let start = try fields.textIfAny("start").map { text throws(Refusal) in
                try MaintenanceRoutes.moment(text, "start")
            }
            let end = try fields.textIfAny("end").map { text throws(Refusal) in try MaintenanceRoutes.moment(text, "end") }
            let row = try await services.maintaining.change(
                try request.id(), title: try fields.textIfAny("title"), from: start, to: end, as: context.actor,
                scope: context.scope)
            return (200, MaintenanceRoutes.view(row, in: context))
        }
    }

    private var cancel: Route {
        services.writing(
            "maintenance/{id}/cancel", .maintenanceAnnounce,
            RouteDocumentation(
                "cancelMaintenance", "Takes maintenance back before it begins, or ends it where it has begun.",
                requestSchema: [
                    "type": "object", "required": ["reason"], "additionalProperties": false,
                    "properties": ["reason": MaintenanceRoutes.reason],
                ], responseSchema: MaintenanceRoutes.object, problems: [400, 409])
        ) { [services] request, body, context in
            let reason = try BodyFields(body, known: ["reason"]).text("reason")
            let row = try await services.maintaining.cancel(
                try request.id(), reason: reason, as: context.actor, scope: context.scope)
            return (200, MaintenanceRoutes.view(row, in: context))
        }
    }

    // MARK: Corrections

    private var corrections: Route {
        services.reading(
            "corrections", .serviceRead,
            RouteDocumentation(
                "listCorrections", "Corrections of clocks with what was there before, the newest first.",
                parameters: [.init("clock", "Of this clock only.")], responseSchema: MaintenanceRoutes.object, problems: [400])
        ) { [services] request, context in
            let clock = request.query("clock").flatMap { ClockID($0) }
            if request.query("clock") != nil, clock == nil { throw Refusal.notFound }
            let rows = try await services.correcting.all(context.scope.id, clock: clock)
            return ["items": .array(rows.map(MaintenanceRoutes.view))]
        }
    }

    private var ask: Route {
        services.writing(
            "clocks/{id}/corrections", .clocksCorrect,
            RouteDocumentation(
                "askCorrection", "Asks that events be put into or taken out of a clock's past, and shows what it would say then.",
                requestSchema: [
                    "type": "object", "required": ["reason"], "additionalProperties": false,
                    "properties": [
                        "add": ["type": "array", "items": MaintenanceRoutes.object, "maxItems": JSONValue(Correcting.eventsMax)],
                        "remove": ["type": "array", "items": ["type": "integer", "minimum": 1]],
                        "reason": MaintenanceRoutes.reason,
                    ],
                ], responseSchema: MaintenanceRoutes.object, responseStatus: 201, problems: [400, 409, 422])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["add", "remove", "reason"])
            let change = Correcting.Change(
                add: body["add"]?.array ?? [], remove: (body["remove"]?.array ?? []).map { $0.int ?? 0 },
                reason: try fields.text("reason"))
            let row = try await services.correcting.ask(
                change, of: try request.id(), as: context.actor, scope: context.scope)
            return (201, MaintenanceRoutes.view(row))
        }
    }

    private var confirm: Route {
        services.writing(
            "corrections/{id}/confirm", .clocksCorrect,
            RouteDocumentation(
                "confirmCorrection",
                "Confirms what another person asked for, by the hash that was shown. It takes a fresh proof.",
                requestSchema: [
                    "type": "object", "required": ["hash"], "additionalProperties": false,
                    "properties": ["hash": ["type": "string", "minLength": 1, "maxLength": 64]],
                ], responseSchema: MaintenanceRoutes.object, problems: [400, 409, 412])
        ) { [services] request, body, context in
            try services.signingIn.requireFreshProof(context.visitor.identity)
            let hash = try BodyFields(body, known: ["hash"]).text("hash")
            let row = try await services.correcting.confirm(
                try request.id(), hash: hash, as: context.actor, scope: context.scope)
            return (200, MaintenanceRoutes.view(row))
        }
    }

    private var withdraw: Route {
        services.writing(
            "corrections/{id}/withdraw", .clocksCorrect,
            RouteDocumentation(
                "withdrawCorrection", "Puts a correction away that nobody has confirmed.",
                requestSchema: ["type": "object", "additionalProperties": false], responseSchema: MaintenanceRoutes.object,
                problems: [409])
        ) { [services] request, body, context in
            _ = try BodyFields(body, known: [])
            let row = try await services.correcting.withdraw(try request.id(), as: context.actor, scope: context.scope)
            return (200, MaintenanceRoutes.view(row))
        }
    }

    // MARK: Words

    static func moment(_ text: String, _ field: String) throws(Refusal) -> Moment {
        guard let at = Moment(text) else {
            throw Refusal(
                .invalid, reason: "request.instant", "Write an instant with its offset, such as 2026-12-31T23:00:00Z.",
                facts: ["field": field])
        }
        return at
    }

    static func state(_ row: MaintenanceRow, at now: Moment) -> String {
        if row.cancelledAt != nil { return "cancelled" }
        return now < row.startsAt ? "announced" : now < row.endsAt ? "under-way" : "over"
    }

    static func view(_ row: MaintenanceRow, in context: TenantContext) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "title": .string(row.title), "state": .string(state(row, at: context.now)),
            "announcedAt": JSONValue(row.announcedAt), "start": JSONValue(row.startsAt), "end": JSONValue(row.endsAt),
            "announcedHere": .bool(row.tenant == context.scope.id), "changedAt": JSONValue(row.changedAt),
            "reason": row.reason.isEmpty ? nil : .string(row.reason),
        ])
    }

    static func view(_ row: CorrectionRow) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "clock": JSONValue(row.clock), "run": row.run.map { JSONValue($0) },
            "state": .string(row.state),
            "reason": .string(row.reason), "hash": .string(row.hash), "original": row.original, "corrected": row.corrected,
            "askedBy": JSONValue(row.askedBy), "askedAt": JSONValue(row.askedAt),
            "settledBy": row.settledBy.map { JSONValue($0) }, "settledAt": row.settledAt.map { JSONValue($0) },
        ])
    }
}

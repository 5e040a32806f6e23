internal import Flow
internal import Incidents
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Drills of runbooks: the list, and as lines for whoever asks for proof of practice.
enum DrillExport {
    static let columns = [
        "id", "alert", "title", "version", "state", "startedAt", "startedBy", "endedAt", "seconds", "steps", "done", "skipped",
        "failed", "ageDays",
    ]

    static func list(_ services: Services) -> Route {
        services.reading(
            "drills", .incidentsRead,
            RouteDocumentation(
                "listDrills", "The last drills of runbooks, newest first, with the age of each in days.",
                responseSchema: ["type": "object"])
        ) { [services] _, context in
            let found = try await services.guiding.drills(context.scope.id, limit: Guiding.listedMax)
            return ["items": .array(found.map { line($0, at: context.now) })]
        }
    }

    static func route(_ services: Services) -> Route {
        Route(
            .get, "/api/v1/tenants/{tenant}/drills/export", access: .permission(Permission.incidentsRead.rawValue),
            documentation: RouteDocumentation(
                "exportDrills",
                "Drills as NDJSON or CSV, oldest first. Next-Cursor leads on from the last line; no lines, no header.",
                parameters: PageRequest.parameters + [
                    .init(IncidentExport.form, "`ndjson` (default) or `csv`.", schema: ["enum": ["ndjson", "csv"]])
                ], responseSchema: ["type": "string"], responseTypes: ["application/x-ndjson", "text/csv"], problems: [400])
        ) { request in
            let context = try await services.access.enter(
                request, slug: try request.parameter("tenant"), permission: .incidentsRead)
            let page = try PageRequest(request)
            let found = try await services.guiding.drills(
                context.scope.id, after: try page.position(RunbookExecutionID.self), limit: page.limit)
            let lines = found.map { line($0, at: context.now) }
            var answer: WebResponse
            switch request.query(IncidentExport.form) ?? "ndjson" {
            case "ndjson":
                answer = .text(lines.map { "\($0.text)\n" }.joined(), type: "application/x-ndjson")
            case "csv":
                answer = .text(IncidentExport.csv(lines, columns), type: "text/csv; charset=utf-8; header=present")
            default:
                throw Refusal(
                    .invalid, reason: "request.member", "format is ndjson or csv.", facts: ["field": IncidentExport.form])
            }
            if let last = found.last {
                answer = answer.header(
                    IncidentExport.nextHeader, "\(last.row.startedAt.microseconds)_\(last.row.id.text)")
            }
            return answer
        }
    }

    static func line(_ followed: Guiding.Followed, at now: Moment) -> JSONValue {
        let (row, state) = (followed.row, followed.state)
        func count(_ of: String) -> JSONValue { JSONValue(state.steps.count { $0.state.rawValue == of }) }
        let end = row.endedAt ?? row.startedAt
        return [
            "id": JSONValue(row.id), "alert": .string(row.alert), "title": .string(state.title),
            "version": .string(state.version), "state": .string(row.state), "startedAt": JSONValue(row.startedAt),
            "startedBy": JSONValue(row.startedBy), "endedAt": JSONValue(row.endedAt),
            "seconds": row.endedAt.map { JSONValue($0.seconds(since: row.startedAt)) } ?? .null,
            "steps": JSONValue(state.steps.count), "done": count("done"), "skipped": count("skipped"),
            "failed": count("failed"),
            "ageDays": JSONValue(max(0, CivilDate(utc: now).daysSince1970 - CivilDate(utc: end).daysSince1970)),
        ]
    }
}

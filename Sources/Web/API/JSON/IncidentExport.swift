internal import Flow
internal import Incidents
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Incidents as lines for other programs: one page of them, oldest first, and the cursor of the next.
enum IncidentExport {
    static let form = "format"
    /// The header that carries the cursor behind the last line; not there when no line is.
    static let nextHeader = "Next-Cursor"
    static let columns = [
        "id", "number", "alert", "title", "severity", "priority", "state", "alerts", "reopened", "run", "openedAt",
        "acknowledgedAt", "mitigatedAt", "resolvedAt", "secondsToAcknowledge", "secondsToResolve",
        "mergedInto",
    ]

    static func route(_ services: Services) -> Route {
        Route(
            .get, "/api/v1/tenants/{tenant}/incidents/export", access: .permission(Permission.incidentsRead.rawValue),
            documentation: RouteDocumentation(
                "exportIncidents",
                "Incidents as NDJSON or CSV, oldest first. Next-Cursor leads on from the last line; no lines, no header.",
                parameters: PageRequest.parameters + [
                    .init(form, "`ndjson` (default) or `csv`.", schema: ["enum": ["ndjson", "csv"]])
                ], responseSchema: ["type": "string"], responseTypes: ["application/x-ndjson", "text/csv"], problems: [400])
        ) { request in
            let context = try await services.access.enter(
                request, slug: try request.parameter("tenant"), permission: .incidentsRead)
            let page = try PageRequest(request)
            let rows = try await services.looking.incidentsExported(
                context.scope.id, after: try page.position(IncidentID.self), limit: page.limit)
            let lines = try rows.map(line)
            var answer: WebResponse
            switch request.query(form) ?? "ndjson" {
            case "ndjson":
                answer = .text(lines.map { "\($0.text)\n" }.joined(), type: "application/x-ndjson")
            case "csv": answer = .text(csv(lines), type: "text/csv; charset=utf-8; header=present")
            default:
                throw Refusal(
                    .invalid, reason: "request.member", "format is ndjson or csv.", facts: ["field": form])
            }
            if let last = rows.last {
                answer = answer.header(nextHeader, "\(last.openedAt.microseconds)_\(last.id.text)")
            }
            return answer
        }
    }

    private static func line(_ row: IncidentRow) throws -> JSONValue {
        let machine = try Incident(json: row.machine)
        var object: JSONObject = [
            "id": JSONValue(row.id), "number": .string("INC-\(row.number)"), "alert": .string(row.alert),
            "title": .string(row.title), "severity": .string(row.severity), "priority": .string(machine.priority.rawValue),
            "state": .string(row.state), "alerts": JSONValue(Int(row.occurrences)), "reopened": JSONValue(machine.reopenCount),
        ]
        object["run"] = JSONValue(row.run?.text)
        object["openedAt"] = JSONValue(row.openedAt)
        object["acknowledgedAt"] = JSONValue(row.acknowledgedAt)
        object["mitigatedAt"] = JSONValue(machine.mitigatedAt)
        object["resolvedAt"] = JSONValue(row.resolvedAt)
        object["secondsToAcknowledge"] = row.acknowledgedAt.map { JSONValue($0.seconds(since: row.openedAt)) } ?? .null
        object["secondsToResolve"] = row.resolvedAt.map { JSONValue($0.seconds(since: row.openedAt)) } ?? .null
        // Of those that are one trouble the survivor is the one to count.
        object["mergedInto"] = JSONValue(row.mergedInto?.text)
        return .object(object)
    }

    static func csv(_ lines: [JSONValue], _ columns: [String] = IncidentExport.columns) -> String {
        let rows = lines.map { line in columns.map { cell(line[$0] ?? .null) } }
        return ([columns] + rows).map { $0.joined(separator: ",") + "\r\n" }.joined()
    }

    /// RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe before it.
    static func cell(_ value: JSONValue) -> String {
        guard let text = value.string else { return value == .null ? "" : value.text }
        let isFormula = text.unicodeScalars.first.map { "=+-@\t\r".unicodeScalars.contains($0) } ?? false
        let safe = isFormula ? "'" + text : text
        guard safe.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return safe }
        return "\"" + safe.flatMap { $0 == "\"" ? ["\"", "\""] : [$0] } + "\""
    }
}

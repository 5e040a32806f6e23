internal import Flow
internal import Kernel
internal import WebKernel

/// OpenAPI 3.1, made of the route table, so that it cannot differ from what the server answers.
enum OpenAPIDocument {
    static func json(of routes: [Route]) -> JSONValue {
        var paths = JSONObject()
        for route in routes {
            guard let documentation = route.documentation else { continue }
            var item = paths[route.pattern]?.object ?? [:]
            item[route.method.rawValue.lowercased()] = operation(route, documentation)
            paths[route.pattern] = .object(item)
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Countersign", "version": "1",
                "description": "Governed finance automation. Errors are RFC 9457 problem documents.",
            ],
            "paths": .object(paths),
            "components": [
                "securitySchemes": [
                    "bearer": [
                        "type": "http", "scheme": "bearer", "description": "An API key (cs_…) or the token of a session.",
                    ]
                ],
                "schemas": ["Problem": problem],
            ],
        ]
    }

    private static let problem: JSONValue = [
        "type": "object", "required": ["type", "title", "status", "detail", "code", "requestId"],
        "properties": [
            "type": ["type": "string"], "title": ["type": "string"], "status": ["type": "integer"], "detail": ["type": "string"],
            "code": ["type": "string"], "requestId": ["type": "string"], "rule": ["type": "string"], "field": ["type": "string"],
        ],
    ]

    private static func operation(_ route: Route, _ documentation: RouteDocumentation) -> JSONValue {
        var parameters: [JSONValue] = []
        for segment in route.pattern.split(separator: "/") where segment.hasPrefix("{") {
            parameters.append([
                "name": .string(String(segment.dropFirst().dropLast())), "in": "path", "required": true,
                "schema": ["type": "string"],
            ])
        }
        for parameter in documentation.parameters {
            parameters.append([
                "name": .string(parameter.name), "in": .string(parameter.place), "required": .bool(parameter.isRequired),
                "description": .string(parameter.description), "schema": parameter.schema,
            ])
        }
        if documentation.takesKey || documentation.problems.contains(409), route.method != .get {
            parameters.append([
                "name": "Idempotency-Key", "in": "header", "required": false, "schema": ["type": "string", "maxLength": 128],
                "description": .string(
                    "A repetition with the same key gets the first answer and does nothing. Answers are kept for "
                        + "\(Idempotency.keptSeconds / 3600) hours; after that a key is new again."),
            ])
        }
        var out: JSONObject = [
            "operationId": .string(documentation.operation), "summary": .string(documentation.summary),
            "parameters": .array(parameters),
            "responses": responses(route, documentation),
        ]
        if let schema = documentation.requestSchema {
            out["requestBody"] = ["required": true, "content": .object([documentation.requestType: ["schema": schema]])]
        }
        switch route.access {
        case .open: out["security"] = []
        case .permission(let name):
            out["security"] = [["bearer": []]]
            out["x-permission"] = .string(name)
        case .signedIn, .worker: out["security"] = [["bearer": []]]
        }
        return .object(out)
    }

    private static func responses(_ route: Route, _ documentation: RouteDocumentation) -> JSONValue {
        let usual =
            documentation.responseSchema?["format"]?.string == "binary"
            ? "application/octet-stream"
            : documentation.responseSchema?["type"]?.string == "string" ? "text/plain" : "application/json"
        let types = documentation.responseTypes.isEmpty ? [usual] : documentation.responseTypes
        let schema = documentation.responseSchema ?? ["type": "object"]
        let good: JSONValue = [
            "description": "Done.", "content": .object(JSONObject(types.map { (key: $0, value: ["schema": schema]) })),
        ]
        var out = JSONObject()
        for status in [documentation.responseStatus] + documentation.otherStatuses { out["\(status)"] = good }
        if documentation.problems.contains(409), route.method != .get { out["202"] = good }
        var statuses = Set(documentation.problems + [500, 503])
        if route.access != .open { statuses.formUnion([401, 403, 404]) }
        if documentation.operation == "signIn" { statuses.formUnion([401, 429]) }
        if route.method != .get { statuses.formUnion([400, 413]) }
        statuses.insert(429)
        for status in statuses.sorted() {
            out["\(status)"] = [
                "description": .string(Problem.title(of: status)),
                "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
            ]
        }
        return .object(out)
    }
}

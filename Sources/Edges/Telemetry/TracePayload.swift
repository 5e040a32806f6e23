package import Kernel

/// The body of an OTLP/HTTP export in JSON (`POST /v1/traces`): ids in hexadecimal, nanoseconds as text, as its JSON form
/// demands. This room makes the bytes; the platform's worker sends them.
package enum TracePayload {
    package static let contentType = "application/json"

    /// `resource` names the sender: `service.name`, `service.version`, `service.instance.id`.
    package static func json(_ spans: [Span], resource: [String: String], scope: String = "countersign") -> JSONValue {
        [
            "resourceSpans": [
                [
                    "resource": ["attributes": attributes(resource)],
                    "scopeSpans": [["scope": ["name": .string(scope)], "spans": .array(spans.map(json))]],
                ]
            ]
        ]
    }

    package static func bytes(_ spans: [Span], resource: [String: String]) -> [UInt8] { json(spans, resource: resource).bytes }

    private static func json(_ span: Span) -> JSONValue {
        var object = JSONObject([
            (key: "traceId", value: .string(span.context.traceIDText)), (key: "spanId", value: .string(span.context.spanIDText)),
        ])
        if let parent = span.parentSpanID {
            let place = TraceContext(traceHigh: span.context.traceHigh, traceLow: span.context.traceLow, spanID: parent)
            object["parentSpanId"] = .string(place.spanIDText)
        }
        object["name"] = .string(span.name)
        object["kind"] = JSONValue(span.kind.rawValue)
        object["startTimeUnixNano"] = .string(nanoseconds(span.startedAt))
        object["endTimeUnixNano"] = .string(nanoseconds(span.endedAt))
        object["attributes"] = attributes(span.attributes)
        let leftOut = span.attributes.count - Span.attributesMax
        if leftOut > 0 { object["droppedAttributesCount"] = JSONValue(leftOut) }
        switch span.outcome {
        case .unset: object["status"] = [:]
        case .good: object["status"] = ["code": 1]
        case .failed(let message): object["status"] = ["code": 2, "message": .string(message)]
        }
        return .object(object)
    }

    /// Microseconds are all we have; times before 1970 are no times of ours.
    private static func nanoseconds(_ moment: Moment) -> String {
        moment.microseconds <= 0 ? "0" : String(moment.microseconds) + "000"
    }

    private static func attributes(_ attributes: [String: String]) -> JSONValue {
        .array(
            attributes.sorted { $0.key < $1.key }.prefix(Span.attributesMax).map { name, value in
                ["key": .string(name), "value": ["stringValue": .string(value)]]
            })
    }
}

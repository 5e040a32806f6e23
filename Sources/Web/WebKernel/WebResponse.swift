package import Kernel

/// An answer: status, headers, and bytes or a stream.
package struct WebResponse: Sendable {
    package enum Body: Sendable {
        case bytes([UInt8])
        /// Written piece by piece until the closure returns; a throw ends the connection without a proper close, so that the
        /// other side knows that it did not get everything.
        case stream(@Sendable (WebBodyWriter) async throws -> Void)
    }

    package var status: Int
    package var headers: WebHeaders
    package var body: Body

    package init(status: Int, headers: WebHeaders = WebHeaders(), body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package static func json(_ value: JSONValue, status: Int = 200) -> WebResponse {
        WebResponse(
            status: status, headers: WebHeaders([(name: "Content-Type", value: "application/json")]), body: .bytes(value.bytes))
    }

    package static func html(_ text: String, status: Int = 200) -> WebResponse {
        WebResponse(
            status: status, headers: WebHeaders([(name: "Content-Type", value: "text/html; charset=utf-8")]),
            body: .bytes(Array(text.utf8)))
    }

    package static func text(_ text: String, type: String = "text/plain; charset=utf-8", status: Int = 200) -> WebResponse {
        WebResponse(status: status, headers: WebHeaders([(name: "Content-Type", value: type)]), body: .bytes(Array(text.utf8)))
    }

    /// 303, so that a reload after a posted form repeats nothing. `location` is a path of ours, never a value from outside.
    package static func seeOther(_ location: String) -> WebResponse {
        precondition(location.hasPrefix("/") && !location.hasPrefix("//"), "a redirect stays on this host")
        return WebResponse(status: 303, headers: WebHeaders([(name: "Location", value: location)]))
    }

    package func header(_ name: String, _ value: String) -> WebResponse {
        var copy = self
        copy.headers.set(name, value)
        return copy
    }
}

/// The sending end of a streamed answer.
package struct WebBodyWriter: Sendable {
    let send: @Sendable ([UInt8]) async throws -> Void

    package func write(_ bytes: [UInt8]) async throws { try await send(bytes) }
    package func write(_ text: String) async throws { try await send(Array(text.utf8)) }
}

/// RFC 9457 problem documents: one shape for every refusal of the API.
package enum Problem {
    /// The HTTP status of each kind of refusal, decided here and nowhere else.
    package static func status(of code: Refusal.Code) -> Int {
        switch code {
        case .invalid: 400
        case .unauthenticated: 401
        case .forbidden: 403
        case .notFound: 404
        case .conflict: 409
        case .stale: 412
        case .tooLarge: 413
        case .unprocessable: 422
        case .tooMany: 429
        case .unavailable: 503
        }
    }

    /// The same for one refusal: some reasons have a status of their own.
    package static func status(of refusal: Refusal) -> Int {
        switch refusal.reason {
        case "request.method": 405
        case "internal": 500
        default: status(of: refusal.code)
        }
    }

    package static func title(of status: Int) -> String {
        switch status {
        case 400: "The request cannot be read"
        case 401: "Sign in first"
        case 403: "Not permitted"
        case 404: "Not found"
        case 405: "Method not allowed"
        case 409: "Conflict"
        case 412: "The object has changed"
        case 413: "Too large"
        case 422: "The request cannot be carried out"
        case 429: "Too many requests"
        case 503: "Not available at the moment"
        default: "Internal error"
        }
    }

    /// `facts` are for the audit log; of them only `field` and `rule` go to the caller.
    package static func response(_ refusal: Refusal, request id: String) -> WebResponse {
        let status = status(of: refusal)
        var response = WebResponse.json(
            .object(
                [
                    "type": .string("urn:countersign:problem:\(refusal.reason)"), "title": .string(title(of: status)),
                    "status": JSONValue(status),
                    "detail": .string(refusal.message), "code": .string(refusal.reason), "requestId": .string(id),
                    "rule": refusal.facts["rule"].map(JSONValue.string), "field": refusal.facts["field"].map(JSONValue.string),
                ] as KeyValuePairs<String, JSONValue?>), status: status)
        response.headers.set("Content-Type", "application/problem+json")
        if refusal.code == .tooMany || refusal.code == .unavailable {
            response.headers.set("Retry-After", refusal.facts["retryAfterSeconds"] ?? "2")
        }
        return response
    }

    /// What a stranger learns of a bug or a fault: that it is ours, and the id under which the log has the rest.
    package static func internalError(request id: String) -> WebResponse {
        response(
            Refusal(
                .unavailable, reason: "internal", "The request was not carried out. Nothing is known to be lost. Reference \(id)."
            ), request: id
        )
    }
}

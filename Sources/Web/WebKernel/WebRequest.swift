package import Kernel

/// The methods that the product serves.
package enum WebMethod: String, Sendable, CaseIterable {
    case get = "GET", post = "POST", put = "PUT", patch = "PATCH", delete = "DELETE"

    /// Whether a request of this method may change something (RFC 9110 §9.2.1).
    package var isSafe: Bool { self == .get }
}

/// Header fields in the order they came; names compare without case (RFC 9110 §5.1).
package struct WebHeaders: Sendable {
    package private(set) var fields: [(name: String, value: String)] = []

    package init(_ fields: [(name: String, value: String)] = []) { self.fields = fields }

    /// The first value of that name.
    package subscript(name: String) -> String? {
        fields.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    package func all(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    package mutating func set(_ name: String, _ value: String) {
        fields.removeAll { $0.name.lowercased() == name.lowercased() }
        fields.append((name: name, value: value))
    }

    package mutating func add(_ name: String, _ value: String) { fields.append((name: name, value: value)) }
}

/// One request, its body already read and bounded.
package struct WebRequest: Sendable {
    package let method: WebMethod
    /// The path as received, without the query.
    package let path: String
    package let query: [(name: String, value: String)]
    package let headers: WebHeaders
    package let body: [UInt8]
    /// Values of `{name}` in the route's pattern, percent-decoded.
    package let parameters: [String: String]
    /// Ours, printed in every problem document and log line of this request.
    package let id: String
    package let receivedAt: Moment
    /// The address that the request came from; empty where there is none (a unix socket).
    package let client: String

    package init(
        method: WebMethod, path: String, query: [(name: String, value: String)], headers: WebHeaders, body: [UInt8],
        parameters: [String: String], id: String, receivedAt: Moment, client: String = ""
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.parameters = parameters
        self.id = id
        self.receivedAt = receivedAt
        self.client = client
    }

    /// The first query value of that name; an empty value counts as absent, as browsers send empty form fields.
    package func query(_ name: String) -> String? {
        query.first { sameBytes($0.name, name) }.flatMap { $0.value.isEmpty ? nil : $0.value }
    }

    package func parameter(_ name: String) throws(Refusal) -> String {
        guard let value = parameters[name], !value.isEmpty else { throw .notFound }
        return value
    }

    /// An id in the path; anything that is not an id is as unknown as an id that does not exist.
    package func id<S>(_ name: String = "id", of kind: ID<S>.Type = ID<S>.self) throws(Refusal) -> ID<S> {
        guard let text = parameters[name], let id = ID<S>(text) else { throw .notFound }
        return id
    }

    /// The body as strict JSON; demands `Content-Type: application/json`, so that no plain form can reach an API route.
    package func strictJSON(maxBytes: Int = 1_048_576) throws(Refusal) -> JSONValue {
        let type = (headers["content-type"] ?? "").lowercased()
        guard type == "application/json" || type.hasPrefix("application/json;") else {
            throw Refusal(.invalid, reason: "request.content-type", "Send the body as application/json.")
        }
        do {
            return try JSONValue(parsing: body, maxBytes: maxBytes)
        } catch {
            throw Refusal(
                .invalid, reason: "request.json",
                "The body is not strict JSON: \(error.message) at line \(error.line), column \(error.column).")
        }
    }

    /// Fields of an `application/x-www-form-urlencoded` body; at most 200 of them.
    package func form() throws(Refusal) -> FormFields {
        let type = (headers["content-type"] ?? "").lowercased()
        guard type == "application/x-www-form-urlencoded" || type.hasPrefix("application/x-www-form-urlencoded;") else {
            throw Refusal(.invalid, reason: "request.content-type", "Send the form as application/x-www-form-urlencoded.")
        }
        return try FormFields(urlEncoded: body)
    }

    package func cookie(_ name: String) -> String? {
        for header in headers.all("cookie") {
            for pair in header.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1)
                if parts.count == 2, trimmed(parts[0]) == name { return trimmed(parts[1]) }
            }
        }
        return nil
    }
}

extension Refusal {
    /// The one answer for what does not exist and for what belongs to someone else.
    package static let notFound = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
}

func trimmed(_ text: some StringProtocol) -> String {
    var view = Substring(text)
    while let first = view.first, first == " " || first == "\t" { view.removeFirst() }
    while let last = view.last, last == " " || last == "\t" { view.removeLast() }
    return String(view)
}

internal import Curl
package import Kernel

/// What one person or program does in one tenant through the API.
package struct TenantAPI: Sendable {
    package let server: ServerAPI
    package let slug: String

    package init(_ server: ServerAPI, _ slug: String) {
        self.server = server
        self.slug = slug
    }

    package func path(_ rest: String) -> String { "/api/v1/tenants/\(ServerAPI.escaped(slug))/\(rest)" }

    package func get(_ rest: String, _ query: [(String, String)] = []) async throws -> JSONValue {
        try await server.get(path(rest), query)
    }

    package func post(_ rest: String, _ body: JSONValue, key: String = Idempotency.newKey()) async throws -> JSONValue {
        try await server.send(.post, path(rest), body, key: key)
    }

    package func put(_ rest: String, _ body: JSONValue, key: String = Idempotency.newKey()) async throws -> JSONValue {
        try await server.send(.put, path(rest), body, key: key)
    }

    /// A file as it is; a problem is thrown as such.
    package func file(_ rest: String, _ query: [(String, String)] = []) async throws -> [UInt8] {
        let response = try await server.exchange(.get, ServerAPI.path(path(rest), query), headers: [], body: nil)
        // A problem is read as one, and thrown by that.
        if !(200..<300).contains(response.status) { _ = try ServerAPI.json(response) }
        return response.body
    }

    /// Every item of a list, page by page, at most `limit` of them.
    package func items(_ rest: String, _ query: [(String, String)] = [], limit: Int = 1000) async throws -> [JSONValue] {
        var out: [JSONValue] = []
        var cursor: String?
        repeat {
            let page = try await get(rest, query + [("limit", "200")] + (cursor.map { [("cursor", $0)] } ?? []))
            out += page["items"]?.array ?? []
            cursor = page["next"]?.string
        } while cursor != nil && out.count < limit
        return Array(out.prefix(limit))
    }

    /// One page of an export as it is written, and the cursor of the next where there is one.
    package func exported(_ rest: String, _ query: [(String, String)]) async throws -> (text: String, next: String?) {
        let target = ServerAPI.path(path(rest), query + [("limit", "200")])
        let answer = try await server.exchange(.get, target, headers: [], body: nil)
        // A refusal is JSON, whatever was asked for.
        guard answer.status == 200 else { throw ServerProblem(answer, try? JSONValue(parsing: answer.body)) }
        return (String(decoding: answer.body, as: UTF8.self), answer.header("next-cursor"))
    }

    // MARK: Documents and runs

    /// Hands a document in. `traceparent` continues a trace of the sender's.
    package func submit(_ bytes: [UInt8], fileName: String, traceparent: String? = nil) async throws -> SubmittedDocument {
        var headers = [HTTPHeader("Content-Type", "application/octet-stream")]
        if let traceparent { headers.append(HTTPHeader("traceparent", traceparent)) }
        let target = ServerAPI.path(path("documents"), [("fileName", fileName)])
        let response = try await server.exchange(.post, target, headers: headers, body: bytes)
        return try SubmittedDocument(json: try ServerAPI.json(response))
    }

    package func document(_ id: String) async throws -> JSONValue { try await get("documents/\(id)") }

    /// Newest first.
    package func runs(phase: String? = nil, containing text: String? = nil, limit: Int = 1000) async throws -> [RunView] {
        var query: [(String, String)] = []
        if let phase { query.append(("phase", phase)) }
        if let text { query.append(("q", text)) }
        return try await items("runs", query, limit: limit).map(RunView.init)
    }

    package func run(_ id: String) async throws -> JSONValue { try await get("runs/\(id)") }

    /// A run's history, oldest first.
    package func history(_ run: String) async throws -> [HistoryLine] {
        var out: [HistoryLine] = []
        var after = 0
        while true {
            let page = try await get("runs/\(run)/history", [("after", "\(after)")])
            out += (page["items"]?.array ?? []).map(HistoryLine.init)
            guard let next = page["next"]?.int else { return out }
            after = next
        }
    }

    // MARK: People

    /// Open requests of a kind, oldest first.
    package func approvals() async throws -> [RequestView] { try await items("approvals").map(RequestView.init) }
    package func exceptions() async throws -> [RequestView] { try await items("exceptions").map(RequestView.init) }

    /// Signs (`approve`) or rejects what was shown; the hash binds the signature to it.
    @discardableResult
    package func decide(
        _ request: RequestView, _ verdict: String, reason: String? = nil, delegation: String? = nil
    ) async throws -> JSONValue {
        try await post(
            "approvals/\(request.id)/decision",
            .object([
                "verdict": .string(verdict), "objectHash": .string(request.objectHash), "reason": reason.map(JSONValue.string),
                "delegation": delegation.map(JSONValue.string),
            ]))
    }

    @discardableResult
    package func resolve(_ request: RequestView, as resolution: String, reason: String? = nil) async throws -> JSONValue {
        try await post(
            "exceptions/\(request.id)/resolution",
            .object([
                "resolution": .string(resolution), "objectHash": .string(request.objectHash),
                "reason": reason.map(JSONValue.string),
            ]))
    }

    // MARK: Payments

    /// A request for a payment, and the run that it started or that somebody's earlier one did.
    package struct AskedPayment: Sendable {
        package let run: String
        package let isNew: Bool
    }

    /// Asks for the payment of what a run posted.
    package func askForPayment(_ run: String) async throws -> AskedPayment {
        let answer = try await post("runs/\(ServerAPI.escaped(run))/payment", [:])
        return AskedPayment(run: answer["run"]?.string ?? "", isNew: answer["isNew"]?.bool ?? false)
    }

    /// Asks for the payment of everything due by a day: `{asked, leftOut}`.
    package func askForPayments(dueBy: String) async throws -> JSONValue {
        try await post("payments/ask", ["dueBy": .string(dueBy)])
    }

    // MARK: Operations

    /// Work that was given up.
    package func deadTasks() async throws -> [JSONValue] { try await items("tasks") }

    @discardableResult
    package func retryTask(_ id: String) async throws -> JSONValue { try await post("tasks/\(id)/retry", [:]) }

    /// Gives a dead letter up for good.
    @discardableResult
    package func discardTask(_ id: String, reason: String) async throws -> JSONValue {
        try await post("tasks/\(id)/discard", ["reason": .string(reason)])
    }

    /// Pauses a run, resumes it, skips a step, goes back or cancels it: the verbs of the run's address.
    @discardableResult
    package func steerRun(_ id: String, _ verb: String, step: String?, reason: String?) async throws -> JSONValue {
        try await post(
            "runs/\(id)/\(verb)", .object(["step": step.map(JSONValue.string), "reason": reason.map(JSONValue.string)]))
    }

    /// Newest first; only open ones unless `all`.
    package func incidents(all: Bool = false) async throws -> [IncidentView] {
        try await items("incidents", all ? [("state", "all")] : []).map(IncidentView.init)
    }

    @discardableResult
    package func acknowledgeIncident(_ id: String) async throws -> JSONValue {
        try await post("incidents/\(id)/acknowledge", [:])
    }

    @discardableResult
    package func resolveIncident(_ id: String, reason: String) async throws -> JSONValue {
        try await post("incidents/\(id)/resolve", ["reason": .string(reason)])
    }

    package func service() async throws -> JSONValue { try await get("service") }
    package func workers() async throws -> [JSONValue] { try await get("workers")["items"]?.array ?? [] }
}

/// What the server says of a document that was handed in.
package struct SubmittedDocument: Sendable, Hashable {
    package let id: String
    package let sha256: String
    /// False when the tenant held these bytes before.
    package let isNew: Bool

    init(json: JSONValue) throws {
        guard let id = json["id"]?.string, let sha256 = json["sha256"]?.string else {
            throw ServerAPI.strange("the answer to a document has no id")
        }
        self.id = id
        self.sha256 = sha256
        isNew = json["new"]?.bool ?? true
    }
}

/// A run as lists show it.
package struct RunView: Sendable, Hashable {
    package let json: JSONValue
    package var id: String { json["id"]?.string ?? "" }
    /// The invoice's number.
    package var subject: String { json["subject"]?.string ?? "" }
    package var counterparty: String { json["counterparty"]?.string ?? "" }
    package var phase: String { json["phase"]?.string ?? "" }
    package var outcome: String? { json["outcome"]?.string }
    package var document: String { json["document"]?.string ?? "" }
    /// `00-<trace>-<span>-01`.
    package var trace: String? { json["trace"]?.string }
    package var isFinal: Bool { ["completed", "faulted", "cancelled"].contains(phase) }
    package var startedAt: Moment? { json["startedAt"]?.moment }
    package var finishedAt: Moment? { json["finishedAt"]?.moment }

    package init(_ json: JSONValue) { self.json = json }
}

package struct HistoryLine: Sendable, Hashable {
    package let json: JSONValue
    package var type: String { json["type"]?.string ?? "" }
    package var step: String { json["step"]?.string ?? "" }
    package var summary: String { json["summary"]?.string ?? "" }
    package var at: Moment? { json["at"]?.moment }

    package init(_ json: JSONValue) { self.json = json }
}

/// A request to people: an approval or an exception.
package struct RequestView: Sendable, Hashable {
    package let json: JSONValue
    package var id: String { json["id"]?.string ?? "" }
    package var title: String { json["title"]?.string ?? "" }
    package var code: String { json["code"]?.string ?? "" }
    package var run: String? { json["run"]?.string }
    package var document: String? { json["document"]?.string }
    package var objectHash: String { json["objectHash"]?.string ?? "" }
    package var signatures: [JSONValue] { json["signatures"]?.array ?? [] }
    package var resolutions: [String] { (json["resolutions"]?.array ?? []).compactMap { $0["name"]?.string } }

    package init(_ json: JSONValue) { self.json = json }
}

package struct IncidentView: Sendable, Hashable {
    package let json: JSONValue
    package var id: String { json["id"]?.string ?? "" }
    package var number: Int { json["number"]?.int ?? 0 }
    package var alert: String { json["alert"]?.string ?? "" }
    package var title: String { json["title"]?.string ?? "" }
    package var severity: String { json["severity"]?.string ?? "" }
    package var state: String { json["state"]?.string ?? "" }
    package var runbook: String { json["runbook"]?.string ?? "" }
    package var run: String? { json["run"]?.string }

    package init(_ json: JSONValue) { self.json = json }
}

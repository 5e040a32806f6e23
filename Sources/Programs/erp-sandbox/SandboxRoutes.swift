import Kernel
import WebKernel

/// The sandbox's API.
struct SandboxRoutes: Sendable {
    let books: Books
    let dice: FaultDice
    let token: String

    var all: [Route] {
        ["suppliers", "orders", "receipts", "bills"].map { collection in
            Route(.get, "/api/v1/\(collection)", access: .open) { request in
                try await answering(request, isWrite: false) { try await list(collection, request) }
            }
        } + [
            Route(.get, "/api/v1/bills/{id}", access: .open) { request in
                try await answering(request, isWrite: false) {
                    guard let bill = await books.bill(try request.parameter("id")) else { throw Refusal.notFound }
                    return tagged(bill)
                }
            },
            Route(.post, "/api/v1/bills", access: .open) { request in
                try await answering(request, isWrite: true) {
                    let body = try request.strictJSON()
                    try await books.check(body)
                    return tagged(try await books.post(body, traceparent: traceparent(of: request)), status: 201)
                }
            },
            Route(.patch, "/api/v1/bills/{id}", access: .open) { request in
                try await answering(request, isWrite: true) { try await change(request) }
            },
            Route(.get, "/sandbox/ledger", access: .open) { _ in .json(await books.ledger()) },
            Route(.get, "/sandbox/faults", access: .open) { _ in .json(await dice.plan.json) },
            Route(.put, "/sandbox/faults", access: .open) { request in
                await dice.set(try FaultPlan(json: try request.strictJSON()))
                return .json(await dice.plan.json)
            },
            Route(.post, "/sandbox/edit", access: .open) { request in
                let body = try request.strictJSON()
                return .json(try await books.edit(body["number"]?.string ?? "", body["set"] ?? .null))
            },
            Route(.post, "/sandbox/set-iban", access: .open) { request in
                let body = try request.strictJSON()
                try await books.setIBAN(body["iban"]?.string ?? "", of: body["supplier"]?.string ?? "")
                return .json(["supplier": body["supplier"] ?? .null])
            },
            Route(.post, "/sandbox/data", access: .open, bodyBytesMax: 16_777_216) { request in
                let counts = try await books.add(try request.strictJSON(maxBytes: 16_777_216))
                return .json(
                    .object(JSONObject(counts.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue($0.value)) })))
            },
        ]
    }

    /// Checks the token, throws the dice, and does the work or something worse.
    private func answering(
        _ request: WebRequest, isWrite: Bool, _ work: @escaping @Sendable () async throws -> WebResponse
    ) async throws -> WebResponse {
        guard request.headers["authorization"] == "Bearer \(token)" else {
            return error(401, "Unauthorized", "The token is missing or wrong.")
        }
        await books.note(method: request.method.rawValue, path: request.path, traceparent: traceparent(of: request))
        let plan = await dice.plan
        if plan.latencyMilliseconds > 0 { try await Task.sleep(for: .milliseconds(plan.latencyMilliseconds)) }
        switch await dice.draw(isWrite: isWrite) {
        case .none: return await carriedOut(work)
        case .tooMany: return error(429, "TooManyRequests", "Slow down.").header("Retry-After", "1")
        case .unavailable: return error(503, "Unavailable", "Maintenance.")
        case .html: return .html("<html><body><h1>Sign in</h1><p>Your session has ended.</p></body></html>")
        case .errorInside200: return .json(["error": ["code": "Internal", "message": "Deadlock victim, try again."]])
        case .wrongGzip:
            guard isWrite else { return await carriedOut(work).header("Content-Encoding", "gzip") }
            return error(503, "Unavailable", "Maintenance.")
        case .lostAnswer:
            _ = await carriedOut(work)
            return cutOff()
        case .lateCommit(let seconds):
            // The client sees its connection end; the books change later, whoever may be listening then.
            Task {
                try await Task.sleep(for: .seconds(seconds))
                _ = await carriedOut(work)
            }
            return cutOff()
        }
    }

    /// The caller's place in its trace as it said it; cut, since anybody may send anything.
    private func traceparent(of request: WebRequest) -> String? { request.headers["traceparent"].map { String($0.prefix(64)) } }

    private func carriedOut(_ work: @Sendable () async throws -> WebResponse) async -> WebResponse {
        do {
            return try await work()
        } catch let refusal as Refusal {
            let status = refusal.code == .stale ? 412 : refusal.code == .notFound ? 404 : Problem.status(of: refusal.code)
            return self.error(status, refusal.reason, refusal.message)
        } catch {
            return self.error(500, "Internal", "\(error)")
        }
    }

    /// An answer that ends before its end.
    private func cutOff() -> WebResponse {
        WebResponse(
            status: 200,
            headers: WebHeaders([(name: "Content-Type", value: "application/json"), (name: "Content-Length", value: "4096")]),
            body: .stream { writer in
                try await writer.write("{")
                throw Fault("answer", "lost on purpose", isRetryable: false)
            })
    }

    private func list(_ collection: String, _ request: WebRequest) async throws -> WebResponse {
        let top = request.query("$top").flatMap { Int($0) } ?? Books.pageDefault
        let skip = request.query("$skip").flatMap { Int($0) } ?? 0
        guard (1...Books.pageMax).contains(top), (0...1_000_000).contains(skip) else {
            throw Refusal(.invalid, reason: "Paging", "$top is 1 to \(Books.pageMax), $skip at least 0.")
        }
        let filters = request.query.filter { !$0.name.hasPrefix("$") }
        let (rows, hasMore) = await books.find(collection, filters, skip: skip, top: top)
        var body: JSONObject = ["value": .array(rows)]
        if hasMore {
            let kept =
                filters.map { "\(percentEncoded($0.name))=\(percentEncoded($0.value))" } + [
                    "$top=\(top)", "$skip=\(skip + rows.count)",
                ]
            body["@odata.nextLink"] = .string("/api/v1/\(collection)?" + kept.joined(separator: "&"))
        }
        return .json(.object(body))
    }

    private func change(_ request: WebRequest) async throws -> WebResponse {
        guard let match = request.headers["if-match"], let version = Int(match.filter(\.isNumber)) else {
            throw Refusal(.invalid, reason: "IfMatch", "Send If-Match with the bill's ETag.")
        }
        guard let bill = try await books.patch(try request.parameter("id"), try request.strictJSON(), version: version) else {
            throw Refusal.notFound
        }
        return tagged(bill)
    }

    private func tagged(_ bill: JSONValue, status: Int = 200) -> WebResponse {
        WebResponse.json(bill, status: status).header("ETag", "W/\"\(bill["version"]?.int ?? 0)\"")
    }

    private func error(_ status: Int, _ code: String, _ message: String) -> WebResponse {
        .json(["error": ["code": .string(code), "message": .string(message)]], status: status)
    }
}

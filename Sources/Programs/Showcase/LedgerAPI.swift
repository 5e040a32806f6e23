internal import Curl
package import Kernel

/// The sandbox ERP, as whoever runs it sees it: its true books, its faults, its master data.
package struct LedgerAPI: Sendable {
    static let answerMilliseconds = 30_000

    package let port: Int
    private let curl = CurlClient()

    package init(port: Int) { self.port = port }

    /// What a sandbox holds in truth.
    package struct Books: Sendable {
        package let bills: [JSONValue]
        /// Bills that differ in supplier or number.
        package let distinct: Int
        /// `supplier/number` of what stands there more than once.
        package let doubled: [String]
        /// Who asked for what, the oldest first: `method`, `path`, and the caller's `traceparent` where it named one.
        package let requests: [JSONValue]
    }

    package func books() async throws -> Books {
        let json = try await exchange(.get, "/sandbox/ledger", nil)
        return Books(
            bills: json["bills"]?.array ?? [], distinct: json["distinct"]?.int ?? 0,
            doubled: (json["doubled"]?.array ?? []).compactMap { $0.string },
            requests: json["requests"]?.array ?? [])
    }

    /// Replaces the faults; an empty object is a healthy ERP.
    package func setFaults(_ faults: JSONValue) async throws { _ = try await exchange(.put, "/sandbox/faults", faults) }

    /// Adds suppliers, orders and receipts.
    package func add(_ data: JSONValue) async throws { _ = try await exchange(.post, "/sandbox/data", data) }

    private func exchange(_ method: HTTPMethod, _ path: String, _ body: JSONValue?) async throws -> JSONValue {
        let entry = EgressPolicy.Entry("127.0.0.1:\(port)").map { [$0] } ?? []
        let request = HTTPRequest(
            method, "http://127.0.0.1:\(port)\(path)",
            headers: body == nil ? [] : [HTTPHeader("Content-Type", "application/json")],
            body: body?.bytes, totalTimeoutMilliseconds: LedgerAPI.answerMilliseconds, maxBodyBytes: ServerAPI.answerBytesMax,
            egress: EgressPolicy(entries: entry), isRepeatable: true)
        let response: HTTPResponse
        do throws(CurlFailure) {
            response = try await curl.perform(request)
        } catch {
            throw Fault("asking the sandbox ERP on port \(port)", error.description, isRetryable: true, cause: error)
        }
        return try ServerAPI.json(response)
    }
}

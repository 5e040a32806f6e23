internal import Curl
package import Kernel

/// An ERP on this machine, as whoever runs it sees it: its true books, its faults, its master data. The sandbox and the peers of
/// the tests speak the same words here.
package struct LedgerAPI: Sendable {
    static let answerMilliseconds = 120_000
    /// Orders that are sent at once; a real ERP takes a third of a second for each.
    static let batchSize = 20

    /// The address below which the ERP is looked into and changed behind everybody's back.
    package let control: String
    private let curl = CurlClient()

    package init(control: String) { self.control = control }

    init(sandboxPort: Int) { self.init(control: "http://127.0.0.1:\(sandboxPort)/sandbox") }

    /// What a sandbox holds in truth.
    package struct Books: Sendable {
        package let bills: [JSONValue]
        /// `supplier/number` of what stands there more than once.
        package let doubled: [String]
        /// Who asked for what, the oldest first: `method`, `path`, and the caller's `traceparent` where it named one.
        package let requests: [JSONValue]
    }

    package func books() async throws -> Books {
        let json = try await exchange(.get, "/ledger", nil)
        return Books(
            bills: json["bills"]?.array ?? [], doubled: (json["doubled"]?.array ?? []).compactMap { $0.string },
            requests: json["requests"]?.array ?? [])
    }

    /// Replaces the faults; an empty object is a healthy ERP.
    package func setFaults(_ faults: JSONValue) async throws { _ = try await exchange(.put, "/faults", faults) }

    /// Adds suppliers, orders and receipts.
    package func add(_ data: JSONValue) async throws { _ = try await exchange(.post, "/data", data) }

    /// Adds the orders and receipts of many trades, some at a time.
    func add(_ trades: [SampleTrade]) async throws {
        var rest = trades.map(\.ledgerData)[...]
        while !rest.isEmpty {
            let batch = rest.prefix(LedgerAPI.batchSize)
            rest = rest.dropFirst(LedgerAPI.batchSize)
            try await add([
                "orders": .array(batch.flatMap { $0["orders"]?.array ?? [] }),
                "receipts": .array(batch.flatMap { $0["receipts"]?.array ?? [] }),
            ])
        }
    }

    /// What only a peer can do, such as `close-period`; the answer is the peer's own.
    @discardableResult
    package func perform(_ call: String, _ facts: JSONValue) async throws -> JSONValue {
        try await exchange(.post, "/" + call, facts)
    }

    /// Changes the reference of a posted bill behind everybody's back.
    package func changeReference(of number: String, to other: String) async throws {
        try await perform("edit", ["kind": "invoice", "number": .string(number), "set": ["reference": .string(other)]])
    }

    /// Replaces a supplier's accounts by this one.
    package func setIBAN(_ iban: String, of supplier: String) async throws {
        try await perform("set-iban", ["supplier": .string(supplier), "iban": .string(iban)])
    }

    private func exchange(_ method: HTTPMethod, _ path: String, _ body: JSONValue?) async throws -> JSONValue {
        let host = control.split(separator: "/").dropFirst().first.map(String.init) ?? ""
        let entry = EgressPolicy.Entry(host).map { [$0] } ?? []
        let request = HTTPRequest(
            method, control + path,
            headers: body == nil ? [] : [HTTPHeader("Content-Type", "application/json")],
            body: body?.bytes, totalTimeoutMilliseconds: LedgerAPI.answerMilliseconds, maxBodyBytes: ServerAPI.answerBytesMax,
            egress: EgressPolicy(entries: entry), isRepeatable: true)
        let response: HTTPResponse
        do throws(CurlFailure) {
            response = try await curl.perform(request)
        } catch {
            throw Fault("asking the ERP at \(control)", error.description, isRetryable: true, cause: error)
        }
        return try ServerAPI.json(response)
    }
}

import Connectors
import Curl
import Glibc
import Handoff
import Kernel
import Testing

@testable import WorkerLoop

/// A tenant's ERP that runs as a peer, spoken to by the library's mapping as a worker does it.
struct PeerWorld: Sendable {
    let tenant: String
    let database: JSONValue
    let base: String
    let state: ConnectionState
    let settings: ConnectionSettings
    let mappingName: String
    let settingsTold: JSONValue
    let baseURL: String
    let client = CurlClient()
    /// Requests sent so far, by purpose.
    let sent = Locked<[String]>([])

    /// Nil without the peer; the caller has nothing to test then.
    static func tryton(_ tenant: String = "brightwater-foods", limits: JSONValue = [:]) async throws -> PeerWorld? {
        guard let peer = await PeerProcess.tryton, let name = PeerProcess.database(peer, tenant)["name"]?.string else {
            return nil
        }
        return try PeerWorld(
            peer, tenant, mapping: "tryton", path: "/\(name)", ["settings": ["journal": "EXP"], "limits": limits])
    }

    static func businessCentral(_ tenant: String = "brightwater-foods") async throws -> PeerWorld? {
        guard let peer = await PeerProcess.odata, let token = PeerProcess.database(peer, tenant)["tokenUrl"]?.string else {
            return nil
        }
        return try PeerWorld(
            peer, tenant, mapping: "business-central", path: "/v2.0/\(tenant)/production/api",
            ["settings": ["company": "DE01", "account": "60300"], "endpoints": ["token": .string(token)]])
    }

    private init(_ peer: PeerProcess, _ tenant: String, mapping: String, path: String, _ config: JSONObject) throws {
        let url = peer.ready["url"]?.string ?? ""
        self.tenant = tenant
        database = PeerProcess.database(peer, tenant)
        base = url
        let folder = "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/") + "/Fixtures/library"
        var config = config
        config["baseUrl"] = .string(url + path)
        baseURL = url + path
        mappingName = mapping
        settingsTold = config["settings"] ?? [:]
        config["allow"] = [.string(String(url.dropFirst("http://".count)))]
        settings = try ConnectionSettings(json: [
            "name": "erp",
            "mapping": try JSONValue(parsing: try FileBytes.read("\(folder)/\(mapping).json", maxBytes: 1_000_000)),
            "config": .object(config),
        ])
        state = ConnectionState(pace: ConnectionPace(limits: settings.limits))
    }

    var secrets: [String: String] {
        var out: [String: String] = [:]
        for name in ["key", "login", "password", "clientId", "clientSecret"] { out[name] = database[name]?.string }
        return out
    }

    /// What happens to the exchanges on their way.
    enum Mishap: Sendable {
        case none
        /// The n-th request of this purpose is carried out, and its answer lost.
        case loseAnswer(ExchangeRequest.Purpose, Int)
        /// The worker dies right before the n-th request of this purpose.
        case dieBefore(ExchangeRequest.Purpose, Int)
    }

    /// Exchanges as a sample of the library has them: what is secret, and whose address it is, is left out.
    let recorded = Locked<[JSONValue]>([])
    static let recordedAt = Moment(seconds: 1_793_000_000)

    /// Writes a sample when the variable names the library's folder; a session's opening is a sample of its own kind.
    func record(_ name: String, _ title: String, _ input: JSONValue, key: String? = nil, _ outcome: ConnectorOutcome) throws {
        guard let folder = getenv("COUNTERSIGN_RECORD_SAMPLES") else { return }
        var sample: JSONObject = ["title": .string(title), "at": JSONValue(PeerWorld.recordedAt)]
        sample["settings"] = settingsTold
        sample[key == nil ? "read" : "write"] = input
        sample["idempotencyKey"] = key.map(JSONValue.string)
        sample["exchanges"] = .array(recorded.withLock { $0 })
        var told = WorkOutcome(outcome).json.object ?? [:]
        var output = told["output"]?.object ?? [:]
        output["fingerprint"] = nil
        if told["output"] != nil { told["output"] = .object(output) }
        sample["expect"] = .object(told)
        let bytes = Array((JSONValue.object(sample).prettyText + "\n").utf8)
        let path = "\(String(cString: folder))/\(mappingName)/\(name).json"
        let file = try #require(fopen(path, "w"), "\(path)")
        #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
        fclose(file)
    }

    func engine(
        _ mishap: Mishap = .none, secrets: [String: String]? = nil, fresh: Bool = false, clock: WallClock = .system
    ) -> ConnectorEngine {
        let hops = Locked<[HopTelemetry]>([])
        let exchange = CurlExchange(client: client, trace: nil, entropy: .system, hops: hops)
        return ConnectorEngine(
            settings: settings, secrets: secrets ?? self.secrets,
            exchange: Unlucky(
                exchange: exchange, mishap: mishap, sent: sent, seen: Locked(0), base: baseURL,
                recorded: recorded),
            state: fresh ? ConnectionState(pace: ConnectionPace(limits: settings.limits, clock: clock)) : state,
            digests: RequestDigests(
                sha256: { RequestDigest.sha256($0) }, hmacSHA256: { RequestDigest.hmacSHA256(key: $0, $1) }),
            clock: clock, leaseExpiresAt: { WallClock.system.now.adding(seconds: 60) })
    }

    private struct Unlucky: HTTPExchange {
        let exchange: CurlExchange
        let mishap: Mishap
        let sent: Locked<[String]>
        let seen: Locked<Int>
        let base: String
        let recorded: Locked<[JSONValue]>

        private func exchanged(_ request: ExchangeRequest) async throws(ExchangeFailure) -> ExchangeAnswer {
            let answer = try await exchange.exchange(request)
            guard request.purpose != .login, request.url.hasPrefix(base) else { return answer }
            var asked: JSONObject = [
                "method": .string(request.method), "target": .string(String(request.url.dropFirst(base.count))),
            ]
            if let body = request.body { asked["body"] = try? JSONValue(parsing: body) }  // ours, so it is JSON
            var said: JSONObject = ["status": JSONValue(answer.status)]
            var headers: JSONObject = [:]
            for header in answer.headers where ["content-type", "content-range"].contains(header.name) {
                headers[header.name] = .string(header.value)
            }
            said["headers"] = .object(headers)
            if let json = try? JSONValue(parsing: answer.body) {  // what is no JSON is told as text
                said["body"] = json
            } else {
                said["text"] = .string(String(decoding: answer.body, as: UTF8.self))
            }
            recorded.withLock { $0.append(["request": .object(asked), "answer": .object(said)]) }
            return answer
        }

        func exchange(_ request: ExchangeRequest) async throws(ExchangeFailure) -> ExchangeAnswer {
            sent.withLock { $0.append(request.purpose.rawValue) }
            switch mishap {
            case .dieBefore(request.purpose, let number) where count() == number:
                throw ExchangeFailure(code: "cancelled", message: "the worker died", mayHaveBeenSent: false)
            case .loseAnswer(request.purpose, let number) where count() == number:
                _ = try await exchanged(request)
                throw ExchangeFailure(code: "timed-out", message: "no answer", mayHaveBeenSent: true)
            case .none, .dieBefore, .loseAnswer: return try await exchanged(request)
            }
        }

        private func count() -> Int {
            seen.withLock { seen in
                seen += 1
                return seen
            }
        }
    }

    /// The peer's own side: its ledger, and mischief behind our back.
    func control(_ call: String, _ body: JSONValue? = nil, put: Bool = false) async throws -> JSONValue {
        let url = "\(base)/_peer/\(tenant)/\(call)"
        let entry = EgressPolicy.Entry(String(base.dropFirst("http://".count)))
        let response = try await client.perform(
            HTTPRequest(
                body == nil ? .get : put ? .put : .post, url, headers: [HTTPHeader("Content-Type", "application/json")],
                body: body?.bytes, egress: EgressPolicy(entries: [entry].compactMap(\.self))))
        #expect(response.status == 200, "\(call): \(String(decoding: response.body.prefix(200), as: UTF8.self))")
        return try JSONValue(parsing: response.body)
    }

    /// The bills of that number in Tryton's own words.
    func bills(_ number: String) async throws -> [JSONValue] {
        (try await control("ledger")["bills"]?.array ?? []).filter { $0["reference"]?.string == number }
    }

    /// An accepted invoice over the given lines: quantity, price, rate.
    static func bill(
        _ number: String, lines: [(quantity: String, price: String, net: String)] = [("3", "18.60", "55.80")],
        net: String = "55.80", tax: String = "10.60", gross: String = "66.40", supplier: String = "S-1001",
        entity: String = "DE01", kind: String = "invoice", rate: String = "19", order: String? = nil,
        account: String? = nil, confirmations: JSONValue? = nil
    ) -> JSONValue {
        let entries = lines.enumerated().map { index, line -> JSONValue in
            .object([
                "id": .string(String(index + 1)), "name": .string("Kühlstellplatz, Palette und Woche"),
                "quantity": ["value": .string(line.quantity), "unit": "C62"],
                "unitPrice": ["amount": .string(line.price), "currency": "EUR"],
                "netAmount": ["amount": .string(line.net), "currency": "EUR"], "taxRate": .string(rate),
                "orderLineRef": order == nil ? nil : .string(String(index + 1)), "allowancesCharges": [],
                "coding": account.map { [["account": .string($0), "dims": []]] } ?? [],
            ])
        }
        var invoice: JSONObject = [
            "kind": .string(kind), "number": .string(number), "issueDate": "2026-07-14", "currency": "EUR",
            "allowancesCharges": [], "lines": .array(entries),
            "totals": [
                "taxExclusive": ["amount": .string(net), "currency": "EUR"], "tax": ["amount": .string(tax), "currency": "EUR"],
                "taxInclusive": ["amount": .string(gross), "currency": "EUR"],
            ],
        ]
        invoice["orderRef"] = order.map(JSONValue.string)
        return .object([
            "object": "bill",
            "key": ["supplier": .string(supplier), "number": .string(number), "entity": .string(entity)],
            "bill": ["supplier": .string(supplier), "entity": .string(entity), "invoice": .object(invoice)],
            "confirmations": confirmations,
        ])
    }
}

import Connectors
import Curl
import Kernel
import Testing

/// An other side that says what the test wrote down, in that order, and remembers what it was asked.
final class ScriptedSystem: HTTPExchange {
    enum Word: Sendable {
        case answer(ExchangeAnswer)
        case failure(ExchangeFailure)

        static func json(_ value: JSONValue, status: Int = 200, headers: [(name: String, value: String)] = []) -> Word {
            .answer(
                ExchangeAnswer(
                    status: status, headers: [(name: "content-type", value: "application/json")] + headers, body: value.bytes))
        }

        static func text(_ text: String, type: String = "application/json", status: Int = 200) -> Word {
            .answer(ExchangeAnswer(status: status, headers: [(name: "content-type", value: type)], body: Array(text.utf8)))
        }

        static let html = text("<html><h1>Sign in</h1></html>", type: "text/html; charset=utf-8")
        static let lost = failure(ExchangeFailure(code: "timed-out", message: "no answer in time", mayHaveBeenSent: true))
        static let refusedConnection = failure(
            ExchangeFailure(code: "connect-failed", message: "refused", mayHaveBeenSent: false))
    }

    private let state: Locked<(words: [Word], asked: [ExchangeRequest])>

    init(_ words: [Word]) { state = Locked((words, [])) }

    var asked: [ExchangeRequest] { state.withLock { $0.asked } }
    var unsaid: Int { state.withLock { $0.words.count } }

    func exchange(_ request: ExchangeRequest) async throws(ExchangeFailure) -> ExchangeAnswer {
        let word = state.withLock { state -> Word? in
            state.asked.append(request)
            return state.words.isEmpty ? nil : state.words.removeFirst()
        }
        switch word {
        case .answer(let answer): return answer
        case .failure(let failure): throw failure
        case nil: throw ExchangeFailure(code: "script-over", message: "nothing more was expected", mayHaveBeenSent: true)
        }
    }

    /// `GET /api/v1/bills?…` of every request.
    var lines: [String] { asked.map { "\($0.method) \($0.url.dropFirst("https://erp.example".count))" } }
}

enum Sample {
    static let now = Moment(seconds: 1_793_000_000)

    static func mapping(from file: String = #filePath) throws -> JSONValue {
        let parts = file.split(separator: "/").map(String.init)
        let folder = "/" + parts.dropLast(2).joined(separator: "/") + "/Fixtures/library"
        return try JSONValue(parsing: try FileBytes.read("\(folder)/erp-sandbox.json", maxBytes: 1_000_000))
    }

    static func connection(_ mapping: JSONValue? = nil) throws -> JSONValue {
        [
            "name": "erp", "mapping": try mapping ?? Sample.mapping(),
            "config": [
                "kind": "connection", "name": "erp", "baseUrl": "https://erp.example", "settleSeconds": 25,
                "secrets": ["token": "erp-token"],
            ],
        ]
    }

    static let digests = RequestDigests(
        sha256: { RequestDigest.sha256($0) }, hmacSHA256: { RequestDigest.hmacSHA256(key: $0, $1) })

    static func engine(
        _ system: ScriptedSystem, connection: JSONValue? = nil, secrets: [String: String] = ["token": "s3cret"],
        state: ConnectionState? = nil, leaseSeconds: Int64 = 60,
        pause: @escaping @Sendable (UInt64) async -> Void = { _ in }
    ) throws -> ConnectorEngine {
        let settings = try connection.map { try ConnectionSettings(json: $0) } ?? standard.get()
        let clock = WallClock { now }
        return ConnectorEngine(
            settings: settings, secrets: secrets, exchange: system,
            state: state ?? ConnectionState(pace: ConnectionPace(limits: settings.limits, clock: clock)), digests: digests,
            clock: clock, pause: pause, leaseExpiresAt: { now.adding(seconds: leaseSeconds) })
    }

    /// Parsed once for all stories.
    private static let standard = Result { try ConnectionSettings(json: try connection()) }

    static let bill: JSONValue = [
        "object": "bill", "key": ["supplier": "V-100", "number": "R-2026-77", "entity": "DE01"],
        "bill": [
            "supplier": "V-100", "entity": "DE01",
            "invoice": [
                "kind": "invoice", "number": "R-2026-77", "issueDate": "2026-07-14", "dueDate": "2026-08-13", "currency": "EUR",
                "orderRef": "PO-7",
                "totals": [
                    "taxExclusive": ["amount": "1000.00", "currency": "EUR"], "tax": ["amount": "190.00", "currency": "EUR"],
                    "taxInclusive": ["amount": "1190.00", "currency": "EUR"],
                    "payable": ["amount": "1190.00", "currency": "EUR"],
                ],
                "lines": [
                    [
                        "id": "1", "name": "Steel", "quantity": ["value": "10", "unit": "KGM"],
                        "unitPrice": ["amount": "100.00", "currency": "EUR"],
                        "netAmount": ["amount": "1000.00", "currency": "EUR"],
                    ]
                ],
            ],
        ],
    ]

    /// The bill as the sandbox keeps it; the numbers as an ERP likes to print them.
    static func posted(gross: String = "1190.0", number: String = "R-2026-77") throws -> JSONValue {
        try JSONValue(
            parsing: """
                {"id":"B-100001","version":1,"state":"posted","supplierNumber":"V-100","invoiceNumber":"\(number)",\
                "entity":"DE01",\
                "invoiceDate":"2026-07-14","dueDate":"2026-08-13","currency":"EUR","netAmount":1000,\
                "taxAmount":190.00,"grossAmount":\(gross)}
                """)
    }

    static let none: JSONValue = ["value": []]

    static func list(_ rows: JSONValue...) -> JSONValue { ["value": .array(rows)] }
}

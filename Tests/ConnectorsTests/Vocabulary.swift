import Connectors
import Kernel

/// A mapping for an ERP that is as odd as real ones: JSON-RPC with sessions, states and questions. Written here, so that every
/// test sees what it is about.
enum Vocabulary {
    static let rpcAnswers: JSONValue = [
        "contentTypes": ["application/json"], "present": ["result"],
        "failure": ["code": "$.error[0]", "message": ["$.error[1][0]", "$.error[1]"]],
        "rules": [
            ["status": [401], "meaning": "auth"], ["status": [503], "meaning": "contention"],
            ["codes": ["Question"], "meaning": "confirm", "name": "$.error[1][0]", "message": "$.error[1][1]"],
            ["codes": ["Stale"], "meaning": "stale"], ["codes": ["Refused"], "meaning": "refused", "code": "ERP_REFUSED"],
            ["codes": ["*"], "meaning": "protocol", "effect": "none"],
        ],
    ]

    static let session: JSONValue = [
        "kind": "session", "secrets": ["login", "password"],
        "login": ["method": "POST", "path": "/rpc", "body": ["login": "$secret.login", "password": "$secret.password"]],
        "session": ["token": ["take": "$.result", "missing": "fail"]],
        "headers": ["Authorization": ["join": ["Session ", ["base64": ["join": ["$secret.login", ":", "$session.token"]]]]]],
        "lifetimeSeconds": 600,
    ]

    static func call(_ verb: String, _ more: JSONObject = [:]) -> JSONValue {
        var body: JSONObject = ["call": .string(verb)]
        for member in more { body[member.key] = member.value }
        return ["method": "POST", "path": "/rpc", "body": .object(body)]
    }

    static let bill: JSONValue = [
        "find": [
            [
                "keys": ["number"], "method": "POST", "path": "/rpc", "body": ["call": "search", "number": "$key.number"],
                "items": "$.result",
            ]
        ],
        "map": ["number": "$.number", "state": "$.state"],
        "write": [
            "create": call("create", ["number": "$key.number", "amount": ["take": "$input.bill.amount", "as": "number"]]),
            "created": ["id": ["take": "$.result", "as": "integer", "missing": "fail"]],
            "identity": ["id": ["take": "$.id", "as": "integer", "missing": "fail"]],
            "readBack": [
                "method": "POST", "path": "/rpc", "body": ["call": "read", "id": "$created.id"], "entry": "$.result",
            ],
            "state": "$.state",
            "steps": [
                [
                    "name": "check", "from": ["draft"], "method": "POST", "path": "/rpc",
                    "body": ["call": "check", "id": "$created.id", "version": "$entry.version"],
                ],
                [
                    "name": "post", "from": ["checked"], "method": "POST", "path": "/rpc",
                    "body": ["call": "post", "id": "$created.id", "version": "$entry.version"],
                ],
            ],
            "done": ["posted"],
            "cancel": [
                "from": ["draft", "checked"], "done": ["cancelled"], "method": "POST", "path": "/rpc",
                "body": ["call": "cancel", "id": "$created.id", "version": "$entry.version"],
            ],
            "confirm": call("confirm", ["name": "$confirm.name", "by": "$confirm.decision"]),
            "compare": [
                ["field": "number", "asked": "$key.number", "found": "$.number"],
                ["field": "amount", "asked": "$input.bill.amount", "found": "$.amount", "as": "decimal"],
            ],
            "output": ["externalId": "$.id", "state": "$.state"],
        ],
    ]

    /// With other members in place of these.
    static func mapping(_ changes: JSONObject = [:]) -> JSONValue {
        var mapping: JSONObject = [
            "kind": "connector", "name": "odd", "version": "1.0", "title": "An odd ledger", "auth": session,
            "answers": rpcAnswers, "objects": ["bill": bill],
        ]
        for member in changes { mapping[member.key] = member.value }
        return .object(mapping)
    }

    static func connection(
        _ mapping: JSONValue, settings: JSONValue = [:], limits: JSONValue = ["ratePerSecond": 1000]
    ) -> JSONValue {
        [
            "name": "erp", "mapping": mapping,
            "config": [
                "baseUrl": "https://erp.example/db", "settings": settings, "limits": limits,
                "endpoints": ["token": "https://login.example/oauth/token"],
            ],
        ]
    }

    static let secrets = ["login": "bot", "password": "pw", "key": "k3y", "id": "client", "secret": "s:cret/"]

    static func issues(_ mapping: JSONValue) -> [AssetIssue] {
        var issues: [AssetIssue] = []
        _ = ConnectorMapping.parse(mapping, issues: &issues)
        return issues
    }

    /// Reads an object `supplier` made of one node, over the given data.
    static func value(of node: JSONValue, in data: JSONValue, more: JSONObject = [:]) async throws -> ConnectorOutcome {
        var objects: JSONObject = [:]
        objects["supplier"] = [
            "find": [["keys": ["number"], "path": "/rows", "query": ["n": "{key.number}"]]], "map": ["value": node],
        ]
        var changes: JSONObject = ["auth": ["kind": "none"], "answers": [:], "objects": .object(objects)]
        for member in more { changes[member.key] = member.value }
        let system = ScriptedSystem([.json(data)])
        let engine = try Sample.engine(system, connection: connection(mapping(changes)), secrets: [:])
        return await engine.read(["object": "supplier", "key": ["number": "A"]])
    }
}

/// The ERP that the mapping above speaks of, with books, and with mishaps drawn by chance.
final class OddLedger: HTTPExchange {
    struct Bill: Sendable {
        var number: String
        var amount: String
        var state: String
        var version: Int
    }

    struct Books: Sendable {
        var bills: [Bill] = []
        var confirmed: Set<String> = []
        var asksBeforePosting = false
        var seed: UInt64
        var mishapsLeft: Int
        var logins = 0
        var isSessionGood = true
    }

    let books: Locked<Books>

    init(seed: UInt64 = 1, mishaps: Int = 0) { books = Locked(Books(seed: seed, mishapsLeft: mishaps)) }

    func exchange(_ request: ExchangeRequest) async throws(ExchangeFailure) -> ExchangeAnswer {
        let body = request.body.flatMap { try? JSONValue(parsing: $0) } ?? .null  // a body that is none is an unknown call
        let (answer, isLost) = books.withLock { books -> (ExchangeAnswer?, Bool) in
            let mishap = books.draw()
            switch mishap {
            case 1: return (nil, false)
            case 2: return (OddLedger.answer(.null, status: 503, type: "text/html"), false)
            case 3:
                books.isSessionGood = false
                return (OddLedger.answer(books.reply(to: body, request), status: 401), false)
            default: break
            }
            let said = books.reply(to: body, request)
            if books.unauthorised(body) { return (OddLedger.answer(["error": ["Auth", "no"]], status: 401), false) }
            return (OddLedger.answer(said), mishap == 4)
        }
        guard let answer, !isLost else {
            throw ExchangeFailure(code: "timed-out", message: "no answer", mayHaveBeenSent: true)
        }
        return answer
    }

    private static func answer(_ json: JSONValue, status: Int = 200, type: String = "application/json") -> ExchangeAnswer {
        ExchangeAnswer(status: status, headers: [(name: "content-type", value: type)], body: json.bytes)
    }
}

extension OddLedger.Books {
    fileprivate mutating func draw() -> Int {
        guard mishapsLeft > 0 else { return 0 }
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let roll = Int(seed >> 33) % 8
        guard (1...4).contains(roll) else { return 0 }
        mishapsLeft -= 1
        return roll
    }

    fileprivate func unauthorised(_ body: JSONValue) -> Bool { body["call"] != nil && !isSessionGood }

    fileprivate mutating func reply(to body: JSONValue, _ request: ExchangeRequest) -> JSONValue {
        guard let call = body["call"]?.string else {
            logins += 1
            isSessionGood = true
            return ["result": .string("token-\(logins)")]
        }
        guard isSessionGood else { return .null }
        let at = (body["id"]?.int ?? 0) - 1
        switch call {
        case "search":
            let found = bills.enumerated().filter { $0.element.number == body["number"]?.string }
            return ["result": .array(found.map { row($0.offset) })]
        case "create":
            bills.append(
                .init(number: body["number"]?.string ?? "", amount: body["amount"]?.text ?? "", state: "draft", version: 1))
            return ["result": JSONValue(bills.count)]
        case "read": return ["result": row(at)]
        case "confirm":
            confirmed.insert(body["name"]?.string ?? "")
            return ["result": nil]
        default: return move(at, call, body["version"]?.int)
        }
    }

    private mutating func move(_ at: Int, _ call: String, _ version: Int?) -> JSONValue {
        let steps = ["check": ("draft", "checked"), "post": ("checked", "posted")]
        if call == "cancel", bills.indices.contains(at), bills[at].state == "posted" {
            return ["error": ["Refused", ["It is posted.", "", nil]]]
        }
        guard let (from, to) = call == "cancel" ? (bills.indices.contains(at) ? bills[at].state : "", "cancelled") : steps[call],
            bills.indices.contains(at)
        else { return ["error": ["'no.such'", ""]] }
        // A repeated transition is an error in most systems.
        guard bills[at].state == from else {
            return ["error": ["Refused", [.string("It is \(bills[at].state) already."), "", nil]]]
        }
        guard bills[at].version == version else { return ["error": ["Stale", "It was changed meanwhile."]] }
        if call == "post", asksBeforePosting, !confirmed.contains("q-\(at)") {
            return ["error": ["Question", [.string("q-\(at)"), "Is it a duplicate?", ""]]]
        }
        bills[at].state = to
        bills[at].version += 1
        return ["result": nil]
    }

    private func row(_ at: Int) -> JSONValue {
        guard bills.indices.contains(at) else { return .null }
        let bill = bills[at]
        return [
            "id": JSONValue(at + 1), "number": .string(bill.number), "amount": .string(bill.amount), "state": .string(bill.state),
            "version": JSONValue(bill.version),
        ]
    }
}

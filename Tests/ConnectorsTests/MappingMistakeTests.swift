import Connectors
import Kernel
import Testing

@Suite("Mistakes in mapping files, and recorded samples")
struct MappingMistakeTests {
    private func changed(_ pointer: String, _ value: JSONValue?) -> JSONValue {
        func replace(_ json: JSONValue, _ parts: ArraySlice<Substring>) -> JSONValue {
            guard let part = parts.first else { return value ?? .null }
            if case .array(var items) = json, let index = Int(part) {
                items[index] = replace(items[index], parts.dropFirst())
                return .array(items)
            }
            guard var object = json.object else { return json }
            if parts.count == 1, value == nil {
                object[String(part)] = nil
            } else {
                object[String(part)] = replace(object[String(part)] ?? [:], parts.dropFirst())
            }
            return .object(object)
        }
        return replace(Vocabulary.mapping(), pointer.split(separator: "/")[...])
    }

    static let mistakes: [Mistake] = [
        Mistake("/objects/bill/find/0/dialect", "rcp", "/objects/bill/find/0/dialect", "defines none"),
        Mistake(
            "/objects/bill/find/0/body/number", ["take": "$key.number", "type": "dat"], "/objects/bill/find/0/body/number/type",
            "none"),
        Mistake(
            "/objects/bill/find/0/body/number", ["from": "taxs", "at": "$key.number"], "/objects/bill/find/0/body/number/from",
            "none"),
        Mistake("/objects/bill/find/0/needs", ["company"], "/objects/bill/find/0/needs/0", "none"),
        Mistake("/objects/bill/find/0/body/number", "$secret.password", "/objects/bill/find/0/body/number", "`auth` describes"),
        Mistake("/objects/bill/find/0/query", ["f": "'{key.number}'"], "/objects/bill/find/0/query/f", "quote"),
        Mistake("/objects/bill/find/0/headers", ["Host": "evil"], "/objects/bill/find/0/headers/Host", "no name of HTTP"),
        Mistake("/objects/bill/find/0/paging", ["kind": "offset"], "/objects/bill/find/0/paging", "$paging.offset"),
        Mistake("/objects/bill/write/state", nil, "/objects/bill/write", "Add `state`"),
        Mistake("/objects/bill/write/identity", nil, "/objects/bill/write", "Add `identity`"),
        Mistake("/objects/bill/write/steps/1/from", ["draft"], "/objects/bill/write/steps/1/from", "every state once"),
        Mistake("/objects/bill/write/steps/0/from", nil, "/objects/bill/write/steps/0", "states in which it is due"),
        Mistake("/objects/bill/write/done", ["draft"], "/objects/bill/write/steps/0/from", "every state once"),
        Mistake("/answers/rules/2/name", nil, "/answers/rules/2", "meaning: confirm"),
        Mistake("/auth/headers", nil, "/auth", "$session"),
        Mistake("/auth/secrets", nil, "/auth", "List the purposes"),
        Mistake("/auth", ["kind": "hmac", "secrets": ["a"], "key": "b", "text": "x", "headers": [:]], "/auth/key", "Add it"),
        Mistake("/auth", ["kind": "client-credentials", "id": "a", "secret": "b"], "/auth", "Add `endpoint`"),
        Mistake("/limits", ["perDay": -1], "/limits/perDay", "Write such a number"),
        Mistake("/settings", ["journal": 7], "/settings/journal", "in words"),
        Mistake("/objects/bill/map/number", ["take": "$.n", "times": "a"], "/objects/bill/map/number/times", "in quotes"),
        Mistake("/objects/bill/map/number", ["sum": "$.n"], "/objects/bill/map/number", "added up"),
    ]

    @Test("every mistake of the wider vocabulary is told with its place and its remedy", arguments: MappingMistakeTests.mistakes)
    func located(mistake: Mistake) throws {
        #expect(Vocabulary.issues(Vocabulary.mapping()).isEmpty)
        let found = Vocabulary.issues(changed(mistake.pointer, mistake.value))
        #expect(found.contains { $0.pointer == mistake.place && $0.remedy.contains(mistake.remedy) }, "\(found)")
    }

    private let sample: JSONValue = [
        "title": "a search", "at": "2026-07-14T08:00:00Z", "read": ["object": "bill", "key": ["number": "R-1"]],
        "exchanges": [
            [
                "request": ["method": "POST", "target": "/rpc", "body": ["call": "search", "number": "R-1"]],
                "answer": [
                    "status": 200,
                    "body": ["result": [["id": 1, "number": "R-1", "amount": "10.0", "state": "posted", "version": 3]]],
                ],
            ]
        ],
        "expect": [
            "outcome": "completed",
            "output": [
                "found": true, "bill": ["number": "R-1", "state": "posted"], "fields": ["number": "R-1", "amount": "10"],
                "fetchedAt": "2026-07-14T08:00:00.000Z",
            ],
        ],
    ]

    private func replay(_ sample: JSONValue, _ mapping: JSONValue = Vocabulary.mapping()) throws -> String? {
        var issues: [AssetIssue] = []
        let replay = try #require(SampleReplay(json: sample, issues: &issues), "\(issues)")
        return replay.difference(with: mapping)
    }

    @Test("a mapping that asks or understands otherwise than was recorded is caught, with the place")
    func samples() throws {
        #expect(try replay(sample) == nil)
        let asks = try replay(sample, changed("/objects/bill/find/0/body/number", "$key.numbr"))
        #expect(asks?.contains("body/number") == true, "\(asks ?? "")")
        let reads = try replay(sample, changed("/objects/bill/map/state", "$.stat"))
        #expect(reads?.contains("/output/bill/state") == true, "\(reads ?? "")")
        let elsewhere = try replay(sample, changed("/objects/bill/find/0/path", "/rpc2"))
        #expect(elsewhere?.contains("/rpc2 where /rpc was recorded") == true, "\(elsewhere ?? "")")
        let items = try replay(sample, changed("/objects/bill/find/0/items", "$.results"))
        #expect(items?.contains("/outcome") == true, "\(items ?? "")")
        let more = try replay(sample, changed("/objects/bill/find/0/paging", ["kind": "range", "size": 1]))
        #expect(more?.contains("asks more than was recorded") == true, "\(more ?? "")")
    }

    @Test("a sign-in is replayed to the header that later requests carry")
    func loginSample() throws {
        let login: JSONValue = [
            "title": "signing in", "at": "2026-07-14T08:00:00Z", "login": "", "secrets": ["login": "bot", "password": "pw"],
            "exchanges": [
                [
                    "request": ["method": "POST", "target": "/rpc", "body": ["login": "bot", "password": "pw"]],
                    "answer": ["status": 200, "body": ["result": "t1"]],
                ]
            ],
            "expect": ["outcome": "signed-in", "headers": ["Authorization": "Session Ym90OnQx"]],
        ]
        #expect(try replay(login) == nil)
        #expect(try replay(login, changed("/auth/session/token/take", "$.token")) != nil)
    }

    @Test("a file that is no sample says why")
    func noSample() {
        for (member, place) in [("at", "/at"), ("exchanges", "/exchanges"), ("expect", ""), ("read", "")] {
            var object = sample.object ?? [:]
            object[member] = nil
            var issues: [AssetIssue] = []
            #expect(SampleReplay(json: .object(object), issues: &issues) == nil)
            #expect(issues.contains { $0.pointer == place }, "\(issues)")
        }
    }
}

import Connectors
import Kernel
import Testing

@Suite("Who we are to a system")
struct SignInTests {
    private let search: JSONValue = ["object": "bill", "key": ["number": "R-1"]]

    private func engine(
        _ system: some HTTPExchange, _ mapping: JSONValue = Vocabulary.mapping(), secrets: [String: String] = Vocabulary.secrets,
        state: ConnectionState, now: Locked<Moment>? = nil
    ) throws -> ConnectorEngine {
        let clock = WallClock { now?.withLock { $0 } ?? Sample.now }
        return ConnectorEngine(
            settings: try ConnectionSettings(json: Vocabulary.connection(mapping)), secrets: secrets, exchange: system,
            state: state, digests: Sample.digests, clock: clock, pause: { _ in },
            leaseExpiresAt: { clock.now.adding(seconds: 60) })
    }

    private func state(_ now: Locked<Moment>? = nil) throws -> ConnectionState {
        let settings = try ConnectionSettings(json: Vocabulary.connection(Vocabulary.mapping()))
        return ConnectionState(
            pace: ConnectionPace(limits: settings.limits, clock: WallClock { now?.withLock { $0 } ?? Sample.now }))
    }

    private func authorization(_ request: ExchangeRequest) -> String? {
        request.headers.first { $0.name == "Authorization" }?.value
    }

    private let none = ScriptedSystem.Word.json(["result": []])
    private let unauthorised = ScriptedSystem.Word.text("<h1>401</h1>", type: "text/html", status: 401)

    @Test("a session is opened once, used by all, and its header made as the mapping says")
    func session() async throws {
        let system = ScriptedSystem([.json(["result": "t1"]), none, none])
        let state = try state()
        for _ in 0..<2 {
            guard case .completed = try await engine(system, state: state).read(search) else { return #expect(Bool(false)) }
        }
        #expect(system.asked.map(\.purpose) == [.login, .read, .read])
        #expect(system.asked[0].body == Array("{\"login\":\"bot\",\"password\":\"pw\"}".utf8))
        #expect(authorization(system.asked[0]) == nil)
        #expect(authorization(system.asked[1]) == "Session Ym90OnQx", "base64 of bot:t1")
    }

    @Test("a session that has ended is renewed once; a request refused even then opens the circuit")
    func renewal() async throws {
        let renewed = ScriptedSystem([.json(["result": "t1"]), unauthorised, .json(["result": "t2"]), none])
        let one = try state()
        guard case .completed = try await engine(renewed, state: one).read(search) else { return #expect(Bool(false)) }
        #expect(await one.pace.condition.circuit == .closed)
        let refused = ScriptedSystem([.json(["result": "t1"]), unauthorised, .json(["result": "t2"]), unauthorised])
        let two = try state()
        guard case .failed("auth", _, _) = try await engine(refused, state: two).read(search) else { return #expect(Bool(false)) }
        #expect(await two.pace.condition.circuit == .open)
        #expect(await two.pace.condition.code == "auth")
    }

    @Test("a session is renewed before its life is over")
    func lifetime() async throws {
        let now = Locked(Sample.now)
        let system = ScriptedSystem([.json(["result": "t1"]), none, .json(["result": "t2"]), none])
        let state = try state(now)
        _ = try await engine(system, state: state, now: now).read(search)
        now.withLock { $0 = Sample.now.adding(seconds: 601) }
        _ = try await engine(system, state: state, now: now).read(search)
        #expect(system.asked.map(\.purpose) == [.login, .read, .login, .read])
    }

    @Test(
        "a refused sign-in opens the circuit at once and is not repeated with the same secrets, whatever words it has",
        arguments: [
            ScriptedSystem.Word.json(["error": ["Refused", ["Wrong password.", "", nil]]]),
            .text("<h1>401</h1>", type: "text/html", status: 401),
        ])
    func refusal(word: ScriptedSystem.Word) async throws {
        let now = Locked(Sample.now)
        let state = try state(now)
        let system = ScriptedSystem([word, .json(["result": "t1"]), none])
        for second in [0, 1, 30, 300] {
            now.withLock { $0 = Sample.now.adding(seconds: Int64(second)) }
            guard case .failed(let code, _, let pause) = try await engine(system, state: state, now: now).read(search) else {
                return #expect(Bool(false))
            }
            #expect(code == "auth" && (pause ?? 0) > 500, "\(second): \(code)")
        }
        #expect(system.asked.count == 1)
        var renewed = Vocabulary.secrets
        renewed["password"] = "new"
        guard case .completed = try await engine(system, secrets: renewed, state: state, now: now).read(search) else {
            return #expect(Bool(false))
        }
        #expect(await state.pace.condition.circuit == .closed)
    }

    private func oauth(_ style: String) -> JSONValue {
        Vocabulary.mapping([
            "auth": [
                "kind": "client-credentials", "id": "id", "secret": "secret", "endpoint": "token", "scope": "a b",
                "skewSeconds": 60,
                "style": .string(style),
            ]
        ])
    }

    @Test(
        "a token is fetched from its own address, kept until shortly before its end, and sent as bearer",
        arguments: ["body", "basic"])
    func clientCredentials(style: String) async throws {
        let now = Locked(Sample.now)
        let state = try state(now)
        let system = ScriptedSystem([
            .json(["access_token": "T1", "expires_in": 300]), none, none, .json(["access_token": "T2", "expires_in": 300]), none,
        ])
        for second in [0, 239, 241] {
            now.withLock { $0 = Sample.now.adding(seconds: Int64(second)) }
            guard case .completed = try await engine(system, oauth(style), state: state, now: now).read(search) else {
                return #expect(Bool(false))
            }
        }
        #expect(system.asked.map(\.purpose) == [.login, .read, .read, .login, .read])
        #expect(system.asked[0].url == "https://login.example/oauth/token")
        let body = String(decoding: system.asked[0].body ?? [], as: UTF8.self)
        if style == "body" {
            #expect(body == "grant_type=client_credentials&scope=a%20b&client_id=client&client_secret=s%3Acret%2F")
        } else {
            #expect(body == "grant_type=client_credentials&scope=a%20b")
            #expect(authorization(system.asked[0]) == "Basic Y2xpZW50OnMlM0FjcmV0JTJG")
        }
        #expect(authorization(system.asked[2]) == "Bearer T1")
        #expect(authorization(system.asked[4]) == "Bearer T2")
        let bad = ScriptedSystem([.json(["error": "invalid_client", "error_description": "No."], status: 400)])
        let closed = try self.state()
        guard case .failed("auth", "No.", _) = try await engine(bad, oauth(style), state: closed).read(search) else {
            return #expect(Bool(false))
        }
        #expect(await closed.pace.condition.circuit == .open)
    }

    @Test("a request is signed over method, address, body and time")
    func signature() async throws {
        let mapping = Vocabulary.mapping([
            "auth": [
                "kind": "hmac", "secrets": ["key", "login"], "key": "key",
                "text": [
                    "join": [
                        "$request.method", "\n", "$request.target", "\n", "$request.bodySha256", "\n", "$request.timestamp",
                    ]
                ],
                "headers": ["X-Signature": ["join": ["v1=", "$request.signature"]], "X-Key": "$secret.login"],
            ],
            "answers": [:],
            "objects": [
                "supplier": [
                    "find": [["keys": ["number"], "path": "/rows", "query": ["n": "{key.number}"]]], "map": ["number": "$.n"],
                ]
            ],
        ])
        let system = ScriptedSystem([.json(["n": "A"])])
        let outcome = try await engine(system, mapping, state: try state()).read(["object": "supplier", "key": ["number": "A"]])
        guard case .completed = outcome else { return #expect(Bool(false), "\(outcome)") }
        let headers = system.asked[0].headers
        // Computed by another implementation over GET, /db/rows?n=A, the hash of nothing and the test's time.
        #expect(
            headers.first { $0.name == "X-Signature" }?.value
                == "v1=603a62ddb5230adda8c338c56e76265a51577a631558e72385b095d3672ab17f")
        #expect(headers.first { $0.name == "X-Key" }?.value == "bot")
        #expect(!headers.contains { $0.value.contains("k3y") })
    }
}

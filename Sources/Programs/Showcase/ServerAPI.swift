package import Curl
package import Kernel

/// The server's answer when it declines: its own sentence, and what a person needs to ask about it.
package struct ServerProblem: Error, Sendable, Equatable, CustomStringConvertible {
    package let status: Int
    /// Stable, for programs: `sod.distinct-signers`.
    package let code: String
    package let title: String
    /// The sentence for the person.
    package let detail: String
    package let requestId: String
    /// The rule that declined, where one did.
    package let rule: String?
    /// Seconds to wait before asking again, where the server says so.
    package let retryAfterSeconds: Int?

    init(_ response: HTTPResponse, _ body: JSONValue?) {
        status = response.status
        code = body?["code"]?.string ?? "status.\(response.status)"
        title = body?["title"]?.string ?? "Status \(response.status)"
        detail = body?["detail"]?.string ?? "The server answered with status \(response.status)."
        requestId = body?["requestId"]?.string ?? ""
        rule = body?["rule"]?.string
        retryAfterSeconds = response.header("retry-after").flatMap { Int($0) }
    }

    package var description: String { detail }
}

/// The server's HTTP API, as any program outside would use it.
///
/// Every writing call carries an idempotency key of its own, and handing in the same bytes twice is one document; so a call
/// that got
/// no answer may be made again, and `patienceSeconds` says for how long that is done.
package struct ServerAPI: Sendable {
    /// A whole installation's configuration may come back.
    package static let answerBytesMax = 33_554_432
    package static let answerMilliseconds = 60_000
    static let pauseMilliseconds: Int64 = 200

    /// Without a slash at the end: `http://127.0.0.1:7400`.
    package let address: String
    package let token: String?
    /// For how long a call is repeated while the server is away, busy or restarting; 0: not at all.
    package var patienceSeconds: Int64
    private let curl: CurlClient

    package init(_ address: String, token: String? = nil, patienceSeconds: Int64 = 0, curl: CurlClient = CurlClient()) {
        self.address = address.hasSuffix("/") ? String(address.dropLast()) : address
        self.token = token
        self.patienceSeconds = patienceSeconds
        self.curl = curl
    }

    /// The same server as somebody else.
    package func with(token: String?) -> ServerAPI {
        ServerAPI(address, token: token, patienceSeconds: patienceSeconds, curl: curl)
    }

    /// What a sign-in answered; while it is pending, the token only finishes it.
    package struct SignedIn: Sendable {
        package let token: String
        package let name: String
        package let isPending: Bool

        init(_ answer: JSONValue) throws {
            guard let token = answer["token"]?.string else { throw ServerAPI.strange("the answer to a sign-in has no token") }
            self.token = token
            name = answer["name"]?.string ?? ""
            isPending = answer["isPending"]?.bool == true
        }
    }

    /// Opens a session; answers the token, which is shown once.
    package func signIn(email: String, password: String) async throws -> SignedIn {
        try SignedIn(
            try await send(.post, "/api/v1/sessions", ["email": .string(email), "password": .string(password)], key: nil))
    }

    /// Gives the second factor's code, or a recovery code.
    package func finish(_ opened: SignedIn, code: String) async throws -> SignedIn {
        try SignedIn(
            try await send(
                .post, "/api/v1/sessions/second-factor", ["token": .string(opened.token), "code": .string(code)], key: nil))
    }

    package func get(_ path: String, _ query: [(String, String)] = []) async throws -> JSONValue {
        try ServerAPI.json(try await exchange(.get, ServerAPI.path(path, query), headers: [], body: nil))
    }

    /// Sends a JSON body. The key tells a repetition from a new act; nil sends none, for the routes that take none.
    package func send(
        _ method: HTTPMethod, _ path: String, _ body: JSONValue, key: String? = Idempotency.newKey()
    ) async throws -> JSONValue {
        var headers = [HTTPHeader("Content-Type", "application/json")]
        if let key { headers.append(HTTPHeader("Idempotency-Key", key)) }
        return try ServerAPI.json(try await exchange(method, path, headers: headers, body: body.bytes))
    }

    /// Sends bytes as they are, where sending them twice is the same as once.
    package func put(_ path: String, bytes: [UInt8]) async throws -> JSONValue {
        try ServerAPI.json(
            try await exchange(.put, path, headers: [HTTPHeader("Content-Type", "application/octet-stream")], body: bytes))
    }

    /// The body of an answer that is no JSON.
    package func bytes(_ path: String) async throws -> [UInt8] {
        let response = try await exchange(.get, path, headers: [], body: nil)
        guard response.status == 200 else { throw ServerProblem(response, nil) }
        return response.body
    }

    /// One exchange with the token; every status is an answer, and only the patience above repeats it.
    package func exchange(
        _ method: HTTPMethod, _ path: String, headers: [HTTPHeader], body: [UInt8]?
    ) async throws -> HTTPResponse {
        var all = headers
        if let token { all.append(HTTPHeader("Authorization", "Bearer \(token)")) }
        let request = HTTPRequest(
            method, address + path, headers: all, body: body, totalTimeoutMilliseconds: ServerAPI.answerMilliseconds,
            maxBodyBytes: ServerAPI.answerBytesMax, egress: try egress(), isRepeatable: true)
        let until = WallClock.system.now.adding(seconds: patienceSeconds)
        while true {
            let isLast = patienceSeconds == 0 || WallClock.system.now >= until
            var pause = ServerAPI.pauseMilliseconds
            do throws(CurlFailure) {
                let response = try await curl.perform(request)
                guard !isLast, [429, 502, 503, 504].contains(response.status) else { return response }
                pause = (response.header("retry-after").flatMap { Int64($0) } ?? 0) * 1000 + pause
            } catch {
                guard !isLast, error.kind != .cancelled else {
                    throw Fault("asking \(address)", error.description, isRetryable: true, cause: error)
                }
            }
            try await Task.sleep(for: .milliseconds(min(pause, 2000)))
        }
    }

    /// Whoever runs this chose the server, so it may lie anywhere; plain http only on this machine.
    private func egress() throws -> EgressPolicy {
        let url: OutboundURL
        do throws(CurlFailure) {
            url = try OutboundURL(address)
        } catch {
            throw Refusal(.invalid, reason: "server.address", "\(address) is no address of a server: \(error.detail).")
        }
        let ranges = url.isEncrypted ? ["0.0.0.0/0", "::/0"] : ["127.0.0.0/8", "::1/128"]
        return EgressPolicy(
            entries: ranges.compactMap { NetworkRange($0) }.map { EgressPolicy.Entry(host: url.host, port: url.port, range: $0) })
    }

    /// The body of a good answer, or the problem.
    package static func json(_ response: HTTPResponse) throws -> JSONValue {
        // A body that is no JSON is told of by its status.
        let json = try? JSONValue(parsing: response.body, maxBytes: answerBytesMax)
        guard (200..<300).contains(response.status) else { throw ServerProblem(response, json) }
        guard let json else { throw strange("status \(response.status), and no JSON") }
        return json
    }

    static func strange(_ detail: String) -> Fault { Fault("reading the server's answer", detail, isRetryable: false) }

    /// A path with its query, every name and value escaped.
    static func path(_ path: String, _ query: [(String, String)]) -> String {
        guard !query.isEmpty else { return path }
        return path + "?" + query.map { escaped($0.0) + "=" + escaped($0.1) }.joined(separator: "&")
    }

    /// Percent-encodes everything that is not unreserved in a URL.
    package static func escaped(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default: out += "%" + [byte].hexText.uppercased()
            }
        }
        return out
    }
}

/// Keys that tell a repetition of an act from a new one.
package enum Idempotency {
    package static func newKey() -> String { Entropy.system.bytes(16).hexText }
}

import Assets
import Curl
import Glibc
import Kernel

/// What the commands ask of a server.
protocol ServerClient: Sendable {
    /// Every document in force that the caller may see, of all scopes.
    func published() async throws -> [PublishedAsset]
    /// Sends a bundle under its hash, which is also the idempotency key: sending it twice changes nothing more.
    func apply(_ bundle: JSONValue, bundleHash: String) async throws -> JSONValue
}

/// Where the server is and who asks.
struct ServerPlace: Sendable {
    let address: String
    let key: String

    /// `--server` and `--key-file`, else `COUNTERSIGN_SERVER` and `COUNTERSIGN_KEY`. No key stands on the command line, where
    /// every process of the machine can read it.
    init(address: String?, keyFile: String?) throws {
        guard let place = address ?? Terminal.environment("COUNTERSIGN_SERVER"), !place.isEmpty else {
            throw Refusal(
                .invalid, reason: "server.none", "No server is named.",
                facts: ["remedy": "Give --server https://…, or set COUNTERSIGN_SERVER."])
        }
        self.address = place.hasSuffix("/") ? String(place.dropLast()) : place
        var found = Terminal.environment("COUNTERSIGN_KEY")
        if let keyFile {
            let bytes = try FileBytes.read(keyFile, maxBytes: 4096)
            found = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init)
        }
        guard let found, !found.isEmpty, found.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Refusal(
                .unauthenticated, reason: "server.key", "There is no usable API key.",
                facts: ["remedy": "Give --key-file FILE, or set COUNTERSIGN_KEY."])
        }
        key = found
    }
}

/// The server over its HTTP API, through libcurl.
struct HTTPServerClient: ServerClient {
    /// A whole installation's configuration may come back.
    static let answerBytesMax = 33_554_432

    let place: ServerPlace
    private let curl = CurlClient()

    init(_ place: ServerPlace) { self.place = place }

    func published() async throws -> [PublishedAsset] {
        try PublishedAsset.list(try await exchange(.get, "/api/v1/configuration", body: nil, headers: []))
    }

    func apply(_ bundle: JSONValue, bundleHash: String) async throws -> JSONValue {
        try await exchange(.post, "/api/v1/configuration", body: bundle, headers: [HTTPHeader("Idempotency-Key", bundleHash)])
    }

    private func exchange(_ method: HTTPMethod, _ path: String, body: JSONValue?, headers: [HTTPHeader]) async throws -> JSONValue
    {
        var all = headers + [HTTPHeader("Authorization", "Bearer \(place.key)"), HTTPHeader("Accept", "application/json")]
        if body != nil { all.append(HTTPHeader("Content-Type", "application/json")) }
        let request = HTTPRequest(
            method, place.address + path, headers: all, body: body?.bytes, totalTimeoutMilliseconds: 120_000,
            maxBodyBytes: HTTPServerClient.answerBytesMax, egress: try egress(), isRepeatable: true)
        let response: HTTPResponse
        do throws(CurlFailure) {
            response = try await curl.perform(request)
        } catch {
            throw Fault("asking \(place.address)", error.description, isRetryable: true, cause: error)
        }
        return try HTTPServerClient.answer(response)
    }

    /// The person at the keyboard chose this server, so it may lie anywhere; plain http only on this machine.
    private func egress() throws -> EgressPolicy {
        let url = try OutboundURL(place.address)
        let ranges = url.isEncrypted ? ["0.0.0.0/0", "::/0"] : ["127.0.0.0/8", "::1/128"]
        return EgressPolicy(
            entries: ranges.compactMap { NetworkRange($0) }.map { EgressPolicy.Entry(host: url.host, port: url.port, range: $0) })
    }

    /// A good answer, or the problem document in words.
    static func answer(_ response: HTTPResponse) throws -> JSONValue {
        let json: JSONValue
        do throws(JSONParseFailure) {
            json = try JSONValue(parsing: response.body, maxBytes: answerBytesMax)
        } catch {
            throw Fault(
                "reading the server's answer", "status \(response.status), and no JSON: \(error.message)", isRetryable: false)
        }
        if (200..<300).contains(response.status) { return json }
        let title = json["title"]?.string ?? "status \(response.status)"
        let detail = json["detail"]?.string.map { ": \($0)" } ?? ""
        throw BadAnswer("The server refuses: \(title)\(detail)")
    }
}

/// `--server` and `--key-file`, for every command that talks to a server.
struct ServerChoice {
    /// The client for the place that options and environment name.
    static func client(address: String?, keyFile: String?) throws -> any ServerClient {
        HTTPServerClient(try ServerPlace(address: address, keyFile: keyFile))
    }
}

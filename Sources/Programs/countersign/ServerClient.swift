import ArgumentParser
import Assets
import Curl
import Glibc
import Kernel
import Showcase

/// What the commands of configuration ask of a server.
protocol ServerClient: Sendable {
    /// Every document in force that the caller may see, of all scopes.
    func published() async throws -> [PublishedAsset]
    /// Sends a bundle under its hash, which is also the idempotency key: sending it twice changes nothing more.
    func apply(_ bundle: JSONValue, bundleHash: String) async throws -> JSONValue
}

/// The server over its HTTP API.
struct HTTPServerClient: ServerClient {
    let server: ServerAPI

    func published() async throws -> [PublishedAsset] {
        try PublishedAsset.list(try await server.get("/api/v1/configuration"))
    }

    func apply(_ bundle: JSONValue, bundleHash: String) async throws -> JSONValue {
        try await server.send(.post, "/api/v1/configuration", bundle, key: bundleHash)
    }
}

/// Which server, and as whom; for every command that asks one.
struct ServerOptions: ParsableArguments {
    @Option(help: "Address of the server; else COUNTERSIGN_SERVER, else where `countersign login` signed in.")
    var server: String?

    @Option(
        name: [.customLong("token-file"), .customLong("key-file")],
        help: "File with a session token or an API key; else COUNTERSIGN_TOKEN, else what `countersign login` kept.")
    var tokenFile: String?

    func api() throws -> ServerAPI { try ServerPlace(address: server, tokenFile: tokenFile).api }

    func client() throws -> any ServerClient { HTTPServerClient(server: try api()) }
}

/// Where the server is and who asks.
struct ServerPlace: Sendable {
    let address: String
    let token: String

    /// No token stands on the command line, where every process of the machine can read it; and a kept token goes only to the
    /// server that gave it.
    init(address: String?, tokenFile: String?) throws {
        let kept = KeptLogin.read()
        guard let place = address ?? Terminal.environment("COUNTERSIGN_SERVER") ?? kept?.address, !place.isEmpty else {
            throw Refusal(
                .invalid, reason: "server.none", "No server is named.",
                facts: ["remedy": "Give --server https://…, set COUNTERSIGN_SERVER, or sign in with `countersign login`."])
        }
        self.address = KeptLogin.plain(place)
        var found = Terminal.environment("COUNTERSIGN_TOKEN") ?? Terminal.environment("COUNTERSIGN_KEY")
        if let tokenFile {
            let bytes = try FileBytes.read(tokenFile, maxBytes: 4096)
            found = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init)
        }
        if found == nil, let kept, kept.address == self.address { found = kept.token }
        guard let found, !found.isEmpty, found.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Refusal(
                .unauthenticated, reason: "server.token", "You are not signed in at \(self.address).",
                facts: ["remedy": "Sign in with `countersign login --server \(self.address) --email …`, or give --token-file."])
        }
        token = found
    }

    var api: ServerAPI { ServerAPI(address, token: token) }
}

/// The sign-in that `countersign login` keeps: `~/.config/countersign/token`, readable by its owner alone.
enum KeptLogin {
    /// The file holds the server's address and the token, one a line.
    static func read() -> (address: String, token: String)? {
        guard let file, let text = Folder.text(file) else { return nil }
        let lines = text.split(separator: "\n").map(String.init)
        return lines.count == 2 ? (lines[0], lines[1]) : nil
    }

    static func write(address: String, token: String) throws -> String {
        guard let file else {
            throw Refusal(
                .unavailable, reason: "login.home", "There is no home folder to keep the token in.",
                facts: ["remedy": "Set HOME."])
        }
        try Folder.make(Folder.parent(of: file))
        chmod(Folder.parent(of: file), 0o700)
        try Folder.write(Array("\(plain(address))\n\(token)\n".utf8), to: file, mode: 0o600)
        return file
    }

    static func plain(_ address: String) -> String { address.hasSuffix("/") ? String(address.dropLast()) : address }

    private static var file: String? {
        if let base = Terminal.environment("XDG_CONFIG_HOME"), base.hasPrefix("/") { return base + "/countersign/token" }
        return Terminal.environment("HOME").map { $0 + "/.config/countersign/token" }
    }
}

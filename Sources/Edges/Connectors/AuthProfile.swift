import Kernel

/// Who we are to the other side; values come from the lease's secrets by their purposes.
enum AuthProfile: Sendable {
    case none
    case bearer(secret: String)
    case basic(user: String, password: String)
    case header(name: String, secret: String)
    /// A sign-in whose answer makes the headers of later requests.
    case session(SessionLogin)
    /// OAuth 2 client credentials (RFC 6749 §4.4).
    case clientCredentials(ClientCredentials)
    /// Every request carries a signature over itself.
    case hmac(RequestSigning)

    struct SessionLogin: Sendable {
        static let lifetimeSecondsMax = 86_400

        let secrets: [String]
        let login: RequestShape
        /// Made from the login's answer; `$session` in the headers.
        let session: MappingNode
        let headers: [(name: String, node: MappingNode)]
        /// After this a session is opened anew before the system would refuse it.
        let lifetimeSeconds: Int
    }

    struct ClientCredentials: Sendable {
        enum Style: String, Sendable, CaseIterable {
            /// `client_id` and `client_secret` in the body.
            case body
            /// HTTP basic authentication.
            case basic
        }

        static let skewSecondsStandard = 60
        /// When the answer does not say how long the token is good.
        static let lifetimeSecondsStandard = 300

        let id: String
        let secret: String
        /// Name under `endpoints` of the connection.
        let endpoint: String
        let scope: String?
        let style: Style
        /// A token is renewed this long before it ends.
        let skewSeconds: Int
    }

    struct RequestSigning: Sendable {
        enum Encoding: String, Sendable, CaseIterable { case hex, base64, base64url }

        let secrets: [String]
        /// Purpose of the key.
        let key: String
        /// What is signed, made of `$request.method`, `.target`, `.path`, `.bodySha256`, `.timestamp`.
        let text: MappingNode
        let encoding: Encoding
        /// May use `$request.signature`, `$request.timestamp` and `$secret`.
        let headers: [(name: String, node: MappingNode)]
    }

    var secretNames: [String] {
        switch self {
        case .none: []
        case .bearer(let secret), .header(_, let secret): [secret]
        case .basic(let user, let password): [user, password]
        case .session(let login): login.secrets
        case .clientCredentials(let client): [client.id, client.secret]
        case .hmac(let signing): signing.secrets
        }
    }

    static func isHeaderByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// The headers that need nothing but the secrets; nil when one of those is missing.
    func standingHeaders(_ secrets: [String: String]) -> [(name: String, value: String)]? {
        switch self {
        case .bearer(let secret): return secrets[secret].map { [(name: "Authorization", value: "Bearer \($0)")] }
        case .header(let name, let secret): return secrets[secret].map { [(name: name, value: $0)] }
        case .basic(let user, let password):
            guard let user = secrets[user], let password = secrets[password], !user.contains(":") else { return nil }
            return [(name: "Authorization", value: AuthProfile.basicHeader(user, password))]
        case .none, .session, .clientCredentials, .hmac: return secretNames.allSatisfy { secrets[$0] != nil } ? [] : nil
        }
    }

    static func basicHeader(_ user: String, _ password: String) -> String {
        "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))"
    }

    /// The secrets of this profile as `$secret`.
    func secretValues(_ secrets: [String: String]) -> JSONValue {
        .object(JSONObject(secretNames.compactMap { name in secrets[name].map { (key: name, value: .string($0)) } }))
    }
}

extension AuthProfile {
    private enum Kind: String, CaseIterable {
        case none, bearer, basic, header, session
        case clientCredentials = "client-credentials"
        case hmac

        var members: [String] {
            switch self {
            case .none: []
            case .bearer: ["secret"]
            case .basic: ["user", "password"]
            case .header: ["header", "secret"]
            case .session: ["secrets", "login", "session", "headers", "lifetimeSeconds"]
            case .clientCredentials: ["id", "secret", "endpoint", "scope", "style", "skewSeconds"]
            case .hmac: ["secrets", "key", "text", "encoding", "headers"]
            }
        }
    }

    static func parse(_ json: JSONValue?, at pointer: String, issues: inout [AssetIssue]) -> AuthProfile? {
        let all = Set(Kind.allCases.flatMap(\.members)).sorted()
        let kindWord = json?["kind"]?.string.flatMap { Kind(rawValue: $0) }
        guard
            let reader = MappingReader(
                json, at: pointer, "The authentication", ["kind"] + (kindWord?.members ?? all), issues: &issues),
            let kind = reader.choice("kind", Kind.self, otherwise: nil, issues: &issues)
        else { return nil }
        switch kind {
        case .none: return AuthProfile.none
        case .bearer: return reader.text("secret", issues: &issues).map(AuthProfile.bearer)
        case .basic:
            guard let user = reader.text("user", issues: &issues), let password = reader.text("password", issues: &issues) else {
                return nil
            }
            return .basic(user: user, password: password)
        case .header:
            guard let name = reader.text("header", issues: &issues), let secret = reader.text("secret", issues: &issues) else {
                return nil
            }
            guard name.utf8.allSatisfy(isHeaderByte) else {
                issues.append(
                    AssetIssue(reader.path("header"), "This is no header name.", remedy: "Use letters, digits and hyphens."))
                return nil
            }
            return .header(name: name, secret: secret)
        case .session: return session(reader, issues: &issues)
        case .clientCredentials: return clientCredentials(reader, issues: &issues)
        case .hmac: return signing(reader, issues: &issues)
        }
    }

    private static func session(_ reader: MappingReader, issues: inout [AssetIssue]) -> AuthProfile? {
        let secrets = named(reader, issues: &issues)
        let headers = RequestShape.headerNodes(reader, "headers", issues: &issues)
        if headers.isEmpty {
            issues.append(
                AssetIssue(
                    reader.pointer, "A session gives no headers.",
                    remedy: "Add `headers` made of `$session`, such as Authorization."))
        }
        let lifetime = reader.int(
            "lifetimeSeconds", in: 60...SessionLogin.lifetimeSecondsMax, otherwise: 3_600, issues: &issues)
        let login = RequestShape.parse(reader.object["login"], at: reader.path("login"), issues: &issues)
        guard let login, let session = reader.node("session", issues: &issues) else { return nil }
        return .session(
            SessionLogin(secrets: secrets, login: login, session: session, headers: headers, lifetimeSeconds: lifetime))
    }

    private static func clientCredentials(_ reader: MappingReader, issues: inout [AssetIssue]) -> AuthProfile? {
        guard let id = reader.text("id", issues: &issues), let secret = reader.text("secret", issues: &issues),
            let endpoint = reader.text("endpoint", issues: &issues),
            let style = reader.choice("style", ClientCredentials.Style.self, otherwise: .body, issues: &issues)
        else { return nil }
        return .clientCredentials(
            ClientCredentials(
                id: id, secret: secret, endpoint: endpoint, scope: reader.optionalText("scope", issues: &issues), style: style,
                skewSeconds: reader.int(
                    "skewSeconds", in: 0...600, otherwise: ClientCredentials.skewSecondsStandard, issues: &issues)))
    }

    private static func signing(_ reader: MappingReader, issues: inout [AssetIssue]) -> AuthProfile? {
        let secrets = named(reader, issues: &issues)
        guard let key = reader.text("key", issues: &issues), let text = reader.node("text", issues: &issues),
            let encoding = reader.choice("encoding", RequestSigning.Encoding.self, otherwise: .hex, issues: &issues)
        else { return nil }
        if !secrets.contains(key) {
            issues.append(
                AssetIssue(reader.path("key"), "The key `\(key)` is none of `secrets`.", remedy: "Add it to `secrets`."))
        }
        let headers = RequestShape.headerNodes(reader, "headers", issues: &issues)
        if reader.object["headers"]?.text.contains("$request.signature") != true {
            issues.append(
                AssetIssue(
                    reader.pointer, "No header carries the signature.", remedy: "Add `headers` with `$request.signature`."))
        }
        return .hmac(RequestSigning(secrets: secrets, key: key, text: text, encoding: encoding, headers: headers))
    }

    private static func named(_ reader: MappingReader, issues: inout [AssetIssue]) -> [String] {
        let secrets = reader.texts("secrets", upTo: 4, issues: &issues)
        if secrets.isEmpty {
            issues.append(
                AssetIssue(
                    reader.pointer, "\(reader.what) lacks `secrets`.", remedy: "List the purposes, such as [login, password]."))
        }
        return secrets
    }
}

/// One way of speaking with the system: who we are, what answers mean, and what every request carries.
struct Dialect: Sendable {
    static let countMax = 4
    /// The one that a request speaks unless it says otherwise.
    static let standard = ""

    let auth: AuthProfile
    let answers: AnswerRules
    let headers: [(name: String, node: MappingNode)]

    static func parse(_ reader: MappingReader, issues: inout [AssetIssue]) -> Dialect? {
        let auth = AuthProfile.parse(reader.object["auth"], at: reader.path("auth"), issues: &issues)
        let answers = AnswerRules.parse(reader.object["answers"], at: reader.path("answers"), issues: &issues)
        let headers = RequestShape.headerNodes(reader, "headers", issues: &issues)
        guard let auth, let answers else { return nil }
        return Dialect(auth: auth, answers: answers, headers: headers)
    }
}

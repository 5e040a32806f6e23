package import Kernel

/// How one kind of system is spoken to: an asset of kind `connector`, without a tenant's addresses or secrets.
package struct ConnectorMapping: Sendable {
    package static let objectNames = ["supplier", "order", "receipts", "bill"]
    package static let findersMax = 8

    package let name: String
    package let title: String
    /// Purposes of secrets that a connection has to provide.
    package let secretNames: [String]
    let auth: AuthProfile
    let answers: AnswerRules
    let limits: ConnectorLimits
    let probe: RequestShape?
    let objects: [String: ObjectMapping]

    /// Objects that can be read and written, by name.
    package var readable: [String] { objects.keys.sorted() }
    package var writable: [String] { objects.filter { $0.value.write != nil }.keys.sorted() }

    /// Collects every problem of the document; nil when it cannot be used.
    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> ConnectorMapping? {
        let before = issues.count
        let known = ["kind", "name", "version", "title", "auth", "answers", "limits", "probe", "objects"]
        guard let reader = MappingReader(json, at: "", "A connector", known, issues: &issues) else { return nil }
        if reader.object["kind"]?.string != "connector" {
            issues.append(AssetIssue("/kind", "`kind` has to be `connector`.", remedy: "Write `kind: connector`."))
        }
        let name = reader.text("name", issues: &issues)
        let title = reader.text("title", issues: &issues)
        let auth = AuthProfile.parse(reader.object["auth"], at: "/auth", issues: &issues)
        let answers = AnswerRules.parse(reader.object["answers"], at: "/answers", issues: &issues)
        let limits = ConnectorLimits.parse(reader.object["limits"], at: "/limits", issues: &issues)
        let probe = reader.object["probe"].flatMap { RequestShape.parse($0, at: "/probe", issues: &issues) }
        var objects: [String: ObjectMapping] = [:]
        if let table = MappingReader(
            reader.object["objects"], at: "/objects", "The table of objects", objectNames, issues: &issues)
        {
            for member in table.object where objectNames.contains(member.key) {
                objects[member.key] = ObjectMapping.parse(
                    member.value, named: member.key, at: table.path(member.key), issues: &issues)
            }
            if table.object.isEmpty {
                issues.append(
                    AssetIssue(
                        "/objects", "There are no objects.",
                        remedy: "Describe at least one of \(objectNames.joined(separator: ", "))."))
            }
        }
        guard issues[before...].allSatisfy({ $0.severity != .error }), let name, let title, let auth, let answers, let limits
        else { return nil }
        return ConnectorMapping(
            name: name, title: title, secretNames: auth.secretNames, auth: auth, answers: answers, limits: limits, probe: probe,
            objects: objects)
    }
}

/// Who we are to the other side; values come from the lease's secrets by these names.
enum AuthProfile: Sendable, Equatable {
    case none
    case bearer(secret: String)
    case basic(user: String, password: String)
    case header(name: String, secret: String)

    private enum Kind: String, CaseIterable { case none, bearer, basic, header }

    var secretNames: [String] {
        switch self {
        case .none: []
        case .bearer(let secret), .header(_, let secret): [secret]
        case .basic(let user, let password): [user, password]
        }
    }

    static func parse(_ json: JSONValue?, at pointer: String, issues: inout [AssetIssue]) -> AuthProfile? {
        guard
            let reader = MappingReader(
                json, at: pointer, "The authentication", ["kind", "secret", "user", "password", "header"], issues: &issues),
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
            guard name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }) else {
                issues.append(
                    AssetIssue(reader.path("header"), "This is no header name.", remedy: "Use letters, digits and hyphens."))
                return nil
            }
            return .header(name: name, secret: secret)
        }
    }

    /// The header to send; nil when a secret is missing.
    func header(_ secrets: [String: String]) -> [(name: String, value: String)]? {
        switch self {
        case .none: return []
        case .bearer(let secret): return secrets[secret].map { [(name: "Authorization", value: "Bearer \($0)")] }
        case .header(let name, let secret): return secrets[secret].map { [(name: name, value: $0)] }
        case .basic(let user, let password):
            guard let user = secrets[user], let password = secrets[password], !user.contains(":") else { return nil }
            return [(name: "Authorization", value: "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))")]
        }
    }
}

/// Bounds of a connection; a tenant's own settings may override each.
package struct ConnectorLimits: Sendable, Equatable {
    package var ratePerSecond: Int
    package var concurrency: Int
    package var connectTimeoutSeconds: Int
    package var totalTimeoutSeconds: Int
    package var answerBytesMax: Int
    /// Writes at one time: one, unless the system is known to bear more. Many ERPs lock a number sequence and answer the rest
    /// with 503.
    package var writers: Int

    static let names = [
        "ratePerSecond", "concurrency", "connectTimeoutSeconds", "totalTimeoutSeconds", "answerBytesMax", "writers",
    ]
    /// Modest enough for every system of which nothing else is known.
    static let standard = ConnectorLimits(
        ratePerSecond: 10, concurrency: 4, connectTimeoutSeconds: 5, totalTimeoutSeconds: 30, answerBytesMax: 4_194_304,
        writers: 1)

    static func parse(
        _ json: JSONValue?, at pointer: String, over base: ConnectorLimits = .standard, issues: inout [AssetIssue]
    ) -> ConnectorLimits? {
        guard let json else { return base }
        guard let reader = MappingReader(json, at: pointer, "The limits", names, issues: &issues) else { return nil }
        return ConnectorLimits(
            ratePerSecond: reader.int("ratePerSecond", in: 1...1_000, otherwise: base.ratePerSecond, issues: &issues),
            concurrency: reader.int("concurrency", in: 1...64, otherwise: base.concurrency, issues: &issues),
            connectTimeoutSeconds: reader.int(
                "connectTimeoutSeconds", in: 1...60, otherwise: base.connectTimeoutSeconds, issues: &issues),
            totalTimeoutSeconds: reader.int(
                "totalTimeoutSeconds", in: 1...120, otherwise: base.totalTimeoutSeconds, issues: &issues),
            answerBytesMax: reader.int("answerBytesMax", in: 1_024...26_214_400, otherwise: base.answerBytesMax, issues: &issues),
            writers: reader.int("writers", in: 1...16, otherwise: base.writers, issues: &issues))
    }
}

package import Kernel

/// How a tenant reaches one outside system: `connections/<name>.yaml`. What is said to it is the connector's business.
package struct ConnectionDocument: Sendable {
    package static let allowMax = 16
    package static let secretsMax = 8
    /// Longest time after a lost write until its effect must be visible to a search.
    package static let settleSecondsMax = 600

    package let name: String
    package let title: String
    /// Name of the mapping in the operator's library.
    package let connector: String
    package let baseURL: String
    /// Purpose in the mapping → name of the tenant's secret; values are set elsewhere and never in a file.
    package let secrets: [String: String]
    /// `host:port` or `host:port/range`; what else the worker may dial besides public https.
    package let allow: [String]
    /// Names of what the file says about the system, by the mapping's own names.
    package let settings: [String]
    /// Further addresses by name, such as that of a token service.
    package let endpoints: [String: String]
    package let limits: Limits
    /// Seconds after which an answer lost on the way must be visible to a search; a second search waits as long again.
    package let settleSeconds: Int

    /// Overrides of the mapping's limits; nil leaves the mapping's own.
    package struct Limits: Hashable, Sendable {
        package let ratePerSecond: Int?
        package let concurrency: Int?
        package let connectTimeoutSeconds: Int?
        package let totalTimeoutSeconds: Int?
        package let answerBytesMax: Int?
        /// Writes at one time.
        package let writers: Int?
        /// Requests a day by UTC.
        package let perDay: Int?

        package init(
            ratePerSecond: Int? = nil, concurrency: Int? = nil, connectTimeoutSeconds: Int? = nil,
            totalTimeoutSeconds: Int? = nil, answerBytesMax: Int? = nil, writers: Int? = nil, perDay: Int? = nil
        ) {
            self.ratePerSecond = ratePerSecond
            self.concurrency = concurrency
            self.connectTimeoutSeconds = connectTimeoutSeconds
            self.totalTimeoutSeconds = totalTimeoutSeconds
            self.answerBytesMax = answerBytesMax
            self.writers = writers
            self.perDay = perDay
        }
    }

    package init(
        name: String, title: String, connector: String, baseURL: String, secrets: [String: String], allow: [String],
        limits: Limits,
        settleSeconds: Int, settings: [String] = [], endpoints: [String: String] = [:]
    ) {
        self.settings = settings
        self.endpoints = endpoints
        self.name = name
        self.title = title
        self.connector = connector
        self.baseURL = baseURL
        self.secrets = secrets
        self.allow = allow
        self.limits = limits
        self.settleSeconds = settleSeconds
    }

    package static let shape = ObjectShape(
        "a connection file", "How a tenant reaches one outside system.",
        [
            required("kind", .choice(["connection"]), "always `connection`."),
            required("name", .text(.slug), "the file's name."),
            required("title", .text(.line), "as shown on pages."),
            required("connector", .text(.slug), "name of a mapping in the operator's library."),
            required("baseUrl", .text(.baseURL), "where the system answers; without user, query, fragment or trailing slash."),
            optional(
                "secrets", .table(keys: .memberName, values: .text(.slug), count: 1...secretsMax),
                "names of the tenant's secrets by the purpose that the mapping gives them; never their values."),
            optional(
                "allow", .list(of: .text(.egress), count: 1...allowMax),
                "what the worker may dial besides public https on ports 443 and 8443: host:port/range."),
            optional(
                "settings", .table(keys: .memberName, values: .either([.text(.line), settingTable]), count: 1...32),
                "what the mapping wants to know about this system: texts, and tables of texts."),
            optional(
                "endpoints", .table(keys: .memberName, values: .text(.baseURL), count: 1...8),
                "further addresses that the mapping names, such as that of a token service."),
            optional("limits", .object(limitsShape), "overrides of the mapping's limits."),
            required(
                "settleSeconds", .integer(1...settleSecondsMax),
                "seconds until a write whose answer was lost is certainly visible to a search."),
        ])

    private static let settingTable = Shape.table(keys: .line, values: .text(.line), count: 1...200)

    private static let limitsShape = ObjectShape(
        "the limits", "Overrides of the mapping's limits.",
        [
            optional("ratePerSecond", .integer(1...1000), "requests a second."),
            optional("concurrency", .integer(1...64), "requests at one time."),
            optional("connectTimeoutSeconds", .integer(1...60), "seconds to open a connection."),
            optional("totalTimeoutSeconds", .integer(1...120), "seconds for a whole exchange."),
            optional("answerBytesMax", .integer(1024...26_214_400), "bytes of one answer, unpacked."),
            optional("writers", .integer(1...16), "writes at one time."),
            optional("perDay", .integer(0...10_000_000), "requests a day by UTC; 0 is no bound."),
        ])

    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> ConnectionDocument? {
        guard shape.check(json, issues: &issues) else { return nil }
        let fields = Fields(json)
        let baseURL = fields.text("baseUrl")
        let allow = fields.texts("allow")
        let endpoints = fields.table("endpoints")
        for (name, address) in endpoints.sorted(by: { $0.key < $1.key }) {
            guard let place = plainPlace(of: address), !allow.contains(where: { $0 == place || $0.hasPrefix(place + "/") }) else {
                continue
            }
            issues.append(
                AssetIssue(
                    "/endpoints/\(AssetIssue.token(name))",
                    "Plain http to \(place) is not allowed by an entry of this connection.",
                    remedy: "Use https, or add \"\(place)\" with its address range to `allow`."))
        }
        if let place = plainPlace(of: baseURL), !allow.contains(where: { $0 == place || $0.hasPrefix(place + "/") }) {
            issues.append(
                AssetIssue(
                    "/baseUrl", "Plain http to \(place) is not allowed by an entry of this connection.",
                    remedy: "Use https, or add \"\(place)\" with its address range to `allow`."))
        }
        let limits = json["limits"]
        return ConnectionDocument(
            name: fields.text("name"), title: fields.text("title"), connector: fields.text("connector"), baseURL: baseURL,
            secrets: fields.table("secrets"), allow: allow,
            limits: Limits(
                ratePerSecond: limits?["ratePerSecond"]?.int, concurrency: limits?["concurrency"]?.int,
                connectTimeoutSeconds: limits?["connectTimeoutSeconds"]?.int,
                totalTimeoutSeconds: limits?["totalTimeoutSeconds"]?.int,
                answerBytesMax: limits?["answerBytesMax"]?.int, writers: limits?["writers"]?.int,
                perDay: limits?["perDay"]?.int),
            settleSeconds: fields.integer("settleSeconds", or: 20), settings: json["settings"]?.object?.keys ?? [],
            endpoints: endpoints)
    }

    /// `host:port` of a plain http address, with the port written out; nil for https.
    static func plainPlace(of baseURL: String) -> String? {
        guard baseURL.hasPrefix("http://") else { return nil }
        let place = baseURL.dropFirst("http://".count).prefix { $0 != "/" }
        return place.contains(":") ? String(place) : "\(place):80"
    }
}

extension TextRule {
    /// An address that no two parsers read differently: a plain host, no user, query, fragment, escape or `..`.
    package static let baseURL = TextRule(
        "a base address", pattern: "^https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~-]+)*$",
        length: 1...300,
        remedy: "Write scheme, host, port and path only, such as https://erp.example.com/api/v1."
    ) { text in
        let prefix = text.hasPrefix("https://") ? "https://" : "http://"
        guard text.hasPrefix(prefix) else { return false }
        let parts = text.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false)
        guard let place = parts.first, isPlace(place, portRequired: false) else { return false }
        return parts.dropFirst().allSatisfy { part in
            !part.isEmpty && part != "." && part != ".."
                && part.utf8.allSatisfy {
                    $0.isDigit || $0.isLowerLetter || $0.isUpperLetter || [0x2E, 0x5F, 0x7E, 0x2D].contains($0)
                }
        }
    }

    /// What a worker may dial: `127.0.0.1:7411` for one address, `erp.example:8443/10.20.0.0/16` for a name and where it may lie.
    package static let egress = TextRule(
        "an allow entry",
        pattern: "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?:[1-9][0-9]{0,4}(/[0-9a-f.:]+/[0-9]{1,3})?$", length: 1...300,
        remedy:
            "Write \"127.0.0.1:7411\" for an address, or \"erp.example:8443/10.20.0.0/16\" for a host and its range."
    ) { text in
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let place = parts.first, isPlace(place, portRequired: true) else { return false }
        if parts.count == 1 { return place.prefix { $0 != ":" }.utf8.allSatisfy { $0.isDigit || $0 == UInt8(ascii: ".") } }
        guard parts.count == 3, let bits = Int(parts[2]), bits <= 128, parts[2].utf8.allSatisfy(\.isDigit) else { return false }
        return !parts[1].isEmpty
            && parts[1].utf8.allSatisfy {
                $0.isDigit || (0x61...0x66).contains($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":")
            }
    }

    static func isPlace(_ place: Substring, portRequired: Bool) -> Bool {
        let parts = place.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, parts.count <= 2, !portRequired || parts.count == 2 else { return false }
        if parts.count == 2 {
            guard let port = Int(parts[1]), (1...65_535).contains(port), parts[1].utf8.allSatisfy(\.isDigit),
                !parts[1].hasPrefix("0")
            else { return false }
        }
        let bytes = Array(host.utf8)
        guard let first = bytes.first, let last = bytes.last else { return false }
        return !host.contains("..") && [first, last].allSatisfy { $0.isDigit || $0.isLowerLetter }
            && bytes.allSatisfy { $0.isDigit || $0.isLowerLetter || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }
}

package import Kernel

/// A tenant's connection as a lease brings it: `{name, mapping, config}`, the connector's mapping and the connection's document.
package struct ConnectionSettings: Sendable {
    package let name: String
    package let mapping: ConnectorMapping
    /// Without a trailing slash.
    package let baseURL: String
    /// Egress entries, `host:port/range`.
    package let allow: [String]
    package let limits: ConnectorLimits
    /// Purpose in the mapping → reference of the secret; the lease has the values by purpose.
    package let secretPurposes: [String]

    /// Refuses with the first problem; the documents were checked when they were published, so this is for the versions in
    /// between.
    package init(json: JSONValue) throws(Refusal) {
        guard let name = json["name"]?.string, let config = json["config"], let document = json["mapping"] else {
            throw ConnectionSettings.unusable("The lease brings no connection.")
        }
        var issues: [AssetIssue] = []
        guard let mapping = ConnectorMapping.parse(document, issues: &issues) else {
            throw ConnectionSettings.unusable("The mapping cannot be used. \(issues.first?.description ?? "")")
        }
        let limits = ConnectorLimits.parse(config["limits"], at: "/limits", over: mapping.limits, issues: &issues)
        guard let limits, issues.isEmpty else {
            throw ConnectionSettings.unusable("The limits cannot be used. \(issues.first?.description ?? "")")
        }
        guard let base = config["baseUrl"]?.string, ConnectionSettings.isBase(base) else {
            throw ConnectionSettings.unusable("The base address is not usable.")
        }
        self.name = name
        self.mapping = mapping
        self.limits = limits
        baseURL = base.hasSuffix("/") ? String(base.dropLast()) : base
        allow = (config["allow"]?.array ?? []).compactMap(\.string)
        secretPurposes = config["secrets"]?.object?.keys ?? []
    }

    /// Scheme, host and port: what next-page links have to stay on.
    var origin: String {
        let scheme = baseURL.hasPrefix("https://") ? "https://" : "http://"
        return scheme + baseURL.dropFirst(scheme.count).prefix { $0 != "/" }
    }

    private static func isBase(_ text: String) -> Bool {
        guard text.hasPrefix("https://") || text.hasPrefix("http://"), text.utf8.count <= 300 else { return false }
        return text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && !text.contains { "?#@\\".contains($0) }
    }

    private static func unusable(_ message: String) -> Refusal {
        Refusal(.unprocessable, reason: "connection.unusable", message)
    }
}

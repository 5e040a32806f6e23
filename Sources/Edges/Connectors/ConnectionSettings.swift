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
    /// What the mapping wants to know about this system: texts, and tables of texts.
    let settings: JSONValue
    /// Further addresses by name, such as that of a token service.
    let endpoints: [String: String]
    /// Requests of today that the server knows of, from workers that are gone.
    package let spent: (day: CivilDate, count: Int)?
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
        var endpoints: [String: String] = [:]
        let table: JSONObject = config["endpoints"]?.object ?? [:]
        for member in table {
            guard let address = member.value.string, ConnectionSettings.isBase(address) else {
                throw ConnectionSettings.unusable("The address of \(member.key.prefix(40)) is not usable.")
            }
            endpoints[member.key] = address
        }
        if let missing = mapping.endpointNames.first(where: { endpoints[$0] == nil }) {
            throw ConnectionSettings.unusable("The connection has no address for \(missing).")
        }
        self.endpoints = endpoints
        settings = config["settings"] ?? [:]
        spent = json["spent"].flatMap { spent in
            guard let day = spent["day"]?.string.flatMap({ CivilDate($0) }), let count = spent["count"]?.int else { return nil }
            return (day, count)
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

package import Kernel

/// How one kind of system is spoken to: an asset of kind `connector`, without a tenant's addresses or secrets.
package struct ConnectorMapping: Sendable {
    package static let objectNames = ["supplier", "order", "receipts", "bill"]
    package static let findersMax = 8
    static let lookupsMax = 32
    static let typesMax = 32
    static let settingsMax = 32
    package static let samplesMax = 64

    package let name: String
    package let title: String
    /// Purposes of secrets that a connection has to provide.
    package let secretNames: [String]
    /// What else a connection has to say about its system: name → what it is, in words.
    package let settingNames: [(name: String, title: String)]
    /// Addresses besides the base address that a connection has to provide.
    package let endpointNames: [String]
    /// Recorded exchanges that a check replays, by name.
    package let sampleNames: [String]
    let dialects: [String: Dialect]
    let limits: ConnectorLimits
    let probe: RequestShape?
    let library: MappingLibrary
    let lookups: [String: Lookup]
    let objects: [String: ObjectMapping]

    /// Objects that can be read and written, by name.
    package var readable: [String] { objects.keys.sorted() }
    package var writable: [String] { objects.filter { $0.value.write != nil }.keys.sorted() }

    func dialect(_ name: String?) -> Dialect? { dialects[name ?? Dialect.standard] }

    private static let members = [
        "kind", "name", "version", "title", "auth", "answers", "headers", "dialects", "settings", "types", "limits", "probe",
        "lookups", "objects", "samples",
    ]

    /// Collects every problem of the document; nil when it cannot be used.
    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> ConnectorMapping? {
        let before = issues.count
        guard let reader = MappingReader(json, at: "", "A connector", members, issues: &issues) else { return nil }
        if reader.object["kind"]?.string != "connector" {
            issues.append(AssetIssue("/kind", "`kind` has to be `connector`.", remedy: "Write `kind: connector`."))
        }
        let name = reader.text("name", issues: &issues)
        let title = reader.text("title", issues: &issues)
        let dialects = dialects(reader, issues: &issues)
        let limits = ConnectorLimits.parse(reader.object["limits"], at: "/limits", issues: &issues)
        let probe = reader.object["probe"].flatMap { RequestShape.parse($0, at: "/probe", issues: &issues) }
        let lookups = lookups(reader, issues: &issues)
        let objects = objects(reader, issues: &issues)
        let library = MappingLibrary(types: types(reader, issues: &issues), titles: lookups.mapValues(\.title))
        let settings = settings(reader, issues: &issues)
        let samples = reader.texts("samples", upTo: samplesMax, issues: &issues)
        MappingNames(
            json: json, dialects: Set(dialects.keys), types: Set(library.types.keys), lookups: Set(lookups.keys),
            settings: Set(settings.map(\.name))
        ).check(issues: &issues)
        guard issues[before...].allSatisfy({ $0.severity != .error }), let name, let title, let limits else { return nil }
        var secrets: [String] = []
        var endpoints: [String] = []
        for (_, dialect) in dialects.sorted(by: { $0.key < $1.key }) {
            secrets += dialect.auth.secretNames.filter { !secrets.contains($0) }
            if case .clientCredentials(let client) = dialect.auth { endpoints.append(client.endpoint) }
        }
        return ConnectorMapping(
            name: name, title: title, secretNames: secrets, settingNames: settings, endpointNames: endpoints,
            sampleNames: samples, dialects: dialects, limits: limits, probe: probe, library: library, lookups: lookups,
            objects: objects)
    }

    private static func dialects(_ reader: MappingReader, issues: inout [AssetIssue]) -> [String: Dialect] {
        var out: [String: Dialect] = [:]
        out[Dialect.standard] = Dialect.parse(reader, issues: &issues)
        for (name, inner) in table(reader, "dialects", most: Dialect.countMax, issues: &issues) {
            guard
                let dialect = MappingReader(
                    inner, at: "/dialects/\(AssetIssue.token(name))", "A dialect", ["auth", "answers", "headers"], issues: &issues
                )
            else { continue }
            out[name] = Dialect.parse(dialect, issues: &issues)
        }
        return out
    }

    private static func types(_ reader: MappingReader, issues: inout [AssetIssue]) -> [String: MappingNode] {
        var out: [String: MappingNode] = [:]
        for (name, inner) in table(reader, "types", most: typesMax, issues: &issues) {
            out[name] = MappingNode.parse(inner, at: "/types/\(AssetIssue.token(name))", issues: &issues)
        }
        return out
    }

    private static func settings(
        _ reader: MappingReader, issues: inout [AssetIssue]
    ) -> [(name: String, title: String)] {
        table(reader, "settings", most: settingsMax, issues: &issues).compactMap { name, title in
            guard let title = title.string, !title.isEmpty else {
                issues.append(
                    AssetIssue(
                        "/settings/\(AssetIssue.token(name))", "A setting needs its description.",
                        remedy: "Write in words what a connection has to say."))
                return nil
            }
            return (name: name, title: title)
        }
    }

    private static func lookups(_ reader: MappingReader, issues: inout [AssetIssue]) -> [String: Lookup] {
        var out: [String: Lookup] = [:]
        for (name, inner) in table(reader, "lookups", most: lookupsMax, issues: &issues) {
            out[name] = Lookup.parse(inner, named: name, at: "/lookups/\(AssetIssue.token(name))", issues: &issues)
        }
        return out
    }

    private static func objects(_ reader: MappingReader, issues: inout [AssetIssue]) -> [String: ObjectMapping] {
        var objects: [String: ObjectMapping] = [:]
        guard
            let table = MappingReader(
                reader.object["objects"], at: "/objects", "The table of objects", objectNames, issues: &issues)
        else { return [:] }
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
        return objects
    }

    private static func table(
        _ reader: MappingReader, _ name: String, most: Int, issues: inout [AssetIssue]
    ) -> [(String, JSONValue)] {
        guard let value = reader.object[name] else { return [] }
        guard let object = value.object, object.count <= most else {
            issues.append(
                AssetIssue(
                    reader.path(name), "`\(name)` has to be a table of at most \(most) entries.",
                    remedy: "Write them as `name: …` lines."))
            return []
        }
        return object.map { ($0.key, $0.value) }
    }
}

/// What the parts of a mapping call one another, checked over the whole document: a name that leads nowhere would show only when
/// a request is made.
struct MappingNames {
    let json: JSONValue
    let dialects: Set<String>
    let types: Set<String>
    let lookups: Set<String>
    let settings: Set<String>

    func check(issues: inout [AssetIssue]) { visit(json, "", isGuarded: false, issues: &issues) }

    private func visit(_ value: JSONValue, _ pointer: String, isGuarded: Bool, issues: inout [AssetIssue]) {
        switch value {
        case .string(let text): if !isGuarded { secrets(in: text, at: pointer, issues: &issues) }
        case .array(let items):
            for (index, item) in items.enumerated() { visit(item, "\(pointer)/\(index)", isGuarded: isGuarded, issues: &issues) }
        case .object(let object):
            names(in: object, at: pointer, issues: &issues)
            for member in object where member.key != "literal" {
                let isAuth = member.key == "auth" && (pointer.isEmpty || pointer.hasPrefix("/dialects/"))
                visit(
                    member.value, pointer + "/" + AssetIssue.token(member.key), isGuarded: isGuarded || isAuth, issues: &issues)
            }
        case .null, .bool, .number: break
        }
    }

    private func secrets(in text: String, at pointer: String, issues: inout [AssetIssue]) {
        for root in ValuePath.guardedRoots where text == "$\(root)" || text.contains("$\(root).") || text.contains("{\(root).") {
            issues.append(
                AssetIssue(
                    pointer, "`\(root)` is known inside `auth` only.",
                    remedy: "Secrets, sessions and signatures go into headers that `auth` describes."))
        }
    }

    private func names(in object: JSONObject, at pointer: String, issues: inout [AssetIssue]) {
        if let dialect = object["dialect"]?.string, object["path"] != nil, !dialects.contains(dialect) {
            missing("dialect", dialect, dialects, pointer + "/dialect", issues: &issues)
        }
        if let type = object["type"]?.string, object["take"] != nil, !types.contains(type) {
            missing("type", type, types, pointer + "/type", issues: &issues)
        }
        if let lookup = object["from"]?.string, object["at"] != nil, !lookups.contains(lookup) {
            missing("look-up", lookup, lookups, pointer + "/from", issues: &issues)
        }
        for (index, name) in (object["needs"]?.array ?? []).enumerated() {
            guard let name = name.string, !lookups.contains(name) else { continue }
            missing("look-up", name, lookups, "\(pointer)/needs/\(index)", issues: &issues)
        }
    }

    private func missing(
        _ what: String, _ name: String, _ known: Set<String>, _ pointer: String, issues: inout [AssetIssue]
    ) {
        let names = known.filter { !$0.isEmpty }.sorted()
        let near = MappingReader.nearest(to: name, among: names)
        issues.append(
            AssetIssue(
                pointer, "There is no \(what) `\(name.prefix(60))`.",
                remedy: near.map { "Did you mean `\($0)`?" }
                    ?? (names.isEmpty ? "The mapping defines none." : "Known are \(names.joined(separator: ", "))."))
        )
    }
}

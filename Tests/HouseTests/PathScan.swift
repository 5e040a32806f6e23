import Foundation

/// Finds absolute paths that only one machine has.
///
/// Two questions: does a line name a folder of the machine that runs the tests, and does any path in it begin with a folder that
/// is neither of every Debian nor an address of the product. The second one finds other people's machines too.
struct PathScan: Sendable {
    /// Folders of one machine, without a slash at their ends.
    let machine: [String]
    /// What an absolute address of the product or of a document in it may begin with.
    let heads: Set<String>

    /// What every Debian has, and what nobody fills as they please.
    private static let system: Set<String> = ["bin", "dev", "etc", "lib", "proc", "run", "sbin", "sys", "usr", "var"]
    /// What every Debian has, and where anything may lie: only what carries our name is ours.
    private static let open: Set<String> = ["mnt", "opt", "srv", "tmp"]
    private static let ours = "countersign"
    /// Heads that no route and no schema tells of, each for its reason.
    private static let known: Set<String> = [
        "Invoice", "contract", "events", "lines", "outages", "period", "totals",  // pointers into documents without a schema
        "v1",  // where collectors of telemetry listen
        "staging",  // in the image that builds, gone from the one that runs
        "beta", "connections", "db", "erp_nobody", "nowhere", "oauth2", "route",  // invented by tests
        "_peer", "exchanges", "production",  // where a peer is controlled; pointers into samples; an environment of an ERP
    ]
    /// Where people live; whoever it is, the path is theirs alone.
    private static let personal: Set<String> = ["home", "root", "Users"]

    /// What is wrong with a line; nil when nothing is.
    func finding(in line: String) -> String? {
        if let place = machine.first(where: { line.contains($0) }) { return "this machine's \(place)" }
        let bytes = Array(line.utf8)
        return bytes.indices.lazy.filter { bytes[$0] == UInt8(ascii: "/") }.compactMap { finding(in: bytes, at: $0) }.first
    }

    private func finding(in line: [UInt8], at slash: Int) -> String? {
        let names = PathScan.names(line, after: slash)
        guard names.count > 1, let head = names.first, head.contains(where: { $0 != "." }) else { return nil }
        let path = "/" + names.prefix(2).joined(separator: "/")
        if PathScan.personal.contains(head), slash == 0 || !line[slash - 1].isPathPart { return "somebody's \(path)" }
        guard PathScan.isBeginning(line, slash) else { return nil }
        if PathScan.open.contains(head) {
            return names[1].isEmpty || names[1].hasPrefix(PathScan.ours) ? nil : "one machine's \(path)"
        }
        // A single letter or a number is a step in a made-up document.
        let isStep = head.utf8.count == 1 || head.allSatisfy(\.isNumber)
        let isKnown = PathScan.system.contains(head) || PathScan.known.contains(head) || heads.contains(head)
        return isStep || isKnown ? nil : "a strange \(path)"
    }

    /// The first two names of the path that begins here; the second is empty before a closing quote or an interpolation.
    private static func names(_ line: [UInt8], after slash: Int) -> [String] {
        var names: [String] = []
        var at = slash
        while names.count < 2, at < line.count, line[at] == UInt8(ascii: "/") {
            let name = line[(at + 1)...].prefix { $0.isPathPart }
            if name.isEmpty && names.isEmpty { return [] }
            names.append(String(decoding: name, as: UTF8.self))
            at = name.endIndex
        }
        return names
    }

    /// Whether an absolute path begins at the slash: after a blank, a quote or a bracket. A literal that is added to another text
    /// continues that text's path.
    private static func isBeginning(_ line: [UInt8], _ slash: Int) -> Bool {
        guard slash > 0 else { return true }
        guard beginnings.contains(line[slash - 1]) else { return false }
        let before = line[..<slash].reversed().drop { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") }
        let isLiteral = before.count < slash
        return !isLiteral || before.first { $0 != UInt8(ascii: " ") } != UInt8(ascii: "+")
    }

    private static let beginnings = Set(Array(" \t\"'`=([{,;|<>:@!".utf8))
}

extension PathScan {
    /// For this checkout, on whatever machine it lies.
    static let project = PathScan(machine: PathScan.thisMachine(), heads: PathScan.ownHeads())

    /// Where the checkout, the person who runs the tests and the toolchain live, by the names given and by the real ones.
    private static func thisMachine() -> [String] {
        let root = Tree.project.root
        var folders = [root, parent(of: root)]
        let environment = ProcessInfo.processInfo.environment
        folders += [environment["HOME"], environment["PWD"], NSHomeDirectory()].compactMap(\.self)
        for folder in (environment["PATH"] ?? "").split(separator: ":") {
            // The toolchain's root holds `usr/bin/swift`.
            let swift = URL(fileURLWithPath: "\(folder)/swift")
            guard FileManager.default.isExecutableFile(atPath: swift.path) else { continue }
            folders += [swift, swift.resolvingSymlinksInPath()].map { parent(of: parent(of: parent(of: $0.path))) }
        }
        // A folder of every Debian says nothing of this one.
        let known = system.union(open)
        return Set(folders).filter { folder in
            let names = folder.split(separator: "/")
            return names.count > 1 || names.contains { !known.contains(String($0)) }
        }.sorted().flatMap { $0.split(separator: "/").count > 1 ? [$0] : [$0 + "/"] }
    }

    private static func parent(of path: String) -> String { URL(fileURLWithPath: path).deletingLastPathComponent().path }

    /// Heads of the product's own addresses, from the routes in the code, and of the pointers into its documents, which are the
    /// names of their fields in the published schemas.
    private static func ownHeads() -> Set<String> {
        var heads: Set<String> = []
        for file in Tree.sources where routers.contains(where: { file.path.hasPrefix($0) }) {
            for (code, text) in zip(file.text.code, file.text.strings) where routing.contains(where: { code.mentions($0) }) {
                let path = text.split(separator: " ").first { $0.hasPrefix("/") } ?? ""
                heads.formUnion(path.split(separator: "/").prefix(1).map(String.init))
            }
        }
        for file in Tree.project.files where file.isBelow("docs/reference/schemas") {
            // A schema that is no JSON has its own test.
            if let schema = try? JSONSerialization.jsonObject(with: Data(file.text.utf8)) {
                collectFields(of: schema, into: &heads)
            }
        }
        // Addresses of other people's systems, as the library's mappings call them.
        for file in Tree.project.files where file.isBelow("Tenants/operator/library/connectors") && file.path.hasSuffix(".yaml") {
            for line in file.numberedLines.map(\.line) {
                guard let path = line.range(of: "path: /").map({ line[$0.upperBound...] }) else { continue }
                heads.insert(String(path.prefix { !"/ ,}?".contains($0) }))
            }
        }
        return heads
    }

    private static let routers = ["Sources/Web/API/", "Sources/Web/WebKernel/", "Sources/Programs/erp-sandbox/"]
    /// What stands before a route's pattern.
    private static let routing = ["Route(", ".get,", ".post,", ".put,", ".patch,", "page(", "act("]

    private static func collectFields(of schema: Any, into names: inout Set<String>) {
        if let object = schema as? [String: Any] {
            if let properties = object["properties"] as? [String: Any] { names.formUnion(properties.keys) }
            for value in object.values { collectFields(of: value, into: &names) }
        } else if let list = schema as? [Any] {
            for value in list { collectFields(of: value, into: &names) }
        }
    }
}

extension UInt8 {
    /// What the name of a file is usually made of.
    fileprivate var isPathPart: Bool {
        isNamePart || self == UInt8(ascii: ".") || self == UInt8(ascii: "-") || self == UInt8(ascii: "~")
    }
}

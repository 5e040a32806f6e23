internal import Glibc
internal import Kernel
internal import Tenancy

/// Walks a configuration folder by its fixed layout. What does not belong there is an issue: a misnamed file would otherwise be
/// a control that is silently not in force.
struct TreeLoader {
    let root: String
    private(set) var assets: [Asset] = []
    private(set) var issues: [LocatedIssue] = []
    private(set) var samples: [SampleFile] = []
    private(set) var pictures: [BrandPicture] = []
    private var patterns = PatternShelf()

    init(root: String) {
        self.root = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
    }

    /// What a folder may hold.
    private indirect enum Layout {
        /// Named files and folders.
        case fixed(files: [String: AssetKind], required: Set<String>, folders: [String: Layout])
        /// Any number of documents of one kind.
        case documents(AssetKind)
        /// Raster images, served as they are.
        case images
        /// Documents of one kind, and beside them a folder `samples` with a folder for each document that names some.
        case sampled(AssetKind)
    }

    private static let operatorLayout = Layout.fixed(
        files: ["operator.yaml": .operator, "people.yaml": .people, "brand.yaml": .brand], required: ["operator.yaml"],
        folders: [
            "assets": .images, "calendars": .documents(.calendar), "on-call": .documents(.onCall),
            "rollouts": .documents(.rollout),
            "library": .fixed(
                files: [:], required: [],
                folders: [
                    "patterns": .documents(.pattern), "workflows": .documents(.workflow), "candidates": .documents(.candidate),
                    "policies": .documents(.policy),
                    "connectors": .sampled(.connector),
                ]),
        ])

    private static let partnerLayout = Layout.fixed(
        files: ["partner.yaml": .partner, "people.yaml": .people, "brand.yaml": .brand], required: ["partner.yaml"],
        folders: ["assets": .images, "rollouts": .documents(.rollout), "policies": .documents(.policy)])

    private static let tenantLayout = Layout.fixed(
        files: ["tenant.yaml": .tenant, "people.yaml": .people, "brand.yaml": .brand], required: ["tenant.yaml", "people.yaml"],
        folders: [
            "assets": .images, "contracts": .documents(.contract), "connections": .documents(.connection),
            "workflows": .documents(.workflow),
            "candidates": .documents(.candidate), "rollouts": .documents(.rollout),
            "policies": .documents(.policy), "tests": .documents(.policyTests),
        ])

    mutating func loadRoot() {
        guard entryType(root, isGiven: true) == .folder else {
            return report(root, "This is not a folder.", "Give the folder that holds `operator`, `partners` and `tenants`.")
        }
        let names = list(root)
        for name in names where !["operator", "partners", "tenants"].contains(name) && !isNote(name) {
            let near = nearestName(to: name, among: ["operator", "partners", "tenants"])
            report(
                "\(root)/\(name)", "Nothing of this name belongs here.",
                near.map { "Did you mean `\($0)`?" } ?? "Only `operator`, `partners` and `tenants` are read; move it elsewhere.")
        }
        if names.contains("operator") {
            load("\(root)/operator", TreeLoader.operatorLayout, scope: .operator)
        } else {
            report(
                "\(root)/operator/operator.yaml", "The operator's file is missing.",
                "Write it; it defines the roles that all people files use.")
        }
        if names.contains("partners") {
            for slug in scopes("\(root)/partners") {
                load("\(root)/partners/\(slug)", TreeLoader.partnerLayout, scope: .partner(slug))
            }
        }
        if names.contains("tenants") {
            for slug in scopes("\(root)/tenants") {
                let folder = "\(root)/tenants/\(slug)"
                load(folder, TreeLoader.tenantLayout, scope: .tenant(slug, partner: partner(in: "\(folder)/tenant.yaml")))
            }
        }
    }

    /// The runbooks, one Markdown file an alert; they belong to the operator.
    mutating func loadRunbooks(_ folder: String, today: CivilDate?) {
        guard entryType(folder, isGiven: true) == .folder else {
            return report(folder, "There is no such folder.", "Give the folder of the runbooks.")
        }
        for name in list(folder) where !isNote(name) {
            let path = "\(folder)/\(name)"
            guard name.hasSuffix(".md"), entryType(path) == .file else {
                report(path, "Only runbooks belong here.", "Name the file after its alert, such as `sla-breach.md`.")
                continue
            }
            guard let bytes = bytes(of: path) else { continue }
            let found = RunbookFile.read(bytes, path: path, today: today)
            issues += found.issues
            if let asset = found.asset { assets.append(asset) }
        }
        issues += RunbookFile.missing(in: folder, names: assets.filter { $0.kind == .runbook }.map(\.name))
    }

    /// The partner that a tenant's file names, read ahead, since the scope of all its documents depends on it.
    private func partner(in path: String) -> String {
        // A file that cannot be read is reported when its turn comes.
        guard let bytes = try? FileBytes.read(path, maxBytes: AssetBounds.fileBytesMax) else { return "" }
        return YAMLReader.read(bytes, path: path).document?.json["partner"]?.string ?? ""
    }

    private mutating func scopes(_ folder: String) -> [String] {
        guard entryType(folder) == .folder else {
            report(folder, "This is not a folder.", "Make it one, with a folder for each.")
            return []
        }
        return list(folder).filter { name in
            if isNote(name) { return false }
            let path = "\(folder)/\(name)"
            if entryType(path) != .folder {
                report(path, "Only folders belong here.", "Move the file into a folder, or remove it.")
                return false
            }
            if let problem = TextRule.slug.problem(with: name) {
                report(path, "The folder's name is not usable: \(problem)", TextRule.slug.remedy)
                return false
            }
            return true
        }
    }

    private mutating func load(_ folder: String, _ layout: Layout, scope: Scope) {
        guard entryType(folder) == .folder else { return report(folder, "This is not a folder.", "Make it one.") }
        switch layout {
        case .documents(let kind):
            for name in list(folder) where !isNote(name) { loadDocument("\(folder)/\(name)", name, kind, scope) }
        case .sampled(let kind):
            for name in list(folder) where !isNote(name) {
                if name == "samples" {
                    loadSamples("\(folder)/samples")
                } else {
                    loadDocument("\(folder)/\(name)", name, kind, scope)
                }
            }
        case .images:
            for name in list(folder) where !isNote(name) { checkImage("\(folder)/\(name)", name) }
        case .fixed(let files, let required, let folders):
            // Patterns come before the workflows that use them.
            let names = list(folder).sorted { ($0 == "patterns" ? 0 : 1, $0) < ($1 == "patterns" ? 0 : 1, $1) }
            for name in names where !isNote(name) {
                let path = "\(folder)/\(name)"
                if let kind = files[name] {
                    loadDocument(path, name, kind, scope)
                } else if let inner = folders[name] {
                    load(path, inner, scope: scope)
                } else {
                    let near = nearestName(to: name, among: files.keys.sorted() + folders.keys.sorted())
                    let known = (files.keys.sorted() + folders.keys.sorted().map { "\($0)/" }).joined(separator: ", ")
                    report(
                        path, "Nothing of this name belongs here.",
                        near.map { "Did you mean `\($0)`?" } ?? "This folder holds \(known).")
                }
            }
            for name in required.sorted() where !names.contains(name) {
                report("\(folder)/\(name)", "The file is missing.", "Write \(files[name]?.title ?? "it") here.")
            }
        }
    }

    private mutating func loadDocument(_ path: String, _ fileName: String, _ kind: AssetKind, _ scope: Scope) {
        guard entryType(path) == .file else {
            return report(path, "This is not a plain file.", "Put \(kind.title) here, not a folder or a link.")
        }
        guard fileName.hasSuffix(".yaml") else {
            let remedy =
                fileName.hasSuffix(".yml")
                ? "Name it `\(fileName.dropLast(4)).yaml`." : "Only `.yaml` files are read here; move it elsewhere."
            return report(path, "The file's name does not end in `.yaml`.", remedy)
        }
        guard let bytes = bytes(of: path) else { return }
        let read = YAMLReader.read(bytes, path: path)
        issues += read.issues
        guard let written = read.document else {
            if kind == .pattern { patterns.noteUnusable() }
            return addUnreadable(path, fileName, kind, scope)
        }
        if kind == .pattern { patterns.add(written) }
        let (whole, misuses) = [.workflow, .candidate].contains(kind) ? patterns.resolved(written) : (written, [])
        issues += misuses.prefix(AssetBounds.issuesPerFileMax)
        let document = whole ?? written
        var problems: [AssetIssue] = []
        let reading = whole == nil ? nil : AssetKinds.read(kind, document.json, scope: scope, issues: &problems)
        let name = AssetKinds.name(of: kind, document.json, fileName: fileName, scope: scope, issues: &problems)
        if kind.isVersioned, document.json.object != nil, document.json["version"]?.string == nil,
            !problems.contains(where: { $0.pointer == "/version" || $0.message.contains("`version`") })
        {
            problems.append(
                AssetIssue("", "`version` is missing.", remedy: "Add one, in quotes; a published version never changes."))
        }
        if kind == .brand, case .brand(let brand)? = reading?.content {
            pictures += BrandPicture.load(brand, beside: path, scope: scope, issues: &problems)
        }
        issues += problems.prefix(AssetBounds.issuesPerFileMax).map(document.located)
        let isSound = problems.allSatisfy { $0.severity != .error }
        assets.append(Asset(kind: kind, scope: scope, name: name, document: document, reading: isSound ? reading : nil))
    }

    /// A file that is no YAML still exists, so that references to it are not reported as well.
    private mutating func addUnreadable(_ path: String, _ fileName: String, _ kind: AssetKind, _ scope: Scope) {
        var ignored: [AssetIssue] = []
        let name = AssetKinds.name(of: kind, .null, fileName: fileName, scope: scope, issues: &ignored)
        assets.append(
            Asset(
                kind: kind, scope: scope, name: name, document: AssetDocument(path: path, json: .null, places: [:]), reading: nil)
        )
    }

    /// `samples/<connector>/<sample>.json`.
    private mutating func loadSamples(_ folder: String) {
        guard entryType(folder) == .folder else { return report(folder, "This is not a folder.", "Make it one.") }
        for connector in list(folder) where !isNote(connector) {
            let place = "\(folder)/\(connector)"
            guard entryType(place) == .folder else {
                report(place, "Only folders belong here, one for each connector.", "Move the sample into its connector's folder.")
                continue
            }
            for name in list(place) where !isNote(name) {
                let path = "\(place)/\(name)"
                guard name.hasSuffix(".json"), entryType(path) == .file else {
                    report(path, "Only `.json` files belong here.", "Move it elsewhere.")
                    continue
                }
                guard let bytes = bytes(of: path) else { continue }
                samples.append(SampleFile(path: path, connector: connector, name: String(name.dropLast(5)), bytes: bytes))
            }
        }
    }

    private mutating func checkImage(_ path: String, _ name: String) {
        guard entryType(path) == .file, [".png", ".svg"].contains(where: { name.hasSuffix($0) }) else {
            return report(path, "Only pictures belong here.", "Use PNG, or SVG of plain paths.")
        }
        var info = stat()
        if stat(path, &info) == 0, info.st_size > AssetBounds.imageBytesMax {
            report(path, "The image has \(info.st_size) bytes.", "Keep it under \(AssetBounds.imageBytesMax).")
        }
    }

    private enum EntryType { case file, folder, other }

    /// Links are `other`: a folder that links to one above it would otherwise never end. The folder given may be one.
    private func entryType(_ path: String, isGiven: Bool = false) -> EntryType {
        var info = stat()
        guard (isGiven ? stat(path, &info) : lstat(path, &info)) == 0 else { return .other }
        switch info.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        default: return .other
        }
    }

    private func isNote(_ name: String) -> Bool { name == "README.md" }

    private mutating func list(_ folder: String) -> [String] {
        do throws(Fault) {
            return try FileBytes.names(in: folder, maxNames: AssetBounds.filesPerFolderMax)
        } catch {
            report(folder, "The folder cannot be listed: \(error.detail).", "Check its permissions and its size.")
            return []
        }
    }

    private mutating func bytes(of path: String) -> [UInt8]? {
        do throws(Fault) {
            return try FileBytes.read(path, maxBytes: AssetBounds.fileBytesMax)
        } catch {
            report(
                path, "The file cannot be read: \(error.detail).",
                "Check its permissions; keep it under \(AssetBounds.fileBytesMax) bytes.")
            return nil
        }
    }

    private mutating func report(_ path: String, _ message: String, _ remedy: String) {
        issues.append(LocatedIssue(file: path, message: message, remedy: remedy))
    }
}

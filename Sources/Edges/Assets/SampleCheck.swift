internal import Connectors
internal import Kernel
internal import Tenancy

/// A recorded conversation beside the connectors' mappings.
struct SampleFile: Sendable {
    let path: String
    let connector: String
    let name: String
    let bytes: [UInt8]
}

/// Replays what mappings name as their samples, so that a mapping that no longer does what was recorded is not published.
struct SampleCheck {
    private let tree: ConfigurationTree
    private let samples: [SampleFile]

    init(_ tree: ConfigurationTree, _ samples: [SampleFile]) {
        self.tree = tree
        self.samples = samples
    }

    func issues() -> [LocatedIssue] {
        var found: [LocatedIssue] = []
        var used: Set<String> = []
        for asset in tree.assets where asset.kind == .connector {
            // A mapping with errors of its own is not replayed; its names still count.
            let names = asset.reading?.samples ?? (asset.document.json["samples"]?.array ?? []).compactMap(\.string)
            for (index, name) in names.enumerated() {
                let here = "/samples/\(index)"
                guard let file = samples.first(where: { $0.connector == asset.name && $0.name == name }) else {
                    let near = nearestName(to: name, among: samples.filter { $0.connector == asset.name }.map(\.name))
                    found.append(
                        asset.document.located(
                            AssetIssue(
                                here, "There is no sample `\(name)`.",
                                remedy: near.map { "Did you mean `\($0)`?" }
                                    ?? "Write samples/\(asset.name)/\(name).json beside the mapping.")))
                    continue
                }
                used.insert(file.path)
                guard asset.reading != nil else { continue }
                if let issue = replay(file, asset, at: here) { found.append(issue) }
            }
        }
        for file in samples where !used.contains(file.path) {
            found.append(
                LocatedIssue(
                    file: file.path, message: "No mapping names this sample.",
                    remedy: "Add `\(file.name)` to `samples` of the connector \(file.connector), or remove the file."))
        }
        return found
    }

    private func replay(_ file: SampleFile, _ asset: Asset, at pointer: String) -> LocatedIssue? {
        let json: JSONValue
        do throws(JSONParseFailure) {
            json = try JSONValue(parsing: file.bytes, maxBytes: SampleReplay.bytesMax)
        } catch {
            return LocatedIssue(
                file: file.path, mark: Mark(line: error.line, column: error.column),
                message: "The sample is not JSON: \(error.message).",
                remedy: "Correct it.")
        }
        var issues: [AssetIssue] = []
        guard let sample = SampleReplay(json: json, issues: &issues) else {
            let first = issues.first
            return LocatedIssue(
                file: file.path, message: "\(first?.pointer ?? ""): \(first?.message ?? "This is no sample.")",
                remedy: first?.remedy ?? "Correct it.")
        }
        guard let difference = sample.difference(with: asset.document.json) else { return nil }
        return asset.document.located(
            AssetIssue(
                pointer, "The mapping does not do what the sample `\(file.name)` recorded: \(difference).",
                remedy: "Correct the mapping, or record the sample anew."))
    }
}

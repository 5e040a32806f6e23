import Foundation

/// The project's files as they lie on disk, read once per test run.
struct Tree: Sendable {
    /// A text file; `path` is relative to the root, with `/` between its parts.
    struct File: Sendable {
        let path: String
        let text: String

        var name: String { String(path.split(separator: "/").last ?? "") }
        func isBelow(_ folder: String) -> Bool { path.hasPrefix(folder + "/") }
    }

    let root: String
    let files: [File]

    /// Folders that hold what was built, fetched or started here and is not ours to judge.
    private static let skipped: Set<String> = [".build", ".git", ".swiftpm", ".venv", "node_modules", "__pycache__", "var"]
    /// Larger files are pictures or data and not prose or code.
    private static let textBytesMax = 2_000_000

    static let project = Tree(root: Tree.findRoot())

    init(root: String) {
        self.root = root
        var found: [File] = []
        Tree.walk(root, relative: "", into: &found)
        files = found.sorted { $0.path < $1.path }
    }

    private static func walk(_ folder: String, relative: String, into found: inout [File]) {
        // A folder that went away while the tests run has nothing to judge.
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return }
        for name in names where !skipped.contains(name) {
            let path = folder + "/" + name
            let inner = relative.isEmpty ? name : relative + "/" + name
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { continue }
            if isFolder.boolValue {
                walk(path, relative: inner, into: &found)
            } else if let bytes = FileManager.default.contents(atPath: path), bytes.count <= textBytesMax,
                let text = String(bytes: bytes, encoding: .utf8)
            {
                found.append(File(path: inner, text: text))
            }
        }
    }

    /// The folder with `Package.swift`, upwards from where this file really lies.
    private static func findRoot() -> String {
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            if FileManager.default.fileExists(atPath: folder.appendingPathComponent("Package.swift").path) { return folder.path }
        }
        preconditionFailure("no Package.swift above \(#filePath)")
    }

    func file(_ path: String) -> File? { files.first { $0.path == path } }

    /// Every Swift file below `Sources`, with its parts told apart.
    static let sources: [SourceFile] = project.files.filter { $0.isBelow("Sources") && $0.name.hasSuffix(".swift") }.map(
        SourceFile.init)

    /// Every Swift file below `Tests`.
    static let tests: [SourceFile] = project.files.filter { $0.isBelow("Tests") && $0.name.hasSuffix(".swift") }.map(
        SourceFile.init)
}

/// A Swift file with the room it lies in.
struct SourceFile: Sendable {
    let path: String
    let text: SwiftText

    init(_ file: Tree.File) {
        path = file.path
        text = SwiftText(file.text)
    }

    /// The target that compiles the file, by the longest folder of the manifest that contains it.
    var room: Manifest.Target? {
        Manifest.project.targets.filter { path.hasPrefix($0.folder + "/") }.max { $0.folder.utf8.count < $1.folder.utf8.count }
    }

    /// `path:line: what` for each line of code that satisfies the claim.
    func places(_ what: String, where claim: (_ line: String, _ index: Int) -> Bool) -> [String] {
        text.code.indices.filter { claim(text.code[$0], $0) }.map { "\(path):\($0 + 1): \(what)" }
    }
}

/// Findings as one text, so that a failing test shows all of them and not only the first.
func list(_ findings: [String]) -> String { findings.isEmpty ? "nothing" : "\n" + findings.joined(separator: "\n") }

internal import Kernel
internal import Foundation
internal import Mustache

/// The templates of this module, compiled once.
struct Templates: Sendable {
    /// Largest template file, in bytes.
    static let fileBytesMax = 65_536

    private let library: MustacheLibrary
    let names: [String]

    /// Compiles every `*.mustache` file of `directory`; a fault names the file that cannot be read or parsed.
    init(directory: String) throws(Fault) {
        var library = MustacheLibrary()
        var names: [String] = []
        for file in try FileBytes.names(in: directory) where file.hasSuffix(".mustache") {
            let bytes = try FileBytes.read(directory + "/" + file, maxBytes: Templates.fileBytesMax)
            let name = String(file.dropLast(".mustache".count))
            let source = try Templates.prepared(String(decoding: bytes, as: UTF8.self), file: file)
            do {
                try library.register(source, named: name)
            } catch {
                throw Fault("compiling template \(file)", "\(error)", isRetryable: false)
            }
            names.append(name)
        }
        self.library = library
        self.names = names
    }

    /// Fills a template. Asking for a template that does not exist is a bug in this module.
    func render(_ view: View, _ name: String) -> String {
        guard let text = library.render(view, withTemplate: name) else { preconditionFailure("no template \(name)") }
        return text
    }

    /// Drops indentation, and turns every variable into an unescaped one, since `View` hands out escaped text only.
    ///
    /// A template that writes `{{{` or `{{&` itself is refused: there is nothing it could rightly mean by it.
    static func prepared(_ source: String, file: String) throws(Fault) -> String {
        var lines: [String] = []
        for line in source.split(separator: "\n", omittingEmptySubsequences: true) {
            let trimmed = line.drop { $0 == " " }
            if !trimmed.isEmpty { lines.append(String(trimmed)) }
        }
        var out = ""
        var rest = Substring(lines.joined(separator: "\n"))
        while let open = rest.range(of: "{{") {
            out += rest[..<open.upperBound]
            rest = rest[open.upperBound...]
            guard let next = rest.first else {
                throw Fault("compiling template \(file)", "an open tag ends it", isRetryable: false)
            }
            switch next {
            case "#", "^", "/", "!", ">": break
            case "{", "&", "=", "<", "$", "%":
                throw Fault("compiling template \(file)", "the tag {{\(next) is not used here", isRetryable: false)
            default: out += "&"
            }
        }
        return out + rest
    }
}

/// Where the resource bundle lies.
enum Bundled {
    static var assets: String { Bundle.module.bundlePath + "/Assets" }
}

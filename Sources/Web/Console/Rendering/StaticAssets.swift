internal import Kernel

/// The addresses of the static files, with their content's hash so that they may be cached for a year.
package struct AssetLinks: Hashable, Sendable {
    package let style: String
    package let script: String
    package let icons: String
}

/// The style sheet, the script and the icon sprite, held in memory.
package struct StaticAssets: Sendable {
    /// One file to be served under `/assets/<name>`.
    package struct File: Sendable {
        package let name: String
        package let contentType: String
        /// 16 hexadecimal digits of the content's FNV-1a hash; names a version, proves nothing.
        package let version: String
        package let bytes: [UInt8]

        /// What to send as `Cache-Control`: a year where pages name the version, ten minutes for the sprite.
        package var cacheControl: String {
            name.hasSuffix(".svg") ? "public, max-age=600" : "public, max-age=31536000, immutable"
        }
    }

    /// Largest static file, in bytes.
    static let fileBytesMax = 262_144

    /// The sprite keeps one address, since charts drawn in Swift name it; it is cached briefly and asked for again by its tag.
    static let iconsPath = "/assets/icons.svg"

    package let files: [File]
    package let links: AssetLinks

    init(directory: String) throws(Fault) {
        var files: [File] = []
        for name in try FileBytes.names(in: directory) {
            let bytes = try FileBytes.read(directory + "/" + name, maxBytes: StaticAssets.fileBytesMax)
            files.append(
                File(name: name, contentType: StaticAssets.contentType(name), version: StaticAssets.hash(bytes), bytes: bytes))
        }
        func link(_ name: String) -> String {
            "/assets/\(name)?v=\(files.first { $0.name == name }?.version ?? "none")"
        }
        self.files = files
        links = AssetLinks(style: link("console.css"), script: link("console.js"), icons: StaticAssets.iconsPath)
    }

    package func file(named name: String) -> File? { files.first { $0.name == name } }

    /// A file's text, for what has to carry its styles inside; empty when there is none of that name.
    package func text(named name: String) -> String { String(decoding: file(named: name)?.bytes ?? [], as: UTF8.self) }

    private static func contentType(_ name: String) -> String {
        if name.hasSuffix(".css") { return "text/css; charset=utf-8" }
        if name.hasSuffix(".js") { return "text/javascript; charset=utf-8" }
        if name.hasSuffix(".svg") { return "image/svg+xml" }
        return "application/octet-stream"
    }

    private static func hash(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

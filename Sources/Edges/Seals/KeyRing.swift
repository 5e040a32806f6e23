import Glibc
package import Kernel

/// The root keys of an installation by version; the newest seals, the older ones still open.
///
/// A key file has one line per version, `number base64`, and comment lines that start with `#`. It must belong to the user
/// the server runs as (or root) and be closed to group and others: whoever reads it reads every secret in the database.
package struct KeyRing: Sendable {
    package static let versionsMax = 1000
    private static let fileBytesMax = 65_536

    private let keys: [UInt32: SymmetricKey]
    package let currentVersion: UInt32

    /// Versions are 1 and up, the highest is current; a fault when there is none.
    package init(_ keys: [UInt32: SymmetricKey]) throws(Fault) {
        guard let newest = keys.keys.max(), keys.count <= KeyRing.versionsMax, keys[0] == nil else {
            throw Fault(
                "reading the key ring", "it holds no keys, or key 0, or more than \(KeyRing.versionsMax)", isRetryable: false)
        }
        self.keys = keys
        currentVersion = newest
    }

    /// One key in memory only, for tests and for trials without a file.
    package static func ephemeral(entropy: Entropy = .system) -> KeyRing {
        KeyRing(keys: [1: SymmetricKey(entropy: entropy)], currentVersion: 1)
    }

    private init(keys: [UInt32: SymmetricKey], currentVersion: UInt32) {
        self.keys = keys
        self.currentVersion = currentVersion
    }

    /// Ascending.
    package var versions: [UInt32] { keys.keys.sorted() }

    package func key(_ version: UInt32) -> SymmetricKey? { keys[version] }

    var current: SymmetricKey {
        guard let key = keys[currentVersion] else { preconditionFailure("a ring without its current key") }
        return key
    }

    package static func load(_ path: String) throws(Fault) -> KeyRing {
        try checkPermissions(path)
        let text = String(decoding: try FileBytes.read(path, maxBytes: fileBytesMax), as: UTF8.self)
        var keys: [UInt32: SymmetricKey] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.isEmpty || line.hasPrefix("#") { continue }
            let words = line.split(separator: " ")
            guard words.count == 2, let version = UInt32(words[0]), let bytes = Base64.decode(words[1]),
                let key = SymmetricKey(bytes),
                keys.updateValue(key, forKey: version) == nil
            else {
                throw Fault("reading \(path)", "line \(index + 1) is no `number base64` of a new 32-byte key", isRetryable: false)
            }
        }
        return try KeyRing(keys)
    }

    /// Reads the file, or makes it with one fresh key when there is none. Safe against a second server doing the same: the
    /// file appears whole under its name or not at all, and the first one stays.
    package static func loadOrCreate(_ path: String, entropy: Entropy = .system) throws(Fault) -> KeyRing {
        if access(path, F_OK) != 0 { try create(path, entropy: entropy) }
        return try load(path)
    }

    /// Adds a fresh key with the next number to a file that is there, and answers the number. The file is replaced whole.
    package static func rotate(_ path: String, entropy: Entropy = .system) throws(Fault) -> UInt32 {
        let known = try load(path)
        let next = known.currentVersion + 1
        var text = String(decoding: try FileBytes.read(path, maxBytes: fileBytesMax), as: UTF8.self)
        if !text.hasSuffix("\n") { text += "\n" }
        text += "\(next) \(Base64.encode(entropy.bytes(SymmetricKey.byteCount)))\n"
        let draft = try writeDraft(text, of: path, entropy: entropy)
        defer { unlink(draft) }
        guard rename(draft, path) == 0 else { throw fault("replacing", path) }
        try syncDirectory(of: path)
        return next
    }

    private static func create(_ path: String, entropy: Entropy) throws(Fault) {
        let line = "1 \(Base64.encode(entropy.bytes(SymmetricKey.byteCount)))\n"
        let text = "# Keys of this installation. Whoever loses this file loses what was made with them.\n" + line
        let draft = try writeDraft(text, of: path, entropy: entropy)
        defer { unlink(draft) }
        guard link(draft, path) == 0 || errno == EEXIST else { throw fault("making", path) }
        try syncDirectory(of: path)
    }

    /// A new file beside `path` for its owner alone, on the disk when this returns.
    private static func writeDraft(_ text: String, of path: String, entropy: Entropy) throws(Fault) -> String {
        let draft = path + ".new-\(getpid())-\(entropy.bytes(6).hexText)"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw fault("making", draft) }
        let isWritten = Array(text.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) == $0.count }
        let isSynced = isWritten && fsync(descriptor) == 0
        let cause = fault("writing", draft)
        close(descriptor)
        guard isSynced else {
            unlink(draft)
            throw cause
        }
        return draft
    }

    private static func syncDirectory(of path: String) throws(Fault) {
        let directory = open(directoryName(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw fault("opening the directory of", path) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw fault("keeping", path) }
    }

    private static func directoryName(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func checkPermissions(_ path: String) throws(Fault) {
        var info = stat()
        guard stat(path, &info) == 0 else { throw fault("looking at", path) }
        guard info.st_mode & 0o077 == 0 else {
            throw Fault("reading \(path)", "group or others may open it; make it mode 600", isRetryable: false)
        }
        guard info.st_uid == geteuid() || info.st_uid == 0 else {
            throw Fault("reading \(path)", "it belongs to another user", isRetryable: false)
        }
    }

    private static func fault(_ verb: String, _ path: String) -> Fault {
        Fault("\(verb) \(path)", String(cString: strerror(errno)), isRetryable: false)
    }
}

import Glibc

/// Reading a file whole, without Foundation.
package enum FileBytes {
    /// The bytes of a regular file; a fault when it cannot be read or is larger than `maxBytes`.
    package static func read(_ path: String, maxBytes: Int) throws(Fault) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw fault("opening", path) }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw fault("looking at", path) }
        guard info.st_mode & S_IFMT == S_IFREG else { throw Fault("reading \(path)", "not a regular file", isRetryable: false) }
        guard info.st_size <= maxBytes else {
            throw Fault("reading \(path)", "\(info.st_size) bytes are more than the \(maxBytes) permitted", isRetryable: false)
        }
        // To its end and not to its size: files of /proc say that they are empty.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(info.st_size))
        var chunk = [UInt8](repeating: 0, count: max(4096, min(Int(info.st_size) + 1, 262_144)))
        while true {
            let got = Glibc.read(descriptor, &chunk, chunk.count)
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw fault("reading", path) }
            if got == 0 { break }
            guard bytes.count + got <= maxBytes else {
                throw Fault("reading \(path)", "it has more than the \(maxBytes) bytes permitted", isRetryable: false)
            }
            bytes.append(contentsOf: chunk[..<got])
        }
        return bytes
    }

    /// Names in a directory without `.` and `..`, sorted by bytes; at most `maxNames`, beyond that a fault.
    package static func names(in directory: String, maxNames: Int = 100_000) throws(Fault) -> [String] {
        guard let handle = opendir(directory) else { throw fault("listing", directory) }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            guard names.count < maxNames else {
                throw Fault("listing \(directory)", "more than \(maxNames) names", isRetryable: false)
            }
            names.append(name)
        }
        return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    private static func fault(_ verb: String, _ path: String) -> Fault {
        let code = errno
        return Fault(
            "\(verb) \(path)", String(cString: strerror(code)), isRetryable: code == EMFILE || code == ENFILE || code == EIO)
    }
}

import Glibc
import Kernel

/// Plain file access for the journal and the data files.
enum FileLines {
    /// The file's bytes; nil when there is no such file.
    static func bytes(_ path: String) throws(Fault) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw Fault("open \(path)", String(cString: strerror(errno)), isRetryable: false)
        }
        defer { close(file) }
        var out: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(file, &buffer, buffer.count)
            guard count >= 0 else { throw Fault("read \(path)", String(cString: strerror(errno)), isRetryable: false) }
            if count == 0 { return out }
            out.append(contentsOf: buffer[0..<count])
        }
    }

    static func append(_ bytes: [UInt8], to path: String) throws(Fault) {
        let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Fault("open \(path)", String(cString: strerror(errno)), isRetryable: false) }
        defer { close(file) }
        guard write(file, bytes, bytes.count) == bytes.count else {
            throw Fault("write \(path)", String(cString: strerror(errno)), isRetryable: false)
        }
    }
}

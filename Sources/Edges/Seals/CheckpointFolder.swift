import Glibc
package import Kernel

/// Checkpoints outside the database: a folder with two files a log that only grow. `NAME.leaves` has the hash of each entry,
/// a line of 64 hexadecimal digits at its place; `NAME.notes` has the signed checkpoints, an empty line behind each.
///
/// Appending what is there already changes nothing, so a crash in the midst is mended by doing it again. What is there and
/// differs is never overwritten: it is evidence.
package struct CheckpointFolder: Sendable {
    package static let lineBytes = 65
    private static let notesBytesMax = 1 << 30

    package let path: String

    package init(path: String) { self.path = path }

    /// The folder and the log in it say other things.
    package struct Contradiction: Error, Sendable, CustomStringConvertible {
        /// The first entry that differs, or the size of the log that the folder knows.
        package let seq: Int64
        package let description: String

        package init(seq: Int64, description: String) {
            self.seq = seq
            self.description = description
        }
    }

    /// Makes the folder if there is none; it belongs to the server alone.
    package func make() throws(Fault) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw CheckpointFolder.fault("making", path) }
    }

    /// How many leaves the folder has of a log; half a line at the end counts for nothing.
    package func leafCount(of log: String) throws(Fault) -> Int64 {
        var info = stat()
        guard stat(leavesFile(log), &info) == 0 else {
            if errno == ENOENT { return 0 }
            throw CheckpointFolder.fault("looking at", leavesFile(log))
        }
        return Int64(info.st_size) / Int64(CheckpointFolder.lineBytes)
    }

    /// The leaves from `start`, which has to be at most what is there; those there already have to be the same.
    package func append(leaves: [[UInt8]], from start: Int64, to log: String) throws {
        let file = leavesFile(log)
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CheckpointFolder.fault("opening", file) }
        defer { close(descriptor) }
        let known = try leafCount(of: log)
        guard start <= known else { throw Fault("appending to \(file)", "it lacks entries from \(known) on", isRetryable: true) }
        var text: [UInt8] = []
        for (offset, leaf) in leaves.enumerated() {
            let line = Array(leaf.hexText.utf8) + [0x0A]
            let seq = start + Int64(offset)
            guard seq < known else {
                text += line
                continue
            }
            var there = [UInt8](repeating: 0, count: CheckpointFolder.lineBytes)
            let got = pread(descriptor, &there, there.count, off_t(seq) * off_t(CheckpointFolder.lineBytes))
            guard got == there.count else { throw CheckpointFolder.fault("reading", file) }
            guard there == line else {
                throw Contradiction(seq: seq, description: "entry \(seq) is not the one that was sealed first")
            }
        }
        guard !text.isEmpty else { return }
        let place = off_t(max(known, start)) * off_t(CheckpointFolder.lineBytes)
        let written = text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, place) }
        guard written == text.count, fsync(descriptor) == 0 else { throw CheckpointFolder.fault("writing", file) }
    }

    /// The note behind the others, unless it is the last one there.
    package func append(note: String, to log: String) throws(Fault) {
        let file = notesFile(log)
        let text = Array((note + "\n").utf8)
        let descriptor = open(file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CheckpointFolder.fault("opening", file) }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        if size >= text.count {
            var last = [UInt8](repeating: 0, count: text.count)
            let got = pread(descriptor, &last, last.count, size - off_t(text.count))
            if got == last.count, last == text { return }
        }
        let written = text.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard written == text.count, fsync(descriptor) == 0 else { throw CheckpointFolder.fault("writing", file) }
    }

    /// All notes of a log in the order they came; none when there is no file.
    package func notes(of log: String) throws(Fault) -> [String] {
        guard access(notesFile(log), F_OK) == 0 else { return [] }
        return CheckpointFolder.split(try FileBytes.read(notesFile(log), maxBytes: CheckpointFolder.notesBytesMax))
    }

    /// Notes that were written one behind the other: each is a text, an empty line and signatures, and an empty line follows.
    package static func split(_ bytes: [UInt8]) -> [String] {
        var out: [String] = []
        var (start, gaps) = (0, 0)
        for index in bytes.indices.dropFirst() where bytes[index] == 0x0A && bytes[index - 1] == 0x0A {
            gaps += 1
            guard gaps % 2 == 0 else { continue }
            out.append(String(decoding: bytes[start..<index], as: UTF8.self))
            start = index + 1
        }
        return out
    }

    package func leavesFile(_ log: String) -> String { "\(path)/\(log).leaves" }
    package func notesFile(_ log: String) -> String { "\(path)/\(log).notes" }

    private static func fault(_ verb: String, _ path: String) -> Fault {
        Fault("\(verb) \(path)", String(cString: strerror(errno)), isRetryable: true)
    }
}

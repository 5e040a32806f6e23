internal import Glibc
package import Kernel

/// The workers that are alive, as lines of a file: `pid start-time program`. A server that starts again reads it and ends what is
/// left of its previous life before it leases anything, so that one ERP never has two writers of ours.
package struct ProcessLedger: Sendable {
    package struct Entry: Sendable, Equatable {
        package let pid: Int32
        /// Field 22 of `/proc/<pid>/stat`: a reused process number has another.
        package let startTime: String
        package let program: String

        package init(pid: Int32, startTime: String, program: String) {
            self.pid = pid
            self.startTime = startTime
            self.program = program
        }
    }

    private let path: String

    package init(path: String) { self.path = path }

    /// Replaces the file in one step.
    package func write(_ entries: [Entry]) throws(Fault) {
        let text = entries.map { "\($0.pid) \($0.startTime) \($0.program)\n" }.joined()
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Fault("write \(path)", String(cString: strerror(errno)), isRetryable: false) }
        let bytes = Array(text.utf8)
        let written = bytes.isEmpty ? 0 : Glibc.write(file, bytes, bytes.count)
        close(file)
        guard written == bytes.count, rename(temporary, path) == 0 else {
            throw Fault("write \(path)", String(cString: strerror(errno)), isRetryable: false)
        }
    }

    package func read() -> [Entry] {
        // No file means no previous life.
        guard let bytes = try? FileBytes.read(path, maxBytes: 1_048_576) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ", maxSplits: 2)
            guard parts.count == 3, let pid = Int32(parts[0]) else { return nil }
            return Entry(pid: pid, startTime: String(parts[1]), program: String(parts[2]))
        }
    }

    /// Kills every listed process that still is the one that was listed, and waits until it is gone. Answers how many there were.
    package func endOrphans() async -> Int {
        let alive = read().filter { ProcessLedger.startTime(of: $0.pid) == $0.startTime }
        for entry in alive {
            // The worker's own process group: its reader ends with it.
            kill(-entry.pid, SIGKILL)
            kill(entry.pid, SIGKILL)
        }
        for entry in alive {
            var waits = 0
            while ProcessLedger.startTime(of: entry.pid) == entry.startTime, !ProcessLedger.isZombie(entry.pid), waits < 500 {
                waits += 1
                // Cancellation only makes this poll quicker.
                try? await Task.sleep(for: .milliseconds(10))
            }
        }
        return alive.count
    }

    package static func startTime(of pid: Int32) -> String? { statField(pid, 19) }

    private static func isZombie(_ pid: Int32) -> Bool { statField(pid, 0) == "Z" }

    /// Resident bytes of a process from `/proc/<pid>/statm`; nil when it is gone.
    package static func residentBytes(of pid: Int32) -> Int64? {
        // A process may end between any two looks.
        guard let bytes = try? FileBytes.read("/proc/\(pid)/statm", maxBytes: 4096) else { return nil }
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? Int64(fields[1]).map { $0 * Int64(sysconf(Int32(_SC_PAGESIZE))) } : nil
    }

    /// The field `index` places after the name, which stands in parentheses and may contain anything.
    private static func statField(_ pid: Int32, _ index: Int) -> String? {
        // As above.
        guard let bytes = try? FileBytes.read("/proc/\(pid)/stat", maxBytes: 4096) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.indices.contains(index) ? String(fields[index]) : nil
    }
}

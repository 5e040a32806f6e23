import Glibc
import Kernel
import Supervision
import Testing

@Suite("Workers of an earlier life")
struct ProcessLedgerTests {
    private func ledger() -> ProcessLedger {
        ProcessLedger(path: "/tmp/countersign-ledger-\(getpid())-\(Entropy.system.next())")
    }

    @Test("what is written is read again, and no file means that nobody was left")
    func roundTrip() throws {
        let ledger = ledger()
        #expect(ledger.read().isEmpty)
        let entries = [ProcessLedger.Entry(pid: 4711, startTime: "99", program: "/opt/countersign/bin/countersign-worker")]
        try ledger.write(entries)
        #expect(ledger.read() == entries)
    }

    @Test("an orphan is ended, a stranger with its number is not")
    func endsOnlyOrphans() async throws {
        let ledger = ledger()
        var orphan: pid_t = 0
        let path = strdup("/bin/sleep")
        let seconds = strdup("600")
        defer {
            free(path)
            free(seconds)
        }
        var words: [UnsafeMutablePointer<CChar>?] = [path, seconds, nil]
        #expect(posix_spawn(&orphan, "/bin/sleep", nil, nil, &words, nil) == 0)
        let start = try #require(ProcessLedger.startTime(of: orphan))
        // The second entry has our own number with another start: a process that only reuses it.
        try ledger.write([
            .init(pid: orphan, startTime: start, program: "sleep"), .init(pid: getpid(), startTime: "1", program: "sleep"),
        ])
        #expect(await ledger.endOrphans() == 1)
        var status: Int32 = 0
        #expect(waitpid(orphan, &status, 0) == orphan)
    }

    @Test("a process tells how much memory it holds")
    func resident() throws {
        #expect(try #require(ProcessLedger.residentBytes(of: getpid())) > 1_000_000)
        #expect(ProcessLedger.residentBytes(of: 2_147_000_000) == nil)
    }
}

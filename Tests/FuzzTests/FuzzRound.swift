import Glibc
import Kernel
import TestBasics
import Testing

/// One after the other: the witness watches one input at a time.
@Suite(.serialized)
enum FuzzTests {}

/// What became of one input: the reader has a value, or a refusal that says where. Anything else is a finding.
enum Verdict: Sendable {
    case taken
    case refused
    /// The reader broke its promise: an answer without a place, or without words.
    case broken(String)
}

/// Gives many changed inputs to one reader.
///
/// A crash, or an input that keeps the processor for longer than any reader may, ends the process; the input lies in a file then,
/// whose name is printed. Such inputs are kept in `Tests/Fixtures/fuzz/<reader>` once the fault is mended, and are read first in
/// every later round.
struct FuzzRound {
    /// Processor seconds of the whole process that one input may take; a hundred times what the slowest one needs.
    static let processorSecondsMax = 30
    /// Growth of the process by one input.
    static let kilobytesMax = 262_144
    /// `COUNTERSIGN_FUZZ` multiplies the number of inputs.
    static let factor = getenv("COUNTERSIGN_FUZZ").flatMap { Int(String(cString: $0)) } ?? 1

    let reader: String
    let inputs: Int
    private var taken = 0
    private var refused = 0

    init(_ reader: String, inputs: Int) {
        self.reader = reader
        self.inputs = inputs * FuzzRound.factor
    }

    /// `make` gives the next input, `read` gives it to the reader.
    mutating func run(make: (inout Seeded) -> [UInt8], read: ([UInt8]) -> Verdict) throws {
        var dice = FuzzRound.dice(for: reader)
        let kept = try FuzzRound.kept(reader)
        Witness.shared.begin()
        for input in kept { judge(input, read(input)) }
        for _ in 0..<inputs { judge(make(&dice), read) }
        Witness.shared.end()
        print("fuzz: \(reader): \(inputs) inputs and \(kept.count) kept ones, \(taken) taken, \(refused) refused with a place")
        #expect(refused > 0, "no input of \(reader) was ever refused")
        #expect(taken > 0, "no input of \(reader) was ever taken")
    }

    /// The same changed inputs every time, so that a change of the code is judged by what it does; a wider search, or a seed that
    /// was printed, draws others.
    private static func dice(for reader: String) -> Seeded {
        guard getenv("COUNTERSIGN_FUZZ") == nil, getenv("COUNTERSIGN_SEED") == nil else {
            return Seeded("\(reader) takes any input")
        }
        // FNV-1a, 64 bits.
        let seed = reader.utf8.reduce(0xCBF2_9CE4_8422_2325) { hash, byte in (hash ^ UInt64(byte)) &* 0x0100_0000_01B3 }
        return Seeded(seed: seed)
    }

    private mutating func judge(_ input: [UInt8], _ read: ([UInt8]) -> Verdict) {
        let before = FuzzRound.residentKilobytes
        Witness.shared.watch(input, processorSeconds: FuzzRound.processorSecondsMax)
        judge(input, read(input))
        let growth = FuzzRound.residentKilobytes - before
        if growth > FuzzRound.kilobytesMax { found(input, "the process grew by \(growth) kB") }
    }

    private mutating func judge(_ input: [UInt8], _ verdict: Verdict) {
        switch verdict {
        case .taken: taken += 1
        case .refused: refused += 1
        case .broken(let what): found(input, what)
        }
    }

    private func found(_ input: [UInt8], _ what: String) {
        let path = Witness.shared.keep(input)
        Issue.record("\(reader): \(what); the input is in \(path): \(String(decoding: input.prefix(300), as: UTF8.self))")
    }

    private static var residentKilobytes: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
    }

    private static func kept(_ reader: String) throws -> [[UInt8]] {
        let folder = "\(Checkout.root)/Tests/Fixtures/fuzz/\(reader)"
        guard access(folder, R_OK) == 0 else { return [] }
        return try FileBytes.names(in: folder).sorted().map { try FileBytes.read("\(folder)/\($0)", maxBytes: 1_000_000) }
    }
}

/// Holds the input that is being read, and writes it down when the process is about to end over it.
final class Witness: Sendable {
    static let shared = Witness()

    /// Read by a signal handler, so plain memory of a fixed place; one round runs at a time.
    private nonisolated(unsafe) static let room = UnsafeMutablePointer<UInt8>.allocate(capacity: 1_048_576)
    private nonisolated(unsafe) static var count = 0
    private nonisolated(unsafe) static var path = [CChar](repeating: 0, count: 64)

    private static let signals = [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGPROF]

    private init() {
        Witness.path = Array("/tmp/countersign-fuzz-\(getpid())".utf8CString)
    }

    func begin() {
        for signal in Witness.signals { Glibc.signal(signal) { Witness.testify($0) } }
    }

    func end() {
        var none = itimerval()
        setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &none, nil)
        for signal in Witness.signals { Glibc.signal(signal, SIG_DFL) }
    }

    func watch(_ input: [UInt8], processorSeconds: Int) {
        Witness.count = min(input.count, 1_048_576)
        input.withUnsafeBufferPointer { bytes in
            if let start = bytes.baseAddress { Witness.room.update(from: start, count: Witness.count) }
        }
        var timer = itimerval()
        timer.it_value.tv_sec = processorSeconds
        setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
    }

    /// Answers where the input lies now.
    func keep(_ input: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in input { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        let path = "/tmp/countersign-fuzz-\(String(hash, radix: 16))"
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = input.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        close(file)
        return path
    }

    /// Only what a signal handler may do.
    private static func testify(_ signal: Int32) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = write(file, room, count)
        close(file)
        let words: StaticString = "fuzz: the process ends over an input, which is in the newest /tmp/countersign-fuzz-*\n"
        _ = write(2, words.utf8Start, words.utf8CodeUnitCount)
        _ = Glibc.signal(signal, SIG_DFL)
        raise(signal)
    }
}

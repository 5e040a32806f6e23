import Glibc
import Kernel

/// Where commands write: answers to standard output, problems to standard error, colour only for a person's screen.
enum Terminal {
    /// Colour is used when the stream is a screen and neither `NO_COLOR` nor a dumb terminal forbids it.
    static let colorsOutput = wantsColor(STDOUT_FILENO)
    static let colorsErrors = wantsColor(STDERR_FILENO)

    enum Style: String { case bold = "1", red = "31", green = "32", yellow = "33", dim = "2" }

    static func print(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    /// What is written as it came, line ends included.
    static func put(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// A question on the screen, without a line's end.
    static func prompt(_ text: String) { write(text, to: STDERR_FILENO) }

    static func clear() { write("\u{1B}[2J\u{1B}[H", to: STDOUT_FILENO) }

    /// Columns of the screen; what goes into a pipe or a file is never cut.
    static var width: Int {
        guard isatty(STDOUT_FILENO) == 1 else { return 4096 }
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 120 }
        return Int(size.ws_col)
    }

    static func complain(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    static func styled(_ text: String, _ style: Style, for stream: Int32 = STDOUT_FILENO) -> String {
        (stream == STDERR_FILENO ? colorsErrors : colorsOutput) ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Rows under headings, columns padded to what they hold and cut so that a line fits `width` characters.
    static func table(_ headings: [String], _ rows: [[String]], width: Int = 120) -> String {
        var widths = headings.map(\.count)
        for row in rows { for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) } }
        let gaps = 2 * (widths.count - 1)
        while widths.reduce(0, +) + gaps > width, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }),
            widths[widest] > 8
        {
            widths[widest] -= 1
        }
        func line(_ cells: [String]) -> String {
            var out = ""
            for (column, cell) in cells.enumerated() {
                let shown = cell.count > widths[column] ? String(cell.prefix(widths[column] - 1)) + "…" : cell
                out += shown
                if column < cells.count - 1 { out += String(repeating: " ", count: widths[column] - shown.count + 2) }
            }
            return out
        }
        return ([line(headings)] + rows.map(line)).joined(separator: "\n")
    }

    private static func wantsColor(_ stream: Int32) -> Bool {
        isatty(stream) == 1 && getenv("NO_COLOR") == nil && environment("TERM") != "dumb"
    }

    static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private static func write(_ text: String, to stream: Int32) { write(Array(text.utf8), to: stream) }

    /// Bytes as they are, for files that go into a pipe.
    static func write(_ bytes: [UInt8], to stream: Int32 = STDOUT_FILENO) {
        var bytes = bytes[...]
        while !bytes.isEmpty {
            let done = bytes.withUnsafeBytes { Glibc.write(stream, $0.baseAddress, $0.count) }
            if done < 0, errno == EINTR { continue }
            // A reader that has gone away (`| head`) wants no more.
            guard done > 0 else { return }
            bytes = bytes.dropFirst(done)
        }
    }
}

/// Files as commands name them; `-` is standard input.
enum InputFile {
    static let bytesMax = 33_554_432

    static func bytes(_ path: String, maxBytes: Int = bytesMax) throws(Fault) -> [UInt8] {
        guard path == "-" else { return try FileBytes.read(path, maxBytes: maxBytes) }
        var out: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let got = chunk.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw Fault("reading standard input", String(cString: strerror(errno)), isRetryable: false) }
            if got == 0 { return out }
            out += chunk[..<got]
            guard out.count <= maxBytes else {
                throw Fault("reading standard input", "more than \(maxBytes) bytes", isRetryable: false)
            }
        }
    }

    /// Reads strict JSON; the failure names file, line and column.
    static func json(_ path: String) throws -> JSONValue {
        let bytes = try bytes(path)
        do throws(JSONParseFailure) {
            return try JSONValue(parsing: bytes, maxBytes: bytesMax)
        } catch {
            let file = path == "-" ? "standard input" : path
            throw Refusal(.invalid, reason: "input.json", "\(file):\(error.line):\(error.column): \(error.message)")
        }
    }

    /// Writes a whole file, making the folder for it when that is missing.
    static func write(_ path: String, _ bytes: [UInt8]) throws(Fault) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Fault("writing \(path)", String(cString: strerror(errno)), isRetryable: false) }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let done = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if done < 0, errno == EINTR { continue }
            guard done > 0 else { throw Fault("writing \(path)", String(cString: strerror(errno)), isRetryable: false) }
            rest = rest.dropFirst(done)
        }
    }

    static func makeFolder(_ path: String) throws(Fault) {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw Fault("making the folder \(path)", String(cString: strerror(errno)), isRetryable: false)
        }
    }
}

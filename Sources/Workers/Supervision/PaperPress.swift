internal import CLinux
internal import Glibc
package import Kernel

/// Makes a PDF of a page: WeasyPrint in a process of its own, shut in by `countersign-launch`, without network and without
/// a place to write, with limits on memory and time.
///
/// The page goes in on standard input and the file comes out on standard output; the process opens nothing else. What the page
/// names (pictures, styles, fonts by address) is refused by the fetcher, by an audit hook and by Landlock, each by itself.
package final class PaperPress: Sendable {
    /// A month's report has some ten pages; these are hundreds.
    package static let pageBytesMax = 16_777_216
    package static let fileBytesMax = 33_554_432
    package static let addressSpaceBytes = 1_610_612_736
    package static let processorSeconds = 60
    package static let deadlineMilliseconds: Int64 = 60_000
    /// At one time; a further page is asked to come again.
    package static let openMax = 2

    private let launcher: String
    private let python: String
    private let identity: UInt32?
    private let inUse = Locked(0)

    /// `identity` is the user and group it runs as; nil for the caller's own.
    package init(launcher: String, python: String = "/usr/bin/python3", identity: UInt32?) {
        self.launcher = launcher
        self.python = python
        self.identity = identity
        // A press that ends early is an error of the write, and not the end of the server.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Where the package of Debian lies; without it the press is not there.
    private static let library = "/usr/lib/python3/dist-packages/weasyprint"

    package var isThere: Bool {
        access(PaperPress.library, R_OK) == 0 && access(launcher, X_OK) == 0 && access(python, X_OK) == 0
    }

    package static let missing = Refusal(
        .unavailable, reason: "press.missing",
        "No PDF can be made here, since WeasyPrint (the Debian package weasyprint) is not installed. The page prints the same.")

    /// Refuses with `press.missing` where WeasyPrint is not installed and with `press.busy` past `openMax`; a fault when the page
    /// could not be made into a file in time.
    package func pdf(_ html: String) async throws -> [UInt8] {
        guard isThere else { throw PaperPress.missing }
        guard html.utf8.count <= PaperPress.pageBytesMax else {
            throw Refusal(.tooLarge, reason: "press.page", "The page is too long for a PDF.")
        }
        guard
            inUse.withLock({ inUse in
                guard inUse < PaperPress.openMax else { return false }
                inUse += 1
                return true
            })
        else {
            throw Refusal(.unavailable, reason: "press.busy", "Other PDFs are being made. Ask again in a moment.")
        }
        defer { inUse.withLock { $0 -= 1 } }
        return try await press(Array(html.utf8))
    }

    private func press(_ page: [UInt8]) async throws -> [UInt8] {
        var ends: [Int32] = []
        defer { for end in ends where end >= 0 { close(end) } }
        for _ in 0..<4 { ends += try PaperPress.pipePair() }
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0 else { throw PaperPress.fault("opening the null device", errno) }
        ends.append(null)
        // Input, output, lifeline (which nobody reads) and report, as (its end, our end).
        let descriptors: [Int32] = [ends[0], ends[3], null, ends[4], ends[7]]
        var arguments: [UnsafeMutablePointer<CChar>?] = command().map { strdup($0) }
        defer { for argument in arguments { free(argument) } }
        arguments.append(nil)
        var pid: pid_t = 0
        let error = cs_spawn_worker(&arguments, descriptors, &pid)
        guard error == 0 else { throw PaperPress.fault("starting the press", error) }
        for index in [0, 3, 4, 7] {
            close(ends[index])
            ends[index] = -1
        }
        var status: Int32 = 0
        do {
            let output = ends[2]
            let file = try await exchange(page, input: &ends[1], output: output)
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            guard status == 0, file.starts(with: Array("%PDF-".utf8)) else {
                throw Fault("making a PDF", "the press ended with \(status)", isRetryable: false)
            }
            return file
        } catch {
            kill(pid, SIGKILL)
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            throw error
        }
    }

    /// Hands in the page and takes the file until the process closes it, or the deadline.
    private func exchange(_ page: [UInt8], input: inout Int32, output: Int32) async throws -> [UInt8] {
        for descriptor in [input, output] { _ = cs_reader_unblock(descriptor) }
        let started = ContinuousClock.now
        var sent = 0
        var file: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            var isIdle = true
            if input >= 0 {
                let count = page[sent...].withUnsafeBytes { write(input, $0.baseAddress, min($0.count, 65_536)) }
                if count > 0 {
                    sent += count
                    isIdle = false
                }
                if sent == page.count || (count < 0 && errno != EAGAIN && errno != EINTR) {
                    close(input)
                    input = -1
                }
            }
            let got = buffer.withUnsafeMutableBytes { read(output, $0.baseAddress, $0.count) }
            if got == 0 { return file }
            if got > 0 {
                file += buffer[..<got]
                isIdle = false
                guard file.count <= PaperPress.fileBytesMax else {
                    throw Fault("making a PDF", "the file grew past \(PaperPress.fileBytesMax) bytes", isRetryable: false)
                }
            } else if errno != EAGAIN && errno != EINTR {
                throw PaperPress.fault("reading the PDF", errno)
            }
            guard ContinuousClock.now - started < .milliseconds(PaperPress.deadlineMilliseconds) else {
                throw Fault("making a PDF", "it took longer than \(PaperPress.deadlineMilliseconds) ms", isRetryable: true)
            }
            if isIdle { try await Task.sleep(for: .milliseconds(5)) }
        }
    }

    private func command() -> [String] {
        var words = [launcher, "--report-fd", "4"]
        if let identity { words += ["--uid", "\(identity)", "--gid", "\(identity)"] }
        words += ["--as", "\(PaperPress.addressSpaceBytes)", "--cpu", "\(PaperPress.processorSeconds)", "--nofile", "128"]
        words += ["--fsize", "\(PaperPress.fileBytesMax)"]
        for path in PaperPress.readable { words += ["--landlock-ro", path] }
        // No port: nothing is connected to.
        return words + ["--landlock-rw", "/dev/null", "--", python, "-I", "-c", PaperPress.program]
    }

    /// The interpreter with its library, and the fonts.
    private static let readable = [
        "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/bin/python3", "/usr/bin/python3.11", "/usr/bin/python3.12",
        "/usr/bin/python3.13", "/usr/share", "/usr/local/share/fonts", "/etc/fonts", "/etc/ld.so.cache", "/etc/localtime",
        "/etc/python3.11", "/var/cache/fontconfig", "/dev/urandom", "/proc/self",
    ]

    /// The folder for fonts fetched by address is never made, since none is fetched.
    private static let program = """
        import base64
        import sys
        import tempfile
        tempfile.mkdtemp = lambda *rest, **named: "/nonexistent"
        from weasyprint import HTML
        inside = {"image/png", "image/svg+xml"}
        def fetch(url, *rest, **named):
            kind, _, content = url.partition(";base64,")
            if kind[:5] == "data:" and kind[5:] in inside:
                return {"string": base64.b64decode(content), "mime_type": kind[5:]}
            raise ValueError("nothing is fetched")
        def watch(event, arguments):
            if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn")):
                raise RuntimeError(event)
        sys.addaudithook(watch)
        page = sys.stdin.buffer.read().decode()
        HTML(string=page, url_fetcher=fetch).write_pdf(sys.stdout.buffer)
        """

    private static func pipePair() throws(Fault) -> [Int32] {
        var ends: [Int32] = [-1, -1]
        guard cs_pipe(&ends) == 0 else { throw fault("making a pipe", errno) }
        return ends
    }

    private static func fault(_ operation: String, _ code: Int32) -> Fault {
        Fault(operation, String(cString: strerror(code)), isRetryable: true)
    }
}

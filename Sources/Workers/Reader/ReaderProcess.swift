internal import CLinux
internal import Finance
internal import Glibc
internal import Kernel

/// One running `countersign-reader`. Used by one thread at a time, which must block SIGPIPE.
final class ReaderProcess {
    enum Outcome {
        case answered(ReaderAnswer)
        case timedOut
        case ended
    }

    /// An element of an outline is an object in a list.
    static let outlineDepthMax = 256

    let pid: pid_t
    let level: String
    private let toChild: Int32
    private let fromChild: Int32
    private let limits: ReaderLimits
    private var documents = 0
    private var hasEnded = false

    /// The process will answer no further document.
    var isSpent: Bool { documents >= limits.documentsMax }

    init(program: String, limits: ReaderLimits) throws(Fault) {
        self.limits = limits
        var down: [Int32] = [-1, -1]
        var up: [Int32] = [-1, -1]
        guard cs_pipe(&down) == 0 else { throw ReaderProcess.fault("making a pipe", errno) }
        guard cs_pipe(&up) == 0 else {
            let code = errno
            down.forEach { _ = Glibc.close($0) }
            throw ReaderProcess.fault("making a pipe", code)
        }
        var child: pid_t = 0
        let (failure, stage) = ReaderProcess.spawn(program, input: down[0], output: up[1], &child)
        _ = Glibc.close(down[0])
        _ = Glibc.close(up[1])
        toChild = down[1]
        fromChild = up[0]
        pid = child
        guard failure == 0 else {
            _ = Glibc.close(down[1])
            _ = Glibc.close(up[0])
            throw ReaderProcess.fault("starting \(program) (\(stage))", failure)
        }
        for descriptor in [down[1], up[0]] { _ = cs_reader_unblock(descriptor) }
        let deadline = Frames.milliseconds() + limits.millisecondsToStart
        do {
            let greeting = try Frames.read(up[0], maxBytes: limits.headerBytesMax, deadline: deadline)
            // A greeting that is no JSON is no reader of ours; the guard says so.
            guard let hello = try? JSONValue(parsing: greeting), let level = hello["level"]?.string else {
                // A greeting that is no JSON comes from another program; what it was matters less than which.
                throw Frames.Failure.brokenOff
            }
            self.level = level
        } catch {
            _ = Glibc.close(down[1])
            _ = Glibc.close(up[0])
            _ = kill(child, SIGKILL)
            _ = waitpid(child, nil, 0)
            throw Fault("starting \(program)", "it gave no greeting (\(error))", isRetryable: true)
        }
    }

    func ask(_ bytes: [UInt8], as form: ReaderForm) -> Outcome {
        documents += 1
        let deadline = Frames.milliseconds() + limits.millisecondsPerDocument
        var header: JSONObject = ["id": JSONValue(documents)]
        if form == .outline { header["as"] = .string(form.rawValue) }
        do {
            try Frames.write(toChild, JSONValue.object(header).bytes, deadline: deadline)
            try Frames.write(toChild, bytes, deadline: deadline)
            let answer = try Frames.read(fromChild, maxBytes: limits.answerBytesMax, deadline: deadline)
            let depth = form == .outline ? ReaderProcess.outlineDepthMax : JSONValue.depthMax
            let json = try JSONValue(parsing: answer, maxBytes: limits.answerBytesMax, maxDepth: depth)
            guard json["id"]?.int == documents, let made = json[form.rawValue] else { return .ended }
            return .answered(form == .outline ? .outline(made) : .reading(try DocumentReading(json: made)))
        } catch Frames.Failure.timedOut {
            return .timedOut
        } catch {
            return .ended
        }
    }

    /// Closes the pipes, on which an idle process ends by itself; kills it when it does not, and reaps it in any case.
    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        _ = Glibc.close(toChild)
        _ = Glibc.close(fromChild)
        _ = kill(pid, SIGKILL)
        while waitpid(pid, nil, 0) < 0 && errno == EINTR {}
    }

    deinit { end() }

    private static func spawn(_ program: String, input: Int32, output: Int32, _ child: inout pid_t) -> (Int32, String) {
        var stage: UnsafePointer<CChar>?
        let failure = program.withCString { path in
            var arguments: [UnsafeMutablePointer<CChar>?] = [UnsafeMutablePointer(mutating: path), nil]
            var environment: [UnsafeMutablePointer<CChar>?] = [nil]
            return arguments.withUnsafeMutableBufferPointer { arguments in
                environment.withUnsafeMutableBufferPointer { environment in
                    var request = cs_spawn_request()
                    request.path = path
                    request.arguments = UnsafePointer(arguments.baseAddress)
                    request.environment = UnsafePointer(environment.baseAddress)
                    request.input = input
                    request.output = output
                    request.error = -1
                    request.starts_session = 1
                    return cs_spawn(&request, &child, &stage)
                }
            }
        }
        return (failure, stage.map { String(cString: $0) } ?? "")
    }

    private static func fault(_ operation: String, _ code: Int32) -> Fault {
        let isRetryable = code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE
        return Fault(operation, String(cString: strerror(code)), isRetryable: isRetryable)
    }
}

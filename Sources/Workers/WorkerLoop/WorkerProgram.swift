import CLinux
import Curl
import Glibc
import Handoff
import Kernel

/// The process around a worker: its first line, its lifeline and its end.
package enum WorkerProgram {
    /// Exit statuses, for whoever looks at a supervisor's log.
    package enum Status {
        package static let drained: Int32 = 0
        package static let notStartedByServer: Int32 = 64
        package static let disowned: Int32 = 70
        package static let serverGone: Int32 = 71
    }

    /// After the server's end the process lives at most this long.
    static let lastSeconds = 2

    package static var processID: Int32 { getpid() }

    /// Runs the worker that this process is, with what opens documents for a reader program; answers the exit status.
    package static func run(documents: (String) -> any DocumentOpening) async -> Int32 {
        cs_use_one_arena()
        signal(SIGPIPE, SIG_IGN)
        let bootstrap: WorkerBootstrap
        do throws(Refusal) {
            bootstrap = try readBootstrap(0)
        } catch {
            WorkerLog(tenant: "")(.error, "not started by a server", ["error": error.message])
            return Status.notStartedByServer
        }
        guard fcntl(WorkerBootstrap.lifelineDescriptor, F_GETFD) >= 0 else {
            WorkerLog(tenant: bootstrap.slug)(.error, "not started by a server", ["error": "There is no lifeline."])
            return Status.notStartedByServer
        }
        let worker = Worker(bootstrap: bootstrap, client: CurlClient(), documents: documents(bootstrap.reader))
        watchLifeline(of: worker)
        switch await worker.run() {
        case .drained: return Status.drained
        case .disowned: return Status.disowned
        case .serverGone: return Status.serverGone
        }
    }

    /// Reads one line and closes the descriptor.
    static func readBootstrap(_ descriptor: Int32) throws(Refusal) -> WorkerBootstrap {
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while !bytes.contains(UInt8(ascii: "\n")) {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += chunk[..<count]
            guard bytes.count <= WorkerBootstrap.bytesMax else {
                throw Refusal(
                    .tooLarge, reason: "bootstrap.bytes", "The first line is longer than \(WorkerBootstrap.bytesMax) bytes.")
            }
        }
        do {
            return try WorkerBootstrap(json: try JSONValue(parsing: bytes.prefix { $0 != UInt8(ascii: "\n") }))
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw Refusal(.invalid, reason: "bootstrap.json", "The first line is not JSON.")
        }
    }

    /// A plain thread, so that it works when all others are stuck: the pipe's end means that nobody wants our results.
    private static func watchLifeline(of worker: Worker) {
        let retained = Unmanaged.passRetained(worker).toOpaque()
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let worker = Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue()
                var byte: UInt8 = 0
                while true {
                    let count = read(WorkerBootstrap.lifelineDescriptor, &byte, 1)
                    if count > 0 || count < 0 && errno == EINTR { continue }
                    break
                }
                Task { await worker.serverGone() }
                sleep(UInt32(WorkerProgram.lastSeconds))
                _exit(WorkerProgram.Status.serverGone)
            }, retained)
        precondition(code == 0, "no thread for the lifeline: \(code)")
        pthread_detach(thread)
    }
}

internal import Curl
internal import Kernel

/// A second server on the database of an installation, which takes its share of the lanes and has workers of its own.
struct Replica: Sendable {
    let child: ChildProcess
    let address: String

    /// Ends it as an operator would: it finishes what it has and hands its lanes back.
    func stop(_ installation: Installation) async {
        await child.end(graceSeconds: Processes.graceSeconds)
        installation.processes.forget(child)
    }
}

extension Installation {
    private static let keyFiles = ["keys", "audit-keys"]

    /// Starts it and waits until it answers. It has the same keys, as all servers of one installation have.
    func startReplica() async throws -> Replica {
        let folder = settings.folder + "/replica"
        Folder.remove(folder)
        try Folder.make(folder)
        for name in Installation.keyFiles {
            guard let bytes = Folder.head("\(dataFolder)/\(name)") else {
                throw Fault("starting a second server", "\(name) of the first cannot be read", isRetryable: false)
            }
            try Folder.write(bytes, to: "\(folder)/\(name)", mode: 0o600)
        }
        let portFile = folder + "/port"
        let child = try processes.start(
            "countersignd", ["serve", "--data", folder, "--port", "0", "--port-file", portFile, "--log", settings.logLevel],
            name: "replica", variables: ["DATABASE_URL": "host=\(databaseSocket) user=countersign dbname=countersign"])
        let port = try await Patience.wait(seconds: Installation.readySeconds, for: "the second server") { () -> Int? in
            if let ending = child.ending {
                throw Fault("starting a second server", "\(ending): \(processes.logTail(child.name))", isRetryable: false)
            }
            return Folder.text(portFile).flatMap { Int($0.split(separator: "\n").last ?? "") }
        }
        let replica = Replica(child: child, address: "http://127.0.0.1:\(port)")
        let api = ServerAPI(replica.address)
        _ = try await Patience.wait(seconds: Installation.readySeconds, for: "the second server to be ready") { () -> Bool? in
            // Not ready is what is waited for.
            (try? await api.get("/readyz")) != nil ? true : nil
        }
        return replica
    }
}

internal import Glibc
internal import Kernel

/// A whole product on this machine, made for showing, measuring or testing: a server with its private database and workers, and a
/// sandbox ERP per tenant, all in one folder. What an earlier life left in the folder is taken up again.
package final class Installation: Sendable {
    package struct Settings: Sendable {
        /// Everything lies below it.
        package var folder: String
        /// The configuration that is applied, after `edits`; `Runbooks` lies beside it.
        package var tenants: String
        /// Where the console and the API are to be; 0: any free port.
        package var port: Int
        /// Changes to the text of configuration files, by their path below `tenants`.
        package var edits: @Sendable (String, String) -> String
        package var logLevel: String
        package var erp: SampleERP
        /// Where Tryton keeps what it makes once; shared between installations, each of which gets fresh books. Nil: books of the
        /// installation's own, kept like everything else in its folder.
        package var sharedState: String?
        /// What its programs find in their environment besides ours.
        package var variables: [String: String]

        package init(
            folder: String, tenants: String, port: Int = 0, logLevel: String = "info", erp: SampleERP = .sandbox,
            sharedState: String? = nil, variables: [String: String] = [:],
            edits: @escaping @Sendable (String, String) -> String = { _, text in text }
        ) {
            self.folder = Folder.absolute(folder)
            self.tenants = Folder.absolute(tenants)
            self.port = port
            self.logLevel = logLevel
            self.erp = erp
            self.variables = variables
            self.sharedState = sharedState.map(Folder.absolute)
            self.edits = edits
        }
    }

    /// A password for everybody; these people exist on this machine only.
    package static let password = "countersign-demo"
    package static let readySeconds: Int64 = 60
    package static let ledgerToken = "sandbox-ledger-token"
    static let passwordsAtOnce = 3

    package let settings: Settings
    package let processes: Processes
    private let server = Locked<ChildProcess?>(nil)
    private let serverPort = Locked(0)
    private let ledgerPorts = Locked<[String: Int]>([:])
    private let tryton = Locked<TrytonPeer?>(nil)
    private let sessions = SessionBook()

    package init(_ settings: Settings) throws {
        self.settings = settings
        try Folder.make(settings.folder)
        processes = try Processes(folder: settings.folder, variables: settings.variables)
        let programs = ["countersignd", "countersign-worker", "countersign-reader", "countersign-launch"]
        for name in programs + (settings.erp == .sandbox ? ["erp-sandbox"] : []) { _ = try processes.program(name) }
    }

    package var address: String { "http://127.0.0.1:\(serverPort.withLock { $0 })" }
    package var dataFolder: String { settings.folder + "/server" }
    package var serverPid: Int32? { server.withLock { $0.flatMap { $0.ending == nil ? $0.pid : nil } } }
    /// The first process of the private database, as its own file names it; nil when there is none.
    package var databasePid: Int32? {
        Folder.text(dataFolder + "/postgres/data/postmaster.pid").flatMap { text in
            text.split(separator: "\n").first.flatMap { Int32($0) }
        }
    }
    /// Where the private database listens.
    var databaseSocket: String { dataFolder + "/postgres/run" }

    /// A program that came with the database server that runs: `psql`, `pgbench`.
    func databaseProgram(_ name: String) throws(Fault) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = databasePid.map { readlink("/proc/\($0)/exe", &buffer, buffer.count - 1) } ?? -1
        guard count > 0 else { throw Fault("finding \(name)", "there is no private database", isRetryable: false) }
        let server = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return Folder.parent(of: server) + "/" + name
    }

    package var serverEnding: ChildProcess.Ending? { server.withLock { $0?.ending } }

    package func ledger(_ tenant: SampleTenant) -> LedgerAPI {
        if let database = tryton.withLock({ $0?.databases[tenant.slug] }) { return LedgerAPI(control: database.control) }
        return LedgerAPI(sandboxPort: ledgerPorts.withLock { $0[tenant.slug] ?? 0 })
    }

    /// The orders and receipts of these trades, each in its tenant's ledger.
    func order(_ trades: [SampleTrade]) async throws {
        for tenant in SampleTenant.all { try await ledger(tenant).add(trades.filter { $0.tenant.slug == tenant.slug }) }
    }

    // MARK: Starting

    /// Ledgers, configuration, server, passwords, secrets: everything from nothing. `say` is told of each stage.
    package func start(_ tenants: [SampleTenant] = SampleTenant.all, say: @Sendable (String) -> Void = { _ in }) async throws {
        switch settings.erp {
        case .sandbox:
            say("starting \(tenants.count) sandbox ledgers")
            for tenant in tenants { try await startLedger(tenant, seed: 1) }
        case .tryton:
            say("starting Tryton with \(tenants.count) databases; the first time this takes some minutes")
            try await startTryton(tenants, isFresh: settings.sharedState != nil)
            for tenant in tenants { try await ledger(tenant).add(tenant.ledgerData) }
        }
        say("setting up the database and applying the configuration")
        let configuration = try writeConfiguration()
        try await processes.run(
            "countersignd",
            [
                "apply", configuration + "/Tenants", "--runbooks", configuration + "/Runbooks", "--data", dataFolder, "--log",
                settings.logLevel,
            ])
        say("starting the server")
        try await startServer()
        say("setting passwords and secrets")
        for tenant in tenants {
            for (name, value) in secrets(of: tenant).sorted(by: { $0.key < $1.key }) {
                try await processes.run(
                    "countersignd",
                    ["secret", "--data", dataFolder, "--tenant", tenant.slug, "--name", name, "--log", "error"], input: value)
            }
        }
    }

    /// What the copies of a sample tenant need to sign in at its ledger.
    func setFleetSecrets(_ count: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var rest = Array(1...count)[...]
            func next() {
                guard let number = rest.popFirst() else { return }
                group.addTask { [processes, dataFolder] in
                    try await processes.run(
                        "countersignd",
                        [
                            "secret", "--data", dataFolder, "--tenant", "fleet-\(number)", "--name", "erp-token", "--log",
                            "error",
                        ], input: Installation.ledgerToken)
                }
            }
            for _ in 0..<Installation.passwordsAtOnce { next() }
            while try await group.next() != nil { next() }
        }
    }

    private func secrets(of tenant: SampleTenant) -> [String: String] {
        tryton.withLock { $0?.databases[tenant.slug]?.secrets } ?? ["erp-token": Installation.ledgerToken]
    }

    /// Where the configuration lies, with the runbooks and the tests beside it.
    private var root: String { Folder.parent(of: settings.tenants) }

    private func startTryton(_ tenants: [SampleTenant], isFresh: Bool) async throws {
        let port = tryton.withLock { $0?.port ?? 0 }
        let peer = try await TrytonPeer.start(
            tenants, below: root, state: settings.sharedState ?? settings.folder + "/tryton", port: port, isFresh: isFresh,
            processes: processes)
        tryton.withLock { $0 = peer }
    }

    /// Kills Tryton, its database with it, and starts it again on what it had written; answers the number of the killed process.
    func restartTryton(_ tenants: [SampleTenant]) async throws -> Int32 {
        guard let child = processes.running(named: "tryton") else { return 0 }
        child.kill9()
        _ = await child.waitForEnd()
        processes.forget(child)
        try await startTryton(tenants, isFresh: false)
        return child.pid
    }

    /// Starts the tenant's sandbox ERP; it keeps its bills in a journal.
    package func startLedger(_ tenant: SampleTenant, seed: UInt64) async throws {
        let portFile = "\(settings.folder)/\(tenant.slug).port"
        let known = Folder.text(portFile).flatMap { Int($0.split(separator: "\n").last ?? "") }
        let wanted = known ?? tenant.ledgerPort
        unlink(portFile)
        let child = try processes.start(
            "erp-sandbox",
            [
                "--port", "\(Installation.isFree(wanted) ? wanted : 0)", "--token", Installation.ledgerToken, "--journal",
                "\(settings.folder)/\(tenant.slug).bills", "--port-file", portFile, "--seed", "\(seed)",
            ], name: "ledger-\(tenant.slug)")
        let port = try await Patience.wait(seconds: 20, for: "the ledger of \(tenant.name)") { () -> Int? in
            if let ending = child.ending {
                throw Fault(
                    "starting the ledger of \(tenant.name)", "\(ending): \(processes.logTail(child.name))", isRetryable: false)
            }
            return Folder.text(portFile).flatMap { Int($0.split(separator: "\n").last ?? "") }
        }
        ledgerPorts.withLock { $0[tenant.slug] = port }
        try await ledger(tenant).add(tenant.ledgerData)
    }

    /// Whether a port of this machine can be taken now; a sandbox without one takes any.
    static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0, let number = UInt16(exactly: port), number > 0 else { return false }
        defer { close(descriptor) }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = number.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// A copy of the configuration, with the runbooks that lie beside it, whose connections lead to the ledgers of this
    /// installation.
    private func writeConfiguration() throws -> String {
        let ports = ledgerPorts.withLock(\.self)
        let tryton = tryton.withLock(\.self)
        let target = settings.folder + "/configuration"
        Folder.remove(target)
        let edits = settings.edits
        try Folder.copy(settings.tenants, to: target + "/Tenants") { path, text in
            var text = edits(path, text)
            // Tenants that are copies of a sample write to its ledger.
            for tenant in SampleTenant.all where path.contains("/connections/") {
                if let tryton {
                    if path.contains("/\(tenant.slug)/") { text = tryton.connection(of: tenant) ?? text }
                } else {
                    text = replacing(
                        "127.0.0.1:\(tenant.ledgerPort)", with: "127.0.0.1:\(ports[tenant.slug] ?? tenant.ledgerPort)", in: text)
                }
            }
            return text
        }
        try Folder.copy(root + "/Runbooks", to: target + "/Runbooks") { _, text in text }
        return target
    }

    /// Starts the server, on the port of its earlier life when it had one, and waits until it answers.
    package func startServer() async throws {
        let portFile = settings.folder + "/server.port"
        unlink(portFile)
        let earlier = serverPort.withLock { $0 }
        let child = try processes.start(
            "countersignd",
            [
                "serve", "--data", dataFolder, "--port", "\(earlier == 0 ? settings.port : earlier)", "--port-file", portFile,
                "--drop-folder", settings.folder + "/drop", "--log", settings.logLevel,
            ])
        server.withLock { $0 = child }
        let port = try await Patience.wait(seconds: Installation.readySeconds, for: "the server") { () -> Int? in
            if let ending = child.ending {
                throw Fault("starting the server", "\(ending): \(processes.logTail(child.name))", isRetryable: false)
            }
            return Folder.text(portFile).flatMap { Int($0.split(separator: "\n").last ?? "") }
        }
        serverPort.withLock { $0 = port }
        let api = ServerAPI(address)
        _ = try await Patience.wait(seconds: Installation.readySeconds, for: "the server to be ready") { () -> Bool? in
            // Not ready is what is waited for.
            (try? await api.get("/readyz")) != nil ? true : nil
        }
    }

    /// Ends the server with no word of warning.
    package func killServer() async {
        guard let child = server.withLock({ $0 }) else { return }
        child.kill9()
        _ = await child.waitForEnd()
        processes.forget(child)
    }

    package func stop() async {
        await processes.endAll()
        server.withLock { $0 = nil }
    }

    // MARK: People

    /// Gives these people the password; what was done in an earlier run is kept.
    package func setPasswords(_ emails: [String]) async throws {
        let done = settings.folder + "/people"
        let known = Set((Folder.text(done) ?? "").split(separator: "\n").map(String.init))
        let missing = emails.filter { !known.contains($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            var rest = missing[...]
            func next() {
                guard let email = rest.popFirst() else { return }
                group.addTask { [processes, dataFolder] in
                    try await processes.run(
                        "countersignd", ["password", "--data", dataFolder, "--email", email, "--log", "error"],
                        input: Installation.password)
                }
            }
            for _ in 0..<Installation.passwordsAtOnce { next() }
            while try await group.next() != nil { next() }
        }
        try Folder.write(Array((Array(known) + missing).sorted().joined(separator: "\n").utf8), to: done)
    }

    /// Hands in what is drafted, and signs it for both sides: the operator's head of service, and each tenant's controller.
    package func signContracts(of tenants: [SampleTenant]) async throws {
        for tenant in tenants {
            let provider = try await self.tenant(tenant, as: SampleTenant.operatorAdmin)
            for version in try await provider.get("contracts")["items"]?.array ?? [] {
                guard version["standing"]?.string == "drafted", let id = version["id"]?.string, let hash = version["hash"] else {
                    continue
                }
                _ = try await provider.post("contracts/\(id)/submit", [:])
                for signer in [provider, try await self.tenant(tenant, as: tenant.controller)] {
                    _ = try await signer.post("contracts/\(id)/sign", ["hash": hash])
                }
            }
        }
    }

    /// The API as this person, signed in (again when the session is old).
    package func api(as email: String, patienceSeconds: Int64 = 20) async throws -> ServerAPI {
        let open = ServerAPI(address, patienceSeconds: patienceSeconds)
        return open.with(token: try await sessions.token(email, at: open))
    }

    package func tenant(_ tenant: SampleTenant, as email: String) async throws -> TenantAPI {
        TenantAPI(try await api(as: email), tenant.slug)
    }
}

/// Sessions by person. A session ends after fifteen idle minutes, so one of ten is replaced.
actor SessionBook {
    static let freshSeconds: Int64 = 600

    private var tokens: [String: (token: String, at: Moment)] = [:]

    func token(_ email: String, at server: ServerAPI) async throws -> String {
        let now = WallClock.system.now
        if let known = tokens[email], now.seconds(since: known.at) < SessionBook.freshSeconds { return known.token }
        let token = try await server.signIn(email: email, password: Installation.password).token
        tokens[email] = (token, now)
        return token
    }
}

/// Waiting for something outside to become true.
package enum Patience {
    static let pauseMilliseconds: Int64 = 150

    /// Asks until `body` has an answer; a fault that names `what` after `seconds`.
    package static func wait<Answer>(
        seconds: Int64, for what: String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Answer?
    ) async throws -> Answer {
        let until = WallClock.system.now.adding(seconds: seconds)
        while true {
            if let answer = try await body() { return answer }
            guard WallClock.system.now < until else {
                throw Fault("waiting for \(what)", "not within \(seconds) s", isRetryable: false)
            }
            try await Task.sleep(for: .milliseconds(pauseMilliseconds))
        }
    }
}

/// Every occurrence of `old` replaced.
package func replacing(_ old: String, with new: String, in text: String) -> String {
    let (wanted, fresh) = (Array(old.utf8), Array(new.utf8))
    let bytes = Array(text.utf8)
    guard !wanted.isEmpty else { return text }
    var out: [UInt8] = []
    var at = 0
    while at < bytes.count {
        if bytes[at...].starts(with: wanted) {
            out += fresh
            at += wanted.count
        } else {
            out.append(bytes[at])
            at += 1
        }
    }
    return String(decoding: out, as: UTF8.self)
}

import Glibc
import Kernel
import Showcase
import TestBasics
import TestKit
import Testing

/// The real product for a suite of journeys: server, database, workers and ledgers as processes of their own, in a folder and on
/// ports of their own, ended with the suite.
struct Stage: Sendable {
    /// A journey's steps take seconds; only a failing test waits for so long.
    static let patienceSeconds: Int64 = 120

    @TaskLocal private static var running: Stage?

    let installation: Installation
    /// Where the server sends its spans.
    let collector: SpanCollector
    /// A system of one tenant's, which is told of events.
    let receiver: EventReceiver
    /// Where the identity provider of one tenant is to be.
    let providerPort: Int

    static var current: Stage {
        get throws {
            guard let running else { throw Fault("finding the stage", "this suite was not started with one", isRetryable: false) }
            return running
        }
    }

    private static let root = Checkout.root

    /// Tryton needs the packages of the tests; without them its journeys are passed over, and say so.
    static let hasTryton: Bool = {
        let isThere = ["bin/waitress-serve", "bin/trytond"].allSatisfy { Folder.exists("\(root)/.venv/\($0)") }
        if !isThere { print("the journeys with Tryton are passed over: its packages are not in .venv (`make setup`)") }
        return isThere
    }()

    /// The same of the identity provider, and of the browser that people sign in with.
    static let hasProvider: Bool = {
        let isThere =
            ["\(root)/.venv/bin/canaille", "\(root)/.venv/bin/playwright", "/usr/bin/chromium"].allSatisfy(Folder.exists)
        if !isThere {
            print(
                "1 journey with an identity provider is passed over: Canaille is not in .venv, or there is no Chromium"
            )
        }
        return isThere
    }()

    private static func freePort() throws -> Int {
        let (listener, port) = try Loopback.listen(backlog: 1)
        close(listener)
        return port
    }

    fileprivate static func perform(_ erp: SampleERP, _ body: @Sendable () async throws -> Void) async throws {
        let folder = "/tmp/countersign-journeys-\(erp.rawValue)-\(getpid())"
        try OwnFolder.claim(folder, flavour: "journeys", replaces: true)
        let collector = try SpanCollector()
        defer { collector.stop() }
        let receiver = try EventReceiver()
        defer { receiver.stop() }
        let providerPort = try freePort()
        // Two stages stand side by side, so neither may speak through the environment of this process.
        let variables = [
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(collector.port)",
            "COUNTERSIGN_OTLP_ALLOW": "127.0.0.1:\(collector.port)",
        ]
        let installation = try Installation(
            Installation.Settings(
                // Its own address is part of what an identity provider is told, so it is known before the start.
                folder: folder, tenants: root + "/Tenants", port: try freePort(), erp: erp,
                sharedState: Checkout.peerState("tryton"),
                variables: variables
            ) {
                path, text in
                switch path {
                // A posting target that a test can miss.
                case "tenants/kestrel-labs/contracts/managed-ap.yaml":
                    SampleContract.unsigned(replacing("target: 2m", with: "target: 8s", in: text))
                // A place inside the network that events may be sent to.
                case "tenants/brightwater-foods/tenant.yaml":
                    text + "webhooks:\n  allow: [\"127.0.0.1:\(receiver.port)\", \"169.254.169.254:80\"]\n"
                // An identity provider of the tenant's own, on this machine.
                case "tenants/kestrel-labs/tenant.yaml":
                    text
                        + """
                        identity:
                          name: Kestrel Login
                          issuer: "http://127.0.0.1:\(providerPort)"
                          clientId: countersign
                          secret: login-secret
                          domains: [kestrel-labs.example]
                          trustsAddresses: true
                          allow: ["127.0.0.1:\(providerPort)"]

                        """
                default: text
                }
            })
        do {
            try await installation.start()
            let people = SampleTenant.all.flatMap { [$0.clerk, $0.controller, $0.treasurer, $0.admin] + $0.approvers }
            try await installation.setPasswords(
                people + [SampleTenant.onCall, SampleTenant.operatorAdmin] + SampleTenant.partners)
            try await installation.signContracts(of: SampleTenant.all)
            try await Stage.$running.withValue(
                Stage(
                    installation: installation, collector: collector, receiver: receiver, providerPort: providerPort)
            ) { try await body() }
        } catch {
            await installation.stop()
            throw error
        }
        await installation.stop()
        Folder.remove(folder)
    }

    // MARK: What journeys are made of

    static let today = CivilDate(
        daysSince1970: Int(WallClock.system.now.seconds.quotientAndRemainder(dividingBy: 86_400).quotient))
    private static let numbers = Locked(100)

    func trade(_ tenant: SampleTenant, _ size: SampleTrade.Size = .small, _ fit: SampleTrade.Fit = .agrees) throws -> SampleTrade
    {
        let number = Stage.numbers.withLock { number -> Int in
            defer { number += 1 }
            return number
        }
        return try SampleTrade(tenant, number: number, size: size, fit: fit, today: Stage.today)
    }

    /// As the tenant's clerk unless said otherwise.
    func person(_ tenant: SampleTenant, _ email: String? = nil) async throws -> TenantAPI {
        try await installation.tenant(tenant, as: email ?? tenant.clerk)
    }

    /// Order and receipt into the ledger, the document to the server.
    func deliver(
        _ trade: SampleTrade, fault: SampleFault? = nil, as person: TenantAPI, traceparent: String? = nil
    ) async throws -> SubmittedDocument {
        try await installation.ledger(trade.tenant).add(trade.ledgerData)
        return try await person.submit(try trade.invoice.bytes(fault: fault), fileName: trade.fileName, traceparent: traceparent)
    }

    func bills(_ trade: SampleTrade) async throws -> [JSONValue] {
        try await installation.ledger(trade.tenant).books().bills.filter { $0["invoiceNumber"]?.string == trade.invoice.number }
    }
}

extension TenantAPI {
    func started(_ document: SubmittedDocument) async throws -> RunView {
        try await started(document, seconds: Stage.patienceSeconds)
    }
    func approval(of run: RunView) async throws -> RequestView {
        try await request("approvals", of: run, seconds: Stage.patienceSeconds)
    }
    func exception(of run: RunView) async throws -> RequestView {
        try await request("exceptions", of: run, seconds: Stage.patienceSeconds)
    }
    func ended(_ run: RunView) async throws -> RunView { try await ended(run, seconds: Stage.patienceSeconds) }
}

/// The sentence and rule with which the server declines, which it has to.
func refusal(_ act: () async throws -> JSONValue) async throws -> ServerProblem {
    do {
        _ = try await act()
    } catch let problem as ServerProblem {
        return problem
    }
    throw Fault("being refused", "the server let it pass", isRetryable: false)
}

/// Journeys and isolation on one stage, one after another.
@Suite("The whole product", .serialized, .onStage(.sandbox))
struct WholeProduct {}

/// The same product with an ERP that nobody here wrote.
@Suite("The whole product and Tryton", .serialized, .enabled(if: Stage.hasTryton), .onStage(.tryton))
struct ProductWithTryton {}

/// Starts the stage around a suite.
struct OnStage: SuiteTrait, TestScoping {
    let erp: SampleERP

    func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
        try await Stage.perform(erp, function)
    }
}

extension Trait where Self == OnStage {
    static func onStage(_ erp: SampleERP) -> OnStage { OnStage(erp: erp) }
}

import Console
import Handoff
import Kernel
import Logging
import Postgres
import Records
import Seals
import Telemetry
import Tenancy
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

extension TestTemplate {
    /// The schema, the operator with its committed roles, a partner, and the tenants `alpha` and `beta` with their people.
    static let office = TestTemplate(name: "office") { dsn in
        let store = Store(directDSN: dsn)
        do {
            _ = try await Migrator(store).migrate()
            _ = try await Office(store: store).services.applying.apply(try Office.configuration(), by: nil)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }
}

/// The API without a socket: requests go through the route table to their handlers, refusals become problem documents.
final class Office: Sendable {
    static let start = Moment("2026-07-14T08:30:00Z") ?? Moment(seconds: 0)
    static let tenants = ["alpha", "beta"]

    let store: Store
    let time = Locked(Office.start)
    let platform: Platform
    let services: Services
    let signing = SigningRing(.ephemeral())
    let sealing: Sealing
    let table: RouteTable
    private let engine: LaneEngine
    private let workers: WorkerDesk
    private let posting: Posting

    /// `provider` answers in the place of tenants' identity providers; the console then has an address of its own.
    init(
        store: Store, provider: (@Sendable (ProviderQuestion, TenantID) async throws -> Asking.Answer)? = nil
    ) throws {
        self.store = store
        let clock = WallClock { [time] in time.withLock { $0 } }
        var settings = FlowSettings(replica: "office")
        settings.laneCount = 1
        // The office applies batches itself.
        settings.answerWaitMilliseconds = 0
        if provider != nil { settings.publicAddress = "https://console.example" }
        let logger = Logger(label: "office") { _ in SwiftLogNoOpLogHandler() }
        platform = Platform(
            store: store, clock: clock, entropy: .system, secrets: SecretBox(ring: .ephemeral()), metrics: MetricsRegistry(),
            spans: SpanBuffer(),
            logger: logger, settings: settings)
        let assets = AssetLibrary(store: store, clock: clock, hash: { (try? ObjectHash.hexText(of: $0)) ?? "" })
        let scopes = ScopeDirectory(store: store, clock: clock)
        let factory = LeaseFactory(platform: platform, assets: assets)
        let desk = CommandDesk(platform: platform) { _ in }
        workers = WorkerDesk { _ in }
        engine = LaneEngine(
            platform: platform, assets: assets, workers: workers, leaseFactory: factory, resolve: { desk.resolve($0) },
            changed: { _ in },
            wanted: { _ in })
        posting = Posting(platform: platform, desk: desk, assets: assets, scopes: scopes)
        let asking = Asking(platform: platform, leaseFactory: factory, wanted: { _ in })
        let providers = IdentityProviders(platform: platform, assets: assets, scopes: scopes) { question, tenant in
            guard let provider else { return try await asking.provider(question, tenant: tenant) }
            return try await provider(question, tenant)
        }
        let signingIn = SigningIn(platform: platform, hasher: PasswordHasher(), providers: providers)
        let sealing = Sealing(
            platform: platform, scopes: scopes, alerting: Alerting(platform: platform, desk: desk),
            signing: signing, sinks: [])
        self.sealing = sealing
        let (alerting, operating) = (
            Alerting(platform: platform, desk: desk), Operating(platform: platform, desk: desk, assets: assets)
        )
        let applying = Applying(platform: platform, assets: assets, scopes: scopes)
        services = Services(
            console: try PageRenderer.load(),
            access: Access(
                signingIn: signingIn, scopes: scopes, assets: assets, clock: clock, formKey: Array(repeating: 7, count: 32)),
            looking: Looking(platform: platform, assets: assets), proving: AuditProving(platform: platform),
            approving: Approving(platform: platform, desk: desk),
            operating: operating, rolling: RollingOut(platform: platform, assets: assets, desk: desk),
            scheduling: Scheduling(platform: platform, assets: assets, desk: desk, scopes: scopes),
            releasing: Releasing(platform: platform, desk: desk, assets: assets),
            watch: ConnectionWatch(platform: platform, desk: desk, assets: assets),
            alerting: alerting, onCalling: OnCalling(platform: platform, assets: assets),
            guiding: Guiding(
                platform: platform, desk: desk, assets: assets, alerting: alerting, operating: operating, applying: applying,
                asking: asking),
            digesting: Digesting(platform: platform, assets: assets, scopes: scopes, alerting: alerting) { dispatch, tenant in
                try await asking.page(dispatch, tenant: tenant)
            },
            postmortems: Postmortems(platform: platform, assets: assets, scopes: scopes),
            holding: Holding(platform: platform),
            promises: Promises(platform, assets, scopes, desk, SigningRing(derivedFrom: .ephemeral())),
            jobs: Jobs(platform: platform, scopes: scopes),
            reports: ReportDesk(platform: platform, assets: assets, wake: {}),
            press: { _ in throw Refusal(.unavailable, reason: "press.missing", "No PDF can be made here.") },
            keeping: Keeping(platform: platform, scopes: scopes, assets: assets, alerting: nil),
            inbound: Inbound(platform: platform, scopes: scopes, desk: desk),
            intake: Intake(platform: platform, desk: desk),
            applying: applying, brands: BrandStudio(platform: platform, assets: assets, scopes: scopes),
            status: StatusPages(platform, scopes, assets), signingIn: signingIn,
            webhooks: WebhookDesk(platform: platform, assets: assets),
            evidence: EvidenceDesk(platform: platform),
            tenants: TenantDesks(platform, assets, scopes, desk),
            idempotency: Idempotency(platform: platform), scopes: scopes, assets: assets,
            asking: asking, metrics: platform.metrics, clock: clock,
            entropy: .system, logger: logger, isSecure: false, checkBundle: { (_: JSONValue) throws(Refusal) in },
            auditKeys: { sealing.publicKeys($0) }, isReady: { true })
        table = RouteBook(services, handoff: nil).table
    }

    func move(seconds: Int64) { time.withLock { $0 = $0.adding(seconds: seconds) } }

    // MARK: Configuration

    static func configuration() throws -> [Applying.Asset] {
        var out = [
            Applying.Asset(
                scope: .operator, kind: "operator", name: "operator", version: "1", content: try OperatorRoles.document()),
            Applying.Asset(
                scope: .partner("harbour"), kind: "partner", name: "harbour", version: "1",
                content: [
                    "kind": "partner", "slug": "harbour", "name": "Harbour", "legalName": "Harbour Ltd", "locale": "en",
                    "timezone": "Europe/London",
                ]),
            Applying.Asset(
                scope: .operator, kind: "workflow", name: "accounts-payable", version: "1.0",
                content: try library("accounts-payable")),
            Applying.Asset(
                scope: .operator, kind: "workflow", name: "payment-release", version: "1.2",
                content: try library("payment-release")),
        ]
        for name in ["ap-approval", "ap-duty-separation", "ap-payment-release", "ap-route", "ap-tolerances"] {
            out.append(Applying.Asset(scope: .operator, kind: "policy", name: name, version: "1.0", content: try library(name)))
        }
        let roles = try OperatorRoles.roles()
        out.append(people(.operator, "operator", roles.filter { $0.level == .operator }))
        out.append(people(.partner("harbour"), "harbour", roles.filter { $0.level == .partner }))
        for slug in tenants {
            let scope = Tenancy.Scope.tenant(slug, partner: "harbour")
            out.append(
                Applying.Asset(
                    scope: scope, kind: "tenant", name: slug, version: "1",
                    content: [
                        "kind": "tenant", "slug": .string(slug), "name": .string("Tenant \(slug)"), "partner": "harbour",
                        "region": "eu",
                        "locale": "en", "timezone": "Europe/Berlin", "environments": ["prod"],
                        "entities": [
                            [
                                "code": "DE01", "name": "Brightwater Foods GmbH", "vatId": "DE742039156", "currency": "EUR",
                                "country": "DE",
                            ]
                        ],
                        "workflows": ["invoice": "accounts-payable"], "workers": ["requiredLevel": "L0"],
                        "retention": ["documentsYears": 10],
                    ]))
            out.append(people(scope, slug, roles.filter { $0.level == .tenant }))
        }
        return out
    }

    /// The same, with a ledger for every tenant, and with a limit of 1,000 euros for their approvers and a colleague without one.
    static func withLedgerAndLimits() throws -> [Applying.Asset] {
        var out = try configuration().filter { asset in
            if asset.kind == "people", case .tenant = asset.scope { false } else { true }
        }
        out.append(
            Applying.Asset(
                scope: .operator, kind: "connector", name: "scripted", version: "1",
                content: ["kind": "connector", "name": "scripted"]))
        for slug in tenants {
            let scope = Tenancy.Scope.tenant(slug, partner: "harbour")
            out.append(
                Applying.Asset(
                    scope: scope, kind: "connection", name: "erp", version: "1",
                    content: [
                        "kind": "connection", "name": "erp", "title": "Ledger", "connector": "scripted",
                        "baseUrl": "https://ledger.example", "secrets": ["token": "erp-token"],
                        "limits": ["ratePerSecond": 50, "concurrency": 8], "settleSeconds": 25,
                    ]))
            let known = try configuration().first { $0.kind == "people" && $0.scope == scope }?.content["people"]?.array ?? []
            let limited = known.map { person -> JSONValue in
                guard person["id"]?.string == "approver", var members = person.object else { return person }
                members["approvalLimit"] = ["amount": "1000.00", "currency": "EUR"]
                return .object(members)
            }
            let colleague: JSONValue = [
                "id": "colleague", "name": "Nora Colleague", "email": .string("nora@\(slug).example"), "roles": ["approver"],
            ]
            out.append(
                Applying.Asset(
                    scope: scope, kind: "people", name: "people", version: "2",
                    content: ["kind": "people", "people": .array(limited + [colleague])]))
        }
        return out
    }

    /// One person for every role of that level, named after it.
    private static func people(_ scope: Tenancy.Scope, _ place: String, _ roles: [Role]) -> Applying.Asset {
        let people: [JSONValue] = roles.map { role in
            [
                "id": .string(role.name), "name": .string("\(role.title) of \(place)"),
                "email": .string("\(role.name)@\(place).example"),
                "roles": [.string(role.name)],
            ]
        }
        return Applying.Asset(
            scope: scope, kind: "people", name: "people", version: "1", content: ["kind": "people", "people": .array(people)])
    }

    private static func library(_ name: String, from file: String = #filePath) throws -> JSONValue {
        let root = "/" + file.split(separator: "/").dropLast(2).joined(separator: "/")
        return try JSONValue(parsing: try FileBytes.read("\(root)/Fixtures/library/\(name).json", maxBytes: 4_000_000))
    }

    // MARK: People

    func scope(_ slug: String) async throws -> ScopeRow { try #require(try await services.scopes.scope(slug: slug)) }

    /// Opens a session for the person of that role, as a sign-in does after the password was right.
    func session(_ role: String, at slug: String) async throws -> SecretToken {
        let scope = try await scope(slug)
        let person = try #require(try await services.looking.people(scope.id).first { $0.slug == role })
        let token = SecretToken()
        let now = platform.clock.now
        try await store.withTenant(scope.id) { tx in
            try await tx.execute(
                SessionQueries.open(
                    tenant: scope.id, id: self.platform.newID(), tokenHash: token.hash, person: person.id,
                    place: SessionPlace(agent: "", address: ""), now: now,
                    expiresAt: now.adding(seconds: SigningIn.absoluteSeconds), isPending: false))
        }
        return token
    }

    // MARK: Requests

    struct Answer: Sendable {
        let status: Int
        let headers: WebHeaders
        let bytes: [UInt8]

        var text: String { String(decoding: bytes, as: UTF8.self) }
        var json: JSONValue { (try? JSONValue(parsing: bytes)) ?? .null }
        var code: String { json["code"]?.string ?? "" }
    }

    func call(
        _ method: WebMethod, _ path: String, as token: SecretToken? = nil, body: JSONValue? = nil,
        headers: [(name: String, value: String)] = []
    ) async -> Answer {
        var all = headers
        if let token { all.append((name: "Authorization", value: "Bearer \(token.text)")) }
        if body != nil { all.append((name: "Content-Type", value: "application/json")) }
        return await send(method, path, headers: all, body: body?.bytes ?? [])
    }

    func send(_ method: WebMethod, _ path: String, headers: [(name: String, value: String)], body: [UInt8] = []) async -> Answer {
        let halves = path.split(separator: "?", maxSplits: 1).map(String.init)
        let response: WebResponse
        switch table.match(method, halves[0]) {
        case .none: response = Problem.response(.notFound, request: "r-1")
        case .wrongMethod: response = WebResponse(status: 405)
        case .found(let route, let parameters):
            var query: [(name: String, value: String)] = []
            for pair in halves.count < 2 ? [] : halves[1].split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
                query.append((name: parts[0], value: parts.count > 1 ? parts[1] : ""))
            }
            let request = WebRequest(
                method: method, path: halves[0], query: query, headers: WebHeaders(headers), body: body, parameters: parameters,
                id: "r-1",
                receivedAt: platform.clock.now)
            do {
                response = try await route.handle(request)
            } catch let refusal as Refusal {
                response = Problem.response(refusal, request: request.id)
            } catch {
                response = Problem.internalError(request: request.id)
            }
        }
        guard case .bytes(let bytes) = response.body else {
            return Answer(status: response.status, headers: response.headers, bytes: [])
        }
        return Answer(status: response.status, headers: response.headers, bytes: bytes)
    }

    // MARK: Business

    /// Puts one of everything into a tenant: an invoice that waits for a signature, a file that cannot be read, an incident.
    func fill(_ slug: String, buyer: String = "Nobody we know") async throws {
        let scope = try await scope(slug)
        try await store.withLane(0) { tx in
            _ = try await tx.execute("INSERT INTO queue.lane (lane) VALUES (0) ON CONFLICT (lane) DO NOTHING")
            _ = try await tx.execute("UPDATE queue.lane SET owner = 'office', epoch = 1 WHERE lane = 0")
        }
        for bytes in [Office.invoice(slug, buyer: buyer), Array("no invoice of \(slug)".utf8)] {
            _ = try await services.intake.receive(
                bytes, fileName: "\(slug).xml", channel: .api, scope: scope, recordedBy: nil, trace: nil)
        }
        for _ in 0..<12 { try await work(scope) }
        try await services.alerting.raise("worker-missing", facts: ["of": slug], scope: scope, key: slug)
        try await pump()
    }

    func pump() async throws {
        while try await engine.applyBatch(lane: 0, epoch: 1).hasMore {}
    }

    /// What a ledger says that knows one supplier and no orders; only tenants with a connection ask it.
    private static func lookUp(_ input: JSONValue) -> JSONValue {
        guard input["object"]?.string == "supplier" else { return ["found": false, "receipts": []] }
        return [
            "found": true,
            "supplier": [
                "number": "S-100", "legalName": "Elbe Papier GmbH", "address": ["country": "DE"], "vatId": "DE136695976",
                "status": "active", "riskTier": "low",
            ],
        ]
    }

    /// One poll of the tenant's worker; it reads documents, and looks things up where there is a ledger.
    private func work(_ scope: ScopeRow) async throws {
        let worker = WorkerIdentity(tenant: scope.id, slug: scope.slug, lane: 0, incarnation: "w")
        let poll = Task { [workers] in
            await workers.lease(worker, kinds: ["document.read", "erp.read"], capacity: 8, waitMilliseconds: 60_000)
        }
        while !workers.hasWaiters(lane: 0) { await Task.yield() }
        try await pump()
        workers.interrupt(scope.id)
        for lease in await poll.value {
            guard lease.kind == .documentRead else {
                let answer = WorkOutcome.completed(output: Office.lookUp(lease.input))
                _ = try await posting.receive([WorkReport(token: lease.token, outcome: answer, telemetry: [])], from: worker)
                try await pump()
                continue
            }
            let bytes = try await posting.document(leaseToken: lease.token, worker: worker)
            let output = try? JSONValue(parsing: bytes)
            let outcome =
                output.map { WorkOutcome.completed(output: $0) } ?? .refused(code: "DOC_UNREADABLE", message: "no invoice")
            _ = try await posting.receive([WorkReport(token: lease.token, outcome: outcome, telemetry: [])], from: worker)
            try await pump()
        }
    }

    private static func invoice(_ slug: String, buyer: String) -> [UInt8] {
        let amount: JSONValue = ["amount": "4800.00", "currency": "EUR"]
        let invoice: JSONValue = [
            "kind": "invoice", "direction": "payable", "number": .string("R-of-\(slug)"), "issueDate": "2026-07-01",
            "currency": "EUR",
            "seller": ["legalName": .string("Supplier of \(slug)"), "vatId": "DE136695976", "address": ["country": "DE"]],
            "buyer": ["legalName": .string(buyer), "address": ["country": "DE"]],
            "totals": [
                "lineNet": amount, "taxExclusive": amount, "tax": ["amount": "0.00", "currency": "EUR"], "taxInclusive": amount,
                "payable": amount,
            ],
            "paymentInstructions": [
                ["meansCode": "58", "account": ["id": ["scheme": "iban", "value": "DE89370400440532013000"]]]
            ],
            "lines": [
                [
                    "id": "1", "quantity": ["value": "1", "unit": "C62"], "netAmount": amount, "unitPrice": amount,
                    "name": "Paper",
                ]
            ],
        ]
        return (["kind": "ubl-invoice", "invoice": invoice, "findings": []] as JSONValue).bytes
    }
}

extension Office {
    /// A database of its own with both tenants filled.
    static func withBoth(_ body: @Sendable (Office, TestDatabase) async throws -> Void) async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            for slug in tenants { try await office.fill(slug) }
            try await body(office, database)
        }
    }
}

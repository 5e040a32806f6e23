package import Console
package import Evidence
package import Flow
package import Kernel
package import Logging
package import Telemetry

/// Everything that handlers call; built once by the program.
package struct Services: Sendable {
    package let console: PageRenderer
    package let access: Access
    package let looking: Looking
    package let proving: AuditProving
    package let approving: Approving
    package let operating: Operating
    package let rolling: RollingOut
    package let scheduling: Scheduling
    package let releasing: Releasing
    package let watch: ConnectionWatch
    package let alerting: Alerting
    package let onCalling: OnCalling
    package let guiding: Guiding
    package let digesting: Digesting
    package let postmortems: Postmortems
    package let holding: Holding
    package let promises: Promises
    package let jobs: Jobs
    package let reports: ReportDesk
    /// Makes a PDF of a page; refuses where nothing is installed for it.
    package let press: @Sendable (String) async throws -> [UInt8]
    package let keeping: Keeping
    package let inbound: Inbound
    package let intake: Intake
    package let applying: Applying
    package let brands: BrandStudio
    package let status: StatusPages
    package let signingIn: SigningIn
    package let webhooks: WebhookDesk
    package let evidence: EvidenceDesk
    package let tenants: TenantDesks
    package let idempotency: Idempotency
    package let scopes: ScopeDirectory
    package let assets: AssetLibrary
    package let asking: Asking
    package let metrics: MetricsRegistry
    package let clock: WallClock
    package let entropy: Entropy
    package let logger: Logger
    /// Whether cookies may say `Secure`; false only for plain HTTP on loopback.
    package let isSecure: Bool
    /// Reads every asset of a bundle as `countersign check` does and refuses the first that is not right.
    package let checkBundle: @Sendable (JSONValue) throws(Refusal) -> Void
    /// The public keys of a tenant's audit log, the newest first.
    package let auditKeys: @Sendable (TenantID) -> [NoteKey]
    /// True once the database answers and lanes are held.
    package let isReady: @Sendable () async -> Bool

    package init(
        console: PageRenderer, access: Access, looking: Looking, proving: AuditProving, approving: Approving,
        operating: Operating, rolling: RollingOut, scheduling: Scheduling, releasing: Releasing,
        watch: ConnectionWatch, alerting: Alerting,
        onCalling: OnCalling, guiding: Guiding, digesting: Digesting, postmortems: Postmortems, holding: Holding,
        promises: Promises, jobs: Jobs,
        reports: ReportDesk, press: @escaping @Sendable (String) async throws -> [UInt8],
        keeping: Keeping, inbound: Inbound, intake: Intake,
        applying: Applying, brands: BrandStudio, status: StatusPages, signingIn: SigningIn, webhooks: WebhookDesk,
        evidence: EvidenceDesk, tenants: TenantDesks, idempotency: Idempotency, scopes: ScopeDirectory, assets: AssetLibrary,
        asking: Asking, metrics: MetricsRegistry,
        clock: WallClock,
        entropy: Entropy, logger: Logger, isSecure: Bool,
        checkBundle: @escaping @Sendable (JSONValue) throws(Refusal) -> Void,
        auditKeys: @escaping @Sendable (TenantID) -> [NoteKey],
        isReady: @escaping @Sendable () async -> Bool
    ) {
        self.console = console
        self.access = access
        self.looking = looking
        self.proving = proving
        self.approving = approving
        self.operating = operating
        self.rolling = rolling
        self.scheduling = scheduling
        self.releasing = releasing
        self.watch = watch
        self.alerting = alerting
        self.onCalling = onCalling
        self.guiding = guiding
        self.digesting = digesting
        self.postmortems = postmortems
        self.holding = holding
        self.promises = promises
        self.jobs = jobs
        self.reports = reports
        self.press = press
        self.keeping = keeping
        self.inbound = inbound
        self.intake = intake
        self.applying = applying
        self.brands = brands
        self.status = status
        self.signingIn = signingIn
        self.webhooks = webhooks
        self.evidence = evidence
        self.tenants = tenants
        self.idempotency = idempotency
        self.scopes = scopes
        self.assets = assets
        self.asking = asking
        self.metrics = metrics
        self.clock = clock
        self.entropy = entropy
        self.logger = logger
        self.isSecure = isSecure
        self.checkBundle = checkBundle
        self.auditKeys = auditKeys
        self.isReady = isReady
    }
}

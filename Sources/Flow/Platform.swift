package import Kernel
package import Logging
package import Postgres
package import Seals
package import Telemetry

/// What every use of the system is given: the store, the clock, randomness, keys and the instruments.
package struct Platform: Sendable {
    package let store: Store
    package let clock: WallClock
    package let entropy: Entropy
    package let secrets: SecretBox
    package let metrics: MetricsRegistry
    package let spans: SpanBuffer
    package let logger: Logger
    package let settings: FlowSettings
    /// What the parts of this process did last.
    package let beats = Beats()

    package init(
        store: Store, clock: WallClock, entropy: Entropy, secrets: SecretBox, metrics: MetricsRegistry, spans: SpanBuffer,
        logger: Logger,
        settings: FlowSettings
    ) {
        self.store = store
        self.clock = clock
        self.entropy = entropy
        self.secrets = secrets
        self.metrics = metrics
        self.spans = spans
        self.logger = logger
        self.settings = settings
    }

    package func newID<S>(_ kind: ID<S>.Type = ID<S>.self) -> ID<S> { ID<S>(at: clock.now, entropy: entropy) }
}

/// The bounds and paces of the engine; every number has its reason beside it.
package struct FlowSettings: Sendable {
    /// This replica's name in `queue.lane`; unique among replicas.
    package var replica: String
    /// Lanes of the whole installation. A tenant's work lies in one of them; more lanes spread tenants finer over replicas.
    package var laneCount: Int32 = 8
    /// Commands and timers in one transaction. Past this the gain of sharing a commit is small and the answer waits longer.
    package var batchMax = 200
    /// A lane's owner renews every third of this; a dead owner's lanes are taken over after it.
    package var laneLeaseSeconds: Int64 = 10
    /// How long a sender waits for its command's answer before it is told "pending".
    package var answerWaitMilliseconds: Int64 = 2000
    /// Looks for commands of other replicas when no notification came.
    package var pollMilliseconds: Int64 = 500
    /// Between the end of a transfer's deadline and the end of its lease (the bound is 5; two more for scheduling).
    package var leaseMarginSeconds: Int64 = 7
    /// A claim on a decision lapses after this, so that nobody blocks a colleague by going home.
    package var claimSeconds: Int64 = 1800

    /// Connections for everything besides the lanes: people, workers' reports, heartbeats, the watchdog, all at once.
    package static let connectionsBesideLanes = 8

    /// Every lane works on a connection of its own, and the rest of the server has to find one while all lanes work.
    package var connectionsMin: Int { Int(laneCount) + FlowSettings.connectionsBesideLanes }

    /// A session ends after this long without a request, and after that long whatever happens.
    package var sessionIdleSeconds = SigningIn.idleSeconds
    package var sessionSeconds = SigningIn.absoluteSeconds
    /// How long a proof that the person is there stays fresh.
    package var proofSeconds: Int64 = 300
    /// The environment that API keys of this installation are for; it stands in their text.
    package var environment = "prod"
    /// Where people reach the console, such as `https://console.example.com`, for links in mails. Nil where nobody said.
    package var publicAddress: String?

    package init(replica: String) { self.replica = replica }

    /// Refuses a pool that its own lanes could use up, before anything runs on it.
    package func check(connections: Int) throws(Refusal) {
        guard connections >= connectionsMin else {
            throw Refusal(
                .invalid, reason: "database.connections",
                "\(laneCount) lanes need a pool of at least \(connectionsMin) database connections, and \(connections) are "
                    + "allowed. Raise --database-connections, or leave it out.")
        }
    }
}

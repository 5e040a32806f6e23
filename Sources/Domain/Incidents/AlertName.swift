/// Every alert that the product can raise. Each has exactly one runbook, `Runbooks/<raw value>.md`.
package enum AlertName: String, Sendable, Hashable, CaseIterable {
    /// A target of a contract was exceeded.
    case slaBreach = "sla-breach"
    /// A warning of a contract was reached.
    case slaRisk = "sla-risk"
    /// Work used up its attempts, or was refused for a reason that trying again cannot mend.
    case deadLetter = "dead-letter"
    /// Calls to an ERP failed so often that they are held back.
    case erpCircuitOpen = "erp-circuit-open"
    /// Four fifths of a connection's requests of the day are used up.
    case erpBudgetShort = "erp-budget-short"
    /// A connection's requests of the day are used up, and its work waits for midnight UTC.
    case erpBudgetSpent = "erp-budget-spent"
    /// A tenant's worker has work and does not answer.
    case workerMissing = "worker-missing"
    /// Ready work waits too long to be taken.
    case queueAge = "queue-age"
    /// Many documents of one kind of fault in an hour.
    case documentUnreadableFlood = "document-unreadable-flood"
    /// The database came back after it had been away.
    case databaseRestarted = "database-restarted"
    /// A run ended in an error that its workflow does not handle.
    case runFaulted = "run-faulted"
    /// A version of a workflow that was tried broke a hard bar, and new runs go by the live one again.
    case rolloutRolledBack = "rollout-rolled-back"
    /// A run cannot go on because what it is pinned to cannot be read.
    case runHeld = "run-held"
    /// An approval was opened that too few people may sign.
    case approvalUnstaffed = "approval-unstaffed"
    /// A layer of the rota had nobody when trouble was to be told.
    case onCallGap = "on-call-gap"
    /// A page did not reach its person by a channel, and was given up.
    case pageUndelivered = "page-undelivered"
    /// A tenant's own system took no event for too long, or said that it is gone, and is sent nothing more.
    case webhookDisabled = "webhook-disabled"
    /// Another system of the tenant's says that something is wrong.
    case inboundAlert = "inbound-alert"
    /// Audit entries wait too long for their seal, or a checkpoint for its sink.
    case auditSealLag = "audit-seal-lag"
    /// The audit log is not the one that was sealed.
    case auditSealMismatch = "audit-seal-mismatch"
    /// The server's clock went back, so times in the audit log may not be in order.
    case auditSealClock = "audit-seal-clock"
    /// An objective's error budget burns so fast that it is gone within hours or a few days.
    case sloFastBurn = "slo-fast-burn"
    /// An objective's error budget does not last for its period at this pace.
    case sloSlowBurn = "slo-slow-burn"
    /// More cases of a period missed their target than the contract allows.
    case sloBudgetSpent = "slo-budget-spent"
    /// Runs begin, and no contract that both sides have signed governs them, or soon none will.
    case contractGap = "contract-gap"
    /// A part of the platform, a worker or a connection has not shown that it lives.
    case heartbeatMissed = "heartbeat-missed"
    /// A job that promised to report has not.
    case jobSilent = "job-silent"
    /// Lines of history were found that lie in none of its months.
    case historyUnplaced = "history-unplaced"

    /// What the catalogue says of an alert.
    package struct Definition: Sendable, Hashable {
        package let severity: Severity
        /// A sentence for people; `{name}` is replaced by that fact.
        package let title: String
        /// The facts that tell one trouble from another; alerts that agree in them (and in the tenant) are one incident.
        package let fingerprintFacts: [String]
        /// A later alert at most so long after the resolution reopens the incident.
        package let reopenWindowSeconds: Int64
        /// Opens an incident only at so many alerts within the window; nil opens at the first. The counting is the caller's.
        package let threshold: Threshold?

        package init(
            severity: Severity, title: String, fingerprintFacts: [String], reopenWindowSeconds: Int64 = 3600,
            threshold: Threshold? = nil
        ) {
            self.severity = severity
            self.title = title
            self.fingerprintFacts = fingerprintFacts
            self.reopenWindowSeconds = reopenWindowSeconds
            self.threshold = threshold
        }
    }

    package struct Threshold: Sendable, Hashable {
        package let count: Int
        package let windowSeconds: Int64

        package init(count: Int, windowSeconds: Int64) {
            self.count = count
            self.windowSeconds = windowSeconds
        }
    }

    /// Breaches, dead letters and faults are grouped by their cause and not by run: when an ERP is away for an hour, the
    /// engineer needs one incident that counts to three hundred and not three hundred incidents.
    package var definition: Definition {
        switch self {
        case .slaBreach: AlertName.target(.sev2, "The {objective} target was missed: {subject}")
        case .slaRisk: AlertName.target(.sev4, "The {objective} target is at risk: {subject}")
        case .deadLetter:
            Definition(
                severity: .sev2, title: "{title} was given up on {connection}: {code}",
                fingerprintFacts: ["connection", "kind", "code"])
        case .erpCircuitOpen:
            Definition(
                severity: .sev2, title: "The ERP behind {connection} does not answer, calls are held back",
                fingerprintFacts: ["connection"])
        case .erpBudgetShort:
            Definition(
                severity: .sev4, title: "The day's requests of {connection} run short: {spent} of {perDay}",
                fingerprintFacts: ["connection"])
        case .erpBudgetSpent:
            Definition(
                severity: .sev2, title: "The day's {perDay} requests of {connection} are used up, its work waits",
                fingerprintFacts: ["connection"])
        case .workerMissing:
            Definition(severity: .sev2, title: "The worker does not answer and work is waiting", fingerprintFacts: [])
        case .queueAge:
            Definition(severity: .sev3, title: "Ready work has waited {age} to be taken", fingerprintFacts: [])
        case .documentUnreadableFlood:
            Definition(
                severity: .sev3, title: "Many documents cannot be read: {code}", fingerprintFacts: ["code"],
                threshold: Threshold(count: 5, windowSeconds: 3600))
        case .databaseRestarted:
            Definition(severity: .sev3, title: "The database was away and is back", fingerprintFacts: [])
        case .runFaulted:
            Definition(
                severity: .sev3, title: "A run of {workflow} ended in an error at {step}: {error}",
                fingerprintFacts: ["workflow", "step", "error"])
        case .rolloutRolledBack:
            Definition(
                severity: .sev3, title: "Version {version} of {workflow} was rolled back: {bars}",
                fingerprintFacts: ["workflow", "version"])
        case .runHeld:
            Definition(severity: .sev2, title: "The run of {subject} is held: {cause}", fingerprintFacts: ["run"])
        case .approvalUnstaffed:
            Definition(
                severity: .sev3, title: "Too few people may sign {subject} as {round}: {amount}", fingerprintFacts: ["round"])
        case .onCallGap:
            Definition(
                severity: .sev3, title: "Nobody was on call in {layer}", fingerprintFacts: ["rota", "layer"],
                reopenWindowSeconds: 24 * 3600)
        case .pageUndelivered:
            Definition(
                severity: .sev3, title: "Pages by {channel} do not arrive: {answer}", fingerprintFacts: ["channel"])
        case .inboundAlert:
            // Its severity is what the other system says.
            Definition(severity: .sev3, title: "{summary}", fingerprintFacts: ["source", "key"])
        case .auditSealLag:
            Definition(severity: .sev3, title: "The audit log is sealed late: {what}", fingerprintFacts: [])
        case .auditSealMismatch:
            Definition(
                severity: .sev1, title: "The audit log is not the one that was sealed, from entry {seq} on: {what}",
                fingerprintFacts: ["seq"], reopenWindowSeconds: 24 * 3600)
        case .sloFastBurn, .sloSlowBurn, .sloBudgetSpent, .contractGap, .heartbeatMissed, .jobSilent, .webhookDisabled: promise
        case .historyUnplaced:
            Definition(
                severity: .sev3, title: "{lines} lines of history were found outside its months", fingerprintFacts: [],
                reopenWindowSeconds: 24 * 3600)
        case .auditSealClock:
            Definition(severity: .sev3, title: "The server's clock is wrong: {what}", fingerprintFacts: [])
        }
    }

    /// Of what looks after promises: error budgets, signs of life, and who is told of events.
    private var promise: Definition {
        switch self {
        case .sloFastBurn:
            AlertName.target(.sev2, "The error budget of {objective} burns {burn} times too fast ({pair})")
        case .sloSlowBurn:
            AlertName.target(.sev4, "The error budget of {objective} will not last: it burns at {burn} ({pair})")
        case .sloBudgetSpent:
            AlertName.target(.sev3, "The error budget of {objective} is spent: {bad} of {n} cases missed the target")
        case .contractGap:
            Definition(
                severity: .sev3, title: "No signed contract governs runs of {workflow} from {from} on",
                fingerprintFacts: ["workflow"], reopenWindowSeconds: 24 * 3600)
        case .jobSilent:
            Definition(
                severity: .sev3, title: "The job {subject} has not reported for {silence}", fingerprintFacts: ["subject"])
        case .webhookDisabled:
            Definition(
                severity: .sev3, title: "The webhook {name} was turned off: {why}", fingerprintFacts: ["webhook"])
        default:
            Definition(
                severity: .sev2, title: "No sign of life of {kind} {subject} for {silence}",
                fingerprintFacts: ["kind", "subject"])
        }
    }

    /// Of a target of service levels: what comes again within half a working day is the same trouble.
    private static func target(_ severity: Severity, _ title: String) -> Definition {
        Definition(severity: severity, title: title, fingerprintFacts: ["objective"], reopenWindowSeconds: 4 * 3600)
    }

    /// The file of its runbook, in the folder of runbooks.
    package var runbookFile: String { rawValue + ".md" }
}

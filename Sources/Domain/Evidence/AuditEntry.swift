package import Kernel

/// One sealed sentence of the log: an actor did something to an object, with the versions and hashes that prove it.
///
/// Written in the transaction it describes. `sequence` is given when the entry is sealed, so it is not among the hashed bytes:
/// the position in the tree proves it.
package struct AuditEntry: Sendable, Equatable {
    /// Version of the envelope; a reader refuses others.
    package static let envelopeVersion = 1
    /// Most bytes of one entry's canonical form; larger facts belong into the object, which is hashed.
    package static let bytesMax = 65_536

    package let id: AuditEntryID
    package let tenant: TenantID
    package let environment: String
    /// When it happened; `recordedAt` is when it was written, never earlier than the transaction's begin.
    package let occurredAt: Moment
    package let recordedAt: Moment
    package let actor: Actor
    /// The person for whom a deputy acted.
    package let onBehalfOf: PersonID?
    /// Dotted verb in the past tense's stead: `approval.decide`, `configuration.apply`.
    package let action: String
    package let object: AuditObject
    package let decision: Decision?
    /// Hex SHA-256 of the object before and after, when the action changed it.
    package let beforeHash: String?
    package let afterHash: String?
    /// What the person wrote.
    package let reason: String?
    package let correlation: Correlation
    /// Whatever else the action records; no personal data beyond ids.
    package let facts: JSONValue

    package enum ActorKind: String, CaseIterable, Sendable { case person, worker, engine, key, system }

    package struct Actor: Sendable, Equatable {
        package let kind: ActorKind
        /// Id of the person or key, name of the worker, lane of the engine.
        package let id: String
        package let session: SessionID?
        package let address: String?
        package let userAgent: String?

        package init(_ kind: ActorKind, id: String, session: SessionID? = nil, address: String? = nil, userAgent: String? = nil) {
            self.kind = kind
            self.id = id
            self.session = session
            self.address = address
            self.userAgent = userAgent
        }
    }

    package struct AuditObject: Sendable, Equatable {
        /// `invoice`, `run`, `approval`, `asset`, `person`, …
        package let type: String
        package let id: String
        /// Hex SHA-256 of the exact version that was shown or changed.
        package let versionHash: String?

        package init(type: String, id: String, versionHash: String? = nil) {
            self.type = type
            self.id = id
            self.versionHash = versionHash
        }
    }

    /// The rule that decided, with its pinned version.
    package struct Decision: Sendable, Equatable {
        package let policy: String
        package let version: String
        package let rule: String
        package let outcome: String

        package init(policy: String, version: String, rule: String, outcome: String) {
            self.policy = policy
            self.version = version
            self.rule = rule
            self.outcome = outcome
        }
    }

    package struct Correlation: Sendable, Equatable {
        package let run: RunID?
        package let task: TaskID?
        package let requestID: String?
        package let traceID: String?

        package init(run: RunID? = nil, task: TaskID? = nil, requestID: String? = nil, traceID: String? = nil) {
            self.run = run
            self.task = task
            self.requestID = requestID
            self.traceID = traceID
        }
    }

    package init(
        id: AuditEntryID, tenant: TenantID, environment: String = "prod", occurredAt: Moment, recordedAt: Moment, actor: Actor,
        onBehalfOf: PersonID? = nil, action: String, object: AuditObject, decision: Decision? = nil, beforeHash: String? = nil,
        afterHash: String? = nil, reason: String? = nil, correlation: Correlation = Correlation(), facts: JSONValue = [:]
    ) {
        self.id = id
        self.tenant = tenant
        self.environment = environment
        self.occurredAt = occurredAt
        self.recordedAt = recordedAt
        self.actor = actor
        self.onBehalfOf = onBehalfOf
        self.action = action
        self.object = object
        self.decision = decision
        self.beforeHash = beforeHash
        self.afterHash = afterHash
        self.reason = reason
        self.correlation = correlation
        self.facts = facts
    }
}

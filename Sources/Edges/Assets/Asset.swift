internal import Kernel
package import Tenancy

/// The kinds of configuration documents; the raw value is what bundles, the server's asset table and addresses say.
package enum AssetKind: String, CaseIterable, Hashable, Sendable {
    case `operator`, partner, tenant, people, brand, connection, contract, calendar
    case onCall = "on-call"
    case workflow, candidate, pattern, policy, connector
    case rollout
    case policyTests = "policy-tests"
    case runbook

    /// Whether its author numbers the versions, because runs, clocks and decisions pin them. The others are settings, of which
    /// the content's hash is the version.
    package var isVersioned: Bool {
        switch self {
        case .contract, .calendar, .workflow, .candidate, .pattern, .policy, .connector: true
        case .operator, .partner, .tenant, .people, .brand, .connection, .onCall, .policyTests, .rollout, .runbook: false
        }
    }

    /// In words, with its article: `a workflow`.
    package var title: String {
        switch self {
        case .operator: "an operator file"
        case .partner: "a partner file"
        case .tenant: "a tenant file"
        case .people: "a people file"
        case .brand: "a brand file"
        case .connection: "a connection"
        case .contract: "a contract"
        case .calendar: "a calendar"
        case .onCall: "an on-call rota"
        case .workflow: "a workflow"
        case .candidate: "a workflow that is tried"
        case .rollout: "a rollout"
        case .pattern: "a pattern of workflows"
        case .policy: "a policy"
        case .connector: "a connector mapping"
        case .policyTests: "a file of policy tests"
        case .runbook: "a runbook"
        }
    }
}

/// What a document became in this project's own types; the rooms of workflows, policies and connectors keep theirs and parse the
/// JSON again where they run it.
package enum AssetContent: Sendable {
    case operatorFile(OperatorDocument)
    case partner(PartnerDocument)
    case tenant(TenantDocument)
    case people(PeopleDocument)
    case brand(BrandDocument)
    case connection(ConnectionDocument)
    case contract(ContractDocument)
    case onCall(OnCallDocument)
    /// Further tests for the policy of that name.
    case policyTests(policy: String)
    /// Judged by the room it belongs to.
    case judged
}

/// One document naming another, by kind and name, seen from its own scope upwards.
package struct AssetReference: Hashable, Sendable {
    package let kind: AssetKind
    package let name: String
    /// Where the name stands in the document.
    package let pointer: String

    package init(_ kind: AssetKind, _ name: String, at pointer: String) {
        self.kind = kind
        self.name = name
        self.pointer = pointer
    }
}

/// What a parser found besides problems: the content, and what the document relies on.
package struct AssetReading: Sendable {
    package let content: AssetContent
    package let references: [AssetReference]
    /// Roles of the operator's file that are named, with the place.
    package let roles: [(name: String, pointer: String)]
    /// Secrets that a connector mapping asks a connection for.
    package let secrets: [String]
    /// What else a connector mapping wants to know of a connection: name and description.
    package let settings: [(name: String, title: String)]
    /// Further addresses that a connector mapping asks a connection for.
    package let endpoints: [String]
    /// Recorded exchanges that a connector mapping names.
    package let samples: [String]
    /// Connections that a workflow needs its tenant to have.
    package let connections: [String]
    /// Clocks that a workflow moves.
    package let objectives: [String]
    /// Workflows that a workflow runs inside itself, each with its version and the place.
    package let inner: [(name: String, version: String, pointer: String)]

    package init(
        _ content: AssetContent, references: [AssetReference] = [], roles: [(name: String, pointer: String)] = [],
        secrets: [String] = [], settings: [(name: String, title: String)] = [], endpoints: [String] = [], samples: [String] = [],
        connections: [String] = [], objectives: [String] = [],
        inner: [(name: String, version: String, pointer: String)] = []
    ) {
        self.inner = inner
        self.settings = settings
        self.endpoints = endpoints
        self.samples = samples
        self.content = content
        self.references = references
        self.roles = roles
        self.secrets = secrets
        self.connections = connections
        self.objectives = objectives
    }
}

/// A configuration document in its place.
package struct Asset: Sendable {
    package let kind: AssetKind
    package let scope: Scope
    package let name: String
    package let document: AssetDocument
    /// Nil when the document has errors; it still exists, so that what names it is not wrong as well.
    package let reading: AssetReading?

    package init(kind: AssetKind, scope: Scope, name: String, document: AssetDocument, reading: AssetReading?) {
        self.kind = kind
        self.scope = scope
        self.name = name
        self.document = document
        self.reading = reading
    }

    package var content: AssetContent? { reading?.content }

    /// What its author numbered it; nil for settings.
    package var authoredVersion: String? { kind.isVersioned ? document.json["version"]?.string : nil }
}

internal import Kernel
internal import ServiceLevels
internal import Tenancy

/// Which parser judges which kind; the one place where the rooms of workflows, policies, connectors and service levels are wired in.
enum AssetKinds {
    /// Parses a document of `kind`; nil when it cannot be used. Every problem becomes an issue.
    static func read(_ kind: AssetKind, _ json: JSONValue, scope: Scope, issues: inout [AssetIssue]) -> AssetReading? {
        switch kind {
        case .operator: OperatorDocument.parse(json, issues: &issues).map { AssetReading(.operatorFile($0)) }
        case .partner: PartnerDocument.parse(json, issues: &issues).map { AssetReading(.partner($0)) }
        case .tenant: TenantDocument.parse(json, issues: &issues).map(reading)
        case .people: PeopleDocument.parse(json, scope: scope, issues: &issues).map { AssetReading(.people($0)) }
        case .brand: BrandDocument.parse(json, issues: &issues).map { AssetReading(.brand($0)) }
        case .connection: ConnectionDocument.parse(json, issues: &issues).map(reading)
        case .contract: readContract(json, issues: &issues)
        case .onCall: OnCallDocument.parse(json, issues: &issues).map { AssetReading(.onCall($0)) }
        case .calendar: ServiceCalendar.parse(json, issues: &issues).map { _ in AssetReading(.judged) }
        case .workflow: AssetReading(.judged)
        case .policy: AssetReading(.judged)
        case .connector: AssetReading(.judged)
        case .policyTests: AssetReading(.judged)
        case .runbook: AssetReading(.judged)
        }
    }

    private static func reading(of tenant: TenantDocument) -> AssetReading {
        AssetReading(
            .tenant(tenant), references: tenant.workflows.map { AssetReference(.workflow, $0.value, at: "/workflows/\($0.key.rawValue)") })
    }

    private static func reading(of connection: ConnectionDocument) -> AssetReading {
        AssetReading(.connection(connection), references: [AssetReference(.connector, connection.connector, at: "/connector")])
    }

    /// A contract is judged twice: its form here, its promises by the room that runs the clocks.
    private static func readContract(_ json: JSONValue, issues: inout [AssetIssue]) -> AssetReading? {
        guard let contract = ContractDocument.parse(json, issues: &issues) else { return nil }
        for (index, entry) in (json["objectives"]?.array ?? []).enumerated() {
            guard var promise = entry.object else { continue }
            promise["title"] = nil
            _ = SLAObjective.parse(.object(promise), at: "/objectives/\(index)", issues: &issues)
        }
        return AssetReading(.contract(contract), references: [AssetReference(.calendar, contract.calendar, at: "/calendar")])
    }

    /// The name under which the document is known, and an issue when file and document disagree about it.
    static func name(of kind: AssetKind, _ json: JSONValue, fileName: String, scope: Scope, issues: inout [AssetIssue]) -> String {
        switch kind {
        case .operator:
            return json["slug"]?.string ?? "operator"
        case .partner, .tenant:
            agree(json, "slug", scope.slug, "folder", issues: &issues)
            return scope.slug
        case .people, .brand:
            return kind.rawValue
        case .connection, .contract, .calendar, .onCall, .workflow, .policy, .connector, .policyTests, .runbook:
            let stem = String(fileName.prefix { $0 != "." })
            agree(json, "name", stem, "file", issues: &issues)
            return stem
        }
    }

    private static func agree(_ json: JSONValue, _ member: String, _ expected: String, _ place: String, issues: inout [AssetIssue]) {
        guard json.object != nil else { return }
        guard let written = json[member]?.string else {
            if !issues.contains(where: { $0.message.contains("`\(member)`") || $0.pointer == "/\(member)" || $0.message.hasPrefix("\(member) ") }) {
                issues.append(AssetIssue("", "`\(member)` is missing.", remedy: "Add `\(member): \(expected)`, as the \(place) is called."))
            }
            return
        }
        if !sameBytes(written, expected) {
            issues.append(
                AssetIssue(
                    "/\(member)", "The \(place) is called `\(expected)` and the document `\(written.prefix(60))`.",
                    remedy: "Give both the same name."))
        }
    }
}

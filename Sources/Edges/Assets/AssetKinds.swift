internal import Connectors
internal import Kernel
internal import Policies
internal import ServiceLevels
internal import Tenancy
internal import Workflows

/// Which parser judges which kind: the one place where workflows, policies, connectors and service levels are wired in.
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
        case .workflow, .candidate: readWorkflow(json, issues: &issues)
        case .rollout: readRollout(json, issues: &issues)
        case .pattern: WorkflowPattern.parse(json, issues: &issues).map { _ in AssetReading(.judged) }
        case .policy: readPolicy(json, issues: &issues)
        case .connector: ConnectorMapping.parse(json, issues: &issues).map(reading)
        case .policyTests: readTests(json, issues: &issues)
        case .runbook: AssetReading(.judged)
        }
    }

    private static func reading(of tenant: TenantDocument) -> AssetReading {
        AssetReading(
            .tenant(tenant),
            references: tenant.workflows.map { AssetReference(.workflow, $0.value, at: "/workflows/\($0.key.rawValue)") })
    }

    private static func reading(of connection: ConnectionDocument) -> AssetReading {
        AssetReading(.connection(connection), references: [AssetReference(.connector, connection.connector, at: "/connector")])
    }

    private static func reading(of mapping: ConnectorMapping) -> AssetReading {
        AssetReading(
            .judged, secrets: mapping.secretNames, settings: mapping.settingNames, endpoints: mapping.endpointNames,
            samples: mapping.sampleNames)
    }

    /// The data that its expressions see is checked when the definition itself can be read.
    private static func readWorkflow(_ json: JSONValue, issues: inout [AssetIssue]) -> AssetReading? {
        let before = issues.count
        guard let workflow = WorkflowDefinition.parse(json, issues: &issues) else { return nil }
        if issues[before...].allSatisfy({ $0.severity != .error }) { issues += DataTypes.issues(in: json) }
        return reading(of: workflow, json)
    }

    private static func readRollout(_ json: JSONValue, issues: inout [AssetIssue]) -> AssetReading? {
        Rollout.parse(json, issues: &issues).map { rollout in
            AssetReading(
                .judged,
                references: [
                    AssetReference(.workflow, rollout.name, at: "/name"),
                    AssetReference(.candidate, rollout.name, at: "/candidate"),
                ])
        }
    }

    private static func reading(of workflow: WorkflowDefinition, _ json: JSONValue) -> AssetReading {
        AssetReading(
            .judged,
            references: workflow.policies.map {
                AssetReference(.policy, $0, at: json.pointer(to: $0, named: ["policy", "duties"]))
            },
            roles: workflow.roles.map { ($0, json.pointer(to: $0, named: ["role"])) }, connections: workflow.connections,
            objectives: workflow.objectives,
            inner: workflow.workflows.map { reference in
                let place = json.pointer(toRun: { value in
                    value["name"]?.string == reference.name && value["version"]?.string == reference.version
                })
                return (reference.name, reference.version, place)
            })
    }

    /// A contract is judged twice: its form here, its promises by the room that runs the clocks.
    private static func readContract(_ json: JSONValue, issues: inout [AssetIssue]) -> AssetReading? {
        guard let contract = ContractDocument.parse(json, issues: &issues) else { return nil }
        for (index, entry) in (json["objectives"]?.array ?? []).enumerated() {
            guard var promise = entry.object else { continue }
            // What no workflow starts was judged with its form.
            if index < contract.objectives.count, contract.objectives[index].measures != .runClock { continue }
            promise["title"] = nil
            promise["cutOff"] = nil
            if var maintenance = promise["maintenance"]?.object {
                maintenance[ContractDocument.capMember] = nil
                promise["maintenance"] = .object(maintenance)
            }
            _ = SLAObjective.parse(.object(promise), at: "/objectives/\(index)", issues: &issues)
        }
        let workflow = contract.workflow.map { AssetReference(.workflow, $0, at: "/workflow") }
        return AssetReading(
            .contract(contract),
            references: [AssetReference(.calendar, contract.calendar, at: "/calendar")] + [workflow].compactMap(\.self))
    }

    /// Parses a policy and runs the tests it brings along.
    private static func readPolicy(_ json: JSONValue, issues: inout [AssetIssue]) -> AssetReading? {
        let before = issues.count
        guard let policy = Policy.parse(json, issues: &issues) else { return nil }
        if policy.kind == .guardrails, issues[before...].allSatisfy({ $0.severity != .error }) {
            issues += GuardrailCheck.typeIssues(in: json)
        }
        if issues[before...].allSatisfy({ $0.severity != .error }) { issues += policy.runTests() }
        var roles: [(name: String, pointer: String)] = []
        func collect(_ row: JSONValue?, at pointer: String) {
            for (index, step) in (row?["steps"]?.array ?? []).enumerated() {
                if let role = step["role"]?.string { roles.append((role, "\(pointer)/steps/\(index)/role")) }
            }
        }
        if policy.kind == .approvalMatrix {
            for (index, row) in (json["rows"]?.array ?? []).enumerated() { collect(row, at: "/rows/\(index)") }
            collect(json["otherwise"], at: "/otherwise")
        }
        for (index, rule) in (policy.kind == .guardrails ? json["rules"]?.array ?? [] : []).enumerated() {
            if let role = rule["role"]?.string { roles.append((role, "/rules/\(index)/role")) }
        }
        return AssetReading(.judged, roles: roles)
    }

    private static func readTests(_ json: JSONValue, issues: inout [AssetIssue]) -> AssetReading? {
        guard PolicyShapes.tests.check(json, issues: &issues), let policy = json["policy"]?.string else { return nil }
        return AssetReading(.policyTests(policy: policy), references: [AssetReference(.policy, policy, at: "/policy")])
    }

    /// Runs the tests of one file against a policy of another; pointers are into the file of tests.
    static func run(tests: JSONValue, against policy: JSONValue) -> [AssetIssue] {
        guard case .object(var members) = policy else { return [] }
        members["tests"] = tests["tests"]
        var issues: [AssetIssue] = []
        guard let policy = Policy.parse(.object(members), issues: &issues) else { return [] }
        return issues.filter { $0.pointer.hasPrefix("/tests") } + policy.runTests()
    }

    /// The name under which the document is known, and an issue when file and document disagree about it.
    static func name(of kind: AssetKind, _ json: JSONValue, fileName: String, scope: Scope, issues: inout [AssetIssue]) -> String
    {
        switch kind {
        case .operator:
            return json["slug"]?.string ?? "operator"
        case .partner, .tenant:
            agree(json, "slug", scope.slug, "folder", issues: &issues)
            return scope.slug
        case .people, .brand:
            return kind.rawValue
        case .pattern where fileName.contains("@"):
            // Two versions of a pattern may stand side by side; then each file says which it holds.
            let stem = String(fileName.dropLast(".yaml".count))
            if let version = json["version"]?.string, stem != "\(json["name"]?.string ?? "")@\(version)" {
                issues.append(
                    AssetIssue(
                        "/version", "The file is called `\(stem)` and holds another name or version.",
                        remedy: "Name it `<name>@<version>.yaml`."))
            }
            return stem
        case .connection, .contract, .calendar, .onCall, .workflow, .candidate, .pattern, .policy, .connector, .policyTests,
            .rollout,
            .runbook:
            let stem = String(fileName.prefix { $0 != "." })
            agree(json, "name", stem, "file", issues: &issues)
            return stem
        }
    }

    private static func agree(
        _ json: JSONValue, _ member: String, _ expected: String, _ place: String, issues: inout [AssetIssue]
    ) {
        guard json.object != nil else { return }
        guard let written = json[member]?.string else {
            if !issues.contains(where: {
                $0.message.contains("`\(member)`") || $0.pointer == "/\(member)" || $0.message.hasPrefix("\(member) ")
            }) {
                issues.append(
                    AssetIssue("", "`\(member)` is missing.", remedy: "Add `\(member): \(expected)`, as the \(place) is called."))
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

extension JSONValue {
    /// The first place, in reading order, of a `workflow` inside a `run` that is as asked; empty when there is none.
    fileprivate func pointer(at pointer: String = "", toRun fits: (JSONValue) -> Bool) -> String {
        func search(_ value: JSONValue, _ pointer: String) -> String? {
            switch value {
            case .object(let object):
                if let inner = object["run"]?["workflow"], fits(inner) { return pointer + "/run/workflow" }
                for (key, inner) in object {
                    if let found = search(inner, pointer + "/" + AssetIssue.token(key)) { return found }
                }
            case .array(let items):
                for (index, inner) in items.enumerated() { if let found = search(inner, "\(pointer)/\(index)") { return found } }
            case .null, .bool, .number, .string: break
            }
            return nil
        }
        return search(self, pointer) ?? ""
    }

    /// The first place, in reading order, where a member of one of these names holds that text; empty when there is none.
    fileprivate func pointer(to text: String, named names: [String], at pointer: String = "") -> String {
        func search(_ value: JSONValue, _ pointer: String) -> String? {
            switch value {
            case .object(let object):
                for (key, inner) in object {
                    let place = pointer + "/" + AssetIssue.token(key)
                    if names.contains(key), inner.string.map({ sameBytes($0, text) }) ?? false { return place }
                    if let found = search(inner, place) { return found }
                }
            case .array(let items):
                for (index, inner) in items.enumerated() { if let found = search(inner, "\(pointer)/\(index)") { return found } }
            case .null, .bool, .number, .string: break
            }
            return nil
        }
        return search(self, pointer) ?? ""
    }
}

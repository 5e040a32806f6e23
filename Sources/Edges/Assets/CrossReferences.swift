internal import Expressions
internal import Kernel
internal import ServiceLevels
internal import Tenancy
internal import Workflows

/// What no single file can know: that names lead somewhere, that people's roles fit, that promises do not overlap.
struct CrossReferences {
    private let tree: ConfigurationTree
    private let roles: [String: Role]

    init(_ tree: ConfigurationTree) {
        self.tree = tree
        roles = Dictionary((tree.operatorFile?.roles ?? []).map { ($0.name, $0) }) { first, _ in first }
    }

    func issues() -> [LocatedIssue] {
        var found: [LocatedIssue] = []
        for asset in tree.assets {
            for reference in asset.reading?.references ?? [] { found += check(reference, of: asset) }
            for role in asset.reading?.roles ?? [] { found += check(role: role.name, at: role.pointer, of: asset) }
            switch asset.content {
            case .tenant(let tenant): found += check(tenant, asset)
            case .people(let people): found += check(people, asset)
            case .connection(let connection): found += check(connection, asset)
            case .onCall(let rota): found += check(rota, asset)
            case .brand(let brand): found += check(brand, asset)
            case .policyTests(let policy): found += run(testsOf: policy, asset)
            case .operatorFile, .partner, .contract, .judged, nil: break
            }
        }
        return found + slugs() + emails() + contracts() + data() + InnerWorkflows(tree).issues() + RolloutCheck(tree).issues()
            + ScheduleCheck(tree).issues() + GuardrailCheck(tree).issues() + CutOffCheck(tree).issues()
    }

    /// The expressions of the workflows that tenants use, against what their runs are started with.
    private func data() -> [LocatedIssue] {
        var found: [LocatedIssue] = []
        for asset in tree.assets {
            guard case .tenant(let tenant) = asset.content else { continue }
            // What is tried is started with the same data as what is live.
            let used = tenant.workflows.flatMap { kind, name in [AssetKind.workflow, .candidate].map { (kind, name, $0) } }
            for (kind, name, sort) in used {
                guard let workflow = tree.visible(sort, name, from: asset.scope), workflow.reading != nil else { continue }
                let issues = DataTypes.issues(
                    in: workflow.document.json, input: CanonicalTypes.inputs[kind.rawValue] ?? .dyn
                ) { tree.visible(.policy, $0, from: asset.scope)?.document.json }
                // What is wrong whatever the run is started with was told when the file was read; tenants share workflows.
                let known = Set(DataTypes.issues(in: workflow.document.json))
                let fresh = issues.filter { !known.contains($0) }.map(workflow.document.located)
                for issue in fresh where !found.contains(issue) { found.append(issue) }
            }
        }
        return found
    }

    private func check(_ reference: AssetReference, of asset: Asset) -> [LocatedIssue] {
        guard tree.visible(reference.kind, reference.name, from: asset.scope) == nil else { return [] }
        let near = nearestName(to: reference.name, among: tree.visibleNames(reference.kind, from: asset.scope))
        return [
            issue(
                asset, reference.pointer, "There is no \(reference.kind.rawValue) `\(reference.name)` for \(asset.scope).",
                near.map { "Did you mean `\($0)`?" } ?? place(for: reference.kind, named: reference.name))
        ]
    }

    private func place(for kind: AssetKind, named name: String) -> String {
        switch kind {
        case .workflow: "Write operator/library/workflows/\(name).yaml, or one of the tenant's own."
        case .pattern: "Write operator/library/patterns/\(name).yaml."
        case .candidate: "Write operator/library/candidates/\(name).yaml: the workflow as it shall become."
        case .policy: "Write operator/library/policies/\(name).yaml, or one of the tenant's own."
        case .connector: "Write operator/library/connectors/\(name).yaml."
        case .calendar: "Write operator/calendars/\(name).yaml."
        case .partner: "Make the folder partners/\(name)."
        case .operator, .tenant, .people, .brand, .connection, .contract, .onCall, .policyTests, .rollout,
            .runbook:
            "Add it, or correct the name."
        }
    }

    private func check(role: String, at pointer: String, of asset: Asset) -> [LocatedIssue] {
        guard tree.operatorFile != nil, roles[role] == nil else { return [] }
        return [unknownRole(role, pointer, asset)]
    }

    private func unknownRole(_ role: String, _ pointer: String, _ asset: Asset) -> LocatedIssue {
        let near = nearestName(to: role, among: roles.keys.sorted())
        return issue(
            asset, pointer, "There is no role `\(role)`.",
            near.map { "Did you mean `\($0)`?" }
                ?? "Roles are defined in operator/operator.yaml: \(roles.keys.sorted().joined(separator: ", ")).")
    }

    private func check(_ tenant: TenantDocument, _ asset: Asset) -> [LocatedIssue] {
        var found: [LocatedIssue] = []
        if !tree.assets.contains(where: { $0.kind == .partner && $0.name == tenant.partner }) {
            found += check(AssetReference(.partner, tenant.partner, at: "/partner"), of: asset)
        }
        let connections = tree.assets.filter { $0.kind == .connection && $0.scope == asset.scope }.map(\.name)
        for (index, entity) in tenant.entities.enumerated() where !connections.contains(entity.connection) {
            let isWritten = asset.document.json["entities"]?[index]?["connection"] != nil
            found.append(
                issue(
                    asset, "/entities/\(index)" + (isWritten ? "/connection" : ""),
                    "The entity \(entity.code) posts through the connection `\(entity.connection)`, which does not exist.",
                    nearestName(to: entity.connection, among: connections).map { "Did you mean `\($0)`?" }
                        ?? "Write connections/\(entity.connection).yaml."))
        }
        for (kind, name) in tenant.workflows {
            found += check(workflow: name, at: "/workflows/\(kind.rawValue)", of: tenant, asset)
        }
        return found
    }

    /// What a workflow takes for granted: the tenant's connections, and a promise for every clock it moves.
    private func check(workflow name: String, at pointer: String, of tenant: TenantDocument, _ asset: Asset) -> [LocatedIssue] {
        // What runs inside a workflow takes it for granted as well.
        let readings = InnerWorkflows(tree).all(name, from: asset.scope).compactMap(\.reading)
        let own = tree.assets.filter { $0.scope == asset.scope }
        let known = own.filter { $0.kind == .connection }.map(\.name) + tenant.entities.map(\.connection)
        var found = Set(readings.flatMap(\.connections)).sorted().filter { !known.contains($0) }.map { needed in
            issue(asset, pointer, "The workflow `\(name)` needs a connection `\(needed)`.", "Write connections/\(needed).yaml.")
        }
        // A contract that cannot be read may promise anything.
        guard own.allSatisfy({ $0.kind != .contract || $0.reading != nil }) else { return found }
        let promised = Set(tree.contracts(of: asset.scope).flatMap { $0.contract.objectives.map(\.name) })
        for clock in Set(readings.flatMap(\.objectives)).sorted() where !promised.contains(clock) {
            let gap = AssetIssue(
                pointer, "No contract of the tenant promises anything for the clock `\(clock)`.",
                remedy: "Add an objective of that name to a contract.", severity: .warning)
            found.append(asset.document.located(gap))
        }
        return found
    }

    private func check(_ connection: ConnectionDocument, _ asset: Asset) -> [LocatedIssue] {
        guard let mapping = tree.visible(.connector, connection.connector, from: asset.scope), let reading = mapping.reading
        else { return [] }
        func place(_ member: String) -> String { asset.document.json[member] == nil ? "" : "/\(member)" }
        let connector = connection.connector
        return reading.secrets.filter { connection.secrets[$0] == nil }.map { purpose in
            issue(
                asset, place("secrets"), "The mapping \(connector) needs a secret for `\(purpose)`.",
                "Add `\(purpose): <name of the secret>` to `secrets`.")
        }
            + reading.settings.filter { !connection.settings.contains($0.name) }.map { setting in
                issue(
                    asset, place("settings"), "The mapping \(connector) wants to know `\(setting.name)`: \(setting.title).",
                    "Add `\(setting.name): …` to `settings`.")
            }
            + reading.endpoints.filter { connection.endpoints[$0] == nil }.map { name in
                issue(
                    asset, place("endpoints"), "The mapping \(connector) needs an address for `\(name)`.",
                    "Add `\(name): https://…` to `endpoints`.")
            }
    }

    private func run(testsOf policy: String, _ asset: Asset) -> [LocatedIssue] {
        guard let tested = tree.visible(.policy, policy, from: asset.scope), tested.reading != nil else { return [] }
        return AssetKinds.run(tests: asset.document.json, against: tested.document.json).map(asset.document.located)
    }

    private func check(_ rota: OnCallDocument, _ asset: Asset) -> [LocatedIssue] {
        guard let people = tree.people(of: .operator)?.people.map(\.slug) else { return [] }
        let json = asset.document.json
        func named(_ item: JSONValue?, _ pointer: String) -> [(String, String)] {
            (item?["people"]?.array ?? []).enumerated().map { ("\(pointer)/people/\($0.offset)", $0.element.string ?? "") }
                + (item?["turns"]?.array ?? []).enumerated().flatMap { named($0.element, "\(pointer)/turns/\($0.offset)") }
        }
        var places = named(json, "")
        for (index, layer) in (json["layers"]?.array ?? []).enumerated() { places += named(layer, "/layers/\(index)") }
        for (index, item) in rota.overrides.enumerated() { places.append(("/overrides/\(index)/person", item.person)) }
        for (index, item) in (json["digests"]?.array ?? []).enumerated() { places += named(item, "/digests/\(index)") }
        places.append(("/dutyManager", rota.dutyManager))
        let unknown = places.filter { !people.contains($0.1) }.map { pointer, slug in
            issue(
                asset, pointer, "The operator's people file has no `\(slug)`.",
                nearestName(to: slug, among: people).map { "Did you mean `\($0)`?" } ?? "Add the person to operator/people.yaml.")
        }
        return unknown.isEmpty ? gaps(of: rota, asset) : unknown
    }

    /// Hours without anybody are told, for then the duty manager is called at once.
    private func gaps(of rota: OnCallDocument, _ asset: Asset) -> [LocatedIssue] {
        // A rota begins at its first turn; what comes before is nobody's fault.
        guard let zone = try? ZoneRules.load(rota.timeZone),  // its shape has checked the name
            let start = rota.layers[0].turns.map(\.start).min()
        else { return [] }
        let from = zone.instant(of: start.adding(days: 1), secondOfDay: 0)
        let coverage = RotaCoverage(
            of: rota.layers.indices.map { rota.rota(ofLayer: $0, zone: zone) }, from: from, weeks: OnCallDocument.coverageWeeks)
        guard let gap = coverage.gaps.first else { return [] }
        let words =
            "Nobody is on call in \(coverage.gaps.count) stretches of \(OnCallDocument.coverageWeeks) weeks, "
            + "\(coverage.gapSeconds / 3600) hours together; the first begins \(Moment(seconds: gap.start))."
        return [
            asset.document.located(
                AssetIssue(
                    "/people", words, remedy: "Add a turn for those hours; without one the duty manager is called at once.",
                    severity: .warning))
        ]
    }

    /// What stands between a brand and people, over what the levels above set.
    private func check(_ brand: BrandDocument, _ asset: Asset) -> [LocatedIssue] {
        var above: [(scope: Scope, brand: BrandDocument)] = []
        var (names, level): ([String], Scope?) = (["operator"], asset.scope.parent)
        while let here = level {
            names.append(here.path)
            for other in tree.assets where other.scope == here {
                if case .brand(let upper)? = other.content { above.append((here, upper)) }
            }
            level = here.parent
        }
        let others = tree.partners.filter { asset.scope.path != "partner/\($0.slug)" && !names.contains("partner/\($0.slug)") }
        let house = asset.scope == .operator ? [] : tree.operatorFile.map { [$0.name] } ?? []
        return BrandCheck.issues(brand, of: asset.scope, above: above, others: others.map(\.name) + house).map {
            asset.document.located($0)
        }
    }
}

// MARK: People

extension CrossReferences {
    private func check(_ people: PeopleDocument, _ asset: Asset) -> [LocatedIssue] {
        guard tree.operatorFile != nil else { return [] }
        let resolved = people.resolvingTenants { slug in tree.tenants.first { $0.slug == slug }?.partner }
        var found: [LocatedIssue] = []
        for (index, person) in people.people.enumerated() {
            for (place, grant) in person.grants.enumerated() {
                found += check(grant, at: "/people/\(index)/roles/\(place)", asset)
            }
            let authority = Authority(
                person: PersonID(high: 0, low: 0), grants: resolved.people[index].grants, roles: Array(roles.values))
            for clash in authority.staticConflicts() {
                found.append(
                    issue(
                        asset, "/people/\(index)/roles",
                        "The roles `\(clash.first.role)` and `\(clash.second.role)` must not meet in one person "
                            + "(\(clash.conflict.rule)).",
                        "\(clash.conflict.reason) Give one of them to someone else."))
            }
        }
        return found
    }

    private func check(_ grant: Grant, at pointer: String, _ asset: Asset) -> [LocatedIssue] {
        let isPlain = pointerIsText(pointer, asset)
        let rolePointer = isPlain ? pointer : pointer + "/role"
        guard let role = roles[grant.role] else { return [unknownRole(grant.role, rolePointer, asset)] }
        var found: [LocatedIssue] = []
        if grant.scope.level != role.level {
            let remedy =
                if role.level == .tenant, asset.scope.level != .tenant {
                    "Grant it on a tenant, with an end: `{role: \(role.name), tenant: …, until: …}`."
                } else {
                    "Use a role of level `\(grant.scope.level.rawValue)`."
                }
            found.append(
                issue(
                    asset, rolePointer,
                    "`\(role.name)` is a role of the \(role.level.rawValue), not of the \(grant.scope.level.rawValue).", remedy))
        }
        if case .tenant(let slug, "") = grant.scope, asset.scope.level != .tenant {
            found += check(visit: grant, to: slug, at: pointer, asset)
        } else if case .tenant = asset.scope, asset.document.json.at(pointer)?["tenant"] != nil {
            found.append(
                issue(asset, pointer + "/tenant", "A tenant's people hold roles in that tenant only.", "Remove `tenant`."))
        }
        found += entities(of: grant, at: pointer, asset)
        return found
    }

    /// Someone of the operator or a partner with a role in a tenant: a visit, so it has an end.
    private func check(visit grant: Grant, to slug: String, at pointer: String, _ asset: Asset) -> [LocatedIssue] {
        var found: [LocatedIssue] = []
        if grant.until == nil {
            found.append(
                issue(
                    asset, pointer, "A role in a tenant for the \(asset.scope.level.rawValue)'s people needs an end.",
                    "Add `until: 2026-12-31T00:00:00Z`; the tenant sees the grant and its end."))
        }
        guard let tenant = tree.tenants.first(where: { $0.slug == slug }) else {
            if tree.assets.contains(where: { $0.kind == .tenant && $0.name == slug }) { return found }
            let near = nearestName(to: slug, among: tree.tenants.map(\.slug))
            found.append(
                issue(
                    asset, pointer + "/tenant", "There is no tenant `\(slug)`.",
                    near.map { "Did you mean `\($0)`?" } ?? "Correct the name."))
            return found
        }
        if case .partner(let partner) = asset.scope, tenant.partner != partner {
            found.append(
                issue(
                    asset, pointer + "/tenant", "There is no tenant `\(slug)` of this partner.",
                    "Name one of the partner's own tenants."))
        }
        return found
    }

    private func entities(of grant: Grant, at pointer: String, _ asset: Asset) -> [LocatedIssue] {
        guard case .tenant(let slug, _) = grant.scope, let tenant = tree.tenants.first(where: { $0.slug == slug }) else {
            return []
        }
        let known = tenant.entities.map(\.code)
        let written = asset.document.json.at(pointer)?["entities"]?.array ?? []
        return written.enumerated().compactMap { index, code in
            guard let code = code.string, !known.contains(code) else { return nil }
            return issue(
                asset, "\(pointer)/entities/\(index)", "The tenant has no entity `\(code)`.",
                nearestName(to: code, among: known).map { "Did you mean `\($0)`?" }
                    ?? "Its entities are \(known.joined(separator: ", ")).")
        }
    }

    private func pointerIsText(_ pointer: String, _ asset: Asset) -> Bool { asset.document.json.at(pointer)?.string != nil }

    /// Sign-in knows a person by the address, so it has to be one person's over all files.
    private func emails() -> [LocatedIssue] {
        var seen: [String: Asset] = [:]
        var found: [LocatedIssue] = []
        for asset in tree.assets {
            guard case .people(let people)? = asset.content else { continue }
            for (index, person) in people.people.enumerated() {
                if let other = seen[person.email] {
                    found.append(
                        issue(
                            asset, "/people/\(index)/email",
                            "The address `\(person.email)` is also used in \(other.document.path).",
                            "Give every person an address of their own."))
                } else {
                    seen[person.email] = asset
                }
            }
        }
        return found
    }
}

// MARK: Names and promises

extension CrossReferences {
    private func slugs() -> [LocatedIssue] {
        var seen: [String: Asset] = [:]
        var found: [LocatedIssue] = []
        for asset in tree.assets where [.operator, .partner, .tenant].contains(asset.kind) {
            if let other = seen[asset.name] {
                found.append(
                    issue(
                        asset, "/slug", "The short name `\(asset.name)` is also used by \(other.document.path).",
                        "Operator, partners and tenants share one list of names; rename one of the two."))
            } else {
                seen[asset.name] = asset
            }
        }
        return found
    }

    /// Two contracts of a tenant that promise the same at the same time leave nobody able to say which one holds.
    private func contracts() -> [LocatedIssue] {
        var found: [LocatedIssue] = []
        for tenant in tree.tenants {
            let contracts = tree.contracts(of: tenant.scope)
            for (index, later) in contracts.enumerated() {
                for earlier in contracts[..<index]
                where earlier.contract.overlaps(later.contract) && earlier.contract.workflow == later.contract.workflow {
                    let shared = later.contract.objectives.enumerated().first { entry in
                        earlier.contract.objectives.contains { $0.name == entry.element.name }
                    }
                    guard let shared else {
                        found.append(
                            issue(
                                later.asset, "/effectiveFrom",
                                "`\(earlier.contract.name)` is in force for the same runs at the same time.",
                                "End one contract (`effectiveTo`) where the other begins, or give each its `workflow`."))
                        continue
                    }
                    found.append(
                        issue(
                            later.asset, "/objectives/\(shared.offset)/name",
                            "`\(shared.element.name)` is also promised by `\(earlier.contract.name)` at the same time.",
                            "End one contract (`effectiveTo`) where the other begins."))
                }
            }
        }
        return found
    }

    private func issue(_ asset: Asset, _ pointer: String, _ message: String, _ remedy: String) -> LocatedIssue {
        asset.document.located(AssetIssue(pointer, message, remedy: remedy))
    }
}

extension JSONValue {
    /// The value at an RFC 6901 pointer made of plain names and indices.
    func at(_ pointer: String) -> JSONValue? {
        var value = self
        for part in pointer.split(separator: "/").map(String.init) {
            guard let next = value[part] ?? Int(part).flatMap({ value[$0] }) else { return nil }
            value = next
        }
        return value
    }
}

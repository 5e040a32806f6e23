package import Kernel

/// What one natural person may do: the grants they hold, over the roles as they stand.
///
/// Default deny. A grant reaches down the hierarchy (operator, partner, tenant), except for what a tenant's documents say: that
/// takes a grant on the tenant itself, which the tenant can see.
package struct Authority: Sendable {
    package let person: PersonID
    package let grants: [Grant]
    /// What an API key is limited to: nothing holds at another tenant. Empty for no limit.
    private let tenants: Set<String>
    private let roles: [String: Role]

    package init(person: PersonID, grants: [Grant], roles: [Role], onlyAt tenants: Set<String> = []) {
        self.person = person
        self.grants = grants
        self.tenants = tenants
        self.roles = Dictionary(roles.map { ($0.name, $0) }) { first, _ in first }
    }

    /// The answer with its reason, for pages, problem details and the audit log.
    package struct Verdict: Sendable, Equatable {
        package let isAllowed: Bool
        /// The grant that allowed it.
        package let grant: Grant?
        /// One sentence; names no grant of somebody else.
        package let explanation: String
    }

    /// Whether `permission` holds at `scope` (for `entity`, when the object belongs to one) at `now`.
    package func verdict(_ permission: Permission, in scope: Scope, entity: String? = nil, at now: Moment) -> Verdict {
        guard isOpen(scope) else {
            return Verdict(isAllowed: false, grant: nil, explanation: "This API key is limited to other tenants.")
        }
        var nearMiss: String?
        for finding in findings(permission, in: scope, entity: entity, at: now) {
            switch finding.standing {
            case .gives: return Verdict(isAllowed: true, grant: finding.grant, explanation: finding.explanation)
            case .falls: nearMiss = nearMiss ?? finding.explanation
            case .other: continue
            }
        }
        return Verdict(
            isAllowed: false, grant: nil, explanation: nearMiss ?? "No role of yours includes: \(permission.title.lowercased()).")
    }

    /// What one grant says about a question.
    package struct Finding: Sendable, Equatable {
        package enum Standing: String, Sendable {
            /// It gives the permission here and now.
            case gives
            /// Its role includes the permission, and a condition is in the way.
            case falls
            /// It is about something else, or somewhere else.
            case other
        }

        package let grant: Grant
        package let standing: Standing
        /// One sentence.
        package let explanation: String
    }

    /// What each grant says about `permission` at `scope`; the same rules as `verdict`, with nothing left out.
    package func findings(_ permission: Permission, in scope: Scope, entity: String? = nil, at now: Moment) -> [Finding] {
        grants.map { grant in
            let (standing, sentence) = finding(grant, permission, scope, entity, now)
            return Finding(grant: grant, standing: standing, explanation: sentence)
        }
    }

    private func finding(
        _ grant: Grant, _ permission: Permission, _ scope: Scope, _ entity: String?, _ now: Moment
    ) -> (Finding.Standing, String) {
        guard let role = roles[grant.role] else { return (.other, "The role \(grant.role) does not exist any more.") }
        guard role.permissions.contains(permission) else {
            return (.other, "The role \(role.title) at \(grant.scope) does not include it.")
        }
        if let until = grant.until, now >= until { return (.falls, "The role \(role.title) ended on \(until).") }
        if let from = grant.from, now < from { return (.falls, "The role \(role.title) begins on \(from).") }
        guard grant.scope.covers(scope) else { return (.other, "The role \(role.title) holds at \(grant.scope) only.") }
        if permission.touchesPayload, grant.scope != scope {
            return (.falls, "The role \(role.title) of the \(grant.scope.level.rawValue) does not open a tenant's documents.")
        }
        if let entity, !grant.entities.isEmpty, !grant.entities.contains(entity) {
            return (.falls, "The role \(role.title) is limited to other entities than \(entity).")
        }
        return (.gives, "Allowed by the role \(role.title) at \(grant.scope).")
    }

    package func permits(_ permission: Permission, in scope: Scope, entity: String? = nil, at now: Moment) -> Bool {
        verdict(permission, in: scope, entity: entity, at: now).isAllowed
    }

    /// Throws the refusal that a request gets, `authority.missing` with the permission among its facts.
    package func require(_ permission: Permission, in scope: Scope, entity: String? = nil, at now: Moment) throws(Refusal) {
        let verdict = verdict(permission, in: scope, entity: entity, at: now)
        guard !verdict.isAllowed else { return }
        throw Refusal(
            .forbidden, reason: "authority.missing", verdict.explanation,
            facts: ["permission": permission.rawValue, "scope": scope.path, "person": person.text])
    }

    /// Names of the roles held at exactly this tenant at `now`; what a workflow's approval round asks for.
    package func roleNames(in scope: Scope, entity: String? = nil, at now: Moment) -> Set<String> {
        guard isOpen(scope) else { return [] }
        return Set(
            grants.filter { grant in
                grant.scope == scope && grant.holds(at: now)
                    && (entity == nil || grant.entities.isEmpty || grant.entities.contains(entity ?? ""))
            }.map(\.role))
    }

    /// Whether anything at all is held at `scope`; to whom nothing is, it does not exist.
    package func reaches(_ scope: Scope) -> Bool { isOpen(scope) && grants.contains { $0.scope.covers(scope) } }

    private func isOpen(_ scope: Scope) -> Bool { tenants.isEmpty || scope.level == .tenant && tenants.contains(scope.slug) }

    /// Everything held at `scope` at `now`, for menus that show only what leads somewhere.
    package func permissions(in scope: Scope, at now: Moment) -> Set<Permission> {
        Set(Permission.allCases.filter { permits($0, in: scope, at: now) })
    }

    /// The static conflicts among the grants: both permissions held in scopes of which one covers the other.
    package func staticConflicts() -> [(conflict: StaticConflict, first: Grant, second: Grant)] {
        StaticConflict.all.flatMap { conflict in
            holders(of: conflict.first).flatMap { first in
                holders(of: conflict.second).filter { $0.scope.covers(first.scope) || first.scope.covers($0.scope) }
                    .map { (conflict, first, $0) }
            }
        }
    }

    private func holders(of permission: Permission) -> [Grant] {
        grants.filter { roles[$0.role]?.permissions.contains(permission) ?? false }
    }
}

extension Grant {
    /// As stored with a person's row: `{role, scope, partner?, entities?, from?, until?}`.
    package var json: JSONValue {
        var members: JSONObject = ["role": .string(role), "scope": .string(scope.path)]
        if case .tenant(_, let partner) = scope { members["partner"] = .string(partner) }
        if !entities.isEmpty { members["entities"] = .array(entities.sorted().map(JSONValue.string)) }
        if let from { members["from"] = .string(from.description) }
        if let until { members["until"] = .string(until.description) }
        return .object(members)
    }

    /// Reads `json`; a refusal `grant.form` when it is not one, which means that a row was tampered with.
    package init(json: JSONValue) throws(Refusal) {
        guard let role = json["role"]?.string, let path = json["scope"]?.string,
            let scope = Scope(path: path, partner: json["partner"]?.string)
        else { throw Refusal(.invalid, reason: "grant.form", "A stored role has not the form of one.") }
        let (from, until) = (json["from"]?.moment, json["until"]?.moment)
        if (json["until"] != nil && until == nil) || (json["from"] != nil && from == nil) {
            throw Refusal(.invalid, reason: "grant.form", "A stored role has an unreadable beginning or end.")
        }
        let entities = json["entities"]?.array ?? []
        self.init(role: role, scope: scope, entities: Set(entities.compactMap(\.string)), from: from, until: until)
    }
}

extension Scope {
    /// Reads `path`; a tenant needs its partner besides.
    package init?(path: String, partner: String? = nil) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch (parts.first, parts.count) {
        case ("operator", 1): self = .operator
        case ("partner", 2) where TextRule.slug.problem(with: parts[1]) == nil: self = .partner(parts[1])
        case ("tenant", 2) where TextRule.slug.problem(with: parts[1]) == nil:
            guard let partner else { return nil }
            self = .tenant(parts[1], partner: partner)
        default: return nil
        }
    }
}

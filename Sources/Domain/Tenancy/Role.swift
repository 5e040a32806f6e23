package import Kernel

/// A named set of permissions; data of the operator's file, not code.
package struct Role: Hashable, Sendable {
    package static let rolesMax = 60

    package let name: String
    package let title: String
    /// The lowest level of scope at which it may be granted, which is also what it is about: a tenant role concerns one tenant.
    package let level: Scope.Level
    package let permissions: Set<Permission>

    package init(name: String, title: String, level: Scope.Level, permissions: Set<Permission>) {
        self.name = name
        self.title = title
        self.level = level
        self.permissions = permissions
    }

    static let shape = ObjectShape(
        "a role", "A named set of permissions.",
        [
            required("name", .text(.slug), "the short name that people files refer to."),
            required("title", .text(.line), "what the role is called on pages."),
            required(
                "level", .choice(Scope.Level.allCases.map(\.rawValue)), "where it is granted: operator, partner or tenant."),
            required(
                "permissions", .list(of: .choice(Permission.allCases.map(\.rawValue)), count: 1...Permission.allCases.count),
                "what it allows."),
        ])

    /// Reads a role that has passed its shape; nil with an issue when permissions reach further than the level.
    static func parse(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Role? {
        let fields = Fields(json)
        guard let level = Scope.Level(rawValue: fields.text("level")) else { return nil }
        var permissions: Set<Permission> = []
        var isSound = true
        for (index, word) in fields.texts("permissions").enumerated() {
            guard let permission = Permission(rawValue: word) else { continue }
            if !permissions.insert(permission).inserted {
                issues.append(
                    AssetIssue(
                        "\(pointer)/permissions/\(index)", "`\(word)` stands here twice.", remedy: "Remove one.",
                        severity: .warning))
            }
            if permission.touchesPayload, level != .tenant {
                isSound = false
                issues.append(
                    AssetIssue(
                        "\(pointer)/permissions/\(index)",
                        "`\(word)` opens a tenant's documents, and a role of the \(level.rawValue) must not.",
                        remedy: "Move it to a role of level `tenant`; grant that on the tenant, with an end date."))
            }
        }
        return isSound
            ? Role(name: fields.text("name"), title: fields.text("title"), level: level, permissions: permissions) : nil
    }
}

/// A role given to a person at a scope, possibly for some entities only and for a time.
package struct Grant: Hashable, Sendable {
    package let role: String
    package let scope: Scope
    /// Codes of the legal entities it is limited to; empty means all of the tenant's.
    package let entities: Set<String>
    /// First instant at which it holds; nil for since ever.
    package let from: Moment?
    /// First instant at which it no longer holds; nil for as long as the file says so.
    package let until: Moment?

    package init(role: String, scope: Scope, entities: Set<String> = [], from: Moment? = nil, until: Moment? = nil) {
        self.role = role
        self.scope = scope
        self.entities = entities
        self.from = from
        self.until = until
    }

    package func holds(at now: Moment) -> Bool { (from.map { $0 <= now } ?? true) && (until.map { now < $0 } ?? true) }
}

package import Kernel

/// Someone named in a people file: may sign in, holds roles, perhaps up to an amount.
package struct Person: Hashable, Sendable {
    package static let rolesMax = 12

    /// Short name, unique in its file; the server derives the id from scope and slug.
    package let slug: String
    package let name: String
    package let email: String
    package let title: String?
    /// Whether a local account exists; its password is set elsewhere and never in a file.
    package let mayLogin: Bool
    package let grants: [Grant]
    /// The highest amount of one document that this person may approve alone or as one of several; nil for no own limit.
    package let approvalLimit: Money?

    package init(
        slug: String, name: String, email: String, title: String?, mayLogin: Bool, grants: [Grant], approvalLimit: Money?
    ) {
        self.slug = slug
        self.name = name
        self.email = email
        self.title = title
        self.mayLogin = mayLogin
        self.grants = grants
        self.approvalLimit = approvalLimit
    }

    /// The id of the row: derived from the scope whose file names the person.
    package func id(in scope: Scope, sha256: ([UInt8]) -> [UInt8]) -> PersonID {
        .derived(from: "\(scope.path)/person/\(slug)", sha256: sha256)
    }
}

/// The people of one scope: `people.yaml` of the operator, a partner or a tenant.
package struct PeopleDocument: Sendable {
    package static let peopleMax = 2000

    package let people: [Person]

    package init(people: [Person]) { self.people = people }

    package static let shape = ObjectShape(
        "a people file", "Who belongs to the operator, a partner or a tenant, and which roles they hold.",
        [
            required("kind", .choice(["people"]), "always `people`."),
            required("people", .list(of: .object(personShape), count: 1...peopleMax), "one entry a person."),
        ])

    private static let personShape = ObjectShape(
        "a person", "One natural person.",
        [
            required("id", .text(.slug), "short name, unique in this file and never given to someone else."),
            required("name", .text(.line), "as shown on pages and in the audit log."),
            required("email", .text(.email), "for sign-in and notifications; unique over all files."),
            optional("title", .text(.line), "position in the company."),
            optional("login", .boolean, "whether the person signs in with a local account; true unless said otherwise."),
            required(
                "roles", .list(of: .either([.text(.slug), .object(grantShape)]), count: 1...Person.rolesMax),
                "names of roles, or objects with the role and where it holds."),
            optional("approvalLimit", .object(ApprovalLimit.shape), "highest amount of one document this person may approve."),
        ])

    private static let grantShape = ObjectShape(
        "a role with limits", "A role that holds somewhere else, for some entities only, or for a time.",
        [
            required("role", .text(.slug), "name of a role in the operator's file."),
            optional(
                "tenant", .text(.slug), "for the operator's and partners' people: the tenant on which a tenant role is granted."),
            optional("entities", .list(of: .text(.entityCode), count: 1...50), "entity codes; all entities unless given."),
            optional("from", .text(.instant), "first instant at which the role holds."),
            optional("until", .text(.instant), "first instant at which the role no longer holds."),
        ])

    /// Reads the people of `scope`. A grant on a tenant (`tenant:`) keeps the partner empty until `Grant.scope` is completed by
    /// whoever knows all tenants; see `resolvingTenants`.
    package static func parse(_ json: JSONValue, scope: Scope, issues: inout [AssetIssue]) -> PeopleDocument? {
        guard shape.check(json, issues: &issues) else { return nil }
        var people: [Person] = []
        var seen: [String: Int] = [:]
        for (index, entry) in Fields(json).list("people").enumerated() {
            let fields = Fields(entry)
            let slug = fields.text("id")
            if let first = seen.updateValue(index, forKey: slug) {
                issues.append(
                    AssetIssue(
                        "/people/\(index)/id", "`\(slug)` is also the id of person \(first + 1).",
                        remedy: "Give every person an id of their own."))
            }
            people.append(
                Person(
                    slug: slug, name: fields.text("name"), email: fields.text("email"), title: fields.textIfAny("title"),
                    mayLogin: fields.flag("login", or: true), grants: grants(of: entry, scope: scope),
                    approvalLimit: ApprovalLimit.parse(
                        entry["approvalLimit"], at: "/people/\(index)/approvalLimit", issues: &issues)))
        }
        return PeopleDocument(people: people)
    }

    private static func grants(of entry: JSONValue, scope: Scope) -> [Grant] {
        Fields(entry).list("roles").map { item in
            if let role = item.string { return Grant(role: role, scope: scope) }
            let fields = Fields(item)
            let place = fields.textIfAny("tenant").map { Scope.tenant($0, partner: "") } ?? scope
            return Grant(
                role: fields.text("role"), scope: place, entities: Set(fields.texts("entities")),
                from: fields.textIfAny("from").flatMap { Moment($0) }, until: fields.textIfAny("until").flatMap { Moment($0) })
        }
    }

    /// Completes grants on tenants with the partner each tenant belongs to; unknown tenants are left out.
    package func resolvingTenants(partnerOf: (String) -> String?) -> PeopleDocument {
        PeopleDocument(
            people: people.map { person in
                let grants = person.grants.compactMap { grant -> Grant? in
                    guard case .tenant(let slug, "") = grant.scope else { return grant }
                    guard let partner = partnerOf(slug) else { return nil }
                    return Grant(
                        role: grant.role, scope: .tenant(slug, partner: partner), entities: grant.entities, from: grant.from,
                        until: grant.until)
                }
                return Person(
                    slug: person.slug, name: person.name, email: person.email, title: person.title, mayLogin: person.mayLogin,
                    grants: grants, approvalLimit: person.approvalLimit)
            })
    }
}

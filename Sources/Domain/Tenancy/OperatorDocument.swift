package import Kernel

/// The managed service provider that runs the installation: `operator/operator.yaml`, with the roles that everyone below uses.
package struct OperatorDocument: Sendable {
    /// Also the slug of the operator's scope row.
    package let slug: String
    package let name: String
    package let legalName: String
    package let locale: String
    package let timeZone: String
    package let roles: [Role]
    package let retention: RetentionTerms

    package init(
        slug: String, name: String, legalName: String, locale: String, timeZone: String, roles: [Role],
        retention: RetentionTerms = RetentionTerms()
    ) {
        self.slug = slug
        self.name = name
        self.legalName = legalName
        self.locale = locale
        self.timeZone = timeZone
        self.roles = roles
        self.retention = retention
    }

    package static let shape = ObjectShape(
        "an operator file", "The provider that runs the installation, and the roles it defines.",
        [
            required("kind", .choice(["operator"]), "always `operator`."),
            required("slug", .text(.slug), "short name, unique among operator, partners and tenants."),
            required("name", .text(.line), "as shown on pages."),
            optional("legalName", .text(.line), "as in the company register; the name unless given."),
            required("locale", .text(.locale), "language of the operator's own pages."),
            required("timezone", .text(.timeZone), "zone of the operator's reports and rotas."),
            required(
                "roles", .list(of: .object(Role.shape), count: 1...Role.rolesMax), "every role that a people file may name."),
            optional("retention", .object(RetentionTerms.shape), "how long history and the live feed are kept."),
        ])

    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> OperatorDocument? {
        guard shape.check(json, issues: &issues) else { return nil }
        let fields = Fields(json)
        var roles: [Role] = []
        var names: Set<String> = []
        for (index, entry) in fields.list("roles").enumerated() {
            guard let role = Role.parse(entry, at: "/roles/\(index)", issues: &issues) else { continue }
            if names.insert(role.name).inserted {
                roles.append(role)
            } else {
                issues.append(
                    AssetIssue("/roles/\(index)/name", "There are two roles `\(role.name)`.", remedy: "Merge them or rename one.")
                )
            }
        }
        return OperatorDocument(
            slug: fields.text("slug"), name: fields.text("name"), legalName: fields.textIfAny("legalName") ?? fields.text("name"),
            locale: fields.text("locale"), timeZone: fields.text("timezone"), roles: roles,
            retention: RetentionTerms(json["retention"]))
    }
}

/// A reseller with its own brand: `partners/<partner>/partner.yaml`.
package struct PartnerDocument: Sendable {
    package let slug: String
    package let name: String
    package let legalName: String
    package let locale: String
    package let timeZone: String

    package init(slug: String, name: String, legalName: String, locale: String, timeZone: String) {
        self.slug = slug
        self.name = name
        self.legalName = legalName
        self.locale = locale
        self.timeZone = timeZone
    }

    package static let shape = ObjectShape(
        "a partner file", "A partner that sells the service under its own brand.",
        [
            required("kind", .choice(["partner"]), "always `partner`."),
            required("slug", .text(.slug), "the folder's name."),
            required("name", .text(.line), "as shown on pages."),
            optional("legalName", .text(.line), "as in the company register; the name unless given."),
            required("locale", .text(.locale), "language of the partner's own pages."),
            required("timezone", .text(.timeZone), "zone of the partner's reports."),
        ])

    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> PartnerDocument? {
        guard shape.check(json, issues: &issues) else { return nil }
        let fields = Fields(json)
        return PartnerDocument(
            slug: fields.text("slug"), name: fields.text("name"), legalName: fields.textIfAny("legalName") ?? fields.text("name"),
            locale: fields.text("locale"), timeZone: fields.text("timezone"))
    }
}

package import Kernel

/// A company whose documents are processed: `tenants/<tenant>/tenant.yaml`.
package struct TenantDocument: Sendable {
    package static let entitiesMax = 50

    package let slug: String
    package let name: String
    package let partner: String
    /// Where its data must stay: `eu`, `uk`, …; one cell serves one region.
    package let region: String
    package let locale: String
    package let timeZone: String
    package let environments: [Environment]
    package let entities: [LegalEntity]
    /// The library or own workflow that starts for each kind of document.
    package let workflows: [DocumentClass: String]
    /// The isolation that this tenant's worker has to reach before it is given work.
    package let requiredLevel: IsolationLevel
    package let retentionYears: Int
    /// How long the lines of a run's history are kept after its end; nil for the operator's word.
    package let historyMonths: Int?
    /// Signing more than this asks for a fresh proof that the person is there; nil for never.
    package let stepUpAbove: Money?
    /// What the worker may dial for webhooks besides public https: `host:port/range`, as entries of connections.
    package let webhookAllow: [String]
    package static let webhookAllowMax = 16
    /// Its people's own identity provider; nil when they sign in here.
    package let identity: IdentityTerms?

    /// One copy of a tenant's configuration and data; this version runs `prod` only.
    package enum Environment: String, CaseIterable, Sendable { case prod }

    /// What a workflow is about: invoices that arrive, and payments that somebody asks for.
    package enum DocumentClass: String, CaseIterable, Sendable { case invoice, payment }

    /// How well a worker is shut in: L0 own process with limits, L1 with Landlock, L2 with a system call filter besides.
    package enum IsolationLevel: String, CaseIterable, Sendable { case l0 = "L0", l1 = "L1", l2 = "L2" }

    package init(
        slug: String, name: String, partner: String, region: String, locale: String, timeZone: String,
        environments: [Environment],
        entities: [LegalEntity], workflows: [DocumentClass: String], requiredLevel: IsolationLevel, retentionYears: Int,
        historyMonths: Int? = nil, stepUpAbove: Money? = nil, webhookAllow: [String] = [],
        identity: IdentityTerms? = nil
    ) {
        self.slug = slug
        self.name = name
        self.partner = partner
        self.region = region
        self.locale = locale
        self.timeZone = timeZone
        self.environments = environments
        self.entities = entities
        self.workflows = workflows
        self.requiredLevel = requiredLevel
        self.retentionYears = retentionYears
        self.historyMonths = historyMonths
        self.stepUpAbove = stepUpAbove
        self.webhookAllow = webhookAllow
        self.identity = identity
    }

    package var scope: Scope { .tenant(slug, partner: partner) }

    package static let shape = ObjectShape(
        "a tenant file", "A company whose finance documents are processed.",
        [
            required("kind", .choice(["tenant"]), "always `tenant`."),
            required("slug", .text(.slug), "the folder's name."),
            required("name", .text(.line), "as shown on pages."),
            required("partner", .text(.slug), "folder name of the partner that serves this tenant."),
            required("region", .choice(["eu", "uk", "us"]), "where its data must stay."),
            required("locale", .text(.locale), "language of its pages and mails."),
            required("timezone", .text(.timeZone), "zone of its pages, reports and cut-offs."),
            optional(
                "environments", .list(of: .choice(Environment.allCases.map(\.rawValue)), count: 1...Environment.allCases.count),
                "copies of the tenant; `[prod]` unless given."),
            required(
                "entities", .list(of: .object(LegalEntity.shape), count: 1...entitiesMax), "the legal entities that are invoiced."
            ),
            required("workflows", .object(workflowsShape), "which workflow starts for which kind of document."),
            optional("workers", .object(workersShape), "demands on the tenant's worker process."),
            optional("retention", .object(retentionShape), "how long documents and their history are kept."),
            optional(
                "stepUpAbove", .object(ApprovalLimit.shape),
                "amount above which a signature asks for a fresh proof that the person is there; never unless given."),
            optional("webhooks", .object(webhooksShape), "where events of this tenant may be sent."),
            optional("identity", .object(IdentityTerms.shape), "the identity provider with which its people sign in."),
        ])

    private static let webhooksShape = ObjectShape(
        "the terms of webhooks", "Where events of this tenant may be sent.",
        [
            required(
                "allow", .list(of: .text(.egress), count: 1...webhookAllowMax),
                "what the worker may dial for webhooks besides public https on ports 443 and 8443: host:port/range.")
        ])

    private static let workflowsShape = ObjectShape(
        "the tenant's workflows", "A workflow name for each kind of document.",
        [
            required("invoice", .text(.slug), "workflow that starts when an invoice or credit note has arrived."),
            optional(
                "payment", .text(.slug),
                "workflow that starts when somebody asks for a payment; `payment-release` unless given."),
        ])

    private static let workersShape = ObjectShape(
        "the demands on workers", "What a worker process has to fulfil before it is given this tenant's work.",
        [
            required(
                "requiredLevel", .choice(IsolationLevel.allCases.map(\.rawValue)),
                "L0 own process with limits; L1 with Landlock; L2 with a system call filter besides.")
        ])

    private static let retentionShape = ObjectShape(
        "the retention", "How long documents and their history are kept.",
        [
            required("documentsYears", .integer(1...30), "full calendar years after the year of arrival; 10 unless given."),
            optional(
                "historyMonths", .integer(RetentionTerms.historyMonthsRange),
                "months for which a run's history is kept after its end; what the operator says unless given."),
        ])

    /// Reads `stepUpAbove` alone; nil when it cannot be read.
    package static func stepUpAbove(_ json: JSONValue) -> Money? {
        var issues: [AssetIssue] = []
        guard ApprovalLimit.shape.check(json, issues: &issues) else { return nil }
        return ApprovalLimit.parse(json, at: "/stepUpAbove", issues: &issues)
    }

    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> TenantDocument? {
        guard shape.check(json, issues: &issues) else { return nil }
        let fields = Fields(json)
        var entities: [LegalEntity] = []
        var codes: Set<String> = []
        for (index, entry) in fields.list("entities").enumerated() {
            guard let entity = LegalEntity.parse(entry) else { continue }
            if !codes.insert(entity.code).inserted {
                issues.append(
                    AssetIssue(
                        "/entities/\(index)/code", "There are two entities `\(entity.code)`.", remedy: "Give each its own code."))
            }
            entities.append(entity)
        }
        let environments = fields.texts("environments").compactMap(Environment.init(rawValue:))
        var workflows: [DocumentClass: String] = [:]
        for kind in DocumentClass.allCases { workflows[kind] = json["workflows"]?[kind.rawValue]?.string }
        return TenantDocument(
            slug: fields.text("slug"), name: fields.text("name"), partner: fields.text("partner"), region: fields.text("region"),
            locale: fields.text("locale"), timeZone: fields.text("timezone"),
            environments: environments.isEmpty ? [.prod] : environments,
            entities: entities, workflows: workflows,
            requiredLevel: json["workers"]?["requiredLevel"]?.string.flatMap(IsolationLevel.init(rawValue:)) ?? .l0,
            retentionYears: json["retention"]?["documentsYears"]?.int ?? 10,
            historyMonths: json["retention"]?["historyMonths"]?.int,
            stepUpAbove: ApprovalLimit.parse(json["stepUpAbove"], at: "/stepUpAbove", issues: &issues),
            webhookAllow: json["webhooks"]?["allow"]?.array?.compactMap(\.string) ?? [],
            identity: json["identity"].map { IdentityTerms.parse($0, at: "/identity", issues: &issues) })
    }
}

/// A legal entity of a tenant: the buyer on its invoices.
package struct LegalEntity: Hashable, Sendable {
    package let code: String
    package let name: String
    /// Without blanks, with its country prefix; invoices are routed to the entity by it.
    package let vatID: String
    package let currency: Currency
    package let country: String
    /// The ERP connection that posts for it.
    package let connection: String

    package init(code: String, name: String, vatID: String, currency: Currency, country: String, connection: String) {
        self.code = code
        self.name = name
        self.vatID = vatID
        self.currency = currency
        self.country = country
        self.connection = connection
    }

    static let shape = ObjectShape(
        "an entity", "A legal entity that receives invoices.",
        [
            required("code", .text(.entityCode), "code used in policies and the ERP."),
            required("name", .text(.line), "as in the company register."),
            required("vatId", .text(.vatID), "VAT number with country prefix; invoices find their entity by it."),
            required("currency", .text(.currency), "currency of its books."),
            required("country", .text(.country), "seat."),
            optional("connection", .text(.slug), "the connection that posts for it; `erp` unless given."),
        ])

    static func parse(_ json: JSONValue) -> LegalEntity? {
        let fields = Fields(json)
        guard let currency = Currency(fields.text("currency")) else { return nil }
        return LegalEntity(
            code: fields.text("code"), name: fields.text("name"), vatID: fields.text("vatId"), currency: currency,
            country: fields.text("country"), connection: fields.textIfAny("connection") ?? "erp")
    }
}

internal import Evidence
internal import Flow
internal import Kernel
internal import Records
internal import WebKernel

/// Who did what, on whose behalf, to what, when: a search of the log as a request asks for it, by API and page alike.
struct AuditSearch: Sendable {
    static let parameters: [RouteDocumentation.Parameter] = [
        .init("action", "Only this action."), .init("text", "Only acts whose name or words have this in them."),
        .init("object", "Only this object's id."), .init("type", "Only objects of this type."),
        .init("run", "Only what belongs to this run."),
        .init("who", "Only this actor, or whoever acted on this person's behalf: an id, or a part of a name."),
        .init("behalf", "Only what was done on behalf of this person: an id, or a part of a name."),
        .init("from", "Only entries at or after this instant."), .init("to", "Only entries before this instant."),
    ]
    private static let textBytesMax = 200

    private let search: AuditQueries.Search
    private let text: String
    private let who: String?
    private let behalf: String?

    /// The fields of the console's form, by the names that they have there.
    static let pageFields = ["actor", "behalf", "act", "object", "from", "to", "run"]

    /// As the console's form asks: what somebody types as the act is looked for in its words.
    init(page request: WebRequest) throws(Refusal) {
        try self.init(request, names: ["who": "actor", "text": "act", "action": "", "type": ""])
    }

    init(_ request: WebRequest, names: [String: String] = [:]) throws(Refusal) {
        func value(_ name: String) -> String? {
            request.query(names[name] ?? name).flatMap { $0.isEmpty ? nil : $0 }
        }
        var search = AuditQueries.Search(
            action: value("action"), object: value("object"), from: try AuditSearch.instant(value("from"), "from"),
            to: try AuditSearch.instant(value("to"), "to"))
        search.objectType = value("type")
        if let run = value("run") {
            guard let id = RunID(run) else {
                throw Refusal(.invalid, reason: "audit.run", "run is the id of a run.", facts: ["field": "run"])
            }
            search.run = id
        }
        self.search = search
        text = String(decoding: (value("text") ?? "").lowercased().utf8.prefix(AuditSearch.textBytesMax), as: UTF8.self)
        who = value("who")
        behalf = value("behalf")
    }

    /// One page, newest first.
    func page(
        _ services: Services, _ tenant: TenantID, before: (Moment, AuditEntryID)?, limit: Int
    ) async throws -> [Looking.ListedEntry] {
        var search = search
        if !text.isEmpty {
            let wanted = AuditSearch.loosely(text)
            search.actions = try await services.looking.auditActions(tenant).filter {
                AuditSearch.loosely($0).contains(wanted) || AuditSearch.loosely(EventWords.act($0)).contains(wanted)
            }
        }
        return try await services.looking.audit(tenant, search, who: who, behalf: behalf, before: before, limit: limit)
    }

    /// In small letters, and every mark between words a space: people write an act as it is spoken.
    private static func loosely(_ text: String) -> String {
        String(text.lowercased().map { ".-_".contains($0) ? " " : $0 })
    }

    /// An entry with its proof; without one when no checkpoint covers it.
    static func proven(
        _ row: Looking.ListedEntry, _ tenant: TenantID, _ services: Services
    ) async throws -> JSONValue {
        do {
            let proven = try await services.proving.inclusion(row.id, of: tenant)
            var bundle = AuditRoutes.bundle(proven, keys: services.auditKeys(tenant)).object ?? [:]
            bundle["id"] = JSONValue(row.id)
            return .object(bundle)
        } catch let refusal as Refusal where refusal.reason == "audit.unsealed" || refusal.reason == "audit.mismatch" {
            return ["id": JSONValue(row.id), "without": .string(refusal.reason)]
        }
    }

    private static func instant(_ text: String?, _ name: String) throws(Refusal) -> Moment? {
        guard let text else { return nil }
        guard let moment = Moment(text) else {
            throw Refusal(
                .invalid, reason: "audit.instant", "\(name) is an instant such as 2026-07-14T08:30:00Z.", facts: ["field": name])
        }
        return moment
    }
}

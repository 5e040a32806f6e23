internal import Console
internal import Evidence
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// The page of one entry of the log.
struct AuditEntryPages: Sendable {
    /// Facts are shown so deep and so many; the rest is in the proof's file.
    private static let depthMax = 3
    private static let detailsMax = 60
    private static let valueMax = 300

    let services: Services
    let kit: PageKit

    func page(_ id: AuditEntryID, _ request: WebRequest) async throws -> AuditEntryPage {
        let (entry, earlier, later) = try await kit.looking.auditEntry(id, kit.tenant)
        let names = try await kit.names()
        let place = try await services.proving.places(kit.tenant, [id])[id]
        let proven = try await proof(id)
        let title = EventWords.act(entry.action)
        return AuditEntryPage(
            frame: try await kit.frame(
                title, section: "Audit", crumbs: [Crumb(label: "Audit", href: "\(kit.base)/audit"), Crumb(label: title)],
                request: request),
            head: PageHead(title: title), facts: facts(entry, names), details: details(entry.content, names),
            seal: seal(place, proven), path: proven?.proof.hashes.map(\.hexText) ?? [],
            proof: proven == nil ? "" : "\(kit.base)/audit/entries/\(id)/proof", links: links(entry, earlier, later))
    }

    private func proof(_ id: AuditEntryID) async throws -> AuditProving.Proven? {
        do {
            return try await services.proving.inclusion(id, of: kit.tenant)
        } catch let refusal as Refusal where refusal.reason == "audit.unsealed" {
            return nil
        }
    }

    private func facts(_ entry: Looking.ListedEntry, _ names: [PersonID: String]) -> [Fact] {
        var out = [Fact(label: "Who", value: who(entry, names))]
        if let behalf = entry.onBehalfOf { out.append(Fact(label: "On behalf of", value: names[behalf] ?? "a colleague")) }
        out.append(Fact(label: "To what", value: PageWords.object(entry, names)))
        out.append(Fact(label: "When", value: kit.time.stamp(entry.at, seconds: true).text))
        return out
    }

    private func who(_ entry: Looking.ListedEntry, _ names: [PersonID: String]) -> String {
        guard let person = PersonID(entry.actor) else { return entry.actorKind == "engine" ? "the engine" : entry.actor }
        return names[person] ?? "an engineer"
    }

    private func seal(_ place: (seq: Int64, leaf: [UInt8])?, _ proven: AuditProving.Proven?) -> [Fact] {
        guard let place else { return [Fact(label: "Seal", value: "not sealed yet; that takes seconds")] }
        var out = [
            Fact(label: "Place in the log", value: kit.money.count(Int(place.seq))),
            Fact(label: "Leaf", value: place.leaf.hexText, isCode: true),
        ]
        // A checkpoint's note was read when the proof was made.
        if let proven, let checkpoint = try? Checkpoint(proven.proof.note.text, AuditLog.hasher) {
            out.append(Fact(label: "Checkpoint", value: "of \(kit.money.count(Int(checkpoint.size))) entries, signed"))
            out.append(Fact(label: "Root", value: checkpoint.root.hexText, isCode: true))
        } else {
            out.append(Fact(label: "Checkpoint", value: "none covers it yet; that takes a minute"))
        }
        return out
    }

    private func links(
        _ entry: Looking.ListedEntry, _ earlier: AuditEntryID?, _ later: AuditEntryID?
    ) -> [AuditEntryPage.Link] {
        var out: [AuditEntryPage.Link] = []
        if let run = entry.run, kit.may(.runsRead) { out.append(.init(label: "Its run", href: "\(kit.base)/runs/\(run)")) }
        if let earlier {
            out.append(.init(label: "The entry before, about the same", href: "\(kit.base)/audit/entries/\(earlier)"))
        }
        if let later {
            out.append(.init(label: "The entry after, about the same", href: "\(kit.base)/audit/entries/\(later)"))
        }
        out.append(
            .init(label: "All entries about the same", href: "\(kit.base)/audit?object=\(percentEncoded(entry.objectID))"))
        return out
    }

    // MARK: What it recorded

    private func details(_ content: JSONValue, _ names: [PersonID: String]) -> [Fact] {
        var out: [Fact] = []
        collect(content, "", AuditEntryPages.depthMax, names, &out)
        return Array(out.prefix(AuditEntryPages.detailsMax))
    }

    private func collect(
        _ value: JSONValue, _ label: String, _ depth: Int, _ names: [PersonID: String], _ out: inout [Fact]
    ) {
        switch value {
        case .object(let members) where depth > 0:
            for member in members {
                let word = EventWords.words(AuditEntryPages.spaced(member.key))
                collect(member.value, label.isEmpty ? word : "\(label), \(word.lowercased())", depth - 1, names, &out)
            }
        case .array(let items) where depth > 0 && items.contains { $0.object != nil || $0.array != nil }:
            for (index, item) in items.enumerated() { collect(item, "\(label) \(index + 1)", depth - 1, names, &out) }
        case .array(let items):
            if !items.isEmpty { out.append(fact(label, items.map { shown($0, names) }.joined(separator: ", "))) }
        case .null: break
        case .object: out.append(fact(label, "more, in the proof's file"))
        default: out.append(fact(label, shown(value, names), isCode: AuditEntryPages.isHash(value.string ?? "")))
        }
    }

    private func fact(_ label: String, _ value: String, isCode: Bool = false) -> Fact {
        Fact(
            label: label.isEmpty ? "Says" : label,
            value: value.isEmpty ? "nothing" : String(value.prefix(AuditEntryPages.valueMax)),
            isCode: isCode)
    }

    /// Names for persons, local time for instants, the end of other identifiers.
    private func shown(_ value: JSONValue, _ names: [PersonID: String]) -> String {
        if let flag = value.bool { return flag ? "yes" : "no" }
        guard let text = value.string else { return value.text }
        if let id = PersonID(text) { return names[id] ?? PageWords.short(text) }
        if let at = Moment(text) { return kit.time.stamp(at, seconds: true).text }
        return text
    }

    private static func isHash(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// `objectHash` as `object hash`.
    private static func spaced(_ name: String) -> String {
        var out = ""
        for character in name {
            if character.isUppercase, out.last.map({ $0.isLowercase }) ?? false { out.append(" ") }
            out += character.isUppercase ? character.lowercased() : String(character)
        }
        return out
    }
}

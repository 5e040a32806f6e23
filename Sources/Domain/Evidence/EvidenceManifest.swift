package import Kernel

/// The lines of an evidence list: as canonical JSON for machines, as a table for spreadsheets.
package enum EvidenceLine {
    /// A row in the canonical form of RFC 8785, without its line feed.
    package static func bytes(_ cells: [JSONValue], of list: EvidenceList) throws(JSONParseFailure) -> [UInt8] {
        precondition(cells.count == list.columns.count, "a row of \(list.name) has \(cells.count) cells")
        var object: JSONObject = [:]
        for (column, cell) in zip(list.columns, cells) { object[column.name] = cell }
        return try JSONValue.object(object).canonicalBytes()
    }

    /// The first line of a table, with its line end.
    package static func head(of list: EvidenceList) -> String {
        list.columns.map { cell(.string($0.name)) }.joined(separator: ",") + "\r\n"
    }

    /// A line of a table, with its line end; absent and null cells are empty.
    package static func row(_ json: JSONValue, of list: EvidenceList) -> String {
        list.columns.map { cell(json[$0.name] ?? .null) }.joined(separator: ",") + "\r\n"
    }

    /// RFC 4180. What a spreadsheet would take for a formula is made a text by an apostrophe before it.
    package static func cell(_ value: JSONValue) -> String {
        if value.isNull { return "" }
        guard var text = value.string else { return quoted(value.text) }
        if let first = text.unicodeScalars.first, "=+-@\t\r\n".unicodeScalars.contains(first), Int64(text) == nil {
            text = "'" + text
        }
        return quoted(text)
    }

    private static func quoted(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}

/// One list of a pack as its manifest tells it.
package struct EvidenceListFacts: Sendable, Equatable {
    package let list: EvidenceList
    package var rows: Int64 = 0
    /// The statement as run, with its parameters by name; for what no statement reads, how it was found.
    package let query: String
    /// Files by their ending, each with its size and SHA-256 in hexadecimal.
    package var files: [(ending: String, bytes: Int64, sha256: String)] = []

    package init(_ list: EvidenceList, query: String) {
        self.list = list
        self.query = query
    }

    package static func == (lhs: EvidenceListFacts, rhs: EvidenceListFacts) -> Bool { lhs.json == rhs.json }

    package var json: JSONValue {
        [
            "name": .string(list.name), "title": .string(list.title), "rows": JSONValue(rows), "query": .string(query),
            "columns": .array(list.columns.map(\.json)),
            "files": .array(
                files.map {
                    [
                        "name": .string("\(list.name).\($0.ending)"), "bytes": JSONValue($0.bytes), "sha256": .string($0.sha256),
                    ]
                }),
        ]
    }
}

/// What a pack promises of itself; its canonical form is what is signed.
package enum EvidenceManifest {
    package static let format = "countersign-evidence/1"
    package static let bytesMax = 1_048_576

    package struct Frame: Sendable {
        package let id: String
        package let pack: EvidencePack
        package let tenant: TenantID
        package let slug: String
        package let name: String
        package let from: Moment
        package let to: Moment
        package let askedBy: String
        package let askedName: String
        package let askedAt: Moment
        /// All rows are of this one instant of the database.
        package let readAt: Moment

        package init(
            id: String, pack: EvidencePack, tenant: TenantID, slug: String, name: String, from: Moment, to: Moment,
            askedBy: String, askedName: String, askedAt: Moment, readAt: Moment
        ) {
            self.id = id
            self.pack = pack
            self.tenant = tenant
            self.slug = slug
            self.name = name
            self.from = from
            self.to = to
            self.askedBy = askedBy
            self.askedName = askedName
            self.askedAt = askedAt
            self.readAt = readAt
        }
    }

    package static func json(_ frame: Frame, lists: [EvidenceListFacts]) -> JSONValue {
        let pack = frame.pack
        return [
            "format": .string(format), "id": .string(frame.id),
            "pack": [
                "number": JSONValue(pack.number), "name": .string(pack.name), "title": .string(pack.title),
                "question": .string(pack.question),
            ],
            "tenant": ["id": JSONValue(frame.tenant), "slug": .string(frame.slug), "name": .string(frame.name)],
            "parameters": pack.time == .instant
                ? ["at": instant(frame.to)] : ["from": instant(frame.from), "to": instant(frame.to)],
            "askedBy": ["id": .string(frame.askedBy), "name": .string(frame.askedName)], "askedAt": instant(frame.askedAt),
            "readAt": instant(frame.readAt), "rows": JSONValue(lists.reduce(0) { $0 + $1.rows }),
            "lists": .array(lists.map(\.json)), "missing": .array(pack.missing.map(JSONValue.string)),
        ]
    }

    /// As entries of the audit log write instants: to the microsecond.
    package static func instant(_ moment: Moment) -> JSONValue { .string(moment.text(fraction: 6)) }

    /// What is signed of a manifest: whose it is, which one, and the hash of its bytes. It cannot be taken for a checkpoint of
    /// the audit log, though the same keys sign it.
    package static func noteText(tenant: TenantID, id: String, hash: [UInt8]) -> String {
        "countersign/evidence/\(tenant.text)\n\(id)\n\(Base64.encode(hash))\n"
    }

    /// What a manifest says, once its note is checked: the bytes were signed by one of `keys`, and are what they were then.
    package static func checked(
        _ bytes: [UInt8], note: String, keys: [NoteKey], hash: @Sendable ([UInt8]) -> [UInt8], _ isValid: SignatureCheck
    ) throws(NoteFlaw) -> JSONValue {
        let signed = try SignedNote(parsing: note.utf8)
        _ = try signed.verified(by: keys, isValid)
        let json: JSONValue
        do {
            json = try JSONValue(parsing: bytes, maxBytes: bytesMax)
        } catch {
            throw NoteFlaw("The manifest is no JSON.")
        }
        guard json["format"]?.string == format, let id = json["id"]?.string,
            let tenant = json["tenant"]?["id"]?.string.flatMap({ TenantID($0) })
        else { throw NoteFlaw("The manifest is of no format that this program knows.") }
        guard sameBytes(signed.text, noteText(tenant: tenant, id: id, hash: hash(bytes))) else {
            throw NoteFlaw("The manifest is not the one that was signed.")
        }
        // The keys of a log bear its tenant's name.
        guard signed.signatures.contains(where: { sameBytes($0.name, "countersign/audit/\(tenant.text)") }) else {
            throw NoteFlaw("The manifest was signed for another tenant's log.")
        }
        return json
    }
}

package import Kernel
package import Postgres

extension Subject {
    package enum EvidencePack {}
}

/// A pack that somebody asked for.
package typealias EvidencePackID = ID<Subject.EvidencePack>

/// A pack as it was asked for, and what became of it.
package struct EvidencePackRow: Sendable, Equatable {
    package let tenant: TenantID
    package let id: EvidencePackID
    package let lane: Int32
    package let number: Int32
    /// `building`, `ready` or `failed`.
    package var state: String
    package let from: Moment
    package let to: Moment
    package let askedBy: PersonID
    package let askedName: String
    package let askedAt: Moment
    package var attempt: Int32
    package var rowsSeen: Int64
    package var builtAt: Moment?
    /// The canonical bytes that were signed.
    package var manifest: String?
    package var manifestHash: [UInt8]?
    package var note: String?
    package var problem: String
    package var emptiedAt: Moment?

    package init(
        tenant: TenantID, id: EvidencePackID, lane: Int32, number: Int32, from: Moment, to: Moment, askedBy: PersonID,
        askedName: String, askedAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.number = number
        self.from = from
        self.to = to
        self.askedBy = askedBy
        self.askedName = askedName
        self.askedAt = askedAt
        state = "building"
        attempt = 0
        rowsSeen = 0
        problem = ""
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: EvidencePackID.self)
        lane = try row.get("queue_lane", as: Int32.self)
        number = try row.get("number", as: Int32.self)
        state = try row.get("state", as: String.self)
        from = try row.get("from_at", as: Moment.self)
        to = try row.get("to_at", as: Moment.self)
        askedBy = try row.get("asked_by", as: PersonID.self)
        askedName = try row.get("asked_name", as: String.self)
        askedAt = try row.get("asked_at", as: Moment.self)
        attempt = try row.get("attempt", as: Int32.self)
        rowsSeen = try row.get("rows_seen", as: Int64.self)
        builtAt = try row.get("built_at", as: Moment?.self)
        manifest = try row.get("manifest", as: String?.self)
        manifestHash = try row.get("manifest_hash", as: [UInt8]?.self)
        note = try row.get("note", as: String?.self)
        problem = try row.get("problem", as: String.self)
        emptiedAt = try row.get("emptied_at", as: Moment?.self)
    }
}

/// Packs, their pieces, and the queue of those that are being read.
package enum EvidenceQueries {
    private static let columns: SQL = """
        tenant_id, id, queue_lane, number, state, from_at, to_at, asked_by, asked_name, asked_at, attempt, rows_seen, built_at,
        manifest, manifest_hash, note, problem, emptied_at
        """

    package static func insert(_ row: EvidencePackRow) -> SQL {
        """
        INSERT INTO evidence_pack (tenant_id, id, queue_lane, number, state, from_at, to_at, asked_by, asked_name, asked_at)
        VALUES (\(row.tenant), \(row.id), \(row.lane), \(row.number), \(row.state), \(row.from), \(row.to), \(row.askedBy),
            \(row.askedName), \(row.askedAt))
        """
    }

    package static func enqueue(_ row: EvidencePackRow) -> SQL {
        """
        INSERT INTO queue.evidence (lane, due_at, tenant_id, pack_id)
        VALUES (\(row.lane), \(row.askedAt), \(row.tenant), \(row.id))
        """
    }

    package static func building(tenant: TenantID) -> SQL {
        "SELECT count(*) AS n FROM evidence_pack WHERE tenant_id = \(tenant) AND state = 'building'"
    }

    package static func find(tenant: TenantID, id: EvidencePackID) -> SQL {
        "SELECT \(columns) FROM evidence_pack WHERE tenant_id = \(tenant) AND id = \(id)"
    }

    /// Newest first.
    package static func page(tenant: TenantID, before: (Moment, EvidencePackID)?, limit: Int) -> SQL {
        let cursor: SQL = before.map { "AND (asked_at, id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns) FROM evidence_pack WHERE tenant_id = \(tenant) \(cursor)
            ORDER BY asked_at DESC, id DESC LIMIT \(Int64(limit))
            """
    }

    // MARK: Reading it

    /// Takes what is due, tenants in turn, and hides it until `until`: who took it may die.
    package static func claim(now: Moment, until: Moment, limit: Int) -> SQL {
        """
        UPDATE queue.evidence q SET due_at = \(until) FROM (
            SELECT lane, id FROM (
                SELECT lane, id, due_at, row_number() OVER (PARTITION BY tenant_id ORDER BY due_at, id) AS place
                FROM queue.evidence WHERE due_at <= \(now)) waiting
            ORDER BY place, due_at, id LIMIT \(Int64(limit))) taken
        WHERE q.lane = taken.lane AND q.id = taken.id AND q.due_at <= \(now)
        RETURNING q.lane, q.id, q.tenant_id, q.pack_id
        """
    }

    package static func hide(lane: Int32, id: Int64, until: Moment) -> SQL {
        "UPDATE queue.evidence SET due_at = \(until) WHERE lane = \(lane) AND id = \(id)"
    }

    package static func dequeue(lane: Int32, id: Int64) -> SQL {
        "DELETE FROM queue.evidence WHERE lane = \(lane) AND id = \(id)"
    }

    /// Begins a try: one row with its number, none when the pack is read already.
    package static func begin(tenant: TenantID, id: EvidencePackID) -> SQL {
        """
        UPDATE evidence_pack SET attempt = attempt + 1, rows_seen = 0
        WHERE tenant_id = \(tenant) AND id = \(id) AND state = 'building' RETURNING \(columns)
        """
    }

    /// What earlier tries wrote.
    package static func clear(tenant: TenantID, id: EvidencePackID, below attempt: Int32) -> SQL {
        "DELETE FROM evidence_piece WHERE tenant_id = \(tenant) AND pack_id = \(id) AND attempt < \(attempt)"
    }

    package static func putPiece(
        tenant: TenantID, id: EvidencePackID, attempt: Int32, list: String, seq: Int32, content: String
    ) -> SQL {
        """
        INSERT INTO evidence_piece (tenant_id, pack_id, attempt, list, seq, content)
        VALUES (\(tenant), \(id), \(attempt), \(list), \(seq), \(content))
        """
    }

    /// One row when the try is still the pack's own.
    package static func advance(tenant: TenantID, id: EvidencePackID, attempt: Int32, rows: Int64) -> SQL {
        """
        UPDATE evidence_pack SET rows_seen = \(rows)
        WHERE tenant_id = \(tenant) AND id = \(id) AND attempt = \(attempt) AND state = 'building' RETURNING id
        """
    }

    package static func finish(_ row: EvidencePackRow) -> SQL {
        """
        UPDATE evidence_pack SET state = \(row.state), rows_seen = \(row.rowsSeen), built_at = \(optional: row.builtAt),
            manifest = \(optional: row.manifest), manifest_hash = \(optional: row.manifestHash), note = \(optional: row.note),
            problem = \(row.problem)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id) AND attempt = \(row.attempt) AND state = 'building' RETURNING id
        """
    }

    package static func piece(tenant: TenantID, id: EvidencePackID, attempt: Int32, list: String, seq: Int32) -> SQL {
        """
        SELECT content FROM evidence_piece
        WHERE tenant_id = \(tenant) AND pack_id = \(id) AND attempt = \(attempt) AND list = \(list) AND seq = \(seq)
        """
    }

    // MARK: Forgetting

    /// A pack whose rows have served their time, if there is one.
    package static func stale(tenant: TenantID, before: Moment) -> SQL {
        """
        SELECT id FROM evidence_pack WHERE tenant_id = \(tenant) AND emptied_at IS NULL AND built_at < \(before)
        ORDER BY built_at LIMIT 1
        """
    }

    package static func dropPieces(tenant: TenantID, id: EvidencePackID, limit: Int) -> SQL {
        """
        DELETE FROM evidence_piece WHERE tenant_id = \(tenant) AND pack_id = \(id) AND (attempt, list, seq) IN (
            SELECT p.attempt, p.list, p.seq FROM evidence_piece p WHERE p.tenant_id = \(tenant) AND p.pack_id = \(id)
            LIMIT \(Int64(limit)))
        """
    }

    package static func empty(tenant: TenantID, id: EvidencePackID, at: Moment) -> SQL {
        "UPDATE evidence_pack SET emptied_at = \(at) WHERE tenant_id = \(tenant) AND id = \(id)"
    }
}

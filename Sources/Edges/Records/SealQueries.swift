package import Kernel
package import Postgres

/// An audit entry as it is stored, with what sealing needs.
package struct AuditEntryRow: Sendable {
    package let tenant: TenantID
    package let id: AuditEntryID
    package let number: Int64
    /// The transaction that wrote it, as text.
    package let xid: String
    package let at: Moment
    package let actorKind: String
    package let actor: String
    package let onBehalfOf: PersonID?
    package let action: String
    package let objectType: String
    package let objectID: String
    package let run: RunID?
    package let content: JSONValue

    /// The columns that `init` reads, of the table or sub-query `e`.
    static let columns: SQL = """
        e.tenant_id, e.id, e.number, e.xid::text AS xid, e.at, e.actor_kind, e.actor_id, e.on_behalf_of, e.action,
        e.object_type, e.object_id, e.run_id, e.content
        """

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: AuditEntryID.self)
        number = try row.get("number", as: Int64.self)
        xid = try row.get("xid", as: String.self)
        at = try row.get("at", as: Moment.self)
        actorKind = try row.get("actor_kind", as: String.self)
        actor = try row.get("actor_id", as: String.self)
        onBehalfOf = try row.get("on_behalf_of", as: PersonID?.self)
        action = try row.get("action", as: String.self)
        objectType = try row.get("object_type", as: String.self)
        objectID = try row.get("object_id", as: String.self)
        run = try row.get("run_id", as: RunID?.self)
        content = try row.get("content", as: JSONValue.self)
    }
}

/// The right edge of a tenant's tree and how far its entries have been read.
package struct SealHeadRow: Sendable {
    package let tenant: TenantID
    package var size: Int64
    package var frontier: [UInt8]
    package var isCatchingUp: Bool
    package var xid: String
    package var number: Int64
    package var sealedAt: Moment?
    package var watched: Int64
    /// The size at which the tree was when the row was read.
    package let sizeBefore: Int64

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        size = try row.get("size", as: Int64.self)
        frontier = try row.get("frontier", as: [UInt8].self)
        isCatchingUp = try row.get("is_catching_up", as: Bool.self)
        xid = try row.get("xid", as: String.self)
        number = try row.get("number", as: Int64.self)
        sealedAt = try row.get("sealed_at", as: Moment?.self)
        watched = try row.get("watched", as: Int64.self)
        sizeBefore = size
    }
}

/// A leaf and the entry it was made of, if that is still there.
package struct SealRow: Sendable {
    package let seq: Int64
    package let entry: AuditEntryID
    package let leaf: [UInt8]
    package let row: AuditEntryRow?

    package init(_ row: Row) throws {
        seq = try row.get("seq", as: Int64.self)
        entry = try row.get("entry_id", as: AuditEntryID.self)
        leaf = try row.get("leaf", as: [UInt8].self)
        self.row = try row.get("id", as: AuditEntryID?.self) == nil ? nil : AuditEntryRow(row)
    }
}

package struct CheckpointRow: Sendable {
    package let tenant: TenantID
    package let size: Int64
    package let root: [UInt8]
    package let at: Moment
    package let note: String
    package let publishedAt: Moment?

    package init(tenant: TenantID, size: Int64, root: [UInt8], at: Moment, note: String, publishedAt: Moment? = nil) {
        self.tenant = tenant
        self.size = size
        self.root = root
        self.at = at
        self.note = note
        self.publishedAt = publishedAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        size = try row.get("size", as: Int64.self)
        root = try row.get("root", as: [UInt8].self)
        at = try row.get("at", as: Moment.self)
        note = try row.get("note", as: String.self)
        publishedAt = try row.get("published_at", as: Moment?.self)
    }
}

/// What the sealer writes; it alone may.
package enum SealQueries {
    /// Of the advisory locks that make one sealer the leader of a lane.
    private static let lockClass: Int32 = 0x5EA1

    /// Leads the lane until the transaction ends, or says that somebody else does; with it the oldest transaction that still runs
    /// and the cluster it is counted in.
    package static func lead(lane: Int32) -> SQL {
        """
        SELECT pg_try_advisory_xact_lock(\(lockClass), \(lane)) AS is_leader,
            pg_snapshot_xmin(pg_current_snapshot())::text AS oldest,
            (SELECT system_identifier::text FROM pg_control_system()) AS cluster
        """
    }

    /// Heads for the lane's tenants that have none.
    package static func ensureHeads(lane: Int32, cluster: String, oldest: String) -> SQL {
        """
        INSERT INTO audit_head (tenant_id, lane, cluster, xid)
        SELECT s.tenant_id, s.lane, \(cluster), \(oldest)::xid8 FROM scope s
        WHERE s.lane = \(lane) AND NOT EXISTS (SELECT FROM audit_head h WHERE h.tenant_id = s.tenant_id)
        ON CONFLICT (tenant_id) DO NOTHING
        """
    }

    /// After a restore into another cluster every entry is looked at once more.
    package static func beginAnew(lane: Int32, cluster: String, oldest: String) -> SQL {
        """
        UPDATE audit_head SET cluster = \(cluster), is_catching_up = true, xid = \(oldest)::xid8, number = 0
        WHERE lane = \(lane) AND cluster <> \(cluster)
        """
    }

    package static func heads(lane: Int32) -> SQL {
        """
        SELECT tenant_id, size, frontier, is_catching_up, xid::text AS xid, number, sealed_at, watched
        FROM audit_head WHERE lane = \(lane)
        """
    }

    /// Unsealed entries of the lane in the order of their transactions, of which all older ones have ended: what is sealed is
    /// never overtaken. The tenant that has waited longest comes first, and no tenant gets more than `perTenant` of a batch.
    package static func settled(lane: Int32, before oldest: String, perTenant: Int, limit: Int) -> SQL {
        """
        SELECT \(AuditEntryRow.columns) FROM audit_head h CROSS JOIN LATERAL (
            SELECT * FROM audit_entry a
            WHERE a.tenant_id = h.tenant_id AND (a.xid, a.number) > (h.xid, h.number) AND a.xid < \(oldest)::xid8
              AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.tenant_id = a.tenant_id AND s.entry_id = a.id)
            ORDER BY a.xid, a.number LIMIT \(perTenant)) e
        WHERE h.lane = \(lane) AND NOT h.is_catching_up
        ORDER BY h.sealed_at NULLS FIRST, h.tenant_id, e.xid, e.number LIMIT \(limit)
        """
    }

    /// Unsealed entries of tenants whose log is gone through from its beginning, in the order of their numbers.
    package static func backlog(lane: Int32, perTenant: Int, limit: Int) -> SQL {
        """
        SELECT \(AuditEntryRow.columns) FROM audit_head h CROSS JOIN LATERAL (
            SELECT * FROM audit_entry a
            WHERE a.tenant_id = h.tenant_id AND a.number > h.number
              AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.tenant_id = a.tenant_id AND s.entry_id = a.id)
            ORDER BY a.number LIMIT \(perTenant)) e
        WHERE h.lane = \(lane) AND h.is_catching_up
        ORDER BY h.sealed_at NULLS FIRST, h.tenant_id, e.number LIMIT \(limit)
        """
    }

    package static func seal(tenants: [TenantID], seqs: [Int64], entries: [AuditEntryID], leaves: [[UInt8]], at: Moment) -> SQL {
        """
        INSERT INTO audit_seal (tenant_id, seq, entry_id, leaf, sealed_at)
        SELECT n.tenant_id, n.seq, n.entry_id, n.leaf, \(at)
        FROM unnest(\(tenants), \(seqs), \(entries), \(leaves)) AS n (tenant_id, seq, entry_id, leaf)
        """
    }

    package static func keepSubtrees(tenants: [TenantID], heights: [Int32], indexes: [Int64], hashes: [[UInt8]]) -> SQL {
        """
        INSERT INTO audit_subtree (tenant_id, height, index, hash)
        SELECT n.tenant_id, n.height::smallint, n.index, n.hash
        FROM unnest(\(tenants), \(heights), \(indexes), \(hashes)) AS n (tenant_id, height, index, hash)
        """
    }

    /// Moves heads on; a head that somebody else has moved meanwhile is not written, and the count tells.
    package static func moveHeads(_ heads: [SealHeadRow], at: Moment) -> SQL {
        """
        UPDATE audit_head h SET size = n.size, frontier = n.frontier, is_catching_up = n.is_catching_up, xid = n.xid::xid8,
            number = n.number, sealed_at = \(at)
        FROM unnest(\(heads.map(\.tenant)), \(heads.map(\.sizeBefore)), \(heads.map(\.size)), \(heads.map(\.frontier)),
            \(heads.map(\.isCatchingUp)), \(heads.map(\.xid)), \(heads.map(\.number)))
            AS n (tenant_id, size_before, size, frontier, is_catching_up, xid, number)
        WHERE h.tenant_id = n.tenant_id AND h.size = n.size_before
        """
    }

    /// Heads of the lane that have grown since their last checkpoint, when that is older than `before`.
    package static func headsWithoutCheckpoint(lane: Int32, before: Moment, limit: Int) -> SQL {
        """
        SELECT h.tenant_id, h.size, h.frontier, h.is_catching_up, h.xid::text AS xid, h.number, h.sealed_at, h.watched
        FROM audit_head h WHERE h.lane = \(lane) AND h.size > 0
          AND NOT EXISTS (SELECT FROM audit_checkpoint c WHERE c.tenant_id = h.tenant_id AND c.size >= h.size)
          AND NOT EXISTS (SELECT FROM audit_checkpoint c WHERE c.tenant_id = h.tenant_id AND c.at > \(before))
        ORDER BY h.tenant_id LIMIT \(limit)
        """
    }

    package static func keepCheckpoint(_ row: CheckpointRow) -> SQL {
        """
        INSERT INTO audit_checkpoint (tenant_id, size, root, at, note)
        VALUES (\(row.tenant), \(row.size), \(row.root), \(row.at), \(row.note)) ON CONFLICT (tenant_id, size) DO NOTHING
        """
    }

    /// Checkpoints that a sink still lacks, each tenant's in order.
    package static func unpublished(lane: Int32, limit: Int) -> SQL {
        """
        SELECT c.tenant_id, c.size, c.root, c.at, c.note, c.published_at FROM audit_checkpoint c
        JOIN audit_head h ON h.tenant_id = c.tenant_id
        WHERE h.lane = \(lane) AND c.published_at IS NULL ORDER BY c.tenant_id, c.size LIMIT \(limit)
        """
    }

    package static func markPublished(tenant: TenantID, size: Int64, at: Moment) -> SQL {
        "UPDATE audit_checkpoint SET published_at = \(at) WHERE tenant_id = \(tenant) AND size = \(size)"
    }

    package static func watch(tenant: TenantID, from seq: Int64) -> SQL {
        "UPDATE audit_head SET watched = \(seq) WHERE tenant_id = \(tenant)"
    }
}

/// What proofs and exports read, as a member of the tenant or as the sealer.
package enum ProofQueries {
    package static func head(tenant: TenantID) -> SQL {
        """
        SELECT tenant_id, size, frontier, is_catching_up, xid::text AS xid, number, sealed_at, watched
        FROM audit_head WHERE tenant_id = \(tenant)
        """
    }

    package static func seal(tenant: TenantID, of entry: AuditEntryID) -> SQL {
        """
        SELECT s.seq, s.entry_id, s.leaf, \(AuditEntryRow.columns) FROM audit_seal s
        LEFT JOIN audit_entry e ON e.tenant_id = s.tenant_id AND e.id = s.entry_id
        WHERE s.tenant_id = \(tenant) AND s.entry_id = \(entry)
        """
    }

    /// Seals from `seq` on with their entries, in order.
    package static func seals(tenant: TenantID, from seq: Int64, limit: Int) -> SQL {
        """
        SELECT s.seq, s.entry_id, s.leaf, \(AuditEntryRow.columns) FROM audit_seal s
        LEFT JOIN audit_entry e ON e.tenant_id = s.tenant_id AND e.id = s.entry_id
        WHERE s.tenant_id = \(tenant) AND s.seq >= \(seq) ORDER BY s.seq LIMIT \(limit)
        """
    }

    package static func leaves(tenant: TenantID, from start: Int64, to end: Int64) -> SQL {
        "SELECT seq, leaf FROM audit_seal WHERE tenant_id = \(tenant) AND seq >= \(start) AND seq < \(end) ORDER BY seq"
    }

    package static func subtrees(tenant: TenantID, height: Int32, from start: Int64, to end: Int64) -> SQL {
        """
        SELECT index AS seq, hash AS leaf FROM audit_subtree
        WHERE tenant_id = \(tenant) AND height = \(height) AND index >= \(start) AND index < \(end) ORDER BY index
        """
    }

    /// The sequence numbers of entries that are sealed.
    package static func places(tenant: TenantID, entries: [AuditEntryID]) -> SQL {
        "SELECT entry_id, seq, leaf FROM audit_seal WHERE tenant_id = \(tenant) AND entry_id = ANY(\(entries))"
    }

    /// One page of checkpoints, the largest first.
    package static func checkpoints(tenant: TenantID, below size: Int64, limit: Int) -> SQL {
        """
        SELECT tenant_id, size, root, at, note, published_at FROM audit_checkpoint
        WHERE tenant_id = \(tenant) AND size < \(size) ORDER BY size DESC LIMIT \(limit)
        """
    }

    /// The smallest checkpoint of at least `size` entries.
    package static func checkpoint(tenant: TenantID, from size: Int64) -> SQL {
        """
        SELECT tenant_id, size, root, at, note, published_at FROM audit_checkpoint
        WHERE tenant_id = \(tenant) AND size >= \(size) ORDER BY size LIMIT 1
        """
    }
}

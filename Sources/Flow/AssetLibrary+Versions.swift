package import Kernel
internal import Postgres
internal import Records

/// Published versions, in force or not.
extension AssetLibrary {
    /// Published versions by their ids, from whichever level above the tenant has them.
    func rows(_ ids: [AssetID], for tenant: TenantID) async throws -> [AssetID: AssetRow] {
        var found: [AssetID: AssetRow] = [:]
        for scope in try await line(of: tenant) {
            let missing = ids.filter { found[$0] == nil }
            if missing.isEmpty { break }
            let rows = try await store.withTenant(scope.id) { tx in
                try await tx.query(AssetQueries.load(tenant: scope.id, ids: missing)).map(AssetRow.init)
            }
            for row in rows { found[row.id] = row }
        }
        return found
    }

    /// A published version by its number, in force or not, from the nearest scope that has it.
    func version(_ kind: String, _ name: String, _ version: String, for tenant: TenantID) async throws -> AssetRow? {
        for scope in try await line(of: tenant) {
            let rows = try await store.withTenant(scope.id) { tx in
                try await tx.query(AssetQueries.version(tenant: scope.id, kind: kind, name: name, version: version)).map(
                    AssetRow.init)
            }
            if let row = rows.first { return row }
        }
        return nil
    }

    /// A pinned asset's content, for pages and receipts.
    package func content(of reference: PinnedAssets.Reference) async throws -> JSONValue? {
        try await load([reference])[reference.asset]?.content
    }
}

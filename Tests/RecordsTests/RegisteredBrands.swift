import Kernel
import Postgres

@testable import Records

extension RegisteredStatement {
    static let brands: [RegisteredStatement] = [
        app("BrandQueries.versions", BrandQueries.versions(tenant: one.id, limit: 5)),
        app("BrandQueries.lock", BrandQueries.lock(tenant: one.id)),
        app("BrandQueries.version", BrandQueries.version(tenant: one.id, number: 1)),
        app("BrandQueries.insert", BrandQueries.insert(one.brandVersion)),
        app("BrandQueries.update", BrandQueries.update(one.brandVersion, from: 1)),
        app("BrandQueries.supersede", BrandQueries.supersede(tenant: one.id, at: now)),
        app("BrandQueries.store", BrandQueries.store(one.brandFile)),
        app("BrandQueries.file", BrandQueries.file(tenant: one.id, name: one.brandFile.name)),
        app("BrandQueries.stored", BrandQueries.stored(tenant: one.id, names: [one.brandFile.name])),
        app("BrandQueries.storedSince", BrandQueries.storedSince(tenant: one.id, since: now)),
        gate("BrandQueries.owner", BrandQueries.owner(name: one.brandFile.name)),
    ]
}

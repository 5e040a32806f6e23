package import Kernel
internal import Postgres
internal import Records
internal import Seals

/// Keeps the answers of writing requests under their `Idempotency-Key`, so that a repetition gets the first answer and does
/// nothing.
package struct Idempotency: Sendable {
    package static let keyBytesMax = 128
    /// An answer is kept for so long; after that the key is new again.
    package static let keptSeconds: Int64 = 86_400

    package struct Answer: Sendable {
        package let status: Int
        package let body: JSONValue

        package init(status: Int, body: JSONValue) {
            self.status = status
            self.body = body
        }
    }

    private let platform: Platform

    package init(platform: Platform) { self.platform = platform }

    /// Does `work` once per key. The same key with another request is refused (422), one still being worked on as well (409).
    ///
    /// Refusals are not kept: the caller may mend the request and use the key again.
    package func once(
        key: String, route: String, tenant: TenantID, principal: PersonID, request: [UInt8],
        _ work: @Sendable () async throws -> Answer
    ) async throws -> Answer {
        guard (1...Idempotency.keyBytesMax).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Refusal(
                .invalid, reason: "idempotency.key",
                "An Idempotency-Key has 1 to \(Idempotency.keyBytesMax) visible ASCII characters.")
        }
        let fingerprint = SHA256.hash(request)
        let now = platform.clock.now
        let isNew = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                IdempotencyQueries.begin(
                    tenant: tenant, principal: principal, route: route, key: key, fingerprint: fingerprint, now: now)
            ).count == 1
        }
        guard isNew else {
            return try await earlier(key: key, route: route, tenant: tenant, principal: principal, fingerprint: fingerprint)
        }
        do {
            let answer = try await work()
            _ = try await platform.store.withTenant(tenant) { tx in
                try await tx.execute(
                    IdempotencyQueries.finish(
                        tenant: tenant, principal: principal, route: route, key: key, status: Int32(answer.status),
                        answer: answer.body))
            }
            return answer
        } catch {
            _ = try await platform.store.withTenant(tenant) { tx in
                try await tx.execute(IdempotencyQueries.forget(tenant: tenant, principal: principal, route: route, key: key))
            }
            throw error
        }
    }

    private func earlier(
        key: String, route: String, tenant: TenantID, principal: PersonID, fingerprint: [UInt8]
    ) async throws -> Answer {
        let rows = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(IdempotencyQueries.find(tenant: tenant, principal: principal, route: route, key: key))
        }
        guard let row = rows.first else { throw Idempotency.inFlight }
        guard try row.get("fingerprint", as: [UInt8].self) == fingerprint else {
            throw Refusal(.unprocessable, reason: "idempotency.reused", "This Idempotency-Key was used for another request.")
        }
        guard let status = try row.get("status", as: Int32?.self), let body = try row.get("answer", as: JSONValue?.self) else {
            throw Idempotency.inFlight
        }
        return Answer(status: Int(status), body: body)
    }

    private static let inFlight = Refusal(
        .conflict, reason: "idempotency.in-flight", "A request with this Idempotency-Key is still being worked on.")
}

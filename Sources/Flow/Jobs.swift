internal import Kernel
internal import Postgres
package import Records
internal import Seals

/// Jobs outside the platform that promise to report: a backup, a nightly file of a bank. Each has an address with a secret
/// in it, of which only the hash is kept.
package struct Jobs: Sendable {
    package static let jobsMax = 200
    package static let nameCharactersMax = 80
    /// One minute to 31 days, and up to 31 days of grace.
    package static let everySeconds = 60...2_678_400
    package static let graceSeconds = 0...2_678_400
    /// Each digit carries almost six bits.
    static let tokenDigits = 43

    private let platform: Platform
    private let scopes: ScopeDirectory

    package init(platform: Platform, scopes: ScopeDirectory) {
        self.platform = platform
        self.scopes = scopes
    }

    /// A job with the path that it has to call; the secret in it is shown this once.
    package struct Made: Sendable {
        package let row: HeartbeatRow
        package let path: String
    }

    package func make(
        name: String, everySeconds: Int, graceSeconds: Int, as actor: Actor, scope: ScopeRow
    ) async throws -> Made {
        try Jobs.check(name: name, everySeconds: everySeconds, graceSeconds: graceSeconds)
        let now = platform.clock.now
        let token = Base62.random(count: Jobs.tokenDigits, entropy: platform.entropy)
        let id: HeartbeatID = platform.newID()
        let row = try await platform.store.withTenant(scope.id) { tx in
            let count = try await tx.query(HeartbeatQueries.countJobs(tenant: scope.id)).only().get("n", as: Int64.self)
            guard count < Jobs.jobsMax else {
                throw Refusal(.conflict, reason: "heartbeat.many", "There are \(Jobs.jobsMax) jobs already. End one first.")
            }
            let made = try await tx.query(
                HeartbeatQueries.makeJob(
                    tenant: scope.id, id: id, name: name, everySeconds: Int32(everySeconds), graceSeconds: Int32(graceSeconds),
                    tokenHash: SHA256.hash(Array(token.utf8)), by: actor.person, now: now))
            guard let row = try made.first.map(HeartbeatRow.init) else {
                throw Refusal(
                    .conflict, reason: "heartbeat.name", "There is a job of this name already.", facts: ["field": "name"])
            }
            _ = try await tx.query(entry("heartbeat.made", row, as: actor, scope: scope, at: now))
            return row
        }
        return Made(row: row, path: Jobs.path(scope, row, token))
    }

    /// A new secret; the old address is refused from now on.
    package func rotate(_ id: HeartbeatID, as actor: Actor, scope: ScopeRow) async throws -> Made {
        let token = Base62.random(count: Jobs.tokenDigits, entropy: platform.entropy)
        let row = try await change(
            HeartbeatQueries.rotateJob(tenant: scope.id, id: id, tokenHash: SHA256.hash(Array(token.utf8))),
            "heartbeat.rotated", as: actor, scope: scope)
        return Made(row: row, path: Jobs.path(scope, row, token))
    }

    /// The job promises nothing any longer.
    package func end(_ id: HeartbeatID, as actor: Actor, scope: ScopeRow) async throws -> HeartbeatRow {
        try await change(
            HeartbeatQueries.endJob(tenant: scope.id, id: id, now: platform.clock.now), "heartbeat.ended", as: actor, scope: scope
        )
    }

    private func change(_ sql: SQL, _ action: String, as actor: Actor, scope: ScopeRow) async throws -> HeartbeatRow {
        let now = platform.clock.now
        return try await platform.store.withTenant(scope.id) { tx in
            guard let row = try await tx.query(sql).first.map(HeartbeatRow.init) else {
                throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
            }
            var statements = [entry(action, row, as: actor, scope: scope, at: now)]
            if row.endedAt != nil, row.missedAt != nil {
                statements.append(
                    CommandQueries.insert(
                        platform.incidentCommand(
                            "clear", "job-silent", ["subject": row.subject], text: "The job was ended by a person.", scope: scope,
                            key: "\(row.id)/\(now.microseconds)", at: now)))
            }
            _ = try await tx.pipeline(statements)
            return row
        }
    }

    /// A job reports. A wrong secret, an ended job and a scope that is not there are answered alike.
    package func ping(scope slug: String, id: HeartbeatID?, token: String) async throws {
        let wrong = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        guard let id, token.utf8.count == Jobs.tokenDigits, let scope = try await scopes.scope(slug: slug) else { throw wrong }
        let now = platform.clock.now
        try await platform.store.withTenant(scope.id) { tx in
            guard let row = try await tx.query(HeartbeatQueries.job(tenant: scope.id, id: id)).first,
                constantTimeEqual(try row.get("token_hash", as: [UInt8].self), SHA256.hash(Array(token.utf8)))
            else { throw wrong }
            _ = try await tx.query(HeartbeatQueries.ping(tenant: scope.id, id: id, at: now))
        }
    }

    private static func path(_ scope: ScopeRow, _ row: HeartbeatRow, _ token: String) -> String {
        "/api/v1/beats/\(scope.slug)/\(row.id)/\(token)"
    }

    private static func check(name: String, everySeconds: Int, graceSeconds: Int) throws(Refusal) {
        guard (1...nameCharactersMax).contains(name.count), !name.contains(where: \.isNewline) else {
            throw Refusal(
                .invalid, reason: "heartbeat.name", "A name has 1 to \(nameCharactersMax) characters in one line.",
                facts: ["field": "name"])
        }
        guard Jobs.everySeconds.contains(everySeconds) else {
            throw Refusal(
                .invalid, reason: "heartbeat.every", "everySeconds is from a minute (60) to 31 days (2678400).",
                facts: ["field": "everySeconds"])
        }
        guard Jobs.graceSeconds.contains(graceSeconds) else {
            throw Refusal(
                .invalid, reason: "heartbeat.grace", "graceSeconds is from 0 to 31 days (2678400).",
                facts: ["field": "graceSeconds"])
        }
    }

    private func entry(_ action: String, _ row: HeartbeatRow, as actor: Actor, scope: ScopeRow, at now: Moment) -> SQL {
        AuditQueries.insert([
            AuditRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: "person", actor: actor.person.text,
                action: action, objectType: "heartbeat", objectID: row.id.text, run: nil,
                content: [
                    "name": .string(row.subject), "everySeconds": JSONValue(Int64(row.everySeconds)),
                    "graceSeconds": JSONValue(Int64(row.graceSeconds)),
                ])
        ])
    }
}

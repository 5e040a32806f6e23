import Kernel
import Postgres

@testable import Records

/// The statements about second factors, one-time links, known devices and keys.
extension RegisteredStatement {
    private static let hash = [UInt8](0..<32)

    static let proofs: [RegisteredStatement] = [
        app("FactorQueries.factors", FactorQueries.factors(tenant: one.id, person: one.person)),
        app("FactorQueries.add", FactorQueries.add(tenant: one.id, person: one.person, version: 1, sealed: [1], now: now)),
        app("FactorQueries.confirm", FactorQueries.confirm(tenant: one.id, person: one.person, version: 1, step: 5, now: now)),
        app("FactorQueries.remove", FactorQueries.remove(tenant: one.id, person: one.person, besides: 1)),
        app("FactorQueries.takeStep", FactorQueries.takeStep(tenant: one.id, person: one.person, version: 1, step: 6)),
        app("FactorQueries.noteFailure", FactorQueries.noteFailure(tenant: one.id, person: one.person, version: 1, now: now)),
        app("FactorQueries.dropRecovery", FactorQueries.dropRecovery(tenant: one.id, person: one.person)),
        app(
            "FactorQueries.addRecovery",
            FactorQueries.addRecovery(tenant: one.id, person: one.person, hashes: [hash, hash.reversed()], now: now)),
        app("FactorQueries.useRecovery", FactorQueries.useRecovery(tenant: one.id, person: one.person, hash: hash, now: now)),
        app("FactorQueries.recoveryLeft", FactorQueries.recoveryLeft(tenant: one.id, person: one.person)),
        app("FactorQueries.isKnown", FactorQueries.isKnown(tenant: one.id, person: one.person, device: hash, seenAfter: now)),
        app("FactorQueries.know", FactorQueries.know(tenant: one.id, person: one.person, device: hash, now: now)),
        app("FactorQueries.forgetDevices", FactorQueries.forgetDevices(tenant: one.id, person: one.person, keep: 3)),
        app(
            "LinkQueries.put",
            LinkQueries.put(
                tenant: one.id, id: one.session, tokenHash: hash, person: one.person, by: one.person, now: now, expiresAt: now)),
        app("LinkQueries.void", LinkQueries.void(tenant: one.id, person: one.person, now: now)),
        gate("LinkQueries.owner", LinkQueries.owner(tokenHash: hash)),
        app("LinkQueries.live", LinkQueries.live(tenant: one.id, id: one.session, now: now)),
        app("LinkQueries.use", LinkQueries.use(tenant: one.id, id: one.session, now: now)),
        app(
            "SessionQueries.open",
            SessionQueries.open(
                tenant: one.id, id: one.session, tokenHash: hash, person: one.person,
                place: SessionPlace(agent: "a", address: "::1"), now: now, expiresAt: now, isPending: true)),
        app("SessionQueries.tryPending", SessionQueries.tryPending(tenant: one.id, id: one.session, now: now, triesMax: 5)),
        app("SessionQueries.live", SessionQueries.live(tenant: one.id, person: one.person, now: now, idleBefore: now)),
        app("SessionQueries.end", SessionQueries.end(tenant: one.id, id: one.session, of: one.person, now: now)),
        app(
            "SessionQueries.endOthers",
            SessionQueries.endOthers(tenant: one.id, person: one.person, besides: one.session, now: now)),
        app("SessionQueries.prove", SessionQueries.prove(tenant: one.id, id: one.session, tokenHash: hash, now: now)),
    ]

    static let keys: [RegisteredStatement] = [
        app(
            "KeyQueries.put",
            KeyQueries.put(
                tenant: one.id,
                NewKey(
                    id: one.key, keyID: "k2", secretHash: hash, person: one.person, name: "n", environment: "prod",
                    roles: ["approver"], tenants: [], maker: one.person, replaces: nil), now: now, expiresAt: now)),
        app("KeyQueries.live", KeyQueries.live(tenant: one.id, keyID: "k", environment: "prod", now: now)),
        app("KeyQueries.touch", KeyQueries.touch(tenant: one.id, id: one.key, now: now)),
        app("KeyQueries.ofPerson", KeyQueries.ofPerson(tenant: one.id, person: one.person)),
        app("KeyQueries.all", KeyQueries.all(tenant: one.id)),
        app("KeyQueries.find", KeyQueries.find(tenant: one.id, id: one.key)),
        app("KeyQueries.revoke", KeyQueries.revoke(tenant: one.id, id: one.key, now: now)),
        app("KeyQueries.shorten", KeyQueries.shorten(tenant: one.id, id: one.key, until: now)),
        app("KeyQueries.machines", KeyQueries.machines(tenant: one.id)),
        app("KeyQueries.lockPerson", KeyQueries.lockPerson(tenant: one.id, person: one.person)),
    ]
}

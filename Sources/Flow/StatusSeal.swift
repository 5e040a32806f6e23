internal import Incidents
internal import Kernel
internal import Records
internal import Seals

/// What is sealed of a subscription: where it leads, and what opens its links and signs its events.
struct StatusSeal: Sendable, Equatable {
    var address: String
    var stop: String
    /// Opens the question that was asked last; empty when none is open.
    var confirm = ""
    /// Of a webhook: what signs, what signs once it has confirmed, and what signed before.
    var secret = ""
    var next = ""
    var before = ""
    /// Where the person belongs who subscribed while signed in; empty for others.
    var home = ""

    var bytes: [UInt8] {
        JSONValue.object([
            "address": .string(address), "stop": .string(stop), "confirm": .string(confirm), "secret": .string(secret),
            "next": .string(next), "before": .string(before), "home": .string(home),
        ]).bytes
    }

    init(address: String, stop: String) {
        self.address = address
        self.stop = stop
    }

    init(_ row: StatusSubscriberRow, _ secrets: SecretBox) throws {
        let json = try JSONValue(parsing: try secrets.open(row.sealed, at: StatusSeal.place(row)))
        func text(_ name: String) -> String { json[name]?.string ?? "" }
        (address, stop, confirm) = (text("address"), text("stop"), text("confirm"))
        (secret, next, before, home) = (text("secret"), text("next"), text("before"), text("home"))
    }

    static func place(_ row: StatusSubscriberRow) -> SecretPlace { place(row.tenant, row.id, row.version) }

    static func place(_ tenant: TenantID, _ id: StatusSubscriberID, _ version: Int32) -> SecretPlace {
        SecretPlace(tenant: tenant, table: "status_subscriber", column: "sealed", row: id.text, version: Int(version))
    }
}

/// How often callers have asked within the hour, in memory.
final class CallerCount: Sendable {
    private static let callersMax = 10_000
    private let counts = Locked<[String: (from: Moment, count: Int)]>([:])

    func mayGoOn(_ caller: String, at now: Moment) -> Bool {
        // Of an address of IPv6 the first half is a house.
        let key = caller.contains(":") ? caller.split(separator: ":").prefix(4).joined(separator: ":") : caller
        return counts.withLock { counts in
            if counts.count >= CallerCount.callersMax, counts[key] == nil {
                counts = counts.filter { now.seconds(since: $0.value.from) < 3600 }
                // Whoever asks from so many places at once is turned away with everybody else for a while.
                guard counts.count < CallerCount.callersMax else { return false }
            }
            var own = counts[key] ?? (now, 0)
            if now.seconds(since: own.from) >= 3600 { own = (now, 0) }
            own.count += 1
            counts[key] = own
            return own.count <= StatusSubscriptionBounds.asksOfCallerMax
        }
    }
}

package import Kernel
internal import Logging
internal import Postgres
internal import Records
internal import Telemetry

/// Everything about status pages that handlers and loops call.
package struct StatusPages: Sendable {
    package let desk: StatusDesk
    package let sight: StatusSight
    package let board: StatusBoard
    package let watch: StatusWatch
    package let subscribers: StatusSubscribers

    package init(_ platform: Platform, _ scopes: ScopeDirectory, _ assets: AssetLibrary) {
        desk = StatusDesk(platform: platform)
        sight = StatusSight(platform: platform, scopes: scopes, assets: assets)
        board = StatusBoard(platform: platform, sight: sight)
        watch = StatusWatch(platform: platform, scopes: scopes, desk: desk, sight: sight)
        subscribers = StatusSubscribers(platform: platform, desk: desk, assets: assets)
    }
}

/// Status pages as they are served: from memory where it is fresh enough, from the database otherwise, and from memory again,
/// saying of when, while the database does not answer. The page is what everybody loads when the product is ill.
package final class StatusBoard: Sendable {
    /// How long what was read is shown without looking again.
    package static let freshSeconds: Int64 = 5
    /// From then on the page says that it is old.
    package static let oldSeconds: Int64 = 30
    /// Older than that nothing is shown any longer.
    package static let keptSecondsMax: Int64 = 86_400
    static let pagesMax = 2_000
    /// Longer than that nobody waits who can be shown something.
    static let patienceMilliseconds: Int64 = 800

    private struct Entry {
        var snapshot: StatusSnapshot
        /// Nobody looks again before.
        var lookAgainAt: Moment
    }

    private let platform: Platform
    private let sight: StatusSight
    private let entries = Locked<[String: Entry]>([:])

    package init(platform: Platform, sight: StatusSight) {
        self.platform = platform
        self.sight = sight
    }

    /// What is behind an address; nil for one that leads nowhere, or to a page that is off.
    package func snapshot(at address: String) async throws -> StatusSnapshot? {
        guard address.utf8.count == StatusDesk.addressDigits, address.utf8.allSatisfy(\.isDigitOrLetter) else { return nil }
        let now = platform.clock.now
        // One request looks, the others are shown what there is meanwhile.
        let known = entries.withLock { entries -> (entry: Entry, isOurs: Bool)? in
            guard var entry = entries[address], now.seconds(since: entry.snapshot.madeAt) < StatusBoard.keptSecondsMax else {
                return nil
            }
            guard entry.lookAgainAt <= now else { return (entry, false) }
            entry.lookAgainAt = now.adding(seconds: StatusBoard.freshSeconds)
            entries[address] = entry
            return (entry, true)
        }
        guard let known else { return keep(try await read(address), at: address) }
        guard known.isOurs else { return known.entry.snapshot }
        do {
            return keep(try await soon { try await self.read(address) }, at: address)
        } catch let error where !(error is CancellationError && Task.isCancelled) {
            platform.logger.warning("a status page is shown as it was", metadata: ["error": "\(error)"])
            return known.entry.snapshot
        }
    }

    /// The owner has changed something; it is seen at once here, and within seconds at other servers.
    package func forget(_ tenant: TenantID) {
        entries.withLock { entries in
            for (address, entry) in entries where entry.snapshot.page.tenant == tenant { entries[address] = nil }
        }
    }

    private func keep(_ snapshot: StatusSnapshot?, at address: String) -> StatusSnapshot? {
        let again = platform.clock.now.adding(seconds: StatusBoard.freshSeconds)
        entries.withLock { entries in
            if entries.count >= StatusBoard.pagesMax, entries[address] == nil { entries = [:] }
            entries[address] = snapshot.map { Entry(snapshot: $0, lookAgainAt: again) }
        }
        return snapshot
    }

    private func read(_ address: String) async throws -> StatusSnapshot? {
        let owner = try await platform.store.withGate { tx in
            try await tx.query(StatusQueries.owner(address: address)).first?.get("tenant_id", as: TenantID.self)
        }
        guard let owner, let snapshot = try await sight.read(owner), snapshot.page.address == address else { return nil }
        return snapshot
    }

    private struct Impatience: Error {}

    /// The answer of `work`, or an error when it takes too long for somebody who could be shown something.
    private func soon<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: .milliseconds(StatusBoard.patienceMilliseconds))
                throw Impatience()
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw Impatience() }
            return first
        }
    }
}

extension UInt8 {
    fileprivate var isDigitOrLetter: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
    }
}

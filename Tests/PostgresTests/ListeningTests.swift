import Kernel
import TestKit
import Testing

@testable import Postgres

@Suite("listening")
struct ListeningTests {
    @Test("a notification reaches its listener with its payload, and other channels stay quiet")
    func roundTrip() async throws {
        let database = try await TestDatabase.shared(by: "listening")
        var events = database.store.listen(channels: ["lane_1", "Lane \"2\""]).makeAsyncIterator()
        #expect(await events.next() == .ready)
        try await database.store.notify("elsewhere", payload: "x")
        try await database.store.notify([
            ChannelNotice(channel: "lane_1", payload: "a"), ChannelNotice(channel: "Lane \"2\"", payload: ""),
        ])
        #expect(await events.next() == .notified(ChannelNotice(channel: "lane_1", payload: "a")))
        #expect(await events.next() == .notified(ChannelNotice(channel: "Lane \"2\"", payload: "")))
    }

    @Test("a listener whose connection is killed comes back and says that it may have missed something")
    func comesBack() async throws {
        let database = try await TestDatabase.shared(by: "listening")
        var events = database.store.listen(channel: "comeback").makeAsyncIterator()
        #expect(await events.next() == .ready)
        let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
        let killed = try await admin.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE query LIKE 'LISTEN%comeback%' AND datname = \(database.name)
            """
        )
        await admin.close()
        #expect(killed.count == 1)
        #expect(await events.next() == .ready)
        try await database.store.notify("comeback", payload: "again")
        #expect(await events.next() == .notified(ChannelNotice(channel: "comeback", payload: "again")))
    }

    @Test("a cancelled listener ends")
    func cancelled() async throws {
        let database = try await TestDatabase.shared(by: "listening")
        let listening = database.store.listen(channel: "ending")
        let (ready, readiness) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            var count = 0
            for await _ in listening {
                count += 1
                readiness.yield()
            }
            return count
        }
        for await _ in ready { break }
        task.cancel()
        #expect(await task.value == 1)
    }
}

import Kernel
import Postgres
import Records
import TestKit
import Testing

@testable import Flow

@Suite("answers kept for repetitions")
struct IdempotencyTests {
    private func next(_ count: Locked<Int>) -> Int {
        count.withLock {
            $0 += 1
            return $0
        }
    }

    private func answer(
        _ idempotency: Idempotency, _ key: String, _ worked: Locked<Int>, of person: Actor, in firm: Firm
    ) async throws -> JSONValue {
        let answer = try await idempotency.once(
            key: key, route: "POST /things", tenant: firm.id, principal: person.person, request: [1]
        ) {
            Idempotency.Answer(status: 200, body: JSONValue(next(worked)))
        }
        return answer.body
    }

    @Test("a repetition within a day gets the first answer; after it the answer is gone, in bounded batches, and the key is new")
    func expires() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            try await stage.open()
            let (house, firm) = (await stage.house, await stage.firm)
            let ruth = try firm.actor("ruth")
            let idempotency = Idempotency(platform: house.platform)
            let worked = Locked(0)
            func ask(_ key: String) async throws -> JSONValue {
                try await answer(idempotency, key, worked, of: ruth, in: firm)
            }
            func keep(_ batch: Int) async throws -> Int {
                var settings = KeepingSettings()
                settings.recordBatch = batch
                settings.batchesPerLook = 2
                return try await Keeping(
                    platform: house.platform, scopes: house.scopes, assets: house.assets, alerting: nil, settings: settings
                ).look().answersRemoved
            }
            for number in 1...5 { #expect(try await ask("key-\(number)") == JSONValue(number)) }
            stage.move(seconds: Idempotency.keptSeconds - 60)
            #expect(try await keep(100) == 0, "a day is not over yet")
            #expect(try await ask("key-1") == 1, "a repetition")
            _ = try await ask("late")
            stage.move(seconds: 120)
            #expect(try await keep(2) == 4, "two batches of two a look")
            #expect(try await keep(2) == 1)
            #expect(try await keep(2) == 0, "what is younger stays")
            #expect(try await ask("late") == 6)
            #expect(try await ask("key-1") == 7, "the key is new again")
        }
    }
}

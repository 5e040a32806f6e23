import Kernel
import Postgres
import Records
import Seals
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

/// People of an office with passwords, and what they hold in their hands.
struct Desk {
    static let password = "seven green bicycles"

    let office: Office
    let scope: ScopeRow
    let person: PersonRow

    /// In a database of its own, where nobody else signs in.
    static func with(_ role: String, at slug: String = "alpha", _ body: @Sendable (Desk) async throws -> Void) async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            let scope = try await office.scope(slug)
            let person = try #require(try await office.services.looking.people(scope.id).first { $0.slug == role })
            try await office.services.signingIn.setPassword(Desk.password, of: person.id, in: scope.id)
            try await body(Desk(office: office, scope: scope, person: person))
        }
    }

    func signIn(_ password: String = Desk.password, headers: [(name: String, value: String)] = []) async -> Office.Answer {
        await office.call(
            .post, "/api/v1/sessions", body: ["email": .string(person.email), "password": .string(password)], headers: headers)
    }

    /// A whole session; fails when a second factor is asked for.
    func token() async throws -> String {
        let answer = await signIn()
        #expect(answer.json["isPending"]?.bool == false, "\(answer.text)")
        return try #require(answer.json["token"]?.string)
    }

    func call(_ method: WebMethod, _ path: String, _ token: String, _ body: JSONValue? = nil) async -> Office.Answer {
        await office.call(method, path, body: body, headers: [(name: "Authorization", value: "Bearer \(token)")])
    }

    func code(_ secret: [UInt8], steps: Int64 = 0) -> String {
        OneTimeCode().code(secret: secret, atSeconds: office.platform.clock.now.microseconds / 1_000_000 + steps * 30)
    }

    /// Adds a second factor; the recovery codes and the secret.
    func enrolled(_ token: String) async throws -> (secret: [UInt8], recovery: [String]) {
        let made = await call(.post, "/api/v1/me/second-factor", token)
        #expect(made.status == 201, "\(made.text)")
        let secret = try #require(Desk.bytes(made.json["secret"]?.string ?? ""))
        let confirmed = await call(.post, "/api/v1/me/second-factor/confirmation", token, ["code": .string(code(secret))])
        #expect(confirmed.status == 200, "\(confirmed.text)")
        return (secret, (confirmed.json["recoveryCodes"]?.array ?? []).compactMap(\.string))
    }

    func finish(_ pending: String, _ code: String) async -> Office.Answer {
        await office.call(
            .post, "/api/v1/sessions/second-factor", body: ["token": .string(pending), "code": .string(code)])
    }

    /// Base 32 as an authenticator app reads it.
    static func bytes(_ text: String) -> [UInt8]? {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
        var (out, held, count): ([UInt8], UInt32, Int) = ([], 0, 0)
        for byte in text.utf8 {
            guard let digit = digits.firstIndex(of: byte) else { return nil }
            held = (held << 5 | UInt32(digit)) & 0xFFFF
            count += 5
            if count >= 8 {
                count -= 8
                out.append(UInt8(truncatingIfNeeded: held >> UInt32(count)))
            }
        }
        return out.isEmpty ? nil : out
    }
}

@Suite("local accounts")
struct AccountTests {
    @Test("strangers who guess have to wait, whether the account exists or not; a browser that was here before does not")
    func throttle() async throws {
        try await Desk.with("approver") { desk in
            let device = SecretToken()
            try await desk.office.store.withTenant(desk.scope.id) { tx in
                try await tx.execute(
                    FactorQueries.know(
                        tenant: desk.scope.id, person: desk.person.id, device: device.hash, now: desk.office.platform.clock.now))
            }
            for email in [desk.person.email, "nobody@alpha.example"] {
                var statuses: [Int] = []
                for _ in 0...SigningIn.failuresMax {
                    statuses.append(
                        await desk.office.call(
                            .post, "/api/v1/sessions", body: ["email": .string(email), "password": "wrong wrong wrong"]
                        ).status)
                }
                #expect(statuses == Array(repeating: 401, count: SigningIn.failuresMax) + [429], "\(email): \(statuses)")
            }
            let stranger = await desk.signIn()
            #expect(stranger.code == "sign-in.paused")
            #expect(stranger.headers["retry-after"] != nil)
            let known = await desk.signIn(headers: [(name: "Cookie", value: "device=\(device.text)")])
            #expect(known.status == 201, "\(known.text)")
            let forged = await desk.signIn(headers: [(name: "Cookie", value: "device=\(SecretToken().text)")])
            #expect(forged.status == 429, "another browser's mark is nobody's")
            desk.office.move(seconds: AttemptLedger.pauseSeconds)
            #expect(await desk.signIn().status == 201)
        }
    }

    @Test("many attempts at one moment are counted as many")
    func race() async throws {
        let ledger = AttemptLedger()
        let now = Office.start
        let admitted = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<200 {
                group.addTask { (try? ledger.begin([(name: "a", max: 8)], now: now)) != nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(admitted == 8)
        ledger.giveBack([(name: "a", max: 8)])
        #expect((try? ledger.begin([(name: "a", max: 8)], now: now)) != nil, "an attempt that was not carried out does not count")
        #expect((try? ledger.begin([(name: "b", max: 8)], now: now)) != nil, "another account is another count")
    }

    @Test(
        "a password that is short, known to guessers or taken from the address is refused with a reason",
        arguments: [
            ("elevenchars", "password.short"), ("aaaaaaaaaaaaaaaa", "password.simple"), ("1q2w3e4r5t6y", "password.common"),
            ("PasswordPassword", "password.common"), ("123456789012", "password.common"), ("abcdefghijkl", "password.common"),
            ("approver-2026", "password.yours"),
        ])
    func weak(password: String, code: String) async throws {
        let office = try Office(store: try await TestDatabase.shared(by: "office", template: .office).store)
        let scope = try await office.scope("alpha")
        let person = try #require(try await office.services.looking.people(scope.id).first { $0.slug == "approver" })
        await #expect {
            try await office.services.signingIn.setPassword(password, of: person.id, in: scope.id)
        } throws: {
            ($0 as? Refusal)?.reason == code
        }
    }

    @Test("a changed password ends every other session, and asks for the present one")
    func change() async throws {
        try await Desk.with("ap-clerk") { desk in
            let (mine, other) = (try await desk.token(), try await desk.token())
            let path = "/api/v1/me/password"
            let wrong = await desk.call(.post, path, mine, ["current": "not my password", "new": "eight yellow tricycles"])
            #expect(wrong.code == "password.wrong")
            let same = await desk.call(
                .post, path, mine, ["current": .string(Desk.password), "new": .string(Desk.password)])
            #expect(same.code == "password.same")
            #expect(await desk.call(.get, "/api/v1/me", other).status == 200)
            let done = await desk.call(
                .post, path, mine, ["current": .string(Desk.password), "new": "eight yellow tricycles"])
            #expect(done.status == 200, "\(done.text)")
            #expect(await desk.call(.get, "/api/v1/me", mine).status == 200)
            #expect(await desk.call(.get, "/api/v1/me", other).status == 401)
            #expect(await desk.signIn().status == 401)
            #expect(await desk.signIn("eight yellow tricycles").status == 201)
        }
    }

    @Test("a session shows where it was opened, and its person ends it or all others")
    func sessions() async throws {
        try await Desk.with("ap-clerk") { desk in
            let agent = "Firefox\u{7}\n on Linux"
            let first = await desk.signIn(headers: [(name: "User-Agent", value: agent)])
            let (mine, other) = (try await desk.token(), try await desk.token())
            let list = await desk.call(.get, "/api/v1/me/sessions", mine).json["items"]?.array ?? []
            #expect(list.count == 3)
            #expect(list.contains { $0["agent"]?.string == "Firefox on Linux" }, "\(list)")
            #expect(list.filter { $0["isThisOne"]?.bool == true }.count == 1)
            let foreign = try #require(list.first { $0["agent"]?.string == "Firefox on Linux" }?["id"]?.string)
            #expect(await desk.call(.delete, "/api/v1/me/sessions/\(foreign)", mine).status == 200)
            #expect(await desk.call(.get, "/api/v1/me", first.json["token"]?.string ?? "").status == 401)
            #expect(await desk.call(.delete, "/api/v1/me/sessions/\(foreign)", mine).status == 404, "it has ended")
            // A session of a colleague is not there.
            let colleague = try await desk.office.session("approver", at: "alpha")
            let theirs = await desk.call(.get, "/api/v1/me/sessions", colleague.text).json["items"]?.array?.first?["id"]?.string
            #expect(await desk.call(.delete, "/api/v1/me/sessions/\(theirs ?? "")", mine).status == 404)
            #expect(await desk.call(.delete, "/api/v1/me/sessions", mine).json["ended"]?.int == 1)
            #expect(await desk.call(.get, "/api/v1/me", other).status == 401)
            #expect(await desk.call(.get, "/api/v1/me", mine).status == 200)
        }
    }
}

@Suite("the second factor")
struct SecondFactorTests {
    @Test("once confirmed, a password alone opens nothing; a code opens a session, and opens only one")
    func codes() async throws {
        try await Desk.with("approver") { desk in
            let (secret, recovery) = try await desk.enrolled(try await desk.token())
            #expect(recovery.count == SigningIn.recoveryCodes && Set(recovery).count == recovery.count)
            let half = await desk.signIn()
            #expect(half.json["isPending"]?.bool == true)
            let pending = try #require(half.json["token"]?.string)
            #expect(await desk.call(.get, "/api/v1/me", pending).status == 401)
            #expect(await desk.call(.get, "/api/v1/tenants/alpha/approvals", pending).status == 401)
            #expect(await desk.finish(pending, desk.code(secret)).code == "sign-in.code", "the code that confirmed is used up")
            desk.office.move(seconds: 60)
            let code = desk.code(secret)
            let opened = await desk.finish(pending, code)
            #expect(opened.status == 201, "\(opened.text)")
            let token = try #require(opened.json["token"]?.string)
            #expect(token != pending)
            #expect(await desk.call(.get, "/api/v1/me", token).status == 200)
            #expect(await desk.finish(pending, code).code == "sign-in.again", "the waiting session is over")
            let next = try #require(await desk.signIn().json["token"]?.string)
            #expect(await desk.finish(next, code).code == "sign-in.code", "a code works once")
        }
    }

    @Test("of two who send one code at one moment, one comes in")
    func race() async throws {
        try await Desk.with("approver") { desk in
            let (secret, _) = try await desk.enrolled(try await desk.token())
            desk.office.move(seconds: 60)
            var waiting: [String] = []
            for _ in 0..<4 { waiting.append(try #require(await desk.signIn().json["token"]?.string)) }
            let code = desk.code(secret)
            let opened = await withTaskGroup(of: Bool.self) { group in
                for token in waiting { group.addTask { await desk.finish(token, code).status == 201 } }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(opened == 1)
        }
    }

    @Test("guesses end the waiting session and then rest the app's codes; a recovery code still opens, once")
    func guesses() async throws {
        try await Desk.with("approver") { desk in
            let (secret, recovery) = try await desk.enrolled(try await desk.token())
            desk.office.move(seconds: 60)
            let first = try #require(await desk.signIn().json["token"]?.string)
            let wrong = desk.code(secret, steps: 40)
            for _ in 0..<SigningIn.pendingTries { #expect(await desk.finish(first, wrong).code == "sign-in.code") }
            #expect(await desk.finish(first, desk.code(secret)).code == "sign-in.again")
            let second = try #require(await desk.signIn().json["token"]?.string)
            #expect(await desk.finish(second, desk.code(secret)).status == 429)
            let spoken = recovery[0].lowercased().split(separator: "-").joined(separator: " ")
            #expect(await desk.finish(second, spoken).status == 201)
            let third = try #require(await desk.signIn().json["token"]?.string)
            #expect(await desk.finish(third, recovery[0]).code == "sign-in.code", "it was used")
            desk.office.move(seconds: SigningIn.factorPauseSeconds)
            let fourth = try #require(await desk.signIn().json["token"]?.string)
            #expect(await desk.finish(fourth, desk.code(secret)).status == 201)
        }
    }

    @Test(
        "what is no code of now is refused", arguments: ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "-23456", "000000 OR 1=1"])
    func forms(code: String) async throws {
        try await Desk.with("approver") { desk in
            _ = try await desk.enrolled(try await desk.token())
            let pending = try #require(await desk.signIn().json["token"]?.string)
            let answer = await desk.finish(pending, code)
            #expect([400, 401].contains(answer.status), "\(answer.text)")
        }
    }

    @Test("a waiting sign-in ends after five minutes, and a forged one is none")
    func lapse() async throws {
        try await Desk.with("approver") { desk in
            let (secret, _) = try await desk.enrolled(try await desk.token())
            let pending = try #require(await desk.signIn().json["token"]?.string)
            desk.office.move(seconds: SigningIn.pendingSeconds)
            #expect(await desk.finish(pending, desk.code(secret)).code == "sign-in.again")
            #expect(await desk.finish(SecretToken().text, desk.code(secret)).code == "sign-in.again")
            // A whole session's token is no waiting one.
            let whole = try await desk.office.session("approver", at: "alpha")
            #expect(await desk.finish(whole.text, desk.code(secret)).code == "sign-in.again")
        }
    }

    @Test("adding one, taking it away and new recovery codes ask for a fresh proof; the proof gives another token")
    func proof() async throws {
        try await Desk.with("treasurer") { desk in
            let token = try await desk.token()
            desk.office.move(seconds: 301)
            #expect(await desk.call(.post, "/api/v1/me/second-factor", token).code == "proof.needed")
            let wrong = await desk.call(.post, "/api/v1/me/proof", token, ["password": "not my password"])
            #expect(wrong.code == "password.wrong")
            let proved = await desk.call(.post, "/api/v1/me/proof", token, ["password": .string(Desk.password)])
            let fresh = try #require(proved.json["token"]?.string)
            #expect(await desk.call(.get, "/api/v1/me", token).status == 401, "the old token is over")
            let (secret, _) = try await desk.enrolled(fresh)
            desk.office.move(seconds: 301)
            #expect(await desk.call(.delete, "/api/v1/me/second-factor", fresh).code == "proof.needed")
            #expect(await desk.call(.post, "/api/v1/me/recovery-codes", fresh).code == "proof.needed")
            // With a second factor, the password alone is no proof any more.
            let byPassword = await desk.call(.post, "/api/v1/me/proof", fresh, ["password": .string(Desk.password)])
            #expect(byPassword.code == "sign-in.code")
            let byCode = await desk.call(.post, "/api/v1/me/proof", fresh, ["code": .string(desk.code(secret))])
            let last = try #require(byCode.json["token"]?.string)
            #expect(await desk.call(.delete, "/api/v1/me/second-factor", last).status == 200)
            #expect(await desk.signIn().json["isPending"]?.bool == false)
        }
    }

    @Test("a secret that waits changes nothing; the one in force stays until the new one is confirmed")
    func replacing() async throws {
        try await Desk.with("treasurer") { desk in
            let token = try await desk.token()
            let (secret, _) = try await desk.enrolled(token)
            let made = await desk.call(.post, "/api/v1/me/second-factor", token)
            #expect(made.status == 201)
            desk.office.move(seconds: 60)
            let pending = try #require(await desk.signIn().json["token"]?.string)
            let waiting = try #require(Desk.bytes(made.json["secret"]?.string ?? ""))
            #expect(await desk.finish(pending, desk.code(waiting)).code == "sign-in.code")
            #expect(await desk.finish(pending, desk.code(secret)).status == 201)
            let wrong = await desk.call(.post, "/api/v1/me/second-factor/confirmation", token, ["code": "000000"])
            #expect(wrong.code == "factor.code")
        }
    }

    @Test("a database copy with the secret moved to another person opens nothing")
    func moved() async throws {
        try await Desk.with("approver") { desk in
            _ = try await desk.enrolled(try await desk.token())
            let thief = try #require(
                try await desk.office.services.looking.people(desk.scope.id).first { $0.slug == "ap-clerk" })
            try await desk.office.services.signingIn.setPassword(Desk.password, of: thief.id, in: desk.scope.id)
            try await desk.office.store.withTenant(desk.scope.id) { tx in
                _ = try await tx.execute("UPDATE second_factor SET person_id = \(thief.id)")
            }
            let half = await desk.office.call(
                .post, "/api/v1/sessions", body: ["email": .string(thief.email), "password": .string(Desk.password)])
            let answer = await desk.finish(half.json["token"]?.string ?? "", "123456")
            #expect(answer.status == 500)
        }
    }
}

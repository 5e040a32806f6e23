import Kernel
import Seals
import TestBasics
import Testing

@Suite("Published cases of cryptography and webhook signatures")
struct PublishedTests {
    @Test("every published case of cryptography gives the published answer")
    func crypto() throws {
        guard let folder = Checkout.published("vectors/crypto") else { return }
        let tally = try SealsConformance.crypto(directory: folder)
        #expect(tally.failed == 0, "\(tally.failures)")
    }

    @Test("every published case of webhook signatures gives the published answer")
    func webhooks() throws {
        guard let folder = Checkout.published("vectors/webhooks") else { return }
        let tally = try SealsConformance.webhooks(directory: folder)
        #expect(tally.failed == 0, "\(tally.failures)")
    }

    @Test("a message signed with both keys of a rotation is taken by a receiver who knows either")
    func rotation() throws {
        let (old, new) = (WebhookKey(entropy: .system), WebhookKey(entropy: .system))
        let body = Array("{}".utf8)
        let headers = try WebhookSignature.headers(id: "msg_1", timestamp: 1000, body: body, keys: [new, old])
        for key in [old, new] {
            let taken = try WebhookSignature.check(headers: headers, body: body, now: 1000, secrets: [key])
            #expect(taken.id == "msg_1")
        }
        #expect(throws: WebhookSignature.Flaw.signature) {
            try WebhookSignature.check(headers: headers, body: body, now: 1000, secrets: [WebhookKey(entropy: .system)])
        }
        #expect(!"\(new)".contains("whsec"))
    }

    @Test("a one-time code works once")
    func onceOnly() {
        let codes = OneTimeCode()
        let secret = Array("12345678901234567890".utf8)
        let code = codes.code(secret: secret, atSeconds: 600)
        #expect(codes.step(of: code, secret: secret, atSeconds: 600) == 20)
        #expect(codes.step(of: code, secret: secret, atSeconds: 610, after: 20) == nil)
        #expect(codes.step(of: code, secret: secret, atSeconds: 700) == nil)
    }
}

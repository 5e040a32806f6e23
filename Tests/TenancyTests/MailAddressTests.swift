import Testing

@testable import Tenancy

@Suite("addresses that strangers type")
struct MailAddressTests {
    @Test("a mail address is small letters before a domain as the name system knows it, and shown by its first letter")
    func mail() throws {
        #expect(try MailAddress(typed: "Maya.Lund+x@Example.COM").text == "maya.lund+x@example.com")
        // A Cyrillic letter in the domain is another domain, and is seen as one.
        #expect(try MailAddress(typed: "m@еxample.com").text == "m@xn--xample-2of.com")
        for typed in ["mаya@example.com", "m@example", "m@1.2.3.4", ".m@example.com", "m..m@example.com", "m@exa mple.com", "m"] {
            #expect(throws: MailAddress.Flaw.self, "\(typed)") { try MailAddress(typed: typed) }
        }
        #expect(MailAddress.masked("maya@example.com") == "m…@example.com" && MailAddress.masked("x") == "…")
    }

    @Test("a webhook's address is a place to dial and a path that is nobody's business")
    func hook() throws {
        let own = try HookAddress(typed: "https://hooks.example.com/a/b?c=d")
        #expect(own.place == "hooks.example.com:443" && own.isPublicForm)
        #expect(HookAddress.masked(own.text) == "https://hooks.example.com/…")
        for typed in ["http://127.0.0.1:8080/x", "https://[::1]:443/", "http://hooks.example.com", "https://localhost/"] {
            #expect(try !HookAddress(typed: typed).isPublicForm, "\(typed)")
        }
        for typed in [
            "ftp://example.com", "https://u@example.com", "https://example.com/#a", "https://ex ample.com", "https:///x",
        ] {
            #expect(throws: HookAddress.Flaw.self, "\(typed)") { try HookAddress(typed: typed) }
        }
    }
}

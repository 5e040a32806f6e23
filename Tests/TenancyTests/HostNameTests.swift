import Kernel
import Tenancy
import TestBasics
import Testing

@Suite("Names of hosts")
struct HostNameTests {
    @Test("every published case of look-alike texts, typed names and Host headers gives the published answer")
    func published() throws {
        guard let folder = Checkout.published("vectors/unicode") else { return }
        let tally = try UnicodeConformance.run(directory: folder)
        #expect(tally.failed == 0, "\(tally.failures)")
    }

    @Test(
        "a typed name becomes the ASCII name under which it is looked up",
        arguments: [
            ("Bücher.Example", "xn--bcher-kva.example"), ("ＡＣＭＥ。example", "acme.example"),
            ("straße.example", "xn--strae-oqa.example"),
        ])
    func typed(_ typed: String, _ wanted: String) throws {
        #expect(try HostName(typed: typed).text == wanted)
        #expect(try HostName(typed: wanted).text == wanted, "the ASCII form is its own")
    }

    @Test(
        "what is no host is refused, and no input makes it stop",
        arguments: [
            "", ".", "a..b", "-a.example", "a_b.example", "xn--", "xn--a", "xn--0", "\u{200D}a.example", "a\u{0301}\u{0301}-.x",
            "☃.net",
            "xn--99999999999999999999",
        ])
    func refused(_ typed: String) {
        #expect(throws: HostName.Flaw.self) { try HostName(typed: typed) }
    }

    @Test("random texts are taken or refused, and what is taken is its own ASCII form")
    func random() throws {
        var dice = Seeded("random host names")
        for _ in 0..<2000 {
            var text = ""
            for _ in 0..<dice.int(1...12) {
                let value = dice.isLucky(oneIn: 3) ? dice.int(0x20...0x7E) : dice.int(0x80...0x2FFFF)
                if let scalar = Unicode.Scalar(UInt32(value)) { text.unicodeScalars.append(scalar) }
            }
            // A refusal is an answer too.
            guard let host = try? HostName(typed: text) else { continue }
            #expect(try HostName(typed: host.text) == host)
            #expect(try HostName(header: host.text).text == host.text)
        }
    }
}

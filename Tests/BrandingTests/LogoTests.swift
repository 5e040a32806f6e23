import Kernel
import TestBasics
import Testing

@testable import Branding

@Suite("logos that somebody sends")
struct LogoTests {
    static func picture(_ width: Int, _ height: Int, isOpaque: Bool = false) -> Raster {
        var pixels: [UInt8] = []
        for index in 0..<(width * height) {
            pixels += [
                UInt8(index % 251), UInt8(index / 7 % 253), UInt8(index % 16 * 16), isOpaque ? 255 : UInt8(index % 3 * 127),
            ]
        }
        return Raster(width: width, height: height, pixels: pixels)
    }

    static func svg(_ inside: String, attributes: String = "viewBox=\"0 0 40 20\"") -> [UInt8] {
        Array("<svg xmlns=\"http://www.w3.org/2000/svg\" \(attributes)>\(inside)</svg>".utf8)
    }

    static func flaw(_ bytes: [UInt8], _ slot: LogoSlot = .light) -> LogoFlaw? {
        do throws(LogoFlaw) {
            _ = try LogoFile.read(bytes, for: slot)
            return nil
        } catch { return error }
    }

    @Test("a picture is the same after it was written and read again", arguments: [true, false])
    func roundTrip(isOpaque: Bool) throws {
        var dice = Seeded("pictures written and read")
        for _ in 0..<20 {
            let raster = LogoTests.picture(dice.int(1...90), dice.int(1...40), isOpaque: isOpaque)
            #expect(try PNG.read(PNG.write(raster)) == raster)
        }
    }

    @Test("what is packed opens again, whatever it was")
    func packing() throws {
        var dice = Seeded("bytes packed and opened")
        for _ in 0..<30 {
            let bytes = (0..<dice.int(0...3000)).map { _ in UInt8(dice.int(0...(dice.isLucky(oneIn: 2) ? 3 : 255))) }
            #expect(try Inflate.open(Deflate.pack(bytes), bytesMax: bytes.count) == bytes)
        }
    }

    @Test("a picture comes out small enough for its place, and nothing of what it carried is in it")
    func reencoded() throws {
        let raster = LogoTests.picture(1300, 200)
        var bytes = PNG.write(raster)
        let secret = Array("GPS 53.55 N 9.99 E".utf8)
        let note = Array("tEXt".utf8) + secret
        let sum = Checksum.crc(note)
        let chunk = [0, 0, 0, UInt8(secret.count)] + note + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
        bytes.insert(contentsOf: chunk, at: 33)
        let file = try LogoFile.read(PNG.write(LogoTests.picture(60, 20)), for: .light)
        #expect((file.width, file.height) == (60, 20))
        let large = try PNG.read(bytes).fitted(width: 640, height: 192)
        #expect((large.width, large.height) == (640, 98))
        #expect(!String(decoding: PNG.write(large), as: UTF8.self).contains("GPS"))
    }

    @Test("a file of another kind is named, and so is the way out")
    func otherKinds() {
        #expect(LogoTests.flaw([0xFF, 0xD8, 0xFF, 0xE0])?.message == "This is a JPEG.")
        #expect(LogoTests.flaw(Array("PK\u{3}\u{4}".utf8))?.message == "This is a ZIP archive.")
        #expect(LogoTests.flaw(Array("%PDF-1.7".utf8))?.remedy.contains("PNG") == true)
        #expect(LogoTests.flaw(Array("<html></html>".utf8))?.message.contains("neither") == true)
        #expect(LogoTests.flaw([])?.message.contains("neither") == true)
        #expect(LogoTests.flaw([UInt8](repeating: 0, count: LogoFile.bytesMax + 1))?.message.contains("bytes") == true)
    }

    @Test("a picture that would be huge is refused by what its head says, before it is unpacked")
    func hugeDimensions() {
        var bytes = PNG.write(LogoTests.picture(4, 4))
        bytes.replaceSubrange(16..<24, with: [0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30])
        let sum = Checksum.crc(bytes[12..<29])
        bytes.replaceSubrange(29..<33, with: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) })
        #expect(LogoTests.flaw(bytes)?.message == "It is 30000 by 30000 pixels large.")
    }

    @Test("a picture that unpacks to more than it says is refused")
    func bomb() {
        let head: [UInt8] = [0, 0, 0, 2, 0, 0, 0, 2, 8, 2, 0, 0, 0]
        func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
            let body = Array(name.utf8) + data
            let sum = Checksum.crc(body)
            let count = data.count
            return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + body
                + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
        }
        let packed = Deflate.pack([UInt8](repeating: 0, count: 4_000_000))
        let bytes = PNG.magic + chunk("IHDR", head) + chunk("IDAT", packed) + chunk("IEND", [])
        #expect(bytes.count < 100_000)
        #expect(LogoTests.flaw(bytes)?.message == "It unpacks to more than its size allows.")
    }

    @Test("something behind the picture, or a wrong checksum, is refused")
    func polyglot() {
        let good = PNG.write(LogoTests.picture(8, 8))
        #expect(LogoTests.flaw(good) == nil)
        #expect(LogoTests.flaw(good + Array("PK\u{3}\u{4}<script>".utf8))?.message.contains("follows the picture") == true)
        var bad = good
        bad[bad.count / 2] ^= 1
        #expect(LogoTests.flaw(bad) != nil)
    }

    @Test("a drawing is written anew from its shapes")
    func drawing() throws {
        let file = try LogoFile.read(
            LogoTests.svg(
                "<title>Ours</title><!-- made by hand --><g style=\"fill:#6b2346;font-family:x\" class=\"a\">"
                    + "<path d=\"M0 0 L10 10z\" transform=\"rotate(45, 2 2)\"/></g>"
                    + "<defs><linearGradient id=\"g\"><stop offset=\"0\" stop-color=\"#fff\"/></linearGradient></defs>"
                    + "<rect width=\"10\" height=\"5\" fill=\"url(#g)\"/>"), for: .light)
        #expect(file.form == .svg)
        #expect((file.width, file.height) == (40, 20))
        #expect(
            String(decoding: file.bytes, as: UTF8.self)
                == "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 40 20\"><g fill=\"#6b2346\">"
                + "<path d=\"M0 0 L10 10z\" transform=\"rotate(45, 2 2)\"/></g><defs><linearGradient id=\"g\">"
                + "<stop offset=\"0\" stop-color=\"#fff\"/></linearGradient></defs>"
                + "<rect width=\"10\" height=\"5\" fill=\"url(#g)\"/></svg>")
    }

    @Test(
        "a drawing that acts or loads is refused with what it is",
        arguments: [
            ("<script>alert(1)</script>", "`script`"), ("<foreignObject><p/></foreignObject>", "`foreignObject`"),
            ("<rect onload=\"alert(1)\"/>", "`onload`"), ("<rect ONCLICK=\"x\"/>", "`ONCLICK`"),
            ("<image href=\"https://evil.example/x.png\"/>", "`image`"), ("<use href=\"#a\"/>", "`use`"),
            ("<a href=\"javascript:alert(1)\"><path/></a>", "`a`"), ("<style>@import url(//evil.example)</style>", "`style`"),
            ("<rect fill=\"url(https://evil.example/#a)\"/>", "`fill` leads out"),
            ("<rect style=\"fill:url('//evil.example')\"/>", "`fill` leads out"),
            ("<rect style=\"background:url(//evil.example)\"/>", "`background` leads out"),
            ("<linearGradient href=\"data:image/svg+xml,x\"/>", "`href` leads out"),
            ("<linearGradient xlink:href=\"//evil.example/a#b\"/>", "`xlink:href` leads out"),
            ("<animate attributeName=\"href\"/>", "`animate`"), ("<text>Halden</text>", "`text`"),
            ("<path d=\"M0 0&quot; onload=&quot;x\"/>", "`d` has a value"),
            ("<rect width=\"calc(1px)\"/>", "`width` has a value"),
            ("<rect fill=\"expression(alert(1))\"/>", "`fill` has a value"), ("<svg/>", "`svg`"),
            ("<g><![CDATA[<script>]]></g>", "CDATA"), ("&xxe;", "`xxe`"), ("<?php echo 1 ?>", "processing"),
        ])
    func hostileDrawings(inside: String, said: String) {
        let flaw = LogoTests.flaw(LogoTests.svg(inside))
        #expect(flaw?.message.contains(said) == true, "\(inside): \(String(describing: flaw))")
    }

    @Test("entities, doubled bodies and drawings without a size are refused")
    func hostileDocuments() {
        let bomb = "<!DOCTYPE svg [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>"
        #expect(LogoTests.flaw(Array(bomb.utf8) + LogoTests.svg("&b;"))?.message.contains("document type") == true)
        #expect(LogoTests.flaw(LogoTests.svg("") + Array("<script/>".utf8))?.message.contains("follows the drawing") == true)
        #expect(LogoTests.flaw(LogoTests.svg("", attributes: ""))?.message.contains("no size") == true)
        #expect(LogoTests.flaw(Array("<svg viewBox=\"0 0 1 1\"/>".utf8))?.message.contains("namespace") != nil)
        let deep = String(repeating: "<g>", count: 40) + String(repeating: "</g>", count: 40)
        #expect(LogoTests.flaw(LogoTests.svg(deep))?.message.contains("deep") == true)
        #expect(LogoTests.flaw(LogoTests.svg(String(repeating: "<g/>", count: 5000)))?.message.contains("parts") == true)
        #expect(LogoTests.flaw(LogoTests.svg("<path/>"), .mail)?.message == "This is no PNG.")
    }

    @Test("changed bytes never crash, and what is taken is a picture without anything that acts")
    func mutations() throws {
        var dice = Seeded("logo bytes changed at random")
        let samples = [
            PNG.write(LogoTests.picture(24, 9)), PNG.write(LogoTests.picture(17, 5, isOpaque: true)),
            LogoTests.svg("<g fill=\"#123456\"><path d=\"M0 0h4v4z\"/><circle r=\"3\" cx=\"2\"/></g>"),
        ]
        let words = ["<script>", "on", "href=", "url(", "&#x3c;", "IDAT", "<!", "]]>", "\"", "\u{0}", "é"].map { Array($0.utf8) }
        var taken = 0
        for _ in 0..<3000 {
            var bytes = dice.pick(samples) ?? []
            for _ in 0...dice.int(0...3) {
                let at = dice.int(0...(bytes.count - 1))
                switch dice.int(0...4) {
                case 0: bytes[at] = UInt8(dice.int(0...255))
                case 1: bytes.remove(at: at)
                case 2: bytes.insert(contentsOf: dice.pick(words) ?? [], at: at)
                case 3: bytes.removeSubrange(at..<min(bytes.count, at + dice.int(1...40)))
                default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 20)], at: at)
                }
                if bytes.isEmpty { bytes = [0] }
            }
            // Checksums made right again, so that changes reach what lies behind them.
            if dice.isLucky(oneIn: 2), bytes.starts(with: PNG.magic) { bytes = LogoTests.mended(bytes) }
            guard let file = try? LogoFile.read(bytes, for: .light) else { continue }
            taken += 1
            if file.form == .svg {
                let text = String(decoding: file.bytes, as: UTF8.self).lowercased()
                #expect(["<script", "href=\"http", " on", "javascript", "<!", "&"].allSatisfy { !text.contains($0) }, "\(text)")
                #expect(try SVGDrawing.rebuilt(file.bytes).text == String(decoding: file.bytes, as: UTF8.self))
            } else {
                _ = try PNG.read(file.bytes)
            }
        }
        #expect(taken > 3, "what lies behind the reading was hardly reached")
    }

    private static func mended(_ given: [UInt8]) -> [UInt8] {
        var (bytes, at) = (given, 8)
        while at + 12 <= bytes.count {
            let length = bytes[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) }
            guard length <= bytes.count - at - 12 else { break }
            let sum = Checksum.crc(bytes[(at + 4)..<(at + 8 + length)])
            bytes.replaceSubrange(
                (at + 8 + length)..<(at + 12 + length), with: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) })
            at += 12 + length
        }
        return bytes
    }
}

import Glibc
import Kernel
import Testing

@testable import Console

@Suite("QR codes")
struct QRCodeTests {
    @Test("grow with what they hold, up to what fits and not beyond")
    func sizes() throws {
        #expect(QRCode("")?.size == 21)
        #expect(QRCode(String(repeating: "a", count: 14))?.size == 21)
        #expect(QRCode(String(repeating: "a", count: 15))?.size == 25)
        #expect(QRCode(String(repeating: "a", count: 666))?.size == 97)
        #expect(QRCode(String(repeating: "a", count: 667)) == nil)
    }

    @Test("have finders in three corners, and the timing lines between them")
    func finders() throws {
        for count in [1, 60, 150, 400] {
            let code = try #require(QRCode(String(repeating: "k", count: count)))
            let far = code.size - 7
            for (column, row) in [(0, 0), (far, 0), (0, far)] {
                for index in 0..<7 {
                    #expect(code.modules[row][column + index] && code.modules[row + 6][column + index])
                    #expect(code.modules[row + index][column] && code.modules[row + index][column + 6])
                }
                #expect(!code.modules[row + 1][column + 1] && code.modules[row + 3][column + 3])
            }
            for index in 8..<far { #expect(code.modules[6][index] == (index % 2 == 0)) }
        }
    }

    /// The picture was read back by a decoder of other hands when it was written down.
    @Test("one is drawn as the committed picture, which a decoder reads")
    func picture() throws {
        let code = try #require(
            QRCode("otpauth://totp/Countersign:petra%40brightwater.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"))
        let rows = code.modules.map { String($0.map { $0 ? "#" : "." }) }
        let path = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/") + "/qrcode.golden"
        if getenv("COUNTERSIGN_REWRITE") != nil, let file = fopen(path, "w") {
            fputs(rows.joined(separator: "\n") + "\n", file)
            fclose(file)
        }
        let kept = String(decoding: try FileBytes.read(path, maxBytes: 100_000), as: UTF8.self).split(separator: "\n")
        #expect(rows == kept.map(String.init))
    }
}

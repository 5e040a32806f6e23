import Foundation
import Testing

/// The manual as the built command line writes it.
@Suite("The manual says every command in a form that man can show")
struct ManualTests {
    @Test("each command has a page, the first page names them all, and no line is taken for a request of the formatter's")
    func pages() throws {
        let program = try #require(ProgramTests.folders.first) + "/countersign"
        try #require(FileManager.default.isExecutableFile(atPath: program), "the tests are built with it")
        let folder = NSTemporaryDirectory() + "countersign-manual-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["manual", "--out", folder]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        let whole = try String(contentsOfFile: "\(folder)/countersign.1", encoding: .utf8)
        #expect(files.count > 30)
        let macros = ["TH", "SH", "SS", "PP", "TP", "B", "I", "BR", "br"]
        for file in files {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)"))
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            #expect(lines.first?.hasPrefix(".TH ") ?? false, "\(file)")
            #expect(bytes.allSatisfy { $0 < 0x80 }, "\(file) is not ASCII")
            for line in lines where line.hasPrefix(".") || line.hasPrefix("'") {
                #expect(macros.contains { line == "." + $0 || line.hasPrefix(".\($0) ") }, "\(file): \(line)")
            }
            let name = file.dropLast(2).replacing("-", with: "\\-")
            if file != "countersign.1" { #expect(whole.contains("\n.BR \(name) (1)\n"), "the first page does not name \(file)") }
        }
    }
}

import Branding
import Foundation
import Kernel
import Supervision
import Testing

@testable import Console

@Suite("A monthly report as a page and as a file")
struct ReportSheetTests {
    private static func sheet(_ language: String, _ brand: Samples.Brand, missed: Int = 2) throws -> ReportSheet {
        let signed = try #require(Moment("2026-11-03T09:12:00Z"))
        return try ReportSheet(
            try Samples.reportDocument(language, missed: missed), hash: String(repeating: "9f3c", count: 16),
            brand: Samples.mark(brand), theme: brand.theme, signature: ReportSheet.Signature(name: "Inès Okafor", at: signed))
    }

    @Test("what people wrote is text and never markup")
    func escapes() throws {
        let html = try ReportSheetTests.sheet("de", Samples.brands[0]).html(links: ["/assets/report.css"])
        #expect(html.contains("Prüfer &lt;abwesend&gt; &amp; ohne Vertretung."))
        #expect(!html.contains("<abwesend>"))
        #expect(!html.contains(" style="))
        #expect(!html.contains("<script"))
    }

    @Test("each language has its own words and its own way of writing numbers", arguments: ["en", "de", "fr"])
    func languages(language: String) throws {
        let html = try ReportSheetTests.sheet(language, Samples.brands[0]).html(links: [])
        let expected: [String: [String]] = [
            "en": ["lang=\"en\"", "Service report, October 2026", "1,207", "99.7\u{00A0}%", "EUR 1,096.04", "no case"],
            "de": ["lang=\"de\"", "Servicebericht, Oktober 2026", "1.207", "99,7\u{00A0}%", "EUR 1.096,04", "kein Fall"],
            "fr": [
                "lang=\"fr\"", "Rapport de service, octobre 2026", "1\u{202F}207", "99,7\u{00A0}%", "EUR 1\u{202F}096,04",
                "aucun cas",
            ],
        ]
        for words in expected[language] ?? [] { #expect(html.contains(words), "\(words)") }
        // Nothing was left to fill in, and no sentence lacks its words.
        #expect(!html.contains("{") && !html.contains("}"))
    }

    @Test("all languages know the same codes")
    func sameCodes() {
        for words in [ReportWords.german, ReportWords.french] {
            #expect(Set(words.advice.keys) == Set(ReportWords.english.advice.keys))
            #expect(Set(words.causes.keys) == Set(ReportWords.english.causes.keys))
            #expect(Set(words.reasons.keys) == Set(ReportWords.english.reasons.keys))
            #expect(words.commitmentHeads.count == ReportWords.english.commitmentHeads.count)
            #expect(words.availabilityHeads.count == ReportWords.english.availabilityHeads.count)
            #expect(words.incidentHeads.count == ReportWords.english.incidentHeads.count)
        }
    }

    @Test("shares are cut and never rounded up, so only all of them are a hundred percent")
    func shares() {
        #expect(ReportWords.english.share(9999, of: 10_000) == "99.9\u{00A0}%")
        #expect(ReportWords.english.share(10_000, of: 10_000) == "100.0\u{00A0}%")
        #expect(ReportWords.english.share(0, of: 0) == "–")
    }

    // MARK: The file

    private static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    private static func output(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    /// Nil, with a line that says so, where no PDF can be made or looked into.
    private static func press() -> PaperPress? {
        let press = PaperPress(
            launcher: root + "/.build/debug/countersign-launch", identity: geteuid() == 0 ? 65_534 : nil)
        let tools = ["/usr/bin/pdftotext", "/usr/bin/pdffonts", "/usr/bin/pdfinfo"]
        guard press.isThere, tools.allSatisfy({ access($0, X_OK) == 0 }) else {
            print("skipped: 4 PDFs of reports, since WeasyPrint or poppler is not installed")
            return nil
        }
        return press
    }

    @Test("the PDF has the page's figures, in both brands and languages, with its fonts inside")
    func file() async throws {
        guard let press = ReportSheetTests.press() else { return }
        let css = try PageRenderer.load().assets.text(named: "report.css")
        let folder = ProcessInfo.processInfo.environment["COUNTERSIGN_PAPERS"] ?? NSTemporaryDirectory()
        for brand in Samples.brands.prefix(2) {
            for language in ["de", "fr"] {
                let sheet = try ReportSheetTests.sheet(language, brand)
                let html = sheet.html(styles: [brand.theme.css, css])
                let bytes = try await press.pdf(html)
                let path = folder + "/report-\(brand.file)-\(language).pdf"
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                let pages = try ReportSheetTests.output("/usr/bin/pdfinfo", [path]).split(separator: "\n")
                    .first { $0.hasPrefix("Pages:") }.flatMap { Int($0.split(separator: " ").last ?? "") }
                #expect((2...6).contains(pages ?? 0), "\(path) has \(pages ?? 0) pages")
                let fonts = try ReportSheetTests.output("/usr/bin/pdffonts", [path]).split(separator: "\n").dropFirst(2)
                #expect(!fonts.isEmpty)
                for font in fonts { #expect(font.contains(" yes yes "), "\(font) is not inside \(path)") }
                let text = ReportSheetTests.bare(try ReportSheetTests.output("/usr/bin/pdftotext", ["-raw", path, "-"]))
                for cell in ReportSheetTests.cells(html) {
                    #expect(text.contains(ReportSheetTests.bare(cell)), "\(cell) is not in \(path)")
                }
                if folder == NSTemporaryDirectory() { try FileManager.default.removeItem(atPath: path) }
            }
        }
    }

    @Test("a page that names something on the network is printed without it, and an impossible one is a fault")
    func confinement() async throws {
        guard let press = ReportSheetTests.press() else { return }
        let page = "<!doctype html><p>Here</p><img src=\"http://127.0.0.1:1/x.png\"><img src=\"file:///etc/passwd\">"
        let bytes = try await press.pdf(page)
        #expect(bytes.starts(with: Array("%PDF-".utf8)))
        let broken = PaperPress(launcher: "/bin/false", identity: nil)
        await #expect(throws: Fault.self) { _ = try await broken.pdf("<p>x</p>") }
        let missing = PaperPress(launcher: "/nonexistent", identity: nil)
        await #expect { _ = try await missing.pdf("<p>x</p>") } throws: { ($0 as? Refusal)?.reason == "press.missing" }
    }

    private static func bare(_ text: String) -> String {
        String(text.unicodeScalars.filter { !$0.properties.isWhitespace && $0 != "\u{202F}" && $0 != "\u{00A0}" })
    }

    /// The words of every cell of the page's tables.
    private static func cells(_ html: String) -> [String] {
        html.components(separatedBy: "<td").dropFirst().compactMap { part in
            guard let open = part.firstIndex(of: ">"), let close = part.range(of: "</td>") else { return nil }
            return String(part[part.index(after: open)..<close.lowerBound])
        }.filter { !$0.contains("&") }
    }
}

import Branding
import Glibc
import Kernel
import Testing

@testable import Console

@Suite("every page")
struct PageTests {
    static let console: PageRenderer = {
        do { return try PageRenderer.load() } catch { preconditionFailure("\(error)") }
    }()

    static let pages = Samples.brands.prefix(2).flatMap { Samples.pages($0) }

    @Test("finds every name its template asks for")
    func names() {
        for (name, page) in Self.pages {
            var missed: Set<String> = []
            _ = Self.console.html(page, missed: { missed.insert($0) })
            #expect(missed.isEmpty, "\(name) asks for \(missed.sorted())")
        }
    }

    @Test("carries no inline style, no inline script and nothing from elsewhere")
    func policy() {
        for (name, page) in Self.pages {
            let html = Self.console.html(page)
            for forbidden in [" style=", "<style", "javascript:", " onclick", " onload", "{{", "src=\"http", "href=\"//"] {
                #expect(!html.contains(forbidden), "\(name) has \(forbidden)")
            }
            let scripts = html.split(separator: "<script").count - 1
            #expect(scripts == 1, "\(name)")
        }
    }

    @Test("has one title, one main part, a language, and no id twice")
    func structure() {
        for (name, page) in Self.pages {
            let html = Self.console.html(page)
            #expect(html.split(separator: "<h1").count == 2, "\(name)")
            #expect(html.split(separator: "<main").count == 2, "\(name)")
            #expect(html.contains("<html lang=\"en\""), "\(name)")
            var ids: Set<Substring> = []
            for part in html.split(separator: " id=\"").dropFirst() {
                let id = part.prefix { $0 != "\"" }
                #expect(ids.insert(id).inserted, "\(name) has the id \(id) twice")
            }
        }
    }

    /// Readers of a status page have no session. What they send is protected by where it was sent from and by the token in its
    /// address, and does the same when it is sent twice.
    private static let sessionless: Set<String> = ["status", "status-question"]

    @Test("protects each of its forms against forging and against sending twice")
    func forms() {
        var forms = 0
        for (name, page) in Self.pages where !Self.sessionless.contains(name) {
            for form in Self.console.html(page).split(separator: "<form").dropFirst() {
                let body = form.prefix(upTo: form.range(of: "</form>") ?? form.endIndex)
                guard body.contains("method=\"post\"") else { continue }
                forms += 1
                #expect(body.contains("name=\"csrf\" value=\"t0ken\""), "\(name)")
                #expect(body.contains("name=\"idempotency_key\" value=\"01JCW8-4T7Q\""), "\(name)")
            }
        }
        #expect(forms > 20)
    }

    @Test("a decision that is not theirs keeps its button, greyed, with the reason beside it")
    func blocked() {
        let html = Self.console.html(Samples.blockedDecision(Samples.brands[0]))
        #expect(html.contains("disabled aria-describedby=\"blocked\">Approve and sign"))
        #expect(html.contains("someone else has to approve it (pair 17). Ravi Menon may."))
        #expect(!Self.console.html(Samples.decision(Samples.brands[0])).contains("disabled"))
    }

    @Test("no suggestion and no resolution is chosen beforehand")
    func nothingPreselected() {
        for page in [Samples.decision(Samples.brands[0]), Samples.exception(Samples.brands[0])] {
            let html = Self.console.html(page)
            #expect(!html.contains(" checked>"))
            #expect(!html.contains(" selected"))
            #expect(!html.contains("<details class=\"suggestion\" open"))
        }
    }

    @Test("an unknown host learns no name of anyone")
    func unbranded() {
        let html = Self.console.html(Samples.bareNotFound(Samples.brands[1]))
        #expect(!html.contains("Halden"))
        #expect(!html.contains("Countersign"))
    }

    @Test("a row without a note does not show its page's")
    func noLeak() {
        let page = RunsPage(
            frame: Samples.frame("Runs", Samples.brands[0], current: "Runs", crumbs: []), head: PageHead(title: "Runs"), tabs: [],
            filterAction: "/runs",
            query: "LEAK", summary: "",
            rows: [
                RunsPage.Row(
                    id: "1", href: "/runs/1", status: .running, state: "Running", number: "INV 1", party: "",
                    steps: StepStrip(current: 0, status: .running, label: ""), amount: "", left: "", waitingOn: "",
                    started: Stamp(iso: "", text: ""))
            ])
        let html = Self.console.html(page)
        #expect(html.split(separator: "LEAK").count == 2)
    }

    @Test("templates cannot escape from escaping", arguments: ["{{{x}}}", "{{&x}}", "{{=<% %>=}}", "{{"])
    func templateRules(source: String) {
        #expect(throws: Fault.self) { try Templates.prepared(source, file: "x.mustache") }
    }

    @Test("script and style together stay below 60 KB compressed")
    func budget() throws {
        var sum = 0
        for (name, bytes) in Self.console.assets.files.map({ ($0.name, $0.bytes) }) + [
            ("brand.css", Array(BrandTheme.standard.css.utf8))
        ] {
            let size = try compressedSize(bytes)
            print("\(name): \(bytes.count) bytes, \(size) compressed")
            sum += size
        }
        print("all static files: \(sum) bytes compressed")
        #expect(sum < 60_000)
    }

    @Test("how long a page takes is printed")
    func speed() {
        for (name, page) in [
            ("runs", Samples.longRuns), ("decision", Samples.decision(Samples.brands[0])),
            ("run", Samples.run(Samples.brands[0])),
        ] as [(String, any ConsolePage)] {
            _ = Self.console.html(page)
            let clock = ContinuousClock()
            var bytes = 0
            let span = clock.measure { for _ in 0..<20 { bytes = Self.console.html(page).utf8.count } }
            print("\(name): \(span / 20) a page, \(bytes) bytes")
        }
    }

    /// What `gzip -9` makes of the bytes.
    private func compressedSize(_ bytes: [UInt8]) throws -> Int {
        var path = Array("/tmp/countersign-console-XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        let name = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(name) }
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        let pipe = try #require(popen("gzip -9c \(name) | wc -c", "r"))
        defer { pclose(pipe) }
        var line = [CChar](repeating: 0, count: 64)
        _ = fgets(&line, 64, pipe)
        let digits = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.filter { $0 >= 0x30 && $0 <= 0x39 }
        return try #require(Int(String(decoding: digits, as: UTF8.self)))
    }
}

extension Substring {
    fileprivate func range(of text: String) -> Index? {
        var at = startIndex
        while at < endIndex {
            if self[at...].hasPrefix(text) { return at }
            at = index(after: at)
        }
        return nil
    }
}

import Finance
import Formats
import Glibc
import Kernel
import Reader
import Showcase
import TestBasics
import Testing

@Suite("Documents opened by a child process", .serialized)
struct ReaderChildTests {
    /// The program built beside the tests.
    static let program: String = {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes {
            readlink("/proc/self/exe", $0.bindMemory(to: CChar.self).baseAddress!, $0.count)
        }
        let path = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
        return path[..<(path.lastIndex(of: "/") ?? path.startIndex)] + "/countersign-reader"
    }()

    private func sample() throws -> SampleInvoice {
        SampleInvoice(
            number: "RE-1", issueDate: try #require(CivilDate("2026-06-01")), seller: .altmarkPackaging,
            buyer: .brightwaterGermany,
            currency: try #require(Currency("EUR")),
            lines: [SampleLine(id: "1", name: "Box", quantity: ExactDecimal(3), price: ExactDecimal(5))])
    }

    /// A program in the place of the reader: a shell script that greets and then does `body`.
    private func stub(_ name: String, _ body: String) throws -> String {
        let path = "/tmp/countersign-reader-test-\(getpid())-\(name)"
        let greeting = #"{"reader":1,"level":"L0"}"#
        let script = "#!/bin/sh\nprintf '\\000\\000\\000\\031\(greeting)'\n\(body)\n"
        let file = try #require(fopen(path, "w"))
        fputs(script, file)
        fclose(file)
        chmod(path, 0o700)
        return path
    }

    @Test("the child reads what the code reads, sealed off")
    func opens() async throws {
        let child = ReaderChild(program: Self.program)
        let bytes = try sample().bytes(.cii)
        #expect(try await child.open(bytes) == DocumentOpener.open(bytes))
        #expect(child.level == "L2" || child.level == "L1")
        print("reader confined at \(child.level ?? "nothing")")
    }

    @Test("an outline of XML comes from the same process, and a document after it is still read")
    func outlines() async throws {
        let child = ReaderChild(program: Self.program)
        let bytes = try sample().bytes(.cii)
        #expect(try child.outlineBlocking(bytes) == XMLOutlining.outline(bytes))
        let nested = String(repeating: "<a>", count: 90) + String(repeating: "</a>", count: 90)
        #expect(try child.outlineBlocking(Array(nested.utf8))["tree"] != nil)
        let refused = try child.outlineBlocking(Array("<!DOCTYPE a><a/>".utf8))
        #expect(refused["failure"]?["reason"] == "xml.doctype")
        #expect(try child.outlineBlocking(Array("<a".utf8))["failure"]?["line"] == 1)
        #expect(try await child.open(bytes).invoice?.number == "RE-1")
    }

    @Test("converted encodings are read although the child has no files")
    func encodings() async throws {
        let child = ReaderChild(program: Self.program)
        let text = try sample().ubl
        for name in ["windows-1252", "ISO-8859-15", "ISO-8859-2"] {
            let bytes = Array(text.utf8)
            let label = Array("encoding=\"UTF-8\"".utf8)
            let at = try #require((0..<bytes.count - label.count).first { bytes[$0..<$0 + label.count].elementsEqual(label) })
            let file = bytes[..<at] + Array("encoding=\"\(name)\"".utf8) + bytes[(at + label.count)...]
            #expect(try await child.open(Array(file)).invoice?.number == "RE-1", "\(name)")
        }
    }

    @Test("one child serves at most its hundred documents and the next ones get another")
    func respawns() async throws {
        var limits = ReaderLimits.standard
        limits.documentsMax = 100
        let child = ReaderChild(program: Self.program, limits: limits)
        let bytes = try sample().bytes()
        var processes: Set<Int32> = []
        for _ in 0..<205 {
            #expect(try await child.open(bytes).invoice?.number == "RE-1")
            if let process = child.processId { processes.insert(process) }
        }
        #expect(processes.count == 3)
    }

    @Test("a child that was killed between documents is replaced without anybody noticing")
    func killed() async throws {
        let child = ReaderChild(program: Self.program)
        let bytes = try sample().bytes()
        _ = try await child.open(bytes)
        kill(try #require(child.processId), SIGKILL)
        #expect(try await child.open(bytes).invoice?.number == "RE-1")
    }

    @Test("many at once are answered, each with its own document")
    func concurrent() async throws {
        let child = ReaderChild(program: Self.program)
        let base = try sample()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<40 {
                var mine = base
                mine.number = "N-\(index)"
                let bytes = try mine.bytes(index % 2 == 0 ? .ubl : .cii)
                let wanted = mine.number
                group.addTask { try await child.open(bytes).invoice?.number == wanted }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }

    @Test("a child that breaks down on a document makes it unreadable, not an error")
    func crash() async throws {
        let path = try stub("crash", "exit 139")
        defer { unlink(path) }
        let reading = try await ReaderChild(program: path).open([1, 2, 3])
        #expect(reading.rejection?.reason == "reader.crashed" && reading.rejection?.code == .documentUnreadable)
    }

    @Test("a document past its time ends the child and is unreadable")
    func timeout() async throws {
        let path = try stub("hang", "exec /bin/sleep 600")
        defer { unlink(path) }
        var limits = ReaderLimits.standard
        limits.millisecondsPerDocument = 50
        let child = ReaderChild(program: path, limits: limits)
        #expect(try await child.open([1]).rejection?.reason == "reader.timeout")
        #expect(child.processId == nil)
    }

    @Test("without a reader there is a fault, which is nobody's document's doing")
    func noProgram() async throws {
        await #expect(throws: Fault.self) { try await ReaderChild(program: "/nowhere/countersign-reader").open([1]) }
        await #expect(throws: Fault.self) { try await ReaderChild(program: "/bin/false").open([1]) }
    }

    @Test("the largest document is taken and a larger one refused before it is sent")
    func sizes() async throws {
        let child = ReaderChild(program: Self.program)
        let limit = ReaderLimits.standard.documentBytesMax
        var text = try sample().bytes()
        text += [UInt8](repeating: 0x20, count: limit - text.count)
        #expect(try await child.open(text).invoice?.number == "RE-1")
        #expect(try await child.open(text + [0x20]).rejection?.reason == "document.bytes")
    }

    @Test("a folder of published e-invoices gives the same tally through the child as in the process")
    func batch() throws {
        guard let directory = Checkout.published("corpus/xrechnung") else {
            return print("xrechnung: 0 documents, the corpus is not here")
        }
        let inside = try EInvoiceConformance.run(directory: directory) { bytes in DocumentOpener.open(bytes) }
        let through = try EInvoiceConformance.run(directory: directory, reader: ReaderChild(program: Self.program))
        #expect(through.summary == inside.summary)
        #expect(through.failed == 0)
        print("xrechnung through the child: \(through.summary)")
    }

    @Test("the report shows the reading, the findings and no control characters")
    func report() throws {
        var odd = try sample()
        odd.lines[0].name = "Box\u{202E} left"
        let reading = DocumentOpener.open(try odd.bytes(.ubl, fault: .wrongSum))
        let text = DocumentReport.text(for: reading, name: "a\u{1B}[31m.xml")
        #expect(text.contains("To pay") && text.contains("BR-CO-16") && text.contains("Altmark Verpackungen AG"))
        #expect(!text.unicodeScalars.contains { $0.value == 0x1B || $0.value == 0x202E })
        let refused = DocumentReport.text(for: DocumentOpener.open(try odd.bytes(.ubl, fault: .doctype)), name: "b.xml")
        #expect(refused.contains("rejected  DOC_UNREADABLE xml.doctype") && refused.contains("line 2"))
    }
}
